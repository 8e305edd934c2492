/* SPDX-License-Identifier: MIT */
/*
 * A mapper of 47 bits, made and destroyed, and the memory that it takes.
 *
 * shape: with `count` chunks mapped: 0 or 1.
 */
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/fail.h"
#include "bench/load.h"
#include "bench/world.h"

enum { PAGE = 4096 };

static const double kib = 1024;

struct life {
    struct bench_world world;
    size_t chunks;
    size_t table_bytes; /* of such a mapper: the floor's */
};

static const struct bench_world_options world_options = {0};

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct life *life = calloc(1, sizeof *life);
    BENCH_CHECK(life != NULL);
    life->chunks = setting->shape.count;
    life->world.random.state = setting->seed;
    bench_support_init(&life->world.support, false, &life->world.random);
    return life;
}

static uint64_t step_ours(void *state, unsigned thread)
{
    (void)thread;
    struct life *life = state;
    struct bench_world *world = &life->world;
    struct mm_error error;
    bench_must(mmapper_create(NULL, &world->support.support, &world->mapper, &error),
               &error);
    if (life->chunks > 0) {
        const struct mm_extent chunks =
            mm_extent_of(BENCH_OURS, life->chunks * BENCH_CHUNK);
        const struct mm_owner_options owner = {.name = "first",
                                               .kind = MM_KIND_SPACE,
                                               .strategy =
                                                   bench_strategy(&world_options)};
        bench_must(
            mmapper_register_owner(world->mapper, &owner, &world->owners[0], &error),
            &error);
        bench_world_quarantine(world, chunks);
        bench_world_map(world, chunks);
    }
    bench_world_close(world);
    return 0;
}

/* ------------------------------------------------------------------- floor */

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    struct life *life = open_ours(setting, reason);
    /* As large as the mapper's table. */
    (void)step_ours(life, 0);
    life->table_bytes = life->world.support.table.bytes;
    return life;
}

/* A block as large as the mapper's; a page of it for the mapper itself and its first owner.
 * With a chunk: a page for the word of its region and one for its slot, and the chunk's
 * system calls. */
static uint64_t step_floor(void *state, unsigned thread)
{
    (void)thread;
    const struct life *life = state;
    volatile char *table = bench_bare_map_anywhere(life->table_bytes);
    table[0] = 1;
    if (life->chunks > 0) {
        const struct mm_extent chunks =
            mm_extent_of(BENCH_FLOOR, life->chunks * BENCH_CHUNK);
        table[life->table_bytes / 3 / PAGE * PAGE] = 1;
        table[life->table_bytes / 3 * 2 / PAGE * PAGE] = 1;
        bench_bare_reserve(chunks);
        bench_bare_commit(chunks);
        bench_bare_release(chunks);
    }
    bench_bare_release(mm_extent_of((uintptr_t)table, life->table_bytes));
    return 0;
}

/* ------------------------------------------------------------------- gauge */

static void take_resident(const struct bench_gauge *gauge)
{
    struct bench_world world;
    bench_world_open(&world, 1, &world_options);
    bench_gauge_report(gauge, "created, with an owner",
                       (double)bench_support_resident(&world.support) / kib, "KiB");
    const struct mm_extent chunk = mm_extent_of(BENCH_OURS, BENCH_CHUNK);
    bench_world_quarantine(&world, chunk);
    bench_world_map(&world, chunk);
    bench_gauge_report(gauge, "first chunk mapped",
                       (double)bench_support_resident(&world.support) / kib, "KiB");
    bench_world_close(&world);
}

/* ------------------------------------------------------------------- cases */

static const struct bench_side ours = {
    .name = "ours", .open = open_ours, .step = step_ours, .close = free};
static const struct bench_side floor_side = {
    .name = "mmap", .open = open_floor, .step = step_floor, .close = free};

static const struct bench_case cases[] = {
    {.name = "create and destroy, 47 bits",
     .operations = 1,
     .sides = {&ours, &floor_side, &bench_load_side}},
    {.name = "create, map the first chunk, destroy",
     .shape = {.count = 1},
     .operations = 1,
     .sides = {&ours, &floor_side, &bench_load_side}},
};

static const struct bench_gauge gauges[] = {
    {.name = "resident memory of a mapper", .take = take_resident},
};

const struct bench_topic bench_lifecycles = {
    .cases = cases,
    .case_count = sizeof cases / sizeof *cases,
    .gauges = gauges,
    .gauge_count = sizeof gauges / sizeof *gauges,
};
