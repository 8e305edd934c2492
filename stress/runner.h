/* SPDX-License-Identifier: MIT */
/*
 * The main loop of the stress targets.
 *
 * A workload is a set of functions. Its threads run in rounds of some thousand steps;
 * between two rounds all of them stand still and the main thread checks what only holds
 * when nothing runs. The run ends after --seconds or --operations (a step is an
 * operation), or at the first violation.
 */
#ifndef STRESS_RUNNER_H
#define STRESS_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "mmapper/atomic.h"
#include "stress/options.h"
#include "stress/random.h"

/* What every thread counts. A workload names its own from STRESS_COUNTER_OWN on. */
enum {
    STRESS_COUNTER_OPERATIONS = 0,
    STRESS_COUNTER_CONFLICTS,
    STRESS_COUNTER_BUSY,
    STRESS_COUNTER_OWN,
    STRESS_MAX_COUNTERS = 32,
};

struct stress_run;

struct stress_thread {
    struct stress_run *run;
    unsigned index; /* from 0 */
    struct stress_random random;
    void *state; /* the workload's */
    mm_atomic_u64 counters[STRESS_MAX_COUNTERS];
};

struct stress_workload {
    const char *name;
    const char *summary;         /* one line, for --help */
    const char *const *counters; /* names of its own counters, NULL at the end */
    uint64_t round_steps;        /* of one thread between two checkpoints */
    bool (*set_up)(struct stress_run *run); /* false: the environment will not do */
    void (*thread_begin)(struct stress_thread *thread);
    void (*step)(struct stress_thread *thread);
    void (*thread_end)(struct stress_thread *thread);
    void (*checkpoint)(struct stress_run *run); /* all threads stand still */
    void (*finish)(struct stress_run *run);     /* threads are gone: the last checks */
    void (*tear_down)(struct stress_run *run);
    uint64_t (*mapped_bytes)(struct stress_run *run); /* while threads run */
};

/* Parses the arguments, runs the workload and reports. Returns the exit code. */
int stress_main(int argc, char *argv[], const struct stress_workload *workload);

const struct stress_options *stress_run_options(const struct stress_run *run);

/* The workload's own state, set in set_up. */
void *stress_run_state(const struct stress_run *run);
void stress_run_set_state(struct stress_run *run, void *state);

/* Of all threads, while they run or after. */
uint64_t stress_run_total(const struct stress_run *run, unsigned counter);
struct stress_thread *stress_run_thread(struct stress_run *run, unsigned index);

/* True when the run is to end: long waits in a step look at it. */
bool stress_run_stopping(const struct stress_run *run);

static inline void stress_count(struct stress_thread *thread, unsigned counter)
{
    /* Relaxed: a number for the reader, which orders nothing. */
    (void)mm_fetch_add_relaxed_u64(&thread->counters[counter], 1);
}

/*
 * Reports what must not be: what, where and who. Prints it with the command line that
 * runs the same again and ends the run. `thread` is NULL in the main thread.
 */
__attribute__((format(printf, 3, 4))) void
stress_violation(struct stress_run *run, const struct stress_thread *thread,
                 const char *format, ...);

uint64_t stress_run_violations(const struct stress_run *run);

#endif /* STRESS_RUNNER_H */
