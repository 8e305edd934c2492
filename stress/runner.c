/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/runner.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stress/crash.h"
#include "stress/report.h"

enum {
    COMMAND_BYTES = 512,
    TICK_NANOSECONDS = 100 * 1000 * 1000,
    PROGRESS_TERMINAL_SECONDS = 1,
    PROGRESS_LOG_SECONDS = 5,
    /* Without a single operation of any thread for so long something waits that must
     * not wait. Far above what a loaded machine under a sanitizer needs. */
    STALL_SECONDS = 120,
    PRINTED_VIOLATIONS = 10,
};

struct stress_run {
    const struct stress_workload *workload;
    struct stress_options options;
    char command[COMMAND_BYTES];
    void *state;
    struct stress_thread *threads;
    pthread_t *handles;

    /* Relaxed wherever they are used: "stop soon", and a count that is read after the
     * rounds' mutex was taken. */
    mm_atomic_u32 stopping;
    mm_atomic_u64 violations;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    uint64_t round;  /* the threads run it; 0: not begun */
    unsigned ready;  /* threads that arrived, at the start or the end of a round */
    bool finished;   /* no further round */
    uint64_t quota;  /* steps of a thread in this round */
    uint64_t longer; /* threads that make a step more */
    uint64_t checkpoints;

    double started;
    double last_progress;
    double last_change;
    uint64_t last_operations;
};

/* ------------------------------------------------------------------- queries */

const struct stress_options *stress_run_options(const struct stress_run *run)
{
    return &run->options;
}

void *stress_run_state(const struct stress_run *run)
{
    return run->state;
}

void stress_run_set_state(struct stress_run *run, void *state)
{
    run->state = state;
}

struct stress_thread *stress_run_thread(struct stress_run *run, unsigned index)
{
    return &run->threads[index];
}

bool stress_run_stopping(const struct stress_run *run)
{
    return mm_load_relaxed_u32(&run->stopping) != 0;
}

uint64_t stress_run_violations(const struct stress_run *run)
{
    return mm_load_relaxed_u64(&run->violations);
}

uint64_t stress_run_total(const struct stress_run *run, unsigned counter)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < run->options.threads; i++) {
        total += mm_load_relaxed_u64(&run->threads[i].counters[counter]);
    }
    return total;
}

void stress_violation(struct stress_run *run, const struct stress_thread *thread,
                      const char *format, ...)
{
    va_list arguments;
    const uint64_t before = mm_fetch_add_relaxed_u64(&run->violations, 1);
    mm_store_relaxed_u32(&run->stopping, 1);
    if (before >= PRINTED_VIOLATIONS) {
        return;
    }
    va_start(arguments, format);
    flockfile(stderr);
    (void)fprintf(stderr, "\nVIOLATION in %s, ", run->workload->name);
    if (thread != NULL) {
        (void)fprintf(
            stderr, "thread %u, operation %" PRIu64 ": ", thread->index,
            mm_load_relaxed_u64(&thread->counters[STRESS_COUNTER_OPERATIONS]));
    } else {
        (void)fprintf(stderr, "at a checkpoint: ");
    }
    (void)vfprintf(stderr, format, arguments);
    (void)fprintf(stderr, "\nreproduce: %s\n", run->command);
    funlockfile(stderr);
    va_end(arguments);
}

/* ------------------------------------------------------------------- threads */

static void arrive(struct stress_run *run)
{
    run->ready++;
    (void)pthread_cond_broadcast(&run->changed);
}

/* Waits for the round; 0 steps and false when there is none. */
static bool await_round(struct stress_thread *thread, uint64_t round, uint64_t *steps)
{
    struct stress_run *run = thread->run;
    (void)pthread_mutex_lock(&run->lock);
    arrive(run);
    while (run->round < round && !run->finished) {
        (void)pthread_cond_wait(&run->changed, &run->lock);
    }
    const bool go = !run->finished;
    *steps = run->quota + (thread->index < run->longer ? 1 : 0);
    (void)pthread_mutex_unlock(&run->lock);
    return go;
}

