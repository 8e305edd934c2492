/* SPDX-License-Identifier: MIT */
/*
 * The explorer's program: explores scenarios, replays a schedule, minimises one. See
 * docs/TESTING.md; `tools/harness explore` is the comfortable way to call it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/campaign.h"
#include "stress/explore/explore_options.h"
#include "stress/explore/minimize.h"
#include "stress/explore/report.h"
#include "stress/explore/scenarios.h"
#include "stress/explore/trace.h"

enum { GOOD = 0, VIOLATION = 1, USAGE = 2 };

enum { PORTFOLIO_SLICES = 7 };
static const uint64_t slice_runs = 2000;

/* What the portfolio does in one slice: each strategy is worst at something. */
static void choose_slice(struct campaign *campaign, unsigned slice, uint64_t round)
{
    static const struct {
        enum strategy_kind strategy;
        bool weak;
        struct bounds bounds;
    } slices[PORTFOLIO_SLICES] = {
        {STRATEGY_STICKY, true, {0, 0, 0}},   {STRATEGY_DFS, false, {2, 0, 1}},
        {STRATEGY_UNIFORM, false, {0, 0, 0}}, {STRATEGY_PCT, true, {0, 0, 0}},
        {STRATEGY_FREEZE, false, {0, 0, 0}},  {STRATEGY_UNIFORM, true, {0, 0, 0}},
        {STRATEGY_DFS, true, {1, 2, 1}},
    };
    campaign->strategy = slices[slice].strategy;
    campaign->weak = slices[slice].weak;
    campaign->bounds = slices[slice].bounds;
    campaign->depth = 3 + (unsigned)(round % 3);
    campaign->seed += round * 7919;
    campaign->max_runs = slice_runs << (round < 6 ? round : 6);
}

static struct campaign campaign_of(const struct explore_options *options)
{
    struct campaign campaign = {
        .strategy = options->strategy,
        .depth = options->depth,
        .bounds = options->bounds,
        .weak = options->weak,
        .seed = options->seed,
        .max_runs = options->schedules,
        .oracles = options->oracles,
    };
    return campaign;
}

/* One campaign, entered into the report. False when it found a violation. */
static bool explore_once(struct explore_report *report, unsigned scenario,
                         struct campaign *campaign, unsigned threads)
{
    struct program program;
    const char *problem;
    scenario_read(scenario, threads, &program);
    if (!campaign_run(campaign, &program, &problem)) {
        (void)fprintf(stderr, "explore: scenario %s: %s\n", program.name, problem);
        exit(USAGE);
    }
    report_add(report, scenario, &program, campaign);
    return campaign->failed == ORACLE_NONE;
}

/* Scenarios in turn, each once. */
static bool explore_each(const struct explore_options *options,
                         struct explore_report *report)
{
    const double end = options->seconds > 0 ? campaign_now() + options->seconds : 0;
    const unsigned count = scenario_count();
    unsigned left = options->scenario >= 0 ? 1 : count;
    for (unsigned i = 0; i < count; i++) {
        if (options->scenario >= 0 && (unsigned)options->scenario != i) {
            continue;
        }
        struct campaign campaign = campaign_of(options);
        if (end != 0) {
            const double now = campaign_now();
            campaign.until = now + (end - now) / left;
        } else if (options->schedules == 0 && options->strategy != STRATEGY_DFS) {
            campaign.frozen_ends = options->strategy == STRATEGY_FREEZE;
            campaign.max_runs = campaign.frozen_ends ? 0 : 100000;
        }
        left--;
        if (!explore_once(report, i, &campaign, options->threads)) {
            return false;
        }
        if (explorer_told_to_end()) {
            return true;
        }
    }
    return true;
}

/* All scenarios with each strategy of the portfolio, in ever longer slices. */
static bool explore_portfolio(const struct explore_options *options,
                              struct explore_report *report)
{
    const double end = campaign_now() + (options->seconds > 0 ? options->seconds : 10);
    const unsigned count = scenario_count();
    for (uint64_t round = 0;; round++) {
        for (unsigned slice = 0; slice < PORTFOLIO_SLICES; slice++) {
            for (unsigned i = 0; i < count; i++) {
                if (options->scenario >= 0 && (unsigned)options->scenario != i) {
                    continue;
                }
                struct campaign campaign = campaign_of(options);
                choose_slice(&campaign, slice, round);
                campaign.until = end;
                if (!explore_once(report, i, &campaign, options->threads)) {
                    return false;
                }
                if (campaign_now() >= end || explorer_told_to_end() ||
                    (options->schedules != 0 && report->runs >= options->schedules)) {
                    return true;
                }
            }
        }
        if (!options->quiet) {
            report_progress(report);
        }
    }
}

static int explore(const struct explore_options *options)
{
    struct explore_report *report = report_create(options);
    const bool good = options->portfolio ? explore_portfolio(options, report)
                                         : explore_each(options, report);
    report_print(report);
    /* An exhaustive search that nothing was to cut off must have come to its end. */
    const bool cut_off = options->strategy == STRATEGY_DFS && !options->portfolio &&
                         options->seconds <= 0 && options->schedules == 0 && good &&
                         !explorer_told_to_end() && !report_exhausted(report);
    if (cut_off) {
        (void)fprintf(stderr, "explore: a search was cut off\n");
    }
    if (options->json != NULL && !report_write(report, options->json)) {
        (void)fprintf(stderr, "explore: cannot write %s\n", options->json);
        report_destroy(report);
        return USAGE;
    }
    report_destroy(report);
    return good && !cut_off ? GOOD : VIOLATION;
}

static struct schedule *load(const char *path)
{
    const char *problem;
    unsigned line;
    struct schedule *schedule = malloc(sizeof(*schedule));
    if (schedule == NULL) {
        abort();
    }
    if (!schedule_load(path, schedule, &problem, &line)) {
        (void)fprintf(stderr, "explore: %s:%u: %s\n", path, line, problem);
        exit(USAGE);
    }
    return schedule;
}

static int replay(const struct explore_options *options)
{
    struct schedule *schedule = load(options->replay);
    const int result = trace_replay(schedule, options->trace);
    free(schedule);
    return result;
}

static int minimize(const struct explore_options *options)
{
    struct schedule *schedule = load(options->minimize);
    const int result = minimize_schedule(schedule, options->save);
    free(schedule);
    return result;
}

static int list(void)
{
    struct program program;
    for (unsigned i = 0; i < scenario_count(); i++) {
        scenario_read(i, 0, &program);
        (void)printf("%-32s %u threads\n", program.name, program.threads);
    }
    return GOOD;
}

int main(int argc, char **argv)
{
    struct explore_options options;
    if (!explore_options_read(&options, argc, argv)) {
        return USAGE;
    }
    explorer_guard();
    if (options.list) {
        return list();
    }
    if (options.replay != NULL) {
        return replay(&options);
    }
    if (options.minimize != NULL) {
        return minimize(&options);
    }
    return explore(&options);
}
