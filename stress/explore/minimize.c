/* SPDX-License-Identifier: MIT */
#include "stress/explore/minimize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/campaign.h"

enum { SEARCH_RUNS = 60000 };

/* Runs it; the oracle that fails, or ORACLE_NONE. Sets the trace's hash. */
static enum oracle run(struct schedule *schedule)
{
    const char *problem;
    uint64_t hash;
    struct world *world = schedule_run(schedule, NULL, NULL, &hash, &problem);
    if (world == NULL) {
        return ORACLE_NONE; /* without its setup it is another program */
    }
    const enum oracle failed = world->failed;
    schedule->hash = failed == ORACLE_TRAP ? 0 : hash;
    if (failed != ORACLE_TRAP) {
        world_destroy(world);
    }
    return failed;
}

static bool still_fails(struct schedule *candidate)
{
    return run(candidate) == candidate->expected;
}

/* ------------------------------------------------------------------- choices */

static void without_choices(const struct schedule *from, unsigned first, unsigned count,
                            struct schedule *to)
{
    *to = *from;
    to->choices.count -= count;
    memmove(&to->choices.items[first], &to->choices.items[first + count],
            (to->choices.count - first) * sizeof(to->choices.items[0]));
}

/* Drops runs of choices, halves first, then ever shorter ones. */
static void drop_choices(struct schedule *schedule, struct schedule *candidate)
{
    for (unsigned length = schedule->choices.count; length > 0; length /= 2) {
        for (unsigned first = 0; first < schedule->choices.count;) {
            const unsigned rest = schedule->choices.count - first;
            without_choices(schedule, first, length < rest ? length : rest, candidate);
            if (still_fails(candidate)) {
                *schedule = *candidate;
            } else {
                first += length;
            }
        }
    }
}

/* ---------------------------------------------------------------- operations */

static void remove_op(struct op *ops, uint8_t *count, unsigned index)
{
    memmove(&ops[index], &ops[index + 1], (*count - index - 1U) * sizeof(*ops));
    --*count;
}

/* A schedule for the candidate's program in which the same oracle fails: the old
 * choices, or whatever a short search finds. */
static bool find_failure(struct schedule *candidate)
{
    static const struct {
        enum strategy_kind strategy;
        struct bounds bounds;
    } searches[] = {{STRATEGY_DFS, {1, 1, 1}},
                    {STRATEGY_DFS, {2, 2, 1}},
                    {STRATEGY_STICKY, {0, 0, 0}}};
    if (still_fails(candidate)) {
        return true;
    }
    if (candidate->expected == ORACLE_TRAP) {
        return false; /* after a trap one process cannot search on */
    }
    struct campaign *campaign = calloc(1, sizeof(*campaign));
    bool found = false;
    for (unsigned i = 0; campaign != NULL && !found && i < 3; i++) {
        const char *problem;
        memset(campaign, 0, sizeof(*campaign));
        campaign->strategy = searches[i].strategy;
        campaign->bounds = searches[i].bounds;
        campaign->weak = candidate->weak;
        campaign->seed = 1;
        campaign->max_runs = SEARCH_RUNS;
        campaign->oracles = 1U << candidate->expected;
        found = campaign_run(campaign, &candidate->program, &problem) &&
                campaign->failed == candidate->expected;
        if (found) {
            candidate->choices = campaign->failure.choices;
            found = still_fails(candidate);
        }
    }
    free(campaign);
    return found;
}

/* One operation less, anywhere; false when none can go. */
static bool drop_one_op(struct schedule *schedule, struct schedule *candidate)
{
    for (unsigned thread = schedule->program.threads; thread > 0; thread--) {
        for (unsigned i = schedule->program.counts[thread - 1]; i > 0; i--) {
            *candidate = *schedule;
            remove_op(candidate->program.ops[thread - 1],
                      &candidate->program.counts[thread - 1], i - 1);
            if (find_failure(candidate)) {
                *schedule = *candidate;
                return true;
            }
        }
    }
    for (unsigned i = schedule->program.setup_count; i > 0; i--) {
        *candidate = *schedule;
        remove_op(candidate->program.setup, &candidate->program.setup_count, i - 1);
        if (find_failure(candidate)) {
            *schedule = *candidate;
            return true;
        }
    }
    return false;
}

/* Threads at the end that do nothing. */
static void drop_idle_threads(struct schedule *schedule, struct schedule *candidate)
{
    while (schedule->program.threads > 1 &&
           schedule->program.counts[schedule->program.threads - 1] == 0) {
        *candidate = *schedule;
        candidate->program.threads--;
        if (!find_failure(candidate)) {
            return;
        }
        *schedule = *candidate;
    }
}

static unsigned operations(const struct program *program)
{
    unsigned count = program->setup_count;
    for (unsigned i = 0; i < program->threads; i++) {
        count += program->counts[i];
    }
    return count;
}

int minimize_schedule(struct schedule *schedule, const char *path)
{
    const unsigned choices = schedule->choices.count;
    const unsigned ops = operations(&schedule->program);
    const enum oracle failed = run(schedule);
    if (failed == ORACLE_NONE || failed != schedule->expected) {
        (void)printf("it does not fail as it says: %s expected, %s failed\n",
                     oracle_name(schedule->expected), oracle_name(failed));
        return 1;
    }
    struct schedule *candidate = malloc(sizeof(*candidate));
    if (candidate == NULL) {
        abort();
    }
    drop_choices(schedule, candidate);
    while (drop_one_op(schedule, candidate)) {
        drop_choices(schedule, candidate);
    }
    drop_idle_threads(schedule, candidate);
    drop_choices(schedule, candidate);
    (void)run(schedule);
    free(candidate);
    (void)printf("%u of %u choices and %u of %u operations are left: %s\n",
                 schedule->choices.count, choices, operations(&schedule->program), ops,
                 oracle_name(schedule->expected));
    if (!schedule_save(path, schedule)) {
        (void)fprintf(stderr, "explore: cannot write %s\n", path);
        return 2;
    }
    return 0;
}