static void *thread_main(void *argument)
{
    struct stress_thread *thread = argument;
    const struct stress_workload *workload = thread->run->workload;
    uint64_t steps = 0;
    workload->thread_begin(thread);
    for (uint64_t round = 1; await_round(thread, round, &steps); round++) {
        for (uint64_t i = 0; i < steps && !stress_run_stopping(thread->run); i++) {
            workload->step(thread);
            stress_count(thread, STRESS_COUNTER_OPERATIONS);
        }
    }
    workload->thread_end(thread);
    return NULL;
}

static void start_threads(struct stress_run *run)
{
    for (unsigned i = 0; i < run->options.threads; i++) {
        struct stress_thread *thread = &run->threads[i];
        thread->run = run;
        thread->index = i;
        stress_random_seed(&thread->random, run->options.seed, i + 1);
        if (pthread_create(&run->handles[i], NULL, thread_main, thread) != 0) {
            (void)fprintf(stderr, "%s: cannot start thread %u\n", run->workload->name,
                          i);
            _exit(STRESS_EXIT_USAGE); /* those that started wait for it */
        }
    }
}

/* ------------------------------------------------------------------ reporting */

static void fill_report(struct stress_run *run, struct stress_report *report)
{
    static const char *const none[] = {NULL};
    const struct stress_workload *workload = run->workload;
    *report = (struct stress_report){.options = &run->options};
    report->target = workload->name;
    report->seconds = stress_now() - run->started;
    report->checkpoints = run->checkpoints;
    report->violations = stress_run_violations(run);
    report->names = workload->counters != NULL ? workload->counters : none;
    for (unsigned i = 0; i < STRESS_MAX_COUNTERS; i++) {
        report->totals[i] = stress_run_total(run, i);
    }
}

static void show_progress(struct stress_run *run)
{
    struct stress_report report;
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const double period = terminal ? PROGRESS_TERMINAL_SECONDS : PROGRESS_LOG_SECONDS;
    const double now = stress_now();
    if (now - run->last_progress < period) {
        return;
    }
    run->last_progress = now;
    fill_report(run, &report);
    report.mapped_bytes = run->workload->mapped_bytes(run);
    stress_report_progress(&report, terminal);
}

static int conclude(struct stress_run *run)
{
    struct stress_report report;
    if (isatty(STDERR_FILENO) != 0) {
        (void)fprintf(stderr, "\n");
    }
    fill_report(run, &report);
    stress_report_summary(&report);
    if (run->options.json != NULL && !stress_report_json(&report, run->options.json)) {
        (void)fprintf(stderr, "%s: cannot write %s\n", run->workload->name,
                      run->options.json);
        return STRESS_EXIT_USAGE;
    }
    return report.violations == 0 ? STRESS_EXIT_GOOD : STRESS_EXIT_VIOLATION;
}

/* After a violation nothing that was shared can be trusted, locks included: the other
 * threads are not waited for. */
static _Noreturn void give_up(struct stress_run *run)
{
    const int code = conclude(run);
    (void)fflush(NULL);
    _exit(code);
}

/* --------------------------------------------------------------------- rounds */

static void look_after_the_run(struct stress_run *run)
{
    const double now = stress_now();
    const uint64_t operations = stress_run_total(run, STRESS_COUNTER_OPERATIONS);
    if (operations != run->last_operations) {
        run->last_operations = operations;
        run->last_change = now;
    } else if (now - run->last_change > (double)STALL_SECONDS) {
        stress_violation(run, NULL, "no thread has finished an operation for %d s",
                         STALL_SECONDS);
    }
    if (stress_run_violations(run) != 0) {
        give_up(run);
    }
    if (run->options.seconds != 0 &&
        now - run->started >= (double)run->options.seconds) {
        mm_store_relaxed_u32(&run->stopping, 1);
    }
    show_progress(run);
}

