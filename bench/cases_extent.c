/* SPDX-License-Identifier: MIT */
/*
 * Getting 4 MiB of memory and giving them back, as a heap does that grows and shrinks by
 * chunks. Three ways to give back: the address too (release, munmap), or the memory only,
 * which the address space outlives (decommit; so do jemalloc and mimalloc, which are set
 * to do it at once).
 *
 * shape: if `touched`, a byte is written to, so that there is a page to be given back.
 */
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/fail.h"
#include "bench/peers.h"
#include "bench/world.h"

struct extent {
    struct bench_world world;
    struct bench_peer peer;
    struct mm_extent kept;
    bool touched;
};

static struct extent *extent_open(const struct bench_setting *setting)
{
    struct extent *extent = calloc(1, sizeof *extent);
    BENCH_CHECK(extent != NULL);
    extent->touched = setting->shape.touched;
    return extent;
}

static void use(const struct extent *extent, uintptr_t address)
{
    if (extent->touched) {
        *(volatile char *)address = 1;
    }
}

/* ---------------------------------------------------------------------- ours */

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct extent *extent = extent_open(setting);
    const struct bench_world_options options = {0};
    bench_world_open(&extent->world, setting->seed, &options);
    return extent;
}

static void *open_kept(const struct bench_setting *setting, const char **reason)
{
    struct extent *extent = open_ours(setting, reason);
    extent->kept = mm_extent_of(BENCH_OURS, BENCH_CHUNK);
    bench_world_quarantine(&extent->world, extent->kept);
    return extent;
}

static void close_ours(void *state)
{
    struct extent *extent = state;
    bench_world_close(&extent->world);
    free(extent);
}

static uint64_t step_ours(void *state, unsigned thread)
{
    (void)thread;
    struct extent *extent = state;
    struct bench_world *world = &extent->world;
    struct mm_error error;
    struct mm_extent got;
    bench_must(mmapper_quarantine_anywhere(world->mapper, world->owners[0], BENCH_CHUNK,
                                           0, &got, &error),
               &error);
    bench_world_map(world, got);
    use(extent, got.start);
    bench_world_release(world, got);
    return got.start;
}

static uint64_t step_kept(void *state, unsigned thread)
{
    (void)thread;
    struct extent *extent = state;
    struct bench_world *world = &extent->world;
    struct mm_error error;
    bench_world_map(world, extent->kept);
    use(extent, extent->kept.start);
    bench_must(mmapper_decommit(world->mapper, world->owners[0], extent->kept, &error),
               &error);
    return extent->kept.start;
}

/* --------------------------------------------------------------------- floor */

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return extent_open(setting);
}

static void *open_floor_kept(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct extent *extent = extent_open(setting);
    extent->kept = mm_extent_of(BENCH_FLOOR, BENCH_CHUNK);
    bench_bare_reserve(extent->kept);
    return extent;
}

static void close_floor_kept(void *state)
{
    struct extent *extent = state;
    bench_bare_release(extent->kept);
    free(extent);
}

static uint64_t step_floor(void *state, unsigned thread)
{
    (void)thread;
    const struct extent *extent = state;
    const uintptr_t got = (uintptr_t)bench_bare_map_anywhere(BENCH_CHUNK);
    use(extent, got);
    bench_bare_release(mm_extent_of(got, BENCH_CHUNK));
    return got;
}

static uint64_t step_floor_kept(void *state, unsigned thread)
{
    (void)thread;
    const struct extent *extent = state;
    bench_bare_commit(extent->kept);
    use(extent, extent->kept.start);
    bench_bare_decommit(extent->kept);
    return extent->kept.start;
}

/* --------------------------------------------------------------------- peers */

static void *open_peer(const struct bench_setting *setting, enum bench_peer_name name,
                       const char **reason)
{
    struct extent *extent = extent_open(setting);
    if (!bench_peer_load(&extent->peer, name, reason)) {
        free(extent);
        return NULL;
    }
    return extent;
}

static void *open_jemalloc(const struct bench_setting *setting, const char **reason)
{
    return open_peer(setting, BENCH_JEMALLOC, reason);
}

static void *open_mimalloc(const struct bench_setting *setting, const char **reason)
{
    return open_peer(setting, BENCH_MIMALLOC, reason);
}

static uint64_t step_peer(void *state, unsigned thread)
{
    (void)thread;
    const struct extent *extent = state;
    void *got = extent->peer.aligned_alloc(BENCH_CHUNK, BENCH_CHUNK);
    BENCH_CHECK(got != NULL);
    use(extent, (uintptr_t)got);
    extent->peer.free(got);
    return (uintptr_t)got;
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side ours = {
    .name = "ours", .open = open_ours, .step = step_ours, .close = close_ours};
static const struct bench_side kept = {
    .name = "ours", .open = open_kept, .step = step_kept, .close = close_ours};
static const struct bench_side floor_side = {
    .name = "mmap+munmap", .open = open_floor, .step = step_floor, .close = free};
static const struct bench_side floor_kept = {.name = "mprotect+madvise",
                                             .open = open_floor_kept,
                                             .step = step_floor_kept,
                                             .close = close_floor_kept};
static const struct bench_side jemalloc = {
    .name = "jemalloc", .open = open_jemalloc, .step = step_peer, .close = free};
static const struct bench_side mimalloc = {
    .name = "mimalloc", .open = open_mimalloc, .step = step_peer, .close = free};

static const struct bench_case cases[] = {
    {.name = "4 MiB, got and released, untouched",
     .operations = 1,
     .sides = {&ours, &floor_side, &jemalloc, &mimalloc}},
    {.name = "4 MiB, got and released, a page touched",
     .shape = {.touched = true},
     .operations = 1,
     .sides = {&ours, &floor_side, &jemalloc, &mimalloc}},
    {.name = "4 MiB, mapped and decommitted, untouched",
     .operations = 1,
     .sides = {&kept, &floor_kept, &jemalloc, &mimalloc}},
    {.name = "4 MiB, mapped and decommitted, a page touched",
     .shape = {.touched = true},
     .operations = 1,
     .sides = {&kept, &floor_kept, &jemalloc, &mimalloc}},
};

const struct bench_topic bench_extents = {.cases = cases,
                                          .case_count = sizeof cases / sizeof *cases};
