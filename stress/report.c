/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const char *const common_names[STRESS_COUNTER_OWN] = {
    [STRESS_COUNTER_OPERATIONS] = "operations",
    [STRESS_COUNTER_CONFLICTS] = "conflicts",
    [STRESS_COUNTER_BUSY] = "busy",
};

double stress_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double rate_of(const struct stress_report *report)
{
    const double operations = (double)report->totals[STRESS_COUNTER_OPERATIONS];
    return report->seconds > 0 ? operations / report->seconds : 0;
}

/* What is left of the run, as a duration, by whichever bound comes first. */
static double seconds_left(const struct stress_report *report)
{
    const struct stress_options *options = report->options;
    double left = -1;
    if (options->seconds != 0) {
        left = (double)options->seconds - report->seconds;
    }
    if (options->operations != 0 && rate_of(report) > 0) {
        const double operations = (double)options->operations -
                                  (double)report->totals[STRESS_COUNTER_OPERATIONS];
        const double by_operations = operations / rate_of(report);
        left = left < 0 || by_operations < left ? by_operations : left;
    }
    return left < 0 ? 0 : left;
}

void stress_report_progress(const struct stress_report *report, bool terminal)
{
    (void)fprintf(stderr,
                  "%s%s: %" PRIu64 " operations, %.0f/s, %" PRIu64
                  " conflicts, %.1f MiB mapped, %.0f s left%s",
                  terminal ? "\r" : "", report->target,
                  report->totals[STRESS_COUNTER_OPERATIONS], rate_of(report),
                  report->totals[STRESS_COUNTER_CONFLICTS],
                  (double)report->mapped_bytes / (1024 * 1024), seconds_left(report),
                  terminal ? "\033[K" : "\n");
    (void)fflush(stderr);
}

void stress_report_summary(const struct stress_report *report)
{
    (void)printf("%s: %" PRIu64
                 " operations in %.1f s (%.0f/s), %u threads, seed %" PRIu64
                 ", %" PRIu64 " checkpoints\n",
                 report->target, report->totals[STRESS_COUNTER_OPERATIONS],
                 report->seconds, rate_of(report), report->options->threads,
                 report->options->seed, report->checkpoints);
    for (unsigned i = STRESS_COUNTER_CONFLICTS; i < STRESS_COUNTER_OWN; i++) {
        (void)printf("  %-24s %12" PRIu64 "\n", common_names[i], report->totals[i]);
    }
    for (unsigned i = 0; report->names[i] != NULL; i++) {
        (void)printf("  %-24s %12" PRIu64 "\n", report->names[i],
                     report->totals[STRESS_COUNTER_OWN + i]);
    }
    (void)printf("%s: %" PRIu64 " violations\n", report->target, report->violations);
    (void)fflush(stdout);
}

bool stress_report_json(const struct stress_report *report, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    (void)fprintf(file,
                  "{\"target\": \"%s\", \"seed\": %" PRIu64
                  ", \"threads\": %u, \"seconds\": %.3f, \"rate\": %.1f, "
                  "\"checkpoints\": %" PRIu64,
                  report->target, report->options->seed, report->options->threads,
                  report->seconds, rate_of(report), report->checkpoints);
    for (unsigned i = 0; i < STRESS_COUNTER_OWN; i++) {
        (void)fprintf(file, ", \"%s\": %" PRIu64, common_names[i], report->totals[i]);
    }
    (void)fprintf(file, ", \"counters\": {");
    for (unsigned i = 0; report->names[i] != NULL; i++) {
        (void)fprintf(file, "%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", report->names[i],
                      report->totals[STRESS_COUNTER_OWN + i]);
    }
    (void)fprintf(file, "}, \"violations\": %" PRIu64 "}\n", report->violations);
    const bool good = ferror(file) == 0;
    return fclose(file) == 0 && good;
}