/* Waits until all threads stand still, and keeps the user informed meanwhile. The lock
 * is held by the caller. */
static void await_threads(struct stress_run *run)
{
    while (run->ready < run->options.threads) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NANOSECONDS;
        if (until.tv_nsec >= 1000 * 1000 * 1000) {
            until.tv_nsec -= 1000 * 1000 * 1000;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&run->changed, &run->lock, &until);
        (void)pthread_mutex_unlock(&run->lock);
        look_after_the_run(run);
        (void)pthread_mutex_lock(&run->lock);
    }
}

/* Shares out the steps of the next round; false when none are left. */
static bool plan_round(struct stress_run *run)
{
    const unsigned threads = run->options.threads;
    run->quota = run->workload->round_steps;
    run->longer = 0;
    if (stress_run_stopping(run)) {
        return false;
    }
    if (run->options.operations != 0) {
        const uint64_t left =
            run->options.operations - stress_run_total(run, STRESS_COUNTER_OPERATIONS);
        if (left == 0) {
            return false;
        }
        if (left / threads < run->quota) {
            run->quota = left / threads;
            run->longer = left % threads;
        }
    }
    return true;
}

static void run_rounds(struct stress_run *run)
{
    (void)pthread_mutex_lock(&run->lock);
    await_threads(run);
    while (plan_round(run)) {
        run->ready = 0;
        run->round++;
        (void)pthread_cond_broadcast(&run->changed);
        await_threads(run);
        run->workload->checkpoint(run);
        run->checkpoints++;
        if (stress_run_violations(run) != 0) {
            give_up(run);
        }
    }
    run->finished = true;
    (void)pthread_cond_broadcast(&run->changed);
    (void)pthread_mutex_unlock(&run->lock);
    for (unsigned i = 0; i < run->options.threads; i++) {
        (void)pthread_join(run->handles[i], NULL);
    }
}

/* ----------------------------------------------------------------------- main */

static void initialise(struct stress_run *run, const struct stress_workload *workload)
{
    pthread_condattr_t attributes;
    run->workload = workload;
    stress_options_command(&run->options, run->command, sizeof(run->command));
    (void)pthread_mutex_init(&run->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&run->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    run->started = stress_now();
    run->last_progress = run->started;
    run->last_change = run->started;
}

static void run_to_the_end(struct stress_run *run)
{
    run_rounds(run);
    run->workload->finish(run);
    if (stress_run_violations(run) != 0) {
        give_up(run);
    }
    run->workload->tear_down(run);
}

static int run_workload(struct stress_run *run)
{
    int code = STRESS_EXIT_USAGE;
    run->threads = calloc(run->options.threads, sizeof(*run->threads));
    run->handles = calloc(run->options.threads, sizeof(*run->handles));
    if (run->threads == NULL || run->handles == NULL || !run->workload->set_up(run)) {
        (void)fprintf(stderr, "%s: cannot set up\n", run->workload->name);
    } else {
        start_threads(run);
        run_to_the_end(run);
        code = conclude(run);
    }
    free(run->handles);
    free(run->threads);
    return code;
}

int stress_main(int argc, char *argv[], const struct stress_workload *workload)
{
    struct stress_run run;
    char message[256];
    memset(&run, 0, sizeof(run));
    if (!stress_options_parse(&run.options, argc, argv, message, sizeof(message))) {
        (void)fprintf(stderr, "%s: %s (see --help)\n", workload->name, message);
        return STRESS_EXIT_USAGE;
    }
    if (run.options.help) {
        stress_options_usage(run.options.program, workload->summary);
        return STRESS_EXIT_GOOD;
    }
    initialise(&run, workload);
    stress_crash_report(run.command);
    (void)printf("%s: seed %" PRIu64 ", %u threads\n", workload->name, run.options.seed,
                 run.options.threads);
    (void)fflush(stdout);
    return run_workload(&run);
}
