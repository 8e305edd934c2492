/* SPDX-License-Identifier: MIT */
/*
 * Mutexes, and waiting for a change of what was read: in all executions of a small
 * program, also with a thread that stops at any moment.
 */
#include "mmapper/testing/sim_run.h"

#include <pthread.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/litmus_run.h"

static struct {
    mm_atomic_u64 x;
    mm_atomic_u64 y;
    uint64_t plain;
    uint64_t seen[SIM_MAX_THREADS];
    int inside;    /* a critical section */
    bool together; /* two threads were */
    pthread_mutex_t a;
    pthread_mutex_t b;
} shared = {.a = PTHREAD_MUTEX_INITIALIZER, .b = PTHREAD_MUTEX_INITIALIZER};

static void begin(void *context)
{
    (void)context;
    memset(shared.seen, 0, sizeof(shared.seen));
    shared.inside = 0;
    shared.together = false;
}

static struct litmus_found explore(struct litmus_search search, const char *name)
{
    search.begin = begin;
    return litmus_show(&search, name);
}

/* ---------------------------------------------------------------------- mutexes */

/* Plain and relaxed accesses behind a mutex: no race, nothing lost, nothing stale. */
static void enter_and_count(unsigned thread)
{
    EXPECT_EQ(pthread_mutex_lock(&shared.a), 0);
    shared.together |= shared.inside++ != 0;
    const uint64_t plain = mm_plain_load(&shared.plain);
    EXPECT_EQ(mm_load_relaxed_u64(&shared.x), plain); /* the views came with it */
    mm_plain_store(&shared.plain, plain + 1);
    mm_store_relaxed_u64(&shared.x, plain + 1);
    shared.seen[thread] = plain + 1;
    shared.inside--;
    EXPECT_EQ(pthread_mutex_unlock(&shared.a), 0);
}

static void with_mutex(void *context, unsigned thread)
{
    (void)context;
    enter_and_count(thread);
    if (thread == 0) {
        enter_and_count(thread); /* before those that it woke up, perhaps */
    }
}

static uint64_t mutex_outcome(void *context)
{
    (void)context;
    EXPECT_EQ(shared.plain, 3);
    EXPECT_EQ(shared.x.value, 3);
    EXPECT(!shared.together);
    return shared.seen[1];
}

static void lock_in_turn(void *context, unsigned thread)
{
    (void)context;
    pthread_mutex_t *first = thread == 0 ? &shared.a : &shared.b;
    pthread_mutex_t *second = thread == 0 ? &shared.b : &shared.a;
    (void)pthread_mutex_lock(first);
    (void)pthread_mutex_lock(second);
    (void)pthread_mutex_unlock(second);
    (void)pthread_mutex_unlock(first);
}

static void unlock_a_strangers(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        (void)pthread_mutex_lock(&shared.a);
        mm_store_relaxed_u64(&shared.x, 1);
        EXPECT_EQ(pthread_mutex_unlock(&shared.a), 0);
    } else {
        EXPECT(pthread_mutex_unlock(&shared.a) != 0);
    }
}

static void test_mutexes(void)
{
    struct litmus_search search = {.body = with_mutex, .outcome = mutex_outcome};
    struct litmus_found found = explore(search, "mutex");
    litmus_expect_all(&found, SIM_DONE);
    EXPECT_EQ(found.count, 3); /* thread 1 was the first, the second or the third */
    search = (struct litmus_search){.body = lock_in_turn};
    found = explore(search, "two mutexes in opposite order");
    EXPECT(found.verdicts[SIM_DEADLOCK] > 0 && found.verdicts[SIM_DONE] > 0);
    EXPECT_EQ(found.verdicts[SIM_DEADLOCK] + found.verdicts[SIM_DONE],
              found.executions);
    search = (struct litmus_search){.body = unlock_a_strangers};
    found = explore(search, "unlock by another thread");
    litmus_expect_all(&found, SIM_DONE);
}

/* ---------------------------------------------------------------------- waiting */

