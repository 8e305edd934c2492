/* SPDX-License-Identifier: MIT */
/*
 * The exhaustive search: it makes every choice, twice the same ones, and loses nothing
 * where it offers none.
 */
#include "mmapper/testing/expect.h"
#include "stress/explore/campaign.h"
#include "stress/explore/scenarios.h"
#include "stress/explore/test_schedule.h"

/* ------------------------------------------------------------------- outcomes */

enum {
    MAX_OUTCOMES = 1024,
    MAX_RESTARTS = 1000, /* each finds one more location to be shared */
};

struct outcomes {
    unsigned count;
    uint64_t hashes[MAX_OUTCOMES];
};

static bool is_in(const struct outcomes *set, uint64_t hash)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (set->hashes[i] == hash) {
            return true;
        }
    }
    return false;
}

static void add(struct outcomes *set, uint64_t hash)
{
    if (!is_in(set, hash)) {
        EXPECT(set->count < MAX_OUTCOMES);
        set->hashes[set->count++] = hash;
    }
}

/* What the calls said, what the run left in memory, and all that was done to the kernel.
 * The calls as a sum: their order is no outcome. */
static uint64_t outcome_of(const struct world *world)
{
    uint64_t calls = 0;
    for (unsigned i = 0; i < world->calls; i++) {
        const struct call_log *log = &world->log[i];
        uint64_t hash = (uint64_t)(log->op - &world->program->ops[0][0]) << 16 |
                        (uint64_t)log->status << 8 | log->place;
        for (unsigned chunk = 0; chunk < PROGRAM_CHUNKS; chunk++) {
            hash = world_mix(hash, log->outcomes[chunk]);
        }
        calls += hash;
    }
    return world_mix(world_mix(calls, sim_memory_digest()), world->facts.os);
}

/* ------------------------------------------------------------------- searches */

struct search {
    struct explorer explorer;
    struct outcomes found;
};

/* The end of a run is the only moment at which its memory can be looked at. */
static void note_end(void *context, const struct sim_event *event)
{
    struct search *search = context;
    if (event == NULL) {
        add(&search->found, outcome_of(search->explorer.world));
    }
}

static void search_all(struct search *search, struct world *world,
                       const struct bounds *bounds, bool weak, bool elide)
{
    struct explorer *explorer = &search->explorer;
    sim_memory_forget();
    explorer_init(explorer, world, STRATEGY_DFS, 0);
    explorer->bounds = *bounds;
    explorer->weak = weak;
    explorer->elide = elide;
    explorer->observer.event = note_end;
    explorer->observer.event_context = search;
    search->found.count = 0;
    while (!explorer->ended) {
        EXPECT(explorer_run(explorer));
        EXPECT(explorer->restarts < MAX_RESTARTS);
        if (explorer->last.learned) {
            search->found.count = 0; /* as the search does: it must find them again */
        }
    }
    EXPECT(explorer->exhausted);
    explorer_free(explorer);
}

struct elision {
    uint64_t all;
    uint64_t elided;
};

/* One world for both: addresses are part of what is compared. */
static void compare(unsigned scenario, const struct bounds *bounds, bool weak,
                    struct elision *sum)
{
    static struct search all;
    static struct search elided;
    struct program program;
    const char *problem;
    scenario_read(scenario, 2, &program);
    struct world *world = world_create(&program, &problem);
    EXPECT(world != NULL);
    search_all(&all, world, bounds, weak, false);
    search_all(&elided, world, bounds, weak, true);
    (void)printf("%s, %s: %" PRIu64 " schedules, elided %" PRIu64 ", outcomes %u, %u\n",
                 program.name, weak ? "weak" : "strong", all.explorer.runs,
                 elided.explorer.runs, all.found.count, elided.found.count);
    EXPECT_EQ(elided.found.count, all.found.count);
    for (unsigned i = 0; i < all.found.count; i++) {
        EXPECT(is_in(&elided.found, all.found.hashes[i]));
    }
    sum->all += all.explorer.runs;
    sum->elided += elided.explorer.runs;
    world_destroy(world);
}

/* A switch that is moved behind a step of the thread's own costs no more there: the
 * outcomes are the same within the same bounds. */
static void test_elision_within_bounds(void)
{
    static const struct bounds strong = {2, 0, 1};
    static const struct bounds weak = {1, 2, 1};
    struct elision sum = {0};
    for (unsigned i = 0; i < scenario_count(); i++) {
        compare(i, &strong, false, &sum);
        compare(i, &weak, true, &sum);
    }
    /* Otherwise it is not worth its risk. */
    EXPECT(sum.elided < sum.all / 2);
}

static void test_elision_without_bounds(void)
{
    static const struct bounds none = {1000, 1000, 1000};
    static const char *const names[] = {"owners-used-by-another",
                                        "foreign-old-kernel",
                                        "metadata-exchange-exchange",
                                        "metadata-hand-over",
                                        "immortal-aligned-does-not-fit",
                                        "immortal-fits-beside-one-that-does-not",
                                        "metadata-map-store"};
    struct elision sum = {0};
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const int scenario = scenario_find(names[i]);
        EXPECT(scenario >= 0);
        compare((unsigned)scenario, &none, false, &sum);
        compare((unsigned)scenario, &none, true, &sum);
    }
}

/* --------------------------------------------------------------------- counts */

/* Each thread has two steps, which cut it into three pieces: there are 6! / (3! 3!) = 20
 * orders of the pieces, of which so many have few enough preemptions. */
static void test_all_choices_are_made(void)
{
    static const unsigned counts[] = {2, 6, 14, 18, 20, 20};
    static struct schedule schedule;
    test_schedule("thread 0\nforeign unmap 0 1\nthread 1\nforeign unmap 1 1\n",
                  &schedule);
    for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        static struct campaign campaign;
        const char *problem;
        campaign = (struct campaign){.strategy = STRATEGY_DFS, .bounds = {i, 0, 0}};
        EXPECT(campaign_run(&campaign, &schedule.program, &problem));
        EXPECT(campaign.exhausted);
        EXPECT_EQ(campaign.runs, counts[i]);
    }
}

static void search_again(const struct program *program, bool weak)
{
    static struct campaign runs[2];
    for (unsigned i = 0; i < 2; i++) {
        const char *problem;
        runs[i] = (struct campaign){
            .strategy = STRATEGY_DFS, .bounds = {1, 1, 1}, .weak = weak};
        EXPECT(campaign_run(&runs[i], program, &problem));
        EXPECT_EQ(runs[i].failed, ORACLE_NONE);
        EXPECT(runs[i].exhausted);
    }
    EXPECT_EQ(runs[1].runs, runs[0].runs);
    EXPECT_EQ(runs[1].steps, runs[0].steps);
    EXPECT_EQ(runs[1].restarts, runs[0].restarts);
}

static void test_counts_are_repeatable(void)
{
    for (unsigned i = 0; i < scenario_count(); i++) {
        struct program program;
        scenario_read(i, 2, &program);
        search_again(&program, false);
        search_again(&program, true);
    }
}

int main(void)
{
    test_elision_within_bounds();
    test_elision_without_bounds();
    test_all_choices_are_made();
    test_counts_are_repeatable();
    return 0;
}
