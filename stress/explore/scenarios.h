/* SPDX-License-Identifier: MIT */
/*
 * The named programs. Threads 0 and 1 act; the last thread, where there are three, looks
 * on. Each is short on purpose, so that it can be searched exhaustively.
 */
#ifndef STRESS_EXPLORE_SCENARIOS_H
#define STRESS_EXPLORE_SCENARIOS_H

#include "stress/explore/program.h"

/* Their texts, NULL at the end: of threads that all want memory mapped, of the mapper's
 * other operations, and with spaces. */
extern const char *const ensure_scenarios[];
extern const char *const mapper_scenarios[];
extern const char *const page_scenarios[];
extern const char *const space_scenarios[];

/* The number of scenarios. */
unsigned scenario_count(void);

/* Reads scenario `index`, cut to `threads` threads (0: all). */
void scenario_read(unsigned index, unsigned threads, struct program *program);

/* The index of the scenario of that name; -1. */
int scenario_find(const char *name);

#endif /* STRESS_EXPLORE_SCENARIOS_H */
