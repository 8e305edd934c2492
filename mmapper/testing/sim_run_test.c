/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler does besides memory: races, freezing, calls, faults and the
 * verdicts, each in all executions of a small program.
 */
#include "mmapper/testing/sim_run.h"

#include "mmapper/atomic.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/litmus_run.h"

static struct {
    mm_atomic_u64 x;
    mm_atomic_u64 many[80];
    uint64_t plain;
    uint64_t seen[SIM_MAX_THREADS];
    int last; /* the thread that ran last */
} shared;

static void begin(void *context)
{
    (void)context;
    memset(shared.seen, 0, sizeof(shared.seen));
    shared.last = -1;
}

static struct litmus_found explore(struct litmus_search search, const char *name)
{
    search.begin = begin;
    return litmus_show(&search, name);
}

/* ------------------------------------------------------------------------ races */

static void publish_plain(unsigned thread, bool release, bool acquire)
{
    if (thread == 0) {
        mm_plain_store(&shared.plain, 1);
        if (release) {
            mm_store_release_u64(&shared.x, 1);
        } else {
            mm_store_relaxed_u64(&shared.x, 1);
        }
        return;
    }
    shared.seen[1] = 1; /* as long as it does not look */
    const uint64_t flag =
        acquire ? mm_load_acquire_u64(&shared.x) : mm_load_relaxed_u64(&shared.x);
    if (flag == 1) {
        shared.seen[1] = 2;
        EXPECT_EQ(mm_plain_load(&shared.plain), 1);
    }
}

static void race_free(void *context, unsigned thread)
{
    (void)context;
    publish_plain(thread, true, true);
}

static void race_no_release(void *context, unsigned thread)
{
    (void)context;
    publish_plain(thread, false, true);
}

static void race_no_acquire(void *context, unsigned thread)
{
    (void)context;
    publish_plain(thread, true, false);
}

static void race_write_write(void *context, unsigned thread)
{
    (void)context;
    mm_plain_store(&shared.plain, thread);
}

static void race_read_write(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        (void)mm_plain_load(&shared.plain);
    } else {
        mm_plain_store(&shared.plain, 1);
    }
}

static void reads_alone(void *context, unsigned thread)
{
    (void)context;
    (void)thread;
    (void)mm_plain_load(&shared.plain);
}

static uint64_t what_1_saw(void *context)
{
    (void)context;
    return shared.seen[1];
}

static void mixes(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        mm_plain_store(&shared.many[0].value, 1);
    } else {
        mm_store_relaxed_u64(&shared.many[0], 2);
    }
}

static void mixes_alone(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        (void)mm_load_acquire_u64(&shared.many[0]);
        mm_store_relaxed_u64(&shared.many[0], 1);
        (void)mm_plain_load(&shared.many[0].value);
    }
}

static void test_mixing(void)
{
    struct litmus_found found =
        explore((struct litmus_search){.body = mixes}, "plain and atomic");
    litmus_expect_all(&found, SIM_RACE);
    found = explore((struct litmus_search){.body = mixes_alone},
                    "plain and atomic, one thread");
    litmus_expect_all(&found, SIM_RACE);
}

static void test_races(void)
{
    const struct litmus_search search = {.outcome = what_1_saw};
    struct litmus_search varied = search;
    varied.body = race_free;
    struct litmus_found found = explore(varied, "plain, release and acquire");
    litmus_expect_all(&found, SIM_DONE);
    EXPECT(litmus_count(&found, 1) > 0 && litmus_count(&found, 2) > 0);
    void (*const racing[])(void *, unsigned) = {race_no_release, race_no_acquire};
    for (unsigned i = 0; i < 2; i++) {
        varied.body = racing[i];
        found =
            explore(varied, i == 0 ? "plain, relaxed store" : "plain, relaxed load");
        /* Reported in every execution that looks, and in no other. */
        EXPECT(found.verdicts[SIM_RACE] > 0);
        EXPECT_EQ(litmus_count(&found, 2), 0);
        EXPECT_EQ(litmus_count(&found, 1) + found.verdicts[SIM_RACE], found.executions);
    }
    varied.body = race_write_write;
    found = explore(varied, "plain, two stores");
    litmus_expect_all(&found, SIM_RACE);
    varied.body = race_read_write;
    found = explore(varied, "plain, load and store");
    litmus_expect_all(&found, SIM_RACE);
    varied.body = reads_alone;
    found = explore(varied, "plain, two loads");
    litmus_expect_all(&found, SIM_DONE);
}

