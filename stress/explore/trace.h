/* SPDX-License-Identifier: MIT */
/* A schedule replayed step by step, for people and for tools/harness replay. */
#ifndef STRESS_EXPLORE_TRACE_H
#define STRESS_EXPLORE_TRACE_H

#include "stress/explore/schedule.h"

/* Replays, says on stdout what came of it and, unless `path` is NULL, writes every step
 * as JSON. Returns an exit code: 0 nothing failed, 1 an oracle failed, 2 it could not be
 * replayed, or the trace not be written. */
int trace_replay(struct schedule *schedule, const char *path);

#endif /* STRESS_EXPLORE_TRACE_H */
