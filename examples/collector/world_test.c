/* SPDX-License-Identifier: MIT */
/*
 * Stopping the world. Runners write plain memory without a lock; stoppers read and write
 * all of it while the world is stopped. Whatever still runs then is seen by the sums, or by
 * ThreadSanitizer.
 */
#include "examples/collector/world.h"

#include <sched.h>

#include "mmapper/testing/expect.h"

enum { RUNNERS = 3, STOPPERS = 2, STEPS = 2000000 };

struct test {
    struct world world;
    pthread_mutex_t slow; /* held by runners for a while, and waited for */
    /* Volatile, so that each step is made; equal, but within a step. */
    volatile uint64_t counts[RUNNERS];
    volatile uint64_t echoes[RUNNERS];
    uint64_t stops;   /* written with the world stopped */
    atomic_uint left; /* runners */
};

struct runner {
    struct test *test;
    unsigned number;
    pthread_t thread;
};

static void *run(void *argument)
{
    const struct runner *runner = argument;
    struct test *test = runner->test;
    world_enter(&test->world);
    for (unsigned i = 0; i < STEPS; i++) {
        test->counts[runner->number]++;
        test->echoes[runner->number]++;
        if (i % 4096 == 0) {
            world_poll(&test->world);
            /* Waits for another runner, so it does not run meanwhile. */
            world_leave(&test->world);
            EXPECT_EQ(pthread_mutex_lock(&test->slow), 0);
            world_enter(&test->world);
            world_poll(&test->world);
            EXPECT_EQ(pthread_mutex_unlock(&test->slow), 0);
        }
        if (i % 100000 == 0) {
            world_leave(&test->world);
            world_enter(&test->world);
        }
    }
    atomic_fetch_sub(&test->left, 1);
    world_leave(&test->world);
    return NULL;
}

static void *stop(void *argument)
{
    struct test *test = ((const struct runner *)argument)->test;
    world_enter(&test->world);
    do { /* once at least, also when the runners have ended before */
        if (!world_stop(&test->world)) {
            continue;
        }
        uint64_t before = 0;
        for (unsigned k = 0; k < RUNNERS; k++) {
            EXPECT_EQ(test->counts[k], test->echoes[k]);
            before += test->counts[k];
        }
        test->stops++;
        (void)sched_yield(); /* to whoever still runs */
        uint64_t after = 0;
        for (unsigned k = 0; k < RUNNERS; k++) {
            after += test->counts[k];
        }
        EXPECT_EQ(after, before);
        world_resume(&test->world);
    } while (atomic_load(&test->left) > 0);
    world_leave(&test->world);
    return NULL;
}

int main(void)
{
    static struct test test = {.left = RUNNERS};
    struct runner runners[RUNNERS + STOPPERS];
    EXPECT(world_init(&test.world));
    EXPECT_EQ(pthread_mutex_init(&test.slow, NULL), 0);
    for (unsigned i = 0; i < RUNNERS + STOPPERS; i++) {
        runners[i] = (struct runner){.test = &test, .number = i};
        EXPECT_EQ(pthread_create(&runners[i].thread, NULL, i < RUNNERS ? run : stop,
                                 &runners[i]),
                  0);
    }
    for (unsigned i = 0; i < RUNNERS + STOPPERS; i++) {
        EXPECT_EQ(pthread_join(runners[i].thread, NULL), 0);
    }
    EXPECT_EQ(test.world.running, 0);
    EXPECT(test.stops > 0);
    for (unsigned i = 0; i < RUNNERS; i++) {
        EXPECT_EQ(test.counts[i], STEPS);
    }
    EXPECT_EQ(pthread_mutex_destroy(&test.slow), 0);
    world_destroy(&test.world);
    return 0;
}
