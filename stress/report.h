/* SPDX-License-Identifier: MIT */
/*
 * What a run tells its user: the progress line, the summary and the JSON file.
 */
#ifndef STRESS_REPORT_H
#define STRESS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "stress/options.h"
#include "stress/runner.h"

struct stress_report {
    const struct stress_options *options;
    const char *target;
    double seconds; /* since the start */
    uint64_t checkpoints;
    uint64_t violations;
    uint64_t mapped_bytes;
    const char *const *names; /* of the workload's own counters, NULL at the end */
    uint64_t totals[STRESS_MAX_COUNTERS];
};

/* Seconds of a clock that only goes forward. */
double stress_now(void);

/* One line on stderr: rewritten in place on a terminal. */
void stress_report_progress(const struct stress_report *report, bool terminal);

void stress_report_summary(const struct stress_report *report);

/* False when the file cannot be written. */
bool stress_report_json(const struct stress_report *report, const char *path);

#endif /* STRESS_REPORT_H */
