/* SPDX-License-Identifier: MIT */
#include "stress/ownership_log.h"

#include <pthread.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/expect.h"

enum { THREADS = 4, KEYS = 2000, ROUNDS = 20 };

static const struct ownership_entry first = {.key = 7, .owner = 1, .epoch = 100};
static const struct ownership_entry second = {.key = 7, .owner = 2, .epoch = 200};

static void test_two_owners_are_noticed(void)
{
    struct ownership_log *log = ownership_log_create(16);
    struct ownership_session *session = ownership_session_begin(log);
    struct ownership_entry other;
    EXPECT(ownership_claim(session, &first, &other));
    EXPECT(!ownership_claim(session, &second, &other));
    EXPECT_EQ(other.key, 7);
    EXPECT_EQ(other.owner, 1);
    EXPECT_EQ(other.epoch, 100);
    /* Of one owner as well: a chunk is given once. */
    EXPECT(!ownership_claim(session, &first, &other));
    EXPECT_EQ(ownership_each(session, NULL, NULL), 1);
    ownership_session_end(session);
    ownership_log_destroy(log);
}

static void test_drop_and_hand_over_want_the_holder(void)
{
    struct ownership_log *log = ownership_log_create(16);
    struct ownership_session *session = ownership_session_begin(log);
    struct ownership_entry found;
    EXPECT(!ownership_drop(session, 7, 1, &found));
    EXPECT_EQ(found.owner, 0);
    EXPECT(ownership_claim(session, &first, &found));
    EXPECT(!ownership_drop(session, 7, 2, &found));
    EXPECT_EQ(found.owner, 1);
    EXPECT(!ownership_hand_over(session, 7, 2, 3, &found));
    EXPECT(ownership_hand_over(session, 7, 1, 3, &found));
    EXPECT(ownership_find(session, 7, &found));
    EXPECT_EQ(found.owner, 3);
    EXPECT(ownership_drop(session, 7, 3, &found));
    EXPECT(!ownership_drop(session, 7, 3, &found));
    EXPECT(!ownership_find(session, 7, &found));
    EXPECT_EQ(ownership_each(session, NULL, NULL), 0);
    ownership_session_end(session);
    ownership_log_destroy(log);
}

struct racer {
    struct ownership_log *log;
    uint64_t owner;
    mm_atomic_u64 *wins; /* for each key; relaxed: read after the join */
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    struct ownership_session *session = ownership_session_begin(racer->log);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t key = 0; key < KEYS; key++) {
            const struct ownership_entry entry = {round * KEYS + key, racer->owner, 0};
            struct ownership_entry other;
            if (ownership_claim(session, &entry, &other)) {
                (void)mm_fetch_add_relaxed_u64(&racer->wins[key], 1);
                if (key % 2 == 0) {
                    EXPECT(ownership_hand_over(session, entry.key, racer->owner,
                                               racer->owner + THREADS, &other));
                }
            } else {
                EXPECT((other.owner - 1) % THREADS != racer->owner - 1);
            }
        }
    }
    ownership_session_end(session);
    return NULL;
}

/* Of all that claim a key exactly one gets it. */
static void test_one_winner_of_a_race(void)
{
    static mm_atomic_u64 wins[KEYS];
    struct ownership_log *log = ownership_log_create(KEYS * ROUNDS);
    struct racer racers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){log, i + 1, wins};
        EXPECT_EQ(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        EXPECT_EQ(mm_load_relaxed_u64(&wins[key]), ROUNDS);
    }
    ownership_log_destroy(log);
}

/* Nodes are used again after a grace period: more claims than memory is kept for. */
static void test_many_claims_and_drops(void)
{
    struct ownership_log *log = ownership_log_create(64);
    struct ownership_session *session = ownership_session_begin(log);
    struct ownership_entry other;
    for (uint64_t i = 0; i < 20000; i++) {
        const struct ownership_entry entry = {i % 64, 1 + i, i};
        EXPECT(ownership_claim(session, &entry, &other));
        EXPECT(ownership_drop(session, i % 64, 1 + i, &other));
    }
    ownership_session_end(session);
    ownership_log_destroy(log);
}

int main(void)
{
    test_two_owners_are_noticed();
    test_drop_and_hand_over_want_the_holder();
    test_one_winner_of_a_race();
    test_many_claims_and_drops();
    return 0;
}
