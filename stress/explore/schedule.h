/* SPDX-License-Identifier: MIT */
/* Replay files: a program and what was chosen differently from the defaults. */
#ifndef STRESS_EXPLORE_SCHEDULE_H
#define STRESS_EXPLORE_SCHEDULE_H

#include <stdio.h>

#include "stress/explore/explorer.h"

struct schedule {
    struct program program;
    struct choices choices;
    bool weak;
    enum oracle expected; /* ORACLE_NONE: that all goes well */
    uint64_t hash;        /* of the trace; 0: not known */
    char story[160];      /* a line: what it shows */
};

/* False, and *problem says what and *line where, when the file makes no sense. */
bool schedule_load(const char *path, struct schedule *schedule, const char **problem,
                   unsigned *line);
void schedule_write(FILE *file, const struct schedule *schedule);
bool schedule_save(const char *path, const struct schedule *schedule);

/* Runs the schedule once in a world of its own, which the caller looks at and destroys,
 * but not after a trap; NULL, and *problem, when it cannot be made. `observer` (NULL:
 * none) gives only the event function and its context. *made, unless NULL, is the world
 * before the run begins. *hash is the trace's. */
struct world *schedule_run(struct schedule *schedule,
                           const struct sim_observer *observer, struct world **made,
                           uint64_t *hash, const char **problem);

#endif /* STRESS_EXPLORE_SCHEDULE_H */