static uint64_t sleeps;

static void count_sleep(void *context, unsigned thread, const void *mutex)
{
    (void)context;
    (void)thread;
    sleeps += mutex == NULL;
}

static const struct sim_observer sleep_counter = {.waits = count_sleep};

static void await(const mm_atomic_u64 *place, uint64_t value)
{
    struct mm_backoff backoff = {0};
    while (mm_load_acquire_u64(place) < value) {
        mm_wait(&backoff);
    }
}

static void wait_for_one(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        await(&shared.x, 1);
    } else {
        mm_store_relaxed_u64(&shared.y, 1);
        mm_store_release_u64(&shared.x, 1);
    }
}

static void wait_for_two(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        await(&shared.x, 2);
    } else {
        (void)mm_fetch_add_release_u64(&shared.x, 1);
    }
}

/* Either of two places may be the one that changes. */
static void wait_for_either(void *context, unsigned thread)
{
    (void)context;
    struct mm_backoff backoff = {0};
    if (thread == 0) {
        while (mm_load_relaxed_u64(&shared.x) == 0 &&
               mm_load_relaxed_u64(&shared.y) == 0) {
            mm_wait(&backoff);
        }
    } else if (thread == 1) {
        (void)mm_cas_relaxed_u64(&shared.y, 0, 1);
    }
}

static void wait_for_each_other(void *context, unsigned thread)
{
    (void)context;
    await(thread == 0 ? &shared.x : &shared.y, 1);
}

static void hand_over_and_back(void *context, unsigned thread)
{
    (void)context;
    if (thread == 0) {
        mm_store_release_u64(&shared.x, 1);
        await(&shared.y, 1);
    } else {
        await(&shared.x, 1);
        mm_store_release_u64(&shared.y, 1);
    }
}

static void test_waiting(void)
{
    static const struct {
        void (*body)(void *context, unsigned thread);
        unsigned threads;
        const char *name;
    } cases[] = {{wait_for_one, 2, "wait for a store"},
                 {wait_for_two, 3, "wait for two adds"},
                 {wait_for_either, 2, "wait for one of two places"},
                 {hand_over_and_back, 2, "two that wait in turn"}};
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned stale = 0; stale <= 2; stale++) {
            const struct litmus_search search = {.body = cases[i].body,
                                                 .threads = cases[i].threads,
                                                 .bounded = true,
                                                 .stale = stale,
                                                 .observer = &sleep_counter};
            sleeps = 0;
            const struct litmus_found found = explore(search, cases[i].name);
            litmus_expect_all(&found, SIM_DONE); /* nobody sleeps for ever */
            EXPECT(sleeps > 0);                  /* and they did sleep */
        }
    }
    const struct litmus_search never = {.body = wait_for_each_other};
    const struct litmus_found found = explore(never, "two that wait in vain");
    litmus_expect_all(&found, SIM_DEADLOCK);
}

/* --------------------------------------------------------------------- freezing */

static void test_freezing(void)
{
    const struct litmus_search waits = {
        .body = wait_for_one, .freeze = 2, .bounded = true};
    struct litmus_found found = explore(waits, "frozen, and awaited");
    EXPECT(found.verdicts[SIM_FROZEN_OUT] > 0 && found.verdicts[SIM_DONE] > 0);
    EXPECT_EQ(found.verdicts[SIM_FROZEN_OUT] + found.verdicts[SIM_DONE],
              found.executions);
    const struct litmus_search waiter = {
        .body = wait_for_one, .freeze = 1, .bounded = true};
    found = explore(waiter, "the waiter frozen");
    litmus_expect_all(&found, SIM_DONE);
    const struct litmus_search holder = {.body = with_mutex, .freeze = 1};
    found = explore(holder, "the holder of a mutex frozen");
    EXPECT(found.verdicts[SIM_FROZEN_OUT] > 0 && found.verdicts[SIM_DONE] > 0);
}

int main(void)
{
    test_mutexes();
    test_waiting();
    test_freezing();
    return 0;
}
