/* SPDX-License-Identifier: MIT */
/*
 * Puts mappers on the real kernel through a history: an own mapper with 4 KiB chunks
 * for each address space, an owner for each origin.
 *
 * Every overwriting of another origin is first tried as it was recorded, and must be
 * refused by name; then the holder gives up the pages. When the last step in an address
 * space is taken, the mapper's runs, the kernel's mappings and the history's own state
 * must be equal.
 */
#ifndef STRESS_HISTORY_REPLAY_H
#define STRESS_HISTORY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "stress/history_plan.h"

struct history_replay_options {
    bool threads;     /* one for each of the history's; else all steps from this one */
    uint64_t seed;    /* of region sizes and of where threads yield */
    uintptr_t base;   /* of the windows: plan->bytes bytes of free address space */
    const char *name; /* of the history, for messages */
    double deadline;  /* on the clock of history_now: stop in the middle. 0: none */
};

struct history_replay_result {
    uint64_t steps;
    uint64_t refused;    /* overwritings, all of them refused */
    uint64_t busy;       /* calls that had to be made again */
    uint64_t spaces;     /* compared at their end */
    uint64_t runs;       /* equal in all three views */
    uint64_t accessible; /* quarantined chunks' runs that a lost commit left readable */
    uint64_t os_calls;
    uint64_t races_lost;
    uint64_t threads;
    uint64_t violations; /* each of them printed */
    bool cut_short;      /* by the deadline */
    bool environment;    /* the machine's limits, not the mapper, ended it */
    double seconds;
};

void history_replay(const struct history_plan *plan,
                    const struct history_replay_options *options,
                    struct history_replay_result *result);

/* Seconds of a clock that only goes forward. */
double history_now(void);

/* A place where `bytes` bytes of address space are free in this process and stay so,
 * for all the mappings that it makes without an address. False when there is none. */
bool history_find_room(uint64_t bytes, uintptr_t *base);

/* The most that history_find_room may be asked for in this build. */
uint64_t history_room(void);

#endif /* STRESS_HISTORY_REPLAY_H */
