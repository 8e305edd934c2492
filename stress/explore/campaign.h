/* SPDX-License-Identifier: MIT */
/* Many runs of one program under one strategy, and their sum. */
#ifndef STRESS_EXPLORE_CAMPAIGN_H
#define STRESS_EXPLORE_CAMPAIGN_H

#include "stress/explore/schedule.h"

struct campaign {
    /* In. */
    enum strategy_kind strategy;
    unsigned depth;
    struct bounds bounds;
    bool weak;
    uint64_t seed;
    uint64_t max_runs; /* 0: no end but the time and exhaustion */
    double until;      /* of campaign_now; 0: none */
    unsigned oracles;  /* a bit for each that is on */
    bool frozen_ends;  /* FREEZE: end after one round of all points and subsets */
    /* Out. */
    uint64_t runs;
    uint64_t steps;
    uint64_t restarts;
    uint64_t frozen_out;
    double seconds;
    bool exhausted;
    enum oracle failed;
    char text[WORLD_TEXT];
    struct schedule failure; /* when failed */
};

/* False, and *problem, when the program's world cannot be made. */
bool campaign_run(struct campaign *campaign, const struct program *program,
                  const char **problem);

/* Seconds of a clock that does not jump. */
double campaign_now(void);

#endif /* STRESS_EXPLORE_CAMPAIGN_H */
