/* SPDX-License-Identifier: MIT */
/* What the kernel and the mapper keep: mappings after a workload, bytes per chunk. */

#include "bench/fail.h"
#include "bench/world.h"

enum { WORK_CHUNKS = 4096, WORK_ROUNDS = 20000, WORK_RUN = 16 };

/* Maps, decommits or replaces a random run of the range, all of which is held. */
static void work(struct bench_world *world, struct mm_extent range, bool touch)
{
    const size_t run = 1 + (size_t)bench_random_below(&world->random, WORK_RUN);
    const size_t first =
        (size_t)bench_random_below(&world->random, WORK_CHUNKS - run + 1);
    const struct mm_extent extent =
        mm_extent_of(range.start + first * BENCH_CHUNK, run * BENCH_CHUNK);
    struct mm_error error;
    switch (bench_random_below(&world->random, 3)) {
    case 0:
        bench_world_map(world, extent);
        for (size_t i = 0; touch && i < run; i++) {
            *(volatile char *)(extent.start + i * BENCH_CHUNK) = 1;
        }
        break;
    case 1:
        bench_must(mmapper_decommit(world->mapper, world->owners[0], extent, &error),
                   &error);
        break;
    default:
        bench_world_release(world, extent);
        bench_world_quarantine(world, extent);
    }
}

static bool count_mapping(void *argument, const struct mm_mapping *mapping)
{
    (void)mapping;
    ++*(uint64_t *)argument;
    return true;
}

static void take_mappings(const struct bench_gauge *gauge, bool accounted, bool touch)
{
    struct bench_world world;
    const struct bench_world_options options = {.accounted = accounted};
    bench_world_open(&world, 1, &options);
    const struct mm_extent range = mm_extent_of(BENCH_OURS, WORK_CHUNKS * BENCH_CHUNK);
    bench_world_quarantine(&world, range);
    for (unsigned i = 0; i < WORK_ROUNDS; i++) {
        work(&world, range, touch);
    }
    struct mm_statistics statistics;
    uint64_t mappings = 0;
    mmapper_statistics(world.mapper, &statistics);
    const struct mmap_support *linux = &world.support.inner;
    BENCH_CHECK(linux->operations->each_mapping(linux->context, range, count_mapping,
                                                &mappings) == 0);
    bench_gauge_report(gauge, "mappings", (double)mappings, "mappings");
    bench_gauge_report(gauge, "runs", (double)statistics.runs, "runs");
    bench_gauge_report(gauge, "chunks", WORK_CHUNKS, "chunks");
    bench_world_close(&world);
}

static void take_unaccounted(const struct bench_gauge *gauge)
{
    take_mappings(gauge, false, false);
}

static void take_accounted(const struct bench_gauge *gauge)
{
    take_mappings(gauge, true, false);
}

static void take_touched(const struct bench_gauge *gauge)
{
    take_mappings(gauge, false, true);
}

/* Bytes of the mapper's tables that quarantining a range of whole regions touches. */
static double growth_per_chunk(bool split)
{
    struct bench_world world;
    const struct bench_world_options options = {0};
    const size_t bytes = 4 * BENCH_REGION;
    const struct mm_extent range = mm_extent_of(BENCH_OURS, bytes);
    bench_world_open(&world, 1, &options);
    if (split) {
        bench_world_split(&world, range);
    }
    const size_t before = bench_support_resident(&world.support);
    bench_world_quarantine(&world, range);
    const size_t after = bench_support_resident(&world.support);
    bench_world_close(&world);
    const size_t chunks = bytes / BENCH_CHUNK;
    return (double)(after - before) / (double)chunks;
}

static void take_bookkeeping(const struct bench_gauge *gauge)
{
    bench_gauge_report(gauge, "uniform regions", growth_per_chunk(false), "bytes");
    bench_gauge_report(gauge, "split regions", growth_per_chunk(true), "bytes");
}

static const struct bench_gauge gauges[] = {
    {.name = "mappings left by a workload", .take = take_unaccounted},
    {.name = "mappings left by a workload, accounted", .take = take_accounted},
    {.name = "mappings left by a workload, pages touched", .take = take_touched},
    {.name = "bookkeeping per chunk", .take = take_bookkeeping},
};

const struct bench_topic bench_memory = {.gauges = gauges,
                                         .gauge_count = sizeof gauges / sizeof *gauges};
