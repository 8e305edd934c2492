/* SPDX-License-Identifier: MIT */
#include "bench/world.h"

#include <stdio.h>

#include "bench/fail.h"

struct mm_strategy bench_strategy(const struct bench_world_options *options)
{
    const struct mm_strategy strategy = {
        .accounting = options->accounted ? MM_ACCOUNTED : MM_UNACCOUNTED,
        .commit_ahead = (uint16_t)options->ahead,
    };
    return strategy;
}

void bench_world_open(struct bench_world *world, uint64_t seed,
                      const struct bench_world_options *options)
{
    struct mm_error error;
    world->random.state = seed;
    bench_support_init(&world->support, options->idle, &world->random);
    world->support.support.annotations = options->named;
    bench_must(mmapper_create(NULL, &world->support.support, &world->mapper, &error),
               &error);
    const unsigned owners = options->owners != 0 ? options->owners : 1;
    for (unsigned i = 0; i < owners; i++) {
        char name[MM_NAME_BYTES];
        (void)snprintf(name, sizeof name, "bench-%u", i);
        const struct mm_owner_options owner = {
            .name = name, .kind = MM_KIND_SPACE, .strategy = bench_strategy(options)};
        bench_must(
            mmapper_register_owner(world->mapper, &owner, &world->owners[i], &error),
            &error);
    }
}

void bench_world_close(struct bench_world *world)
{
    struct mm_error error;
    bench_must(mmapper_destroy(world->mapper, &error), &error);
}

void bench_world_quarantine(struct bench_world *world, struct mm_extent extent)
{
    struct mm_error error;
    bench_must(mmapper_quarantine(world->mapper, world->owners[0], extent, &error),
               &error);
}

void bench_world_map(struct bench_world *world, struct mm_extent extent)
{
    struct mm_error error;
    bench_must(mmapper_ensure_mapped(world->mapper, world->owners[0], extent, &error),
               &error);
}

void bench_world_release(struct bench_world *world, struct mm_extent extent)
{
    struct mm_error error;
    bench_must(mmapper_release(world->mapper, world->owners[0], extent, &error),
               &error);
}

void bench_world_split(struct bench_world *world, struct mm_extent extent)
{
    const uintptr_t end = mm_extent_end(extent);
    for (uintptr_t at = mm_align_down(extent.start, BENCH_REGION); at < end;
         at += BENCH_REGION) {
        const struct mm_extent chunk = mm_extent_of(at, BENCH_CHUNK);
        bench_world_quarantine(world, chunk);
        bench_world_release(world, chunk);
    }
}
