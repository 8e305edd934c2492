/* SPDX-License-Identifier: MIT */
#include "stress/explore/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/scenarios.h"

struct explore_report *report_create(const struct explore_options *options)
{
    struct explore_report *report = calloc(1, sizeof(*report));
    if (report == NULL) {
        abort();
    }
    report->options = options;
    report->begun = campaign_now();
    report->lines = calloc(scenario_count(), sizeof(*report->lines));
    if (report->lines == NULL) {
        abort();
    }
    return report;
}

void report_destroy(struct explore_report *report)
{
    free(report->lines);
    free(report);
}

static void add_failure(struct explore_report *report, const struct campaign *campaign)
{
    const char *path = report->options->save;
    report->failed = campaign->failed;
    memcpy(report->text, campaign->text, sizeof(report->text));
    memcpy(report->scenario, campaign->failure.program.name, sizeof(report->scenario));
    if (path == NULL) {
        return;
    }
    if (schedule_save(path, &campaign->failure)) {
        (void)snprintf(report->saved, sizeof(report->saved), "%s", path);
    } else {
        (void)fprintf(stderr, "explore: cannot write %s\n", path);
    }
}

void report_add(struct explore_report *report, unsigned scenario,
                const struct program *program, const struct campaign *campaign)
{
    struct report_line *line = &report->lines[scenario];
    memcpy(line->name, program->name, sizeof(line->name));
    line->threads = program->threads;
    line->runs += campaign->runs;
    line->steps += campaign->steps;
    line->frozen_out += campaign->frozen_out;
    line->seconds += campaign->seconds;
    line->exhausted = campaign->exhausted;
    report->runs += campaign->runs;
    report->steps += campaign->steps;
    if (campaign->failed != ORACLE_NONE) {
        add_failure(report, campaign);
    }
}

static double seconds_of(const struct explore_report *report)
{
    return campaign_now() - report->begun;
}

void report_progress(const struct explore_report *report)
{
    const double seconds = seconds_of(report);
    (void)printf("%8.1f s  %12" PRIu64 " schedules  %8.0f schedules/s\n", seconds,
                 report->runs, (double)report->runs / seconds);
    (void)fflush(stdout);
}

static void print_line(const struct explore_report *report,
                       const struct report_line *line)
{
    const bool dfs =
        report->options->strategy == STRATEGY_DFS && !report->options->portfolio;
    char frozen_out[48] = "";
    if (line->frozen_out > 0) {
        (void)snprintf(frozen_out, sizeof(frozen_out),
                       "  %" PRIu64 " waited for a frozen one", line->frozen_out);
    }
    (void)printf(
        "%-32s %u threads %11" PRIu64 " schedules %9.0f/s %10.0f yields/s%s%s\n",
        line->name, line->threads, line->runs, (double)line->runs / line->seconds,
        (double)line->steps / line->seconds,
        !dfs              ? ""
        : line->exhausted ? "  exhausted"
                          : "  not exhausted",
        frozen_out);
}

bool report_exhausted(const struct explore_report *report)
{
    bool all = true;
    for (unsigned i = 0; i < scenario_count(); i++) {
        all &= report->lines[i].runs == 0 || report->lines[i].exhausted;
    }
    return all;
}

void report_print(const struct explore_report *report)
{
    const double seconds = seconds_of(report);
    if (!report->options->quiet) {
        for (unsigned i = 0; i < scenario_count(); i++) {
            if (report->lines[i].runs > 0) {
                print_line(report, &report->lines[i]);
            }
        }
    }
    (void)printf("%" PRIu64 " schedules in %.2f s: %.0f schedules/s, %.1f M yields/s\n",
                 report->runs, seconds, (double)report->runs / seconds,
                 (double)report->steps / seconds / 1e6);
    if (report->failed == ORACLE_NONE) {
        return;
    }
    (void)printf("VIOLATION %s in scenario %s: %s\n", oracle_name(report->failed),
                 report->scenario, report->text);
    if (report->saved[0] != '\0') {
        (void)printf("reproduce: tools/harness replay %s\n", report->saved);
    }
}

/* Text in JSON: what must be escaped in it is. */
static void write_string(FILE *file, const char *name, const char *text)
{
    (void)fprintf(file, "\"%s\": \"", name);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', file);
        }
        (void)fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    (void)fprintf(file, "\"");
}

static void write_lines(FILE *file, const struct explore_report *report)
{
    bool first = true;
    (void)fprintf(file, " \"scenarios\": [");
    for (unsigned i = 0; i < scenario_count(); i++) {
        const struct report_line *line = &report->lines[i];
        if (line->runs == 0) {
            continue;
        }
        (void)fprintf(
            file,
            "%s\n  {\"name\": \"%s\", \"threads\": %u, \"schedules\": %" PRIu64
            ", \"yields\": %" PRIu64 ", \"frozen_out\": %" PRIu64
            ", \"seconds\": %.6f, \"exhausted\": %s}",
            first ? "" : ",", line->name, line->threads, line->runs, line->steps,
            line->frozen_out, line->seconds, line->exhausted ? "true" : "false");
        first = false;
    }
    (void)fprintf(file, "]}\n");
}

bool report_write(const struct explore_report *report, const char *path)
{
    const double seconds = seconds_of(report);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    (void)fprintf(file,
                  "{\"verdict\": \"%s\", \"strategy\": \"%s\", \"seed\": %" PRIu64
                  ", \"schedules\": %" PRIu64 ", \"schedules_per_second\": %.0f"
                  ", \"yields\": %" PRIu64 ", \"yields_per_second\": %.0f"
                  ", \"seconds\": %.6f, \"exhausted\": %s, \"oracle\": \"%s\",\n ",
                  report->failed == ORACLE_NONE ? "good" : "violation",
                  report->options->portfolio ? "portfolio"
                                             : strategy_name(report->options->strategy),
                  report->options->seed, report->runs, (double)report->runs / seconds,
                  report->steps, (double)report->steps / seconds, seconds,
                  report_exhausted(report) ? "true" : "false",
                  report->failed == ORACLE_NONE ? "" : oracle_name(report->failed));
    write_string(file, "scenario", report->scenario);
    (void)fprintf(file, ", ");
    write_string(file, "problem", report->text);
    (void)fprintf(file, ", ");
    write_string(file, "saved", report->saved);
    (void)fprintf(file, ",\n");
    write_lines(file, report);
    return fclose(file) == 0;
}
