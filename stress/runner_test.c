/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/runner.h"

#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/testing/expect.h"

/* A workload that counts, and violates when it is told to. */
struct counting {
    bool violate_in_step;
    bool violate_at_checkpoint;
    mm_atomic_u64 steps; /* relaxed: a count */
    mm_atomic_u64 inside;
};

static struct counting plan;

static bool set_up(struct stress_run *run)
{
    stress_run_set_state(run, &plan);
    return true;
}

static void nothing(struct stress_thread *thread)
{
    (void)thread;
}

static void nothing_at_all(struct stress_run *run)
{
    (void)run;
}

static void step(struct stress_thread *thread)
{
    struct counting *counting = stress_run_state(thread->run);
    const uint64_t before = mm_fetch_add_relaxed_u64(&counting->steps, 1);
    (void)mm_fetch_add_relaxed_u64(&counting->inside, 1);
    stress_count(thread, STRESS_COUNTER_OWN);
    if (counting->violate_in_step && before == 100) {
        stress_violation(thread->run, thread, "planted at %s", "a step");
    }
    (void)mm_fetch_add_relaxed_u64(&counting->inside, UINT64_MAX);
}

static void checkpoint(struct stress_run *run)
{
    struct counting *counting = stress_run_state(run);
    EXPECT_EQ(mm_load_relaxed_u64(&counting->inside), 0);
    if (counting->violate_at_checkpoint) {
        stress_violation(run, NULL, "planted at a checkpoint");
    }
}

static void finish(struct stress_run *run)
{
    EXPECT_EQ(stress_run_total(run, STRESS_COUNTER_OPERATIONS),
              stress_run_options(run)->operations);
}

static uint64_t mapped_bytes(struct stress_run *run)
{
    (void)run;
    return 0;
}

static const char *const counters[] = {"steps", NULL};

static const struct stress_workload workload = {
    .name = "counting",
    .summary = "counts",
    .counters = counters,
    .round_steps = 64,
    .set_up = set_up,
    .thread_begin = nothing,
    .step = step,
    .thread_end = nothing,
    .checkpoint = checkpoint,
    .finish = finish,
    .tear_down = nothing_at_all,
    .mapped_bytes = mapped_bytes,
};

/* Runs the workload in a child, with its stderr in `output`, and returns its exit
 * code. */
static int run_in_child(struct counting how, char *const arguments[], int count,
                        char *output, size_t bytes)
{
    int ends[2];
    int status = 0;
    size_t used = 0;
    ssize_t got = 0;
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        plan = how;
        _exit(stress_main(count, (char **)arguments, &workload));
    }
    (void)close(ends[1]);
    while ((got = read(ends[0], output + used, bytes - 1 - used)) > 0) {
        used += (size_t)got;
    }
    output[used] = '\0';
    (void)close(ends[0]);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_good_run_makes_all_its_operations(void)
{
    char output[4096];
    char *arguments[] = {"counting", "--threads=3", "--operations=1000"};
    EXPECT_EQ(run_in_child((struct counting){0}, arguments, 3, output, sizeof(output)),
              STRESS_EXIT_GOOD);
    EXPECT_STR(output, "");
}

static void test_a_violation_in_a_step_is_reported(void)
{
    char output[4096];
    char *arguments[] = {"counting", "--threads=2", "--operations=1000", "--seed=5"};
    const struct counting how = {.violate_in_step = true};
    EXPECT_EQ(run_in_child(how, arguments, 4, output, sizeof(output)),
              STRESS_EXIT_VIOLATION);
    EXPECT_CONTAINS(output, "VIOLATION in counting, thread ");
    EXPECT_CONTAINS(output, "planted at a step");
    EXPECT_CONTAINS(output,
                    "reproduce: counting --threads=2 --operations=1000 --seed=5\n");
}

static void test_a_violation_at_a_checkpoint_is_reported(void)
{
    char output[4096];
    char *arguments[] = {"counting", "--operations=10"};
    const struct counting how = {.violate_at_checkpoint = true};
    EXPECT_EQ(run_in_child(how, arguments, 2, output, sizeof(output)),
              STRESS_EXIT_VIOLATION);
    EXPECT_CONTAINS(output, "at a checkpoint: planted at a checkpoint");
}

static void test_bad_usage(void)
{
    char output[4096];
    char *arguments[] = {"counting", "--threads=none"};
    EXPECT_EQ(run_in_child((struct counting){0}, arguments, 2, output, sizeof(output)),
              STRESS_EXIT_USAGE);
    EXPECT_CONTAINS(output, "\"none\" is not a number");
}

static void test_json(void)
{
    char output[4096];
    char path[256];
    const char *folder = getenv("TEST_TMPDIR");
    (void)snprintf(path, sizeof(path), "%s/stress-runner.json",
                   folder != NULL ? folder : "/tmp");
    char *arguments[] = {"counting", "--operations=100", "--json", path};
    EXPECT_EQ(run_in_child((struct counting){0}, arguments, 4, output, sizeof(output)),
              STRESS_EXIT_GOOD);
    FILE *file = fopen(path, "r");
    EXPECT(file != NULL);
    const size_t length = fread(output, 1, sizeof(output) - 1, file);
    output[length] = '\0';
    (void)fclose(file);
    (void)remove(path);
    EXPECT_CONTAINS(output, "\"target\": \"counting\"");
    EXPECT_CONTAINS(output, "\"seed\": 1,");
    EXPECT_CONTAINS(output, "\"operations\": 100");
    EXPECT_CONTAINS(output, "\"counters\": {\"steps\": 100}");
    EXPECT_CONTAINS(output, "\"violations\": 0}");
}

int main(void)
{
    test_a_good_run_makes_all_its_operations();
    test_a_violation_in_a_step_is_reported();
    test_a_violation_at_a_checkpoint_is_reported();
    test_bad_usage();
    test_json();
    return 0;
}
