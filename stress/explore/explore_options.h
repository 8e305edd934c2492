/* SPDX-License-Identifier: MIT */
/* The command line of the explorer. */
#ifndef STRESS_EXPLORE_EXPLORE_OPTIONS_H
#define STRESS_EXPLORE_EXPLORE_OPTIONS_H

#include "stress/explore/explorer.h"

struct explore_options {
    bool list;
    bool portfolio;
    bool weak;
    bool quiet;
    int scenario; /* -1: all */
    enum strategy_kind strategy;
    unsigned depth;
    struct bounds bounds;
    unsigned threads;   /* 0: as the scenario has */
    uint64_t schedules; /* of each scenario; 0: not bounded */
    double seconds;     /* 0: not bounded */
    uint64_t seed;
    unsigned oracles; /* 0: all */
    const char *json;
    const char *save;
    const char *replay;
    const char *trace;
    const char *minimize;
};

/* False, after a message on stderr, when they make no sense. */
bool explore_options_read(struct explore_options *options, int argc, char **argv);

#endif /* STRESS_EXPLORE_EXPLORE_OPTIONS_H */
