/* SPDX-License-Identifier: MIT */
/*
 * Reserving a range in one call, from a chunk to 16 TiB, and giving it back.
 *
 * shape: `bytes` in one call, in regions that were never changed in part, or, if `split`,
 * once were. Reserving and giving back are timed apart.
 */
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/fail.h"
#include "bench/load.h"
#include "bench/reference_mapper.h"
#include "bench/world.h"

struct range {
    struct bench_world world;
    struct reference_mapper *reference;
    struct mm_extent extent;
};

static struct range *range_open(const struct bench_setting *setting, uintptr_t base)
{
    struct range *range = calloc(1, sizeof *range);
    BENCH_CHECK(range != NULL);
    range->extent = mm_extent_of(base, setting->shape.bytes);
    return range;
}

/* ---------------------------------------------------------------------- ours */

static void *open_world(const struct bench_setting *setting, bool named)
{
    struct range *range = range_open(setting, BENCH_OURS);
    const struct bench_world_options options = {.named = named};
    bench_world_open(&range->world, setting->seed, &options);
    if (setting->shape.split) {
        bench_world_split(&range->world, range->extent);
    }
    return range;
}

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return open_world(setting, false);
}

static void *open_named(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return open_world(setting, true);
}

static void close_ours(void *state)
{
    struct range *range = state;
    bench_world_close(&range->world);
    free(range);
}

static void quarantine_ours(void *state, unsigned thread)
{
    (void)thread;
    struct range *range = state;
    bench_world_quarantine(&range->world, range->extent);
}

static void release_ours(void *state, unsigned thread)
{
    (void)thread;
    struct range *range = state;
    bench_world_release(&range->world, range->extent);
}

static uint64_t step_quarantine(void *state, unsigned thread)
{
    quarantine_ours(state, thread);
    return 0;
}

static uint64_t step_release(void *state, unsigned thread)
{
    release_ours(state, thread);
    return 0;
}

/* --------------------------------------------------------------------- floor */

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return range_open(setting, BENCH_FLOOR);
}

static void reserve_floor(void *state, unsigned thread)
{
    (void)thread;
    const struct range *range = state;
    bench_bare_reserve(range->extent);
}

static void release_floor(void *state, unsigned thread)
{
    (void)thread;
    const struct range *range = state;
    bench_bare_release(range->extent);
}

static uint64_t step_reserve_floor(void *state, unsigned thread)
{
    reserve_floor(state, thread);
    return 0;
}

static uint64_t step_release_floor(void *state, unsigned thread)
{
    release_floor(state, thread);
    return 0;
}

/* --------------------------------------------------------------------- mutex */

static void *open_mutex(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct range *range = range_open(setting, BENCH_MUTEX);
    range->reference = reference_mapper_create(range->extent, BENCH_CHUNK);
    return range;
}

static void close_mutex(void *state)
{
    struct range *range = state;
    reference_mapper_destroy(range->reference);
    free(range);
}

static void quarantine_mutex(void *state, unsigned thread)
{
    (void)thread;
    const struct range *range = state;
    BENCH_CHECK(reference_mapper_quarantine(range->reference, range->extent) == MM_OK);
}

static void release_mutex(void *state, unsigned thread)
{
    (void)thread;
    const struct range *range = state;
    BENCH_CHECK(reference_mapper_release(range->reference, range->extent) == MM_OK);
}

static uint64_t step_quarantine_mutex(void *state, unsigned thread)
{
    quarantine_mutex(state, thread);
    return 0;
}

static uint64_t step_release_mutex(void *state, unsigned thread)
{
    release_mutex(state, thread);
    return 0;
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side ours = {.name = "ours",
                                       .open = open_ours,
                                       .step = step_quarantine,
                                       .after = release_ours,
                                       .close = close_ours};
static const struct bench_side ours_named = {.name = "ours",
                                             .open = open_named,
                                             .step = step_quarantine,
                                             .after = release_ours,
                                             .close = close_ours};
static const struct bench_side floor_side = {.name = "mmap",
                                             .open = open_floor,
                                             .step = step_reserve_floor,
                                             .after = release_floor,
                                             .close = free};
static const struct bench_side mutex = {.name = "mutex",
                                        .open = open_mutex,
                                        .step = step_quarantine_mutex,
                                        .after = release_mutex,
                                        .close = close_mutex};
static const struct bench_side ours_release = {.name = "ours",
                                               .open = open_ours,
                                               .before = quarantine_ours,
                                               .step = step_release,
                                               .close = close_ours};
static const struct bench_side floor_release = {.name = "munmap",
                                                .open = open_floor,
                                                .before = reserve_floor,
                                                .step = step_release_floor,
                                                .close = free};
static const struct bench_side mutex_release = {.name = "mutex",
                                                .open = open_mutex,
                                                .before = quarantine_mutex,
                                                .step = step_release_mutex,
                                                .close = close_mutex};

#define MIB(N) ((size_t)(N) << 20)
#define GIB(N) ((size_t)(N) << 30)
#define TIB(N) ((size_t)(N) << 40)

/* The fields of a case, but for its name. An operation is a call, or a chunk of it. */
#define RESERVE(BYTES)                                                                 \
    .shape.bytes = (BYTES), .operations = 1, .sides = {&ours, &floor_side, &mutex}
#define RESERVE_CHUNKS(BYTES)                                                          \
    .shape.bytes = (BYTES), .shape.split = true, .operations = (BYTES) / BENCH_CHUNK,  \
    .sides = {&ours, &bench_load_side, &mutex}
#define RELEASE(BYTES)                                                                 \
    .shape.bytes = (BYTES), .operations = 1,                                           \
    .sides = {&ours_release, &floor_release, &mutex_release}

static const struct bench_case cases[] = {
    /* Parts of a region: they split it. */
    {.name = "quarantine, 4 MiB", RESERVE(MIB(4))},
    {.name = "quarantine, 64 MiB", RESERVE(MIB(64))},
    {.name = "quarantine, 1 GiB", RESERVE(GIB(1))},
    {.name = "quarantine, 16 GiB", RESERVE(GIB(16))},
    /* Whole regions, that were never changed in part, or once were. */
    {.name = "quarantine, 256 GiB, never split", RESERVE(GIB(256))},
    {.name = "quarantine, 256 GiB, once split", RESERVE(GIB(256)), .shape.split = true},
    {.name = "quarantine, 1 TiB, never split", RESERVE(TIB(1))},
    {.name = "quarantine, 1 TiB, once split", RESERVE(TIB(1)), .shape.split = true},
    {.name = "quarantine, 4 TiB, never split", RESERVE(TIB(4))},
    {.name = "quarantine, 4 TiB, once split", RESERVE(TIB(4)), .shape.split = true},
    {.name = "quarantine, 16 TiB, never split", RESERVE(TIB(16))},
    {.name = "quarantine, 16 TiB, once split", RESERVE(TIB(16)), .shape.split = true},
    {.name = "quarantine per chunk, 1 TiB, once split", RESERVE_CHUNKS(TIB(1))},
    {.name = "quarantine per chunk, 16 TiB, once split", RESERVE_CHUNKS(TIB(16))},
    {.name = "release, 1 TiB, never split", RELEASE(TIB(1))},
    {.name = "release, 16 TiB, never split", RELEASE(TIB(16))},
    {.name = "quarantine with a name, 1 TiB, never split",
     .shape.bytes = TIB(1),
     .operations = 1,
     .sides = {&ours_named, &floor_side}},
};

const struct bench_topic bench_quarantines = {
    .cases = cases, .case_count = sizeof cases / sizeof *cases};
