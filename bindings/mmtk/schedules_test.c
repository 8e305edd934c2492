/* SPDX-License-Identifier: MIT */
/*
 * First uses of annotations by three threads at once, on the deterministic scheduler with its
 * weak memory model: random schedules, of which each number is another one. What the tests on
 * real threads meet once in a while, a place in the table of annotations that somebody else
 * takes between the look and the swap, happens here in many runs.
 */
#include "bindings/mmtk/clients.h"
#include "bindings/mmtk/test_fixture.h"
#include "mmapper/testing/sim_run.h"

enum { RUNS = 4000, THREADS = 3, PLACES = 4 };

static const struct sim_kernel_options one_thread = {.single_threaded = true};

struct world {
    struct sim_kernel *kernel;
    struct mmapper *mapper;
    struct mmtk_clients *clients;
    uint64_t random;
    unsigned names; /* how many different annotations the threads use */
    const struct mmtk_client *got[THREADS];
};

static uint64_t below(struct world *world, uint64_t limit)
{
    world->random =
        world->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (world->random >> 33) % limit;
}

static unsigned choose(void *context, const struct sim_choice *choice)
{
    struct world *world = context;
    if (choice->kind != SIM_CHOOSE_THREAD) {
        return (unsigned)below(world, choice->options);
    }
    /* Two times out of three whoever runs goes on: all switches are found, deep ones too. */
    if (choice->current >= 0 && below(world, 3) != 0) {
        return (unsigned)choice->current;
    }
    unsigned runnable = choice->runnable;
    for (uint64_t skip = below(world, (uint64_t)__builtin_popcount(runnable)); skip > 0;
         skip--) {
        runnable &= runnable - 1;
    }
    return (unsigned)__builtin_ctz(runnable);
}

static const char *name_of(const struct world *world, unsigned thread)
{
    static const char *const names[] = {"a", "b", "c"};
    return names[thread % world->names];
}

static void use(void *context, unsigned thread)
{
    static const struct mm_strategy plain = {.protection = MM_PROTECTION_RW};
    struct world *world = context;
    const struct mmtk_annotation own = space(name_of(world, thread));
    EXPECT_OK(mmtk_clients_add(world->clients, &own, &plain, NULL, &world->got[thread],
                               NULL));
    EXPECT(mmtk_clients_find(world->clients, &own) == world->got[thread]);
}

/* One client and one owner for each name, whoever won. */
static void look(const struct world *world)
{
    struct mm_statistics statistics;
    unsigned entries = 0;
    mmapper_statistics(world->mapper, &statistics);
    EXPECT_EQ(statistics.owners, world->names);
    for (size_t place = 0; place < PLACES; place++) {
        entries += mmtk_clients_at(world->clients, place) != NULL;
    }
    EXPECT_EQ(entries, world->names);
    for (unsigned thread = 0; thread < THREADS; thread++) {
        EXPECT_STR(mm_owner_name(world->got[thread]->owner), name_of(world, thread));
        EXPECT(world->got[thread] == world->got[thread % world->names]);
    }
}

static void run(struct world *world)
{
    const struct sim_run_options options = {
        .threads = THREADS,
        .body = use,
        .context = world,
        .chooser = choose,
        .chooser_context = world,
        .weak = true,
    };
    EXPECT_EQ(sim_run(&options).verdict, SIM_DONE);
    look(world);
    for (unsigned thread = 0; thread < world->names; thread++) {
        free((void *)(uintptr_t)world->got[thread]);
    }
    sim_memory_restore(); /* the table of annotations, and the owners, are as before */
}

int main(int argc, char **argv)
{
    const struct mmapper_options options = {
        .chunk_bytes = CHUNK, .base = BASE, .limit = BASE + (uintptr_t)CHUNKS * CHUNK};
    struct world world = {.random = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240607};
    (void)printf("%s: seed %" PRIu64 "\n", argv[0], world.random);
    world.kernel = sim_kernel_create(&one_thread);
    const struct mmap_support support = sim_kernel_support(world.kernel, 0);
    EXPECT_OK(mmapper_create(&options, &support, &world.mapper, NULL));
    world.clients = mmtk_clients_create(world.mapper, PLACES);
    EXPECT(world.clients != NULL);
    for (world.names = 1; world.names <= THREADS; world.names++) {
        for (unsigned i = 0; i < RUNS; i++) {
            run(&world);
        }
    }
    mmtk_clients_destroy(world.clients);
    EXPECT_OK(mmapper_destroy(world.mapper, NULL));
    sim_kernel_destroy(world.kernel);
    return 0;
}
