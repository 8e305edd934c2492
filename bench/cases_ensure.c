/* SPDX-License-Identifier: MIT */
/*
 * ensure_mapped of memory that is mapped: the call that is made all the time.
 *
 * shape: each call is for `count` chunks in a row of the `bytes` that are mapped, in
 * regions that are split or not.
 */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/load.h"
#include "bench/place.h"
#include "bench/reference_mapper.h"
#include "bench/world.h"

enum {
    HOT_CHUNKS = 256,
    HOT_CALLS = 1024,
    LONG_CALLS = 64,
    LONG_CHUNKS = 512,
};

struct ensure {
    struct bench_world world;
    struct reference_mapper *reference;
    struct mm_extent all;
    struct bench_place addresses; /* where calls begin */
    size_t calls;
    size_t call_bytes;
};

static struct ensure *ensure_open(const struct bench_setting *setting, uintptr_t base,
                                  struct bench_random *random)
{
    struct ensure *ensure = calloc(1, sizeof *ensure);
    BENCH_CHECK(ensure != NULL);
    ensure->all = mm_extent_of(base, setting->shape.bytes);
    ensure->calls = setting->operations;
    ensure->call_bytes = setting->shape.count * BENCH_CHUNK;
    const size_t chunks = HOT_CHUNKS;
    const uint64_t firsts =
        setting->shape.bytes / BENCH_CHUNK - chunks - setting->shape.count + 1;
    ensure->addresses = bench_place_addresses(
        ensure->calls, base + bench_random_below(random, firsts) * BENCH_CHUNK, chunks,
        BENCH_CHUNK, random);
    return ensure;
}

static void *open_mapped(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct bench_random random = {setting->seed};
    struct ensure *ensure = ensure_open(setting, BENCH_OURS, &random);
    const struct bench_world_options options = {0};
    bench_world_open(&ensure->world, bench_random_next(&random), &options);
    if (setting->shape.split) {
        bench_world_split(&ensure->world, ensure->all);
    }
    bench_world_quarantine(&ensure->world, ensure->all);
    bench_world_map(&ensure->world, ensure->all);
    return ensure;
}

static void close_ours(void *state)
{
    struct ensure *ensure = state;
    bench_world_close(&ensure->world);
    bench_place_free(&ensure->addresses);
    free(ensure);
}

static uint64_t step_mapped(void *state, unsigned thread)
{
    (void)thread;
    const struct ensure *ensure = state;
    struct mmapper *mapper = ensure->world.mapper;
    struct mm_owner *owner = ensure->world.owners[0];
    const uintptr_t *addresses = ensure->addresses.at;
    const size_t calls = ensure->calls;
    const size_t bytes = ensure->call_bytes;
    struct mm_error error;
    unsigned failed = 0;
    for (size_t i = 0; i < calls; i++) {
        const struct mm_extent extent = mm_extent_of(addresses[i], bytes);
        failed |= mmapper_ensure_mapped(mapper, owner, extent, &error);
    }
    BENCH_CHECK(failed == MM_OK);
    return failed;
}

static void *open_mapped_mutex(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct bench_random random = {setting->seed};
    struct ensure *ensure = ensure_open(setting, BENCH_MUTEX, &random);
    ensure->reference = reference_mapper_create(ensure->all, BENCH_CHUNK);
    const uintptr_t *addresses = ensure->addresses.at;
    BENCH_CHECK(reference_mapper_quarantine(ensure->reference, ensure->all) == MM_OK);
    for (size_t i = 0; i < ensure->calls; i++) {
        const struct mm_extent extent = mm_extent_of(addresses[i], ensure->call_bytes);
        BENCH_CHECK(reference_mapper_ensure_mapped(ensure->reference, extent) == MM_OK);
    }
    return ensure;
}

static void close_mutex(void *state)
{
    struct ensure *ensure = state;
    BENCH_CHECK(reference_mapper_release(ensure->reference, ensure->all) == MM_OK);
    reference_mapper_destroy(ensure->reference);
    bench_place_free(&ensure->addresses);
    free(ensure);
}

static uint64_t step_mapped_mutex(void *state, unsigned thread)
{
    (void)thread;
    const struct ensure *ensure = state;
    const uintptr_t *addresses = ensure->addresses.at;
    const size_t calls = ensure->calls;
    const size_t bytes = ensure->call_bytes;
    unsigned failed = 0;
    for (size_t i = 0; i < calls; i++) {
        const struct mm_extent extent = mm_extent_of(addresses[i], bytes);
        failed |= reference_mapper_ensure_mapped(ensure->reference, extent);
    }
    BENCH_CHECK(failed == MM_OK);
    return failed;
}

static const struct bench_side ours = {
    .name = "ours", .open = open_mapped, .step = step_mapped, .close = close_ours};
static const struct bench_side mutex = {.name = "mutex",
                                        .open = open_mapped_mutex,
                                        .step = step_mapped_mutex,
                                        .close = close_mutex};

static const struct bench_case cases[] = {
    {.name = "ensure_mapped, mapped, 1 chunk, uniform",
     .shape = {.bytes = BENCH_REGION, .count = 1},
     .operations = HOT_CALLS,
     .sides = {&ours, &bench_load_side, &mutex},
     .threads = {1, 2, 4, 8},
     .inlined = true},
    {.name = "ensure_mapped, mapped, 1 chunk, split",
     .shape = {.bytes = BENCH_REGION, .count = 1, .split = true},
     .operations = HOT_CALLS,
     .sides = {&ours, &bench_load_side, &mutex},
     .threads = {1, 2, 4, 8},
     .inlined = true},
    {.name = "ensure_mapped, mapped, 512 chunks, uniform",
     .shape = {.bytes = BENCH_REGION, .count = LONG_CHUNKS},
     .operations = LONG_CALLS,
     .sides = {&ours, &bench_load_side, &mutex}},
    {.name = "ensure_mapped, mapped, 512 chunks, split",
     .shape = {.bytes = BENCH_REGION, .count = LONG_CHUNKS, .split = true},
     .operations = LONG_CALLS,
     .sides = {&ours, &bench_load_side, &mutex}},
};

const struct bench_topic bench_ensures = {.cases = cases,
                                          .case_count = sizeof cases / sizeof *cases};
