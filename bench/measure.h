/* SPDX-License-Identifier: MIT */
/* Steps of a side by pinned threads, and how long they took. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <sched.h>

#include "bench/case.h"

struct bench_machine {
    cpu_set_t allowed; /* the processors that this process may use */
    unsigned cpus;     /* how many: thread i is pinned to number i modulo that */
    uint64_t clock_ns; /* what reading the clock adds to a time */
};

/* Before the first bench_measure, which pins the calling thread. */
struct bench_machine bench_machine_of(void);

struct bench_time {
    uint64_t
        timed_ns; /* the steps: from the first thread's start to the last one's end */
    uint64_t whole_ns; /* with what was before and after them */
};

/* Lets `threads` threads, of which the caller is the first, take `steps` steps each. They
 * begin together. */
struct bench_time bench_measure(const struct bench_machine *machine,
                                const struct bench_side *side, void *state,
                                unsigned threads, uint64_t steps);

#endif /* BENCH_MEASURE_H */
