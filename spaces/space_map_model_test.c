/* SPDX-License-Identifier: MIT */
/* The space map against a naive model, under threads, and at its default size. */
#include <pthread.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/emulated.h"
#include "spaces/space_map.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 1024, LOG_SLOT = 18, SLOT = 1 << LOG_SLOT };

static struct space_map *create(struct mmapper *mapper, unsigned slots)
{
    const struct space_map_options options = {.log_slot_bytes = LOG_SLOT,
                                              .slots = slots};
    struct space_map *map;
    EXPECT_OK(space_map_create(mapper, &options, &map, NULL));
    return map;
}

/* ------------------------------------------------------------------- model */

enum { MODEL_SLOTS = 9 };

struct model {
    struct space_map *map;
    struct mm_owner *owners[2];
    struct mm_owner *other;
    uintptr_t spaces[MODEL_SLOTS]; /* 0: free */
    struct mm_owner *of[MODEL_SLOTS];
    bool obstacles[MODEL_SLOTS]; /* one chunk of it is the other's */
};

static void model_take(struct model *model, uint64_t *random)
{
    const uintptr_t space = (uintptr_t)random_below(random, 5) + 1;
    struct mm_owner *owner = model->owners[random_below(random, 2)];
    enum mm_status expected = MM_NO_SPACE;
    unsigned slot = 0;
    for (; slot < MODEL_SLOTS; slot++) {
        if (model->spaces[slot] == 0 && !model->obstacles[slot]) {
            expected = MM_OK;
            break;
        }
        if (model->spaces[slot] == 0) {
            expected = MM_CONFLICT;
        }
    }
    struct mm_extent extent;
    EXPECT_STATUS(space_map_take(model->map, owner, space, &extent, NULL), expected);
    if (expected == MM_OK) {
        EXPECT_EQ(extent.start, space_map_slot_extent(model->map, slot).start);
        model->spaces[slot] = space;
        model->of[slot] = owner;
    }
}

static void model_give_back(struct model *model, uint64_t *random)
{
    const unsigned slot = (unsigned)random_below(random, MODEL_SLOTS);
    const uintptr_t space = (uintptr_t)random_below(random, 5) + 1;
    enum mm_status expected = MM_OK;
    if (model->spaces[slot] == 0) {
        expected = MM_WRONG_STATE;
    } else if (model->spaces[slot] != space) {
        expected = MM_CONFLICT;
    }
    EXPECT_STATUS(space_map_give_back(model->map,
                                      space_map_slot_extent(model->map, slot).start,
                                      space, NULL),
                  expected);
    if (expected == MM_OK) {
        model->spaces[slot] = 0;
        model->of[slot] = NULL;
    }
}

static void model_toggle_obstacle(struct mmapper *mapper, struct model *model,
                                  uint64_t *random)
{
    const unsigned slot = (unsigned)random_below(random, MODEL_SLOTS);
    if (model->spaces[slot] != 0) {
        return;
    }
    const struct mm_extent middle = {
        space_map_slot_extent(model->map, slot).start + CHUNK, CHUNK};
    if (model->obstacles[slot]) {
        EXPECT_OK(mmapper_release(mapper, model->other, middle, NULL));
    } else {
        EXPECT_OK(mmapper_quarantine(mapper, model->other, middle, NULL));
    }
    model->obstacles[slot] = !model->obstacles[slot];
}

static void model_compare(const struct mmapper *mapper, const struct model *model)
{
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        const struct mm_extent extent = space_map_slot_extent(model->map, i);
        EXPECT_EQ(space_map_space_of(model->map, extent.start + SLOT / 2),
                  model->spaces[i]);
        const struct mm_lookup first = mmapper_lookup(mapper, extent.start);
        EXPECT_EQ((uintptr_t)first.owner, (uintptr_t)model->of[i]);
        if (model->of[i] != NULL) {
            expect_chunks(mapper, extent, MM_QUARANTINED, model->of[i]);
        }
    }
}

