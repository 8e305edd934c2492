/* SPDX-License-Identifier: MIT */
#include "stress/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SECONDS = 31 * 24 * 3600 };

/* Where one argument's value is: after '=' or in the next argument. */
struct argument {
    const char *name;
    size_t name_length;
    const char *value; /* NULL: missing */
    int consumed;      /* arguments */
};

static struct argument argument_at(int index, int argc, char *const argv[])
{
    struct argument argument;
    const char *text = argv[index];
    const char *equals = strchr(text, '=');
    argument.name = text;
    if (equals != NULL) {
        argument.name_length = (size_t)(equals - text);
        argument.value = equals + 1;
        argument.consumed = 1;
    } else {
        argument.name_length = strlen(text);
        argument.value = index + 1 < argc ? argv[index + 1] : NULL;
        argument.consumed = 2;
    }
    return argument;
}

static bool is_flag(const struct argument *argument, const char *name)
{
    return argument->name_length == strlen(name) &&
           strncmp(argument->name, name, argument->name_length) == 0;
}

static bool parse_number(const char *name, const char *text, uint64_t low,
                         uint64_t high, uint64_t *number, char *message, size_t bytes)
{
    char *end = NULL;
    errno = 0;
    /* strtoull takes signs and blanks; a number here begins with a digit. */
    const bool digit = text[0] >= '0' && text[0] <= '9';
    const unsigned long long value = strtoull(text, &end, 0);
    if (!digit || errno != 0 || *end != '\0' || value < low || value > high) {
        (void)snprintf(message, bytes,
                       "%s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64, name,
                       text, low, high);
        return false;
    }
    *number = value;
    return true;
}

struct number_flag {
    const char *name;
    uint64_t low;
    uint64_t high;
    uint64_t *number;
};

static bool parse_value(const struct argument *argument,
                        const struct number_flag *flags, size_t count,
                        struct stress_options *options, char *message, size_t bytes)
{
    const bool is_json = is_flag(argument, "--json");
    const struct number_flag *flag = NULL;
    for (size_t i = 0; i < count; i++) {
        flag = is_flag(argument, flags[i].name) ? &flags[i] : flag;
    }
    if (flag == NULL && !is_json) {
        (void)snprintf(message, bytes, "unknown argument \"%.*s\"",
                       (int)argument->name_length, argument->name);
        return false;
    }
    if (argument->value == NULL || argument->value[0] == '\0') {
        (void)snprintf(message, bytes, "%.*s wants a value", (int)argument->name_length,
                       argument->name);
        return false;
    }
    if (is_json) {
        options->json = argument->value;
        return true;
    }
    return parse_number(flag->name, argument->value, flag->low, flag->high,
                        flag->number, message, bytes);
}

bool stress_options_parse(struct stress_options *options, int argc, char *const argv[],
                          char *message, size_t bytes)
{
    uint64_t threads = STRESS_DEFAULT_THREADS;
    uint64_t seconds = UINT64_MAX;
    *options = (struct stress_options){.seed = STRESS_DEFAULT_SEED};
    options->program = argc > 0 ? argv[0] : "stress";
    const struct number_flag flags[] = {
        {"--threads", 1, STRESS_MAX_THREADS, &threads},
        {"--seconds", 1, MAX_SECONDS, &seconds},
        {"--operations", 1, UINT64_MAX, &options->operations},
        {"--seed", 0, UINT64_MAX, &options->seed},
    };
    for (int i = 1; i < argc;) {
        const struct argument argument = argument_at(i, argc, argv);
        if (is_flag(&argument, "--help") || is_flag(&argument, "-h")) {
            options->help = true;
            return true;
        }
        if (!parse_value(&argument, flags, sizeof(flags) / sizeof(flags[0]), options,
                         message, bytes)) {
            return false;
        }
        i += argument.consumed;
    }
    options->threads = (unsigned)threads;
    if (seconds != UINT64_MAX) {
        options->seconds = seconds;
    } else {
        options->seconds = options->operations != 0 ? 0 : STRESS_DEFAULT_SECONDS;
    }
    return true;
}

void stress_options_usage(const char *program, const char *summary)
{
    (void)printf(
        "%s\n\n"
        "usage: %s [--threads N] [--seconds S] [--operations N] [--seed X] "
        "[--json FILE]\n\n"
        "  --threads N     threads, 1 to %d (default %d)\n"
        "  --seconds S     stop after S seconds (default %d; no limit when\n"
        "                  only --operations is given)\n"
        "  --operations N  stop after N operations, of all threads together\n"
        "  --seed X        seed of all random choices (default %d)\n"
        "  --json FILE     write the outcome to FILE as well\n\n"
        "exit codes: 0 good, 1 a violation was found, 2 usage or environment\n",
        summary, program, STRESS_MAX_THREADS, STRESS_DEFAULT_THREADS,
        STRESS_DEFAULT_SECONDS, STRESS_DEFAULT_SEED);
}

void stress_options_command(const struct stress_options *options, char *text,
                            size_t bytes)
{
    char bounds[64];
    int used = 0;
    bounds[0] = '\0';
    if (options->seconds != 0) {
        used =
            snprintf(bounds, sizeof(bounds), " --seconds=%" PRIu64, options->seconds);
    }
    if (options->operations != 0) {
        (void)snprintf(bounds + used, sizeof(bounds) - (size_t)used,
                       " --operations=%" PRIu64, options->operations);
    }
    (void)snprintf(text, bytes, "%s --threads=%u%s --seed=%" PRIu64, options->program,
                   options->threads, bounds, options->seed);
}
