/* SPDX-License-Identifier: MIT */
#include "stress/explore/campaign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    RUNS_BETWEEN_LOOKS = 256,
    /* Without another end the freeze strategy stops every subset of the threads at every
     * point of so many schedules, all different. */
    FREEZE_SCHEDULES = 8,
};

double campaign_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Keeps what is needed to see the failure again. */
static void keep_failure(struct campaign *campaign, const struct explorer *explorer)
{
    const struct world *world = explorer->world;
    struct schedule *failure = &campaign->failure;
    campaign->failed = world->failed;
    memcpy(campaign->text, world->text, sizeof(campaign->text));
    failure->program = *world->program;
    failure->choices = explorer->made;
    failure->weak = explorer->weak;
    failure->expected = world->failed;
    /* From the default oracle only when it was not a trap: then there is no hash. */
    failure->hash = world->failed == ORACLE_TRAP ? 0 : explorer->last.hash;
    failure->story[0] = '\0';
}

static bool is_over(const struct campaign *campaign, const struct explorer *explorer)
{
    if (explorer->ended || explorer_told_to_end() ||
        (campaign->max_runs != 0 && explorer->runs >= campaign->max_runs)) {
        return true;
    }
    if (campaign->frozen_ends && explorer->seed == campaign->seed + FREEZE_SCHEDULES) {
        return true;
    }
    return campaign->until != 0 && explorer->runs % RUNS_BETWEEN_LOOKS == 0 &&
           campaign_now() >= campaign->until;
}

bool campaign_run(struct campaign *campaign, const struct program *program,
                  const char **problem)
{
    const double begun = campaign_now();
    struct world *world = world_create(program, problem);
    if (world == NULL) {
        return false;
    }
    struct explorer *explorer = malloc(sizeof(*explorer));
    if (explorer == NULL) {
        abort();
    }
    explorer_init(explorer, world, campaign->strategy, campaign->seed);
    explorer->depth = campaign->depth != 0 ? campaign->depth : 3;
    explorer->bounds = campaign->bounds;
    explorer->weak = campaign->weak;
    world->oracles = campaign->oracles != 0 ? campaign->oracles : ~0U;
    campaign->failed = ORACLE_NONE;
    do {
        if (!explorer_run_guarded(explorer)) {
            keep_failure(campaign, explorer);
            break;
        }
    } while (!is_over(campaign, explorer));
    campaign->runs = explorer->runs + (campaign->failed == ORACLE_TRAP);
    campaign->steps = explorer->steps;
    campaign->restarts = explorer->restarts;
    campaign->frozen_out = explorer->frozen_out;
    campaign->exhausted = explorer->exhausted;
    campaign->seconds = campaign_now() - begun;
    explorer_free(explorer);
    free(explorer);
    if (campaign->failed != ORACLE_TRAP) {
        world_destroy(world); /* after a trap nothing of it can be trusted */
    }
    return true;
}