static void test_random_model(uint64_t seed)
{
    uint64_t random = seed;
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct model model = {
        .map = create(mapper, MODEL_SLOTS),
        .owners = {fixture_owner(&fixture, "a"), fixture_owner(&fixture, "b")},
        .other = fixture_owner(&fixture, "other"),
    };
    for (unsigned step = 0; step < 20000; step++) {
        switch (random_below(&random, 5)) {
        case 0:
            model_toggle_obstacle(mapper, &model, &random);
            break;
        case 1:
        case 2:
            model_take(&model, &random);
            break;
        default:
            model_give_back(&model, &random);
        }
        model_compare(mapper, &model);
    }
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        const struct mm_extent extent = space_map_slot_extent(model.map, i);
        if (model.spaces[i] != 0) {
            EXPECT_OK(
                space_map_give_back(model.map, extent.start, model.spaces[i], NULL));
        }
        if (model.obstacles[i]) {
            EXPECT_OK(mmapper_release(mapper, model.other,
                                      mm_extent_of(extent.start + CHUNK, CHUNK), NULL));
        }
    }
    EXPECT_OK(space_map_destroy(model.map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, model.owners[0], NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, model.owners[1], NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, model.other, NULL));
    fixture_end(&fixture);
}

/* ----------------------------------------------------------------- threads */

enum { THREADS = 4, SLOTS = 3, ROUNDS = 5000 };

struct worker {
    pthread_t thread;
    struct space_map *map;
    struct mmapper *mapper;
    struct mm_owner *owner;
    uintptr_t space;
    mm_atomic_u32 *holders; /* one for each slot */
};

/* Takes slots, with fewer slots than threads, and is alone in each. */
static void *take_and_give_back(void *argument)
{
    struct worker *worker = argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct mm_extent extent;
        enum mm_status status =
            space_map_take(worker->map, worker->owner, worker->space, &extent, NULL);
        if (status == MM_NO_SPACE) {
            continue;
        }
        EXPECT_EQ(status, MM_OK);
        const size_t slot =
            (extent.start - space_map_extent(worker->map).start) >> LOG_SLOT;
        /* edge: test_holder */
        EXPECT(mm_cas_acq_rel_u32(&worker->holders[slot], 0, (uint32_t)worker->space));
        EXPECT_EQ(space_map_space_of(worker->map, extent.start), worker->space);
        expect_chunks(worker->mapper, extent, MM_QUARANTINED, worker->owner);
        EXPECT(mm_cas_acq_rel_u32(&worker->holders[slot], (uint32_t)worker->space, 0));
        EXPECT_OK(space_map_give_back(worker->map, extent.start, worker->space, NULL));
    }
    return NULL;
}

static void test_threads_race_for_slots(void)
{
    mm_atomic_u32 holders[SLOTS] = {{0}};
    struct worker workers[THREADS];
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, SLOTS);
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){
            .map = map,
            .mapper = mapper,
            .owner = fixture_owner(&fixture, "racer"),
            .space = t + 1,
            .holders = holders,
        };
    }
    for (unsigned t = 0; t < THREADS; t++) {
        EXPECT_EQ(
            pthread_create(&workers[t].thread, NULL, take_and_give_back, &workers[t]),
            0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        EXPECT_EQ(pthread_join(workers[t].thread, NULL), 0);
        EXPECT_OK(mmapper_unregister_owner(mapper, workers[t].owner, NULL));
    }
    EXPECT_OK(space_map_destroy(map, NULL));
    fixture_end(&fixture);
}

enum { LOCKSTEPS = 20000 };

struct duel {
    struct space_map *map;
    mm_atomic_u64 arrivals;
    mm_atomic_u32 winners;
};

/* Waits until both have come `steps` times. */
static void meet(struct duel *duel, uint64_t steps)
{
    struct mm_backoff backoff = {0};
    (void)mm_fetch_add_release_u64(&duel->arrivals, 1);        /* edge: test_meet */
    while (mm_load_acquire_u64(&duel->arrivals) < 2 * steps) { /* edge: test_meet */
        mm_wait(&backoff);
    }
}

/* Both ask for the same slot at the same time. Without an owner: no mapper keeps them
 * apart, the slot's own state must do it. */
