/* SPDX-License-Identifier: MIT */
/* Recorded runs: what was chosen is enough to see a run again, and to make it smaller. */
#include "mmapper/testing/expect.h"
#include "stress/explore/minimize.h"
#include "stress/explore/scenarios.h"
#include "stress/explore/test_schedule.h"

/* --------------------------------------------------------------------- replays */

/* What there is to see of a run, besides the hash of its trace. */
struct seen {
    enum oracle failed;
    unsigned calls;
    struct call_log log[WORLD_CALLS];
};

static void see(const struct world *world, struct seen *seen)
{
    seen->failed = world->failed;
    seen->calls = world->calls;
    memcpy(seen->log, world->log, sizeof(seen->log));
}

static void expect_same_call(const struct call_log *call, const struct program *program,
                             const struct call_log *other,
                             const struct program *of_other)
{
    EXPECT_EQ(call->op - &program->ops[0][0], other->op - &of_other->ops[0][0]);
    EXPECT_EQ(call->begin.step, other->begin.step);
    EXPECT_EQ(call->end.step, other->end.step);
    EXPECT_EQ(call->status, other->status);
    EXPECT_EQ(call->refused, other->refused);
    EXPECT_EQ(call->place, other->place);
    EXPECT(memcmp(call->outcomes, other->outcomes, sizeof(call->outcomes)) == 0);
}

static void expect_same_schedule(const struct schedule *read,
                                 const struct schedule *written)
{
    EXPECT(test_same_program(&read->program, &written->program));
    EXPECT_EQ(read->weak, written->weak);
    EXPECT_EQ(read->expected, written->expected);
    EXPECT_EQ(read->hash, written->hash);
    EXPECT_STR(read->story, written->story);
    EXPECT_EQ(read->choices.count, written->choices.count);
    for (unsigned i = 0; i < read->choices.count; i++) {
        EXPECT_EQ(read->choices.items[i].point, written->choices.items[i].point);
        EXPECT_EQ(read->choices.items[i].kind, written->choices.items[i].kind);
        EXPECT_EQ(read->choices.items[i].value, written->choices.items[i].value);
    }
}

/* A world that stands where the last one was: the next one has other addresses, as in
 * another process. */
static struct world *take_its_place(void)
{
    static struct schedule schedule;
    const char *problem;
    test_schedule("thread 0\n", &schedule);
    struct world *world = world_create(&schedule.program, &problem);
    EXPECT(world != NULL);
    return world;
}

/* Saves the schedule, loads it, and runs what was loaded. */
static void expect_same_again(const struct schedule *schedule, const struct seen *seen)
{
    static struct schedule loaded;
    static struct seen again;
    char path[TEST_PATH_BYTES];
    const char *problem;
    unsigned line;
    uint64_t hash;
    test_path("explore-replay.schedule", path);
    EXPECT(schedule_save(path, schedule));
    EXPECT(schedule_load(path, &loaded, &problem, &line));
    (void)remove(path);
    expect_same_schedule(&loaded, schedule);
    struct world *other = take_its_place();
    struct world *world = schedule_run(&loaded, NULL, NULL, &hash, &problem);
    EXPECT(world != NULL);
    see(world, &again);
    EXPECT_EQ(hash, schedule->hash);
    EXPECT_EQ(again.failed, seen->failed);
    EXPECT_EQ(again.calls, seen->calls);
    for (unsigned i = 0; i < again.calls; i++) {
        expect_same_call(&again.log[i], &loaded.program, &seen->log[i],
                         &schedule->program);
    }
    world_destroy(world);
    world_destroy(other);
}

/* The run that was the last one. */
static void record(const struct explorer *explorer, struct schedule *schedule)
{
    schedule->choices = explorer->made;
    schedule->weak = explorer->weak;
    schedule->expected = explorer->world->failed;
    schedule->hash = explorer->last.hash;
}

/* The last of some runs: the first ones of freeze stop nobody, or at the first point. */
static void replay_one(unsigned scenario, enum strategy_kind strategy, bool weak)
{
    enum { RUNS = 24 };
    static struct explorer explorer;
    static struct schedule schedule;
    static struct seen seen;
    const char *problem;
    schedule = (struct schedule){.story = "of a test"};
    scenario_read(scenario, 0, &schedule.program);
    struct world *world = world_create(&schedule.program, &problem);
    EXPECT(world != NULL);
    explorer_init(&explorer, world, strategy, scenario);
    explorer.weak = weak;
    for (unsigned i = 0; i < RUNS + scenario % 4; i++) {
        EXPECT(explorer_run(&explorer));
    }
    record(&explorer, &schedule);
    see(world, &seen);
    explorer_free(&explorer);
    world_destroy(world); /* before another one is made, which takes its window */
    expect_same_again(&schedule, &seen);
}

