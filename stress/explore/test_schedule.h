/* SPDX-License-Identifier: MIT */
/* Schedules from text, for tests: by way of a file, as everybody reads them. */
#ifndef STRESS_EXPLORE_TEST_SCHEDULE_H
#define STRESS_EXPLORE_TEST_SCHEDULE_H

#include "stress/explore/schedule.h"

enum { TEST_PATH_BYTES = 512 };

/* A file of the test's own. */
void test_path(const char *name, char path[TEST_PATH_BYTES]);

/* Whether two programs that program_init began are the same. */
bool test_same_program(const struct program *one, const struct program *other);

/* As schedule_load. */
bool test_read(const char *text, struct schedule *schedule, const char **problem,
               unsigned *line);

/* The schedule that consists of the first line and this text, which makes sense. */
void test_schedule(const char *text, struct schedule *schedule);

#endif /* STRESS_EXPLORE_TEST_SCHEDULE_H */