/* --------------------------------------------------------------------- freezing */

static void count_lock_free(void *context, unsigned thread)
{
    (void)context;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t seen;
        do {
            seen = mm_load_relaxed_u64(&shared.x);
        } while (!mm_cas_relaxed_u64(&shared.x, seen, seen + 1));
    }
    shared.last = (int)thread;
}

static uint64_t count_outcome(void *context)
{
    (void)context;
    EXPECT_EQ(shared.x.value, 4);
    return (uint64_t)shared.last;
}

static void test_freezing(void)
{
    /* Whoever is stopped wherever: the other gets done, and then he does too. */
    for (unsigned mask = 1; mask <= 2; mask++) {
        const struct litmus_search search = {.body = count_lock_free,
                                             .outcome = count_outcome,
                                             .freeze = mask,
                                             .bounded = true,
                                             .elide = true};
        const struct litmus_found found = explore(search, "frozen in a lock-free loop");
        litmus_expect_all(&found, SIM_DONE);
    }
}

/* --------------------------------------------------------------------- verdicts */

static void spin(void *context, unsigned thread)
{
    (void)context;
    while (thread == 0 && mm_load_relaxed_u64(&shared.x) == 0) {
    }
}

static void spin_in_calls(void *context, unsigned thread)
{
    (void)context;
    for (unsigned call = 0; thread == 0 && call < 10; call++) {
        sim_call_begins();
        for (unsigned i = 0; i < 15; i++) {
            (void)mm_load_relaxed_u64(&shared.x);
        }
    }
}

static void store_often(void *context, unsigned thread)
{
    (void)context;
    for (unsigned i = 0; thread == 0 && i < 251; i++) {
        mm_store_relaxed_u64(&shared.x, i);
    }
}

static void store_everywhere(void *context, unsigned thread)
{
    (void)context;
    for (unsigned i = 0; thread == 0 && i < 80; i++) {
        mm_store_relaxed_u64(&shared.many[i], i + 1);
    }
}

static void stop(void *context, unsigned thread)
{
    (void)context;
    mm_store_relaxed_u64(&shared.x, 1);
    if (thread == 1) {
        sim_stop();
    }
}

static void meet_faults(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        EXPECT_EQ(sim_choose_fault(1), 0);
        shared.seen[1] = 10 + sim_choose_fault(3) + 4 * sim_choose_fault(2);
    }
}

static void test_verdicts(void)
{
    struct litmus_search search = {.body = spin, .max_alone = 40};
    struct litmus_found found = explore(search, "a loop that does not wait");
    litmus_expect_all(&found, SIM_ALONE);
    search =
        (struct litmus_search){.body = spin_in_calls, .max_alone = 40, .elide = true};
    found = explore(search, "many calls, each of them short");
    litmus_expect_all(&found, SIM_DONE);
    search = (struct litmus_search){.body = store_often, .elide = true};
    found = explore(search, "more stores than are counted");
    litmus_expect_all(&found, SIM_TOO_LONG);
    search = (struct litmus_search){.body = store_everywhere, .elide = true};
    found = explore(search, "more places than views have");
    litmus_expect_all(&found, SIM_TOO_LONG);
    for (unsigned i = 0; i < 80; i++) {
        EXPECT_EQ(shared.many[i].value, 0);
    }
    search = (struct litmus_search){.body = stop};
    found = explore(search, "a thread stops the run");
    litmus_expect_all(&found, SIM_STOPPED);
    search = (struct litmus_search){.body = meet_faults, .outcome = what_1_saw};
    found = explore(search, "faults");
    EXPECT_EQ(found.count, 6);
}

int main(void)
{
    test_races();
    test_mixing();
    test_freezing();
    test_verdicts();
    return 0;
}
