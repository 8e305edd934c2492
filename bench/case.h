/* SPDX-License-Identifier: MIT */
/*
 * What is measured: a case is one operation under one circumstance, done by several
 * sides: the mapper, the bare atomic or system calls that it cannot do without (the
 * floor), the design of today (one mutex, a byte a chunk), other libraries.
 *
 * A side's step does as many operations as its case says and is what is timed. Sides of
 * a case have the same loop around their operation, so that their ratio is the
 * operation's.
 */
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_MAX_THREADS = 8,
    BENCH_MAX_SIDES = 8,
};

/* The circumstances that a side is opened for. What a field means, and which of them
 * matter, is said where the cases are. */
struct bench_shape {
    size_t bytes;       /* of the range that is worked on */
    size_t count;       /* of chunks that the operation meets */
    unsigned ahead;     /* chunks that a commit may take along */
    bool split;         /* the regions are split */
    bool touched;       /* a page of each chunk is written */
    bool apart;         /* threads work on cache lines of their own */
    bool each_an_owner; /* threads have owners of their own */
};

/* In front of the loops around a lookup, ours and all others: one lookup an iteration, as
 * it would be between other things. The bare load then takes about a cycle. Unrolled, it
 * would be a figure of how many loads a processor can do at once. */
#define BENCH_PLAIN_LOOP _Pragma("clang loop unroll(disable)")

struct bench_setting {
    struct bench_shape shape;
    uint64_t operations; /* of one step */
    unsigned threads;    /* the most that will take steps at once */
    uint64_t seed;       /* of where tables and arrays lie */
};

struct bench_side {
    const char *name;
    /* Makes what the steps need, for all threads. NULL when this machine cannot: then
     * *reason says why. Anything else that goes wrong ends the program. */
    void *(*open)(const struct bench_setting *setting, const char **reason);
    /* Called by each thread before and after each of its steps, not timed; between them
     * and the steps the threads wait for each other. Both NULL: steps run and are timed
     * in a row. */
    void (*before)(void *state, unsigned thread);
    void (*after)(void *state, unsigned thread);
    /* The result depends on all that was done, so that nothing can be left out. */
    uint64_t (*step)(void *state, unsigned thread);
    void (*close)(void *state);
    uint64_t operations; /* of a step, where it is not the case's; else 0 */
};

struct bench_case {
    const char *name;
    struct bench_shape shape;
    uint64_t operations;                             /* of one step of one thread */
    const struct bench_side *sides[BENCH_MAX_SIDES]; /* NULL behind the last */
    unsigned char threads[5];                        /* zero behind the last */
    bool inlined; /* measured once more in a program optimized as a whole */
};

/* What is counted and not timed: how many mappings, how many bytes. */
struct bench_gauge {
    const char *name;
    /* Calls bench_gauge_report for each figure. */
    void (*take)(const struct bench_gauge *gauge);
};

/* One figure of a gauge; `side` tells several apart, `unit` is a plural noun. */
void bench_gauge_report(const struct bench_gauge *gauge, const char *side, double value,
                        const char *unit);

/* The cases of one topic. */
struct bench_topic {
    const struct bench_case *cases;
    size_t case_count;
    const struct bench_gauge *gauges;
    size_t gauge_count;
};

extern const struct bench_topic bench_queries;
extern const struct bench_topic bench_ensures;
extern const struct bench_topic bench_fresh;
extern const struct bench_topic bench_quarantines;
extern const struct bench_topic bench_claims;
extern const struct bench_topic bench_extents;
extern const struct bench_topic bench_immortals;
extern const struct bench_topic bench_freelists;
extern const struct bench_topic bench_pages;
extern const struct bench_topic bench_lifecycles;
extern const struct bench_topic bench_memory;

#endif /* BENCH_CASE_H */
