/* SPDX-License-Identifier: MIT */
/* Makes a failing schedule as small as it will go. */
#ifndef STRESS_EXPLORE_MINIMIZE_H
#define STRESS_EXPLORE_MINIMIZE_H

#include "stress/explore/schedule.h"

/* Drops choices first, then operations, as long as the same oracle fails; writes the
 * result to `path` and says on stdout what is left. Returns an exit code: 0; 1 when the
 * schedule does not fail as it says; 2 when it cannot be written. */
int minimize_schedule(struct schedule *schedule, const char *path);

#endif /* STRESS_EXPLORE_MINIMIZE_H */
