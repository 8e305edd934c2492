/* SPDX-License-Identifier: MIT */
#include "stress/options.h"

#include "mmapper/testing/expect.h"

enum { MOST_ARGUMENTS = 16 };

static char message[256];

/* `line` is split at blanks; empty arguments cannot be written. */
static bool parse(struct stress_options *options, const char *line)
{
    static char program[] = "program"; /* the options keep it */
    char copy[256];
    char *arguments[MOST_ARGUMENTS] = {program};
    int count = 1;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        EXPECT(count < MOST_ARGUMENTS);
        arguments[count++] = word;
    }
    message[0] = '\0';
    return stress_options_parse(options, count, arguments, message, sizeof(message));
}

static void test_defaults(void)
{
    struct stress_options options;
    EXPECT(parse(&options, ""));
    EXPECT_EQ(options.threads, STRESS_DEFAULT_THREADS);
    EXPECT_EQ(options.seconds, STRESS_DEFAULT_SECONDS);
    EXPECT_EQ(options.seed, STRESS_DEFAULT_SEED);
    EXPECT_EQ(options.operations, 0);
    EXPECT(options.json == NULL && !options.help);
}

static void test_values(void)
{
    struct stress_options options;
    EXPECT(parse(&options, "--threads 3 --seconds=60 --seed 0x10 --operations=1000"));
    EXPECT_EQ(options.threads, 3);
    EXPECT_EQ(options.seconds, 60);
    EXPECT_EQ(options.seed, 16);
    EXPECT_EQ(options.operations, 1000);
    EXPECT(parse(&options, "--operations=5"));
    EXPECT_EQ(options.seconds, 0);
    EXPECT(parse(&options, "--help"));
    EXPECT(options.help);
}

static void expect_refused(const char *line, const char *part)
{
    struct stress_options options;
    EXPECT(!parse(&options, line));
    EXPECT_CONTAINS(message, part);
}

static void test_refusals(void)
{
    expect_refused("--threads=0", "\"0\" is not a number from 1 to 64");
    expect_refused("--threads=65", "--threads");
    expect_refused("--threads=four", "\"four\" is not a number");
    expect_refused("--threads=-1", "\"-1\" is not a number");
    expect_refused("--seconds=1.5", "\"1.5\" is not a number");
    expect_refused("--operations=99999999999999999999", "--operations");
    expect_refused("--seed", "--seed wants a value");
    expect_refused("--seed=", "--seed wants a value");
    expect_refused("--thread=4", "unknown argument \"--thread\"");
    expect_refused("fast", "unknown argument \"fast\"");
}

/* The printed command, parsed again, is the same run. */
static void test_command_repeats_the_run(void)
{
    struct stress_options options;
    struct stress_options again;
    char command[256];
    EXPECT(parse(&options, "--threads=7 --operations=42 --seed=18446744073709551615"));
    stress_options_command(&options, command, sizeof(command));
    EXPECT_CONTAINS(command, "program ");
    EXPECT(parse(&again, command + strlen("program ")));
    EXPECT_EQ(again.threads, options.threads);
    EXPECT_EQ(again.seconds, options.seconds);
    EXPECT_EQ(again.operations, options.operations);
    EXPECT_EQ(again.seed, options.seed);
}

int main(void)
{
    test_defaults();
    test_values();
    test_refusals();
    test_command_repeats_the_run();
    return 0;
}
