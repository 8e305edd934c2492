/* SPDX-License-Identifier: MIT */
/*
 * All executions of a few simulated threads: every switch, every stale value, without
 * bounds but those that the search asks for. For tests of the simulation itself, so it
 * shares nothing with the explorer that uses it.
 */
#ifndef MMAPPER_TESTING_LITMUS_RUN_H
#define MMAPPER_TESTING_LITMUS_RUN_H

#include "mmapper/testing/sim_run.h"

enum { LITMUS_VERDICTS = SIM_RACE + 1, LITMUS_OUTCOMES = 256 };

struct litmus_search {
    unsigned threads; /* 0: two */
    void (*body)(void *context, unsigned thread);
    void (*begin)(void *context);       /* before each run; may be NULL */
    uint64_t (*outcome)(void *context); /* of a run that ended well; may be NULL */
    void *context;
    bool strong; /* no stale values */
    bool elide;
    bool bounded;    /* `stale` holds */
    unsigned stale;  /* loads of a run that may be stale */
    unsigned freeze; /* threads that stop at some moment, or not at all */
    unsigned max_alone;
    const struct sim_observer *observer;
};

struct litmus_found {
    uint64_t executions;
    uint64_t restarts; /* with `elide`: a location turned out to be shared */
    uint64_t verdicts[LITMUS_VERDICTS];
    unsigned count;
    struct {
        uint64_t outcome;
        uint64_t executions;
    } outcomes[LITMUS_OUTCOMES]; /* ascending */
};

void litmus_explore(const struct litmus_search *search, struct litmus_found *found);

/* The same, and prints how the executions ended. */
struct litmus_found litmus_show(const struct litmus_search *search, const char *name);

/* Fails the test if they did not all end so. */
void litmus_expect_all(const struct litmus_found *found, enum sim_verdict verdict);

/* In how many of the executions it ended so. */
uint64_t litmus_count(const struct litmus_found *found, uint64_t outcome);

/* A line: the name, the number of executions, and how they ended. */
void litmus_print(const char *name, const struct litmus_found *found);

#endif /* MMAPPER_TESTING_LITMUS_RUN_H */