static void test_replays(void)
{
    static const enum strategy_kind strategies[] = {STRATEGY_UNIFORM, STRATEGY_STICKY,
                                                    STRATEGY_PCT, STRATEGY_FREEZE};
    for (unsigned i = 0; i < scenario_count(); i++) {
        for (unsigned strategy = 0; strategy < 4; strategy++) {
            replay_one(i, strategies[strategy], false);
            replay_one(i, strategies[strategy], true);
        }
    }
}

/* -------------------------------------------------------------------- minimizing */

/* Thread 2 unlocks what thread 1 has locked: the explorer is right to find a race, and
 * four operations are what it takes. The others are there to go. Thread 0 uses
 * what it gave away: it fails another oracle, which must not be taken for the race. */
static const char undone_lock[] = "program lock-undone\n"
                                  "with metadata\n"
                                  "setup heap quarantine 4 1\n"
                                  "setup metadata map 0 2\n"
                                  "thread 0\n"
                                  "other ensure 3 1\n"
                                  "other release 3 1\n"
                                  "other touch 3 1\n"
                                  "thread 1\n"
                                  "heap lookup 4 1\n"
                                  "metadata guard 0 1\n"
                                  "metadata store 1 3\n"
                                  "thread 2\n"
                                  "heap ensure 5 1\n"
                                  "metadata store 0 0\n"
                                  "metadata guard 0 2\n"
                                  "heap release 5 1\n"
                                  "thread 3\n"
                                  "heap is-mapped 4 1\n";

static void find_race(struct schedule *schedule)
{
    static struct explorer explorer;
    const char *problem;
    test_schedule(undone_lock, schedule);
    struct world *world = world_create(&schedule->program, &problem);
    EXPECT(world != NULL);
    explorer_init(&explorer, world, STRATEGY_PCT, 1);
    while (explorer_run(&explorer) || world->failed != ORACLE_RACE) {
        EXPECT(explorer.runs < 10000);
    }
    record(&explorer, schedule);
    explorer_free(&explorer);
    world_destroy(world);
}

static enum oracle oracle_of(struct schedule *schedule)
{
    uint64_t hash;
    const char *problem;
    struct world *world = schedule_run(schedule, NULL, NULL, &hash, &problem);
    EXPECT(world != NULL);
    EXPECT_EQ(hash, schedule->hash);
    const enum oracle failed = world->failed;
    world_destroy(world);
    return failed;
}

/* Replaces it by what minimizing makes of it. */
static void minimize(struct schedule *schedule)
{
    char path[TEST_PATH_BYTES];
    const char *problem;
    unsigned line;
    test_path("explore-small.schedule", path);
    EXPECT_EQ(minimize_schedule(schedule, path), 0);
    EXPECT(schedule_load(path, schedule, &problem, &line));
    (void)remove(path);
}

/* More choices: what would have been done anyway, and what comes after the end. */
static void pad(struct schedule *schedule)
{
    struct choices *choices = &schedule->choices;
    EXPECT(choices->items[0].point > 1);
    choices->items[1] = choices->items[0];
    choices->items[0] = (struct choice){1, SIM_CHOOSE_THREAD, 0};
    choices->items[2] = (struct choice){5000, SIM_CHOOSE_THREAD, 1};
    choices->items[3] = (struct choice){5001, SIM_CHOOSE_FAULT, 1};
    choices->count = 4;
}

static void test_minimize(void)
{
    static struct schedule schedule;
    static struct schedule smaller;
    find_race(&schedule);
    smaller = schedule;
    minimize(&smaller);
    EXPECT_EQ(smaller.expected, ORACLE_RACE);
    EXPECT_EQ(oracle_of(&smaller), ORACLE_RACE);
    EXPECT_EQ(smaller.choices.count, 1);
    EXPECT_EQ(smaller.program.setup_count, 1);
    EXPECT_EQ(smaller.program.threads, 3);
    EXPECT_EQ(smaller.program.counts[0], 0);
    EXPECT_EQ(smaller.program.counts[1], 1);
    EXPECT_EQ(smaller.program.counts[2], 2);
    /* It is as small as it will go: again, and with more to drop, nothing else is left. */
    schedule = smaller;
    pad(&smaller);
    minimize(&smaller);
    expect_same_schedule(&smaller, &schedule);
}

static void test_minimize_without_failure(void)
{
    static struct schedule schedule;
    char path[TEST_PATH_BYTES];
    test_path("explore-none.schedule", path);
    (void)remove(path);
    test_schedule("thread 0\nheap quarantine 0 1\nexpect O1\n", &schedule);
    EXPECT_EQ(minimize_schedule(&schedule, path), 1);
    EXPECT(fopen(path, "r") == NULL);
}

int main(void)
{
    test_replays();
    test_minimize();
    test_minimize_without_failure();
    return 0;
}