static void *take_at_once(void *argument)
{
    struct duel *duel = argument;
    for (uint64_t i = 0; i < LOCKSTEPS; i++) {
        struct mm_extent extent;
        meet(duel, 3 * i + 1);
        const bool won = space_map_take(duel->map, NULL, 1, &extent, NULL) == MM_OK;
        /* Relaxed: the meeting orders it. */
        (void)mm_fetch_add_relaxed_u32(&duel->winners, won ? 1 : 0);
        meet(duel, 3 * i + 2);
        EXPECT_EQ(mm_load_relaxed_u32(&duel->winners), i + 1);
        if (won) {
            EXPECT_OK(space_map_give_back(duel->map, extent.start, 1, NULL));
        }
        meet(duel, 3 * i + 3);
    }
    return NULL;
}

static void test_one_of_two_gets_the_slot(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct duel duel = {.map = create(mapper, 1)};
    pthread_t threads[2];
    for (unsigned t = 0; t < 2; t++) {
        EXPECT_EQ(pthread_create(&threads[t], NULL, take_at_once, &duel), 0);
    }
    EXPECT_EQ(pthread_join(threads[0], NULL), 0);
    EXPECT_EQ(pthread_join(threads[1], NULL), 0);
    EXPECT_OK(space_map_destroy(duel.map, NULL));
    fixture_end(&fixture);
}

/* Two give the same slot back: one of them is told so. */
struct double_free {
    struct space_map *map;
    uintptr_t start;
    enum mm_status status;
};

static void *give_back_once(void *argument)
{
    struct double_free *race = argument;
    race->status = space_map_give_back(race->map, race->start, 1, NULL);
    return NULL;
}

static void test_threads_give_the_same_slot_back(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 1);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    for (unsigned i = 0; i < 200; i++) {
        struct mm_extent extent;
        EXPECT_OK(space_map_take(map, owner, 1, &extent, NULL));
        struct double_free races[2];
        pthread_t threads[2];
        for (unsigned t = 0; t < 2; t++) {
            races[t] = (struct double_free){.map = map, .start = extent.start};
            EXPECT_EQ(pthread_create(&threads[t], NULL, give_back_once, &races[t]), 0);
        }
        EXPECT_EQ(pthread_join(threads[0], NULL), 0);
        EXPECT_EQ(pthread_join(threads[1], NULL), 0);
        EXPECT((races[0].status == MM_OK) != (races[1].status == MM_OK));
        const enum mm_status refused =
            races[0].status == MM_OK ? races[1].status : races[0].status;
        EXPECT(refused == MM_WRONG_STATE || refused == MM_BUSY);
    }
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

/* ----------------------------------------------------------------- defaults */

static void test_slots_of_two_tebibytes(void)
{
    if (left_out_if_huge_is_slow("2 TiB")) {
        return;
    }
    const struct mmapper_options options = {
        .base = UINT64_C(0x7a0000000000),
        .limit = UINT64_C(0x7ff000000000),
    };
    const struct mmap_support support = mmap_support_linux();
    const struct space_map_options map_options = {.slots = 2};
    struct fixture fixture;
    struct space_map *map;
    struct mm_extent extent;
    EXPECT_OK(mmapper_create(&options, &support, &fixture.mapper, NULL));
    EXPECT_OK(space_map_create(fixture.mapper, &map_options, &map, NULL));
    struct mm_owner *owner = fixture_owner(&fixture, "large");
    for (uintptr_t space = 1; space <= 2; space++) {
        EXPECT_OK(space_map_take(map, owner, space, &extent, NULL));
        EXPECT_EQ(extent.bytes, (size_t)2 << 40);
        EXPECT(mm_is_aligned(extent.start, (size_t)2 << 40));
        EXPECT_EQ(space_map_space_of(map, mm_extent_end(extent) - 1), space);
    }
    EXPECT_OK(space_map_give_back(map, space_map_slot_extent(map, 0).start, 1, NULL));
    EXPECT_OK(space_map_give_back(map, space_map_slot_extent(map, 1).start, 2, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(fixture.mapper, owner, NULL));
    EXPECT_OK(mmapper_destroy(fixture.mapper, NULL));
}

int main(int argc, char **argv)
{
    const uint64_t seed = fixture_seed(argc, argv);
    test_random_model(seed);
    test_threads_race_for_slots();
    test_one_of_two_gets_the_slot();
    test_threads_give_the_same_slot_back();
    test_slots_of_two_tebibytes();
    return 0;
}
