/* SPDX-License-Identifier: MIT */
/*
 * Threads that use the same annotations for the first time at once, on the real kernel, under
 * the oracle of what was mapped for whom.
 */
#include <pthread.h>

#include "bindings/mmtk/test_fixture.h"
#include "mmapper/testing/checked_decorator.h"

enum { THREADS = 4, ROUNDS = 40, SPACES = 3, REAL_CHUNK = 64 * 1024, REAL_CHUNKS = 64 };

static const char *const names[SPACES] = {"young", "old", "large"};

struct world {
    struct mmapper *mapper;
    struct mmtk_mmapper *binding;
    pthread_barrier_t barrier;
};

/* Chunks [first, first + chunks) of a space: those of different spaces do not meet. */
static uintptr_t place(unsigned which, size_t chunk)
{
    return BASE + ((uintptr_t)which * REAL_CHUNKS + chunk) * REAL_CHUNK;
}

static void start_together(struct world *world)
{
    (void)pthread_barrier_wait(&world->barrier);
}

/* One thread's part: all spaces, in an order of its own, and its mark in each. */
static void use_spaces(struct world *world, unsigned thread)
{
    for (unsigned i = 0; i < SPACES; i++) {
        const unsigned which = (thread + i) % SPACES;
        const struct mmtk_annotation own = space(names[which]);
        const struct mmtk_annotation stranger = space(names[(which + 1) % SPACES]);
        enum mm_status status;
        do { /* a fellow may be in the middle of the very same */
            status = mmtk_mmapper_quarantine_address_range(
                world->binding, place(which, 8), 100, &read_write, &own, NULL);
        } while (status == MM_BUSY);
        EXPECT_OK(status);
        EXPECT_OK(mmtk_mmapper_ensure_mapped(world->binding, place(which, thread), 180,
                                             &read_write, &own, NULL));
        ((volatile unsigned char *)place(which, 10))[thread] =
            (unsigned char)(thread + 1);
        EXPECT_STATUS(mmtk_mmapper_ensure_mapped(world->binding, place(which, 10), 1,
                                                 &read_write, &stranger, NULL),
                      MM_CONFLICT);
    }
}

struct part {
    struct world *world;
    unsigned thread;
};

static void *run_part(void *argument)
{
    const struct part *part = argument;
    start_together(part->world);
    use_spaces(part->world, part->thread);
    return NULL;
}

/* One owner for each space and the vm, however many tried to make them; nothing zeroed. */
static void look(const struct world *world)
{
    struct mm_statistics statistics;
    struct mm_verify_result result;
    mmapper_statistics(world->mapper, &statistics);
    EXPECT_EQ(statistics.owners, SPACES + 1);
    EXPECT_OK(mmapper_verify(world->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    for (unsigned which = 0; which < SPACES; which++) {
        const struct mmtk_annotation own = space(names[which]);
        const struct mm_lookup lookup = mmapper_lookup(world->mapper, place(which, 10));
        EXPECT_EQ(lookup.state, MM_MAPPED);
        EXPECT(lookup.owner == mmtk_mmapper_owner(world->binding, &own));
        for (unsigned thread = 0; thread < THREADS; thread++) {
            EXPECT_EQ(((const unsigned char *)place(which, 10))[thread], thread + 1);
        }
    }
}

static void play_round(struct world *world)
{
    pthread_t threads[THREADS];
    struct part parts[THREADS];
    EXPECT_OK(mmtk_mmapper_create(world->mapper, NULL, &world->binding, NULL));
    for (unsigned i = 0; i < THREADS; i++) {
        parts[i] = (struct part){world, i};
        EXPECT_EQ(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
    look(world);
    EXPECT_OK(mmtk_mmapper_destroy(world->binding, NULL));
}

int main(void)
{
    const struct mmap_support real = mmap_support_linux();
    struct address_map *oracle = address_map_create();
    struct checked_decorator *checked = checked_decorator_create(&real, oracle, 1);
    const struct mmap_support support = checked_decorator_support(checked);
    const struct mmapper_options options = {
        .chunk_bytes = REAL_CHUNK,
        .base = BASE,
        .limit = BASE + (uintptr_t)SPACES * REAL_CHUNKS * REAL_CHUNK,
        .log_region_chunks = 4,
    };
    struct world world;
    EXPECT_EQ(pthread_barrier_init(&world.barrier, NULL, THREADS), 0);
    EXPECT_OK(mmapper_create(&options, &support, &world.mapper, NULL));
    for (unsigned round = 0; round < ROUNDS; round++) {
        play_round(&world);
    }
    EXPECT_EQ(checked_decorator_reserved_bytes(checked), 0);
    EXPECT_OK(mmapper_destroy(world.mapper, NULL));
    EXPECT_STR(checked_decorator_violation_text(checked), "");
    checked_decorator_destroy(checked);
    address_map_destroy(oracle);
    return pthread_barrier_destroy(&world.barrier);
}
