/* SPDX-License-Identifier: MIT */
/*
 * Questions: is_mapped, and whose a chunk is.
 *
 * shape: `bytes` are mapped, in regions that are split or not; the addresses asked for are
 * in `count` of its chunks. Hot: few, so that all that is read stays in the first cache.
 */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/load.h"
#include "bench/peers.h"
#include "bench/place.h"
#include "bench/reference_mapper.h"
#include "bench/two_levels.h"
#include "bench/world.h"

enum { HOT_CHUNKS = 256, HOT_QUERIES = 1024, RANDOM_QUERIES = 16384 };

struct query {
    struct bench_world world; /* one of these is asked */
    struct reference_mapper *reference;
    struct two_levels levels;
    struct mm_extent asked;
    struct bench_place addresses;
    size_t count;
};

static struct query *query_open(const struct bench_setting *setting, uintptr_t base,
                                struct bench_random *random)
{
    struct query *query = calloc(1, sizeof *query);
    BENCH_CHECK(query != NULL);
    const struct bench_shape *shape = &setting->shape;
    const uint64_t firsts = shape->bytes / BENCH_CHUNK - shape->count + 1;
    query->asked = mm_extent_of(base + bench_random_below(random, firsts) * BENCH_CHUNK,
                                shape->count * BENCH_CHUNK);
    query->count = setting->operations;
    query->addresses = bench_place_addresses(query->count, query->asked.start,
                                             shape->count, BENCH_CHUNK, random);
    return query;
}

/* ---------------------------------------------------------------------- ours */

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct bench_random random = {setting->seed};
    struct query *query = query_open(setting, BENCH_OURS, &random);
    const struct bench_world_options options = {0};
    const struct mm_extent all = mm_extent_of(BENCH_OURS, setting->shape.bytes);
    bench_world_open(&query->world, bench_random_next(&random), &options);
    if (setting->shape.split) {
        bench_world_split(&query->world, all);
    }
    bench_world_quarantine(&query->world, all);
    bench_world_map(&query->world, all);
    return query;
}

static void close_ours(void *state)
{
    struct query *query = state;
    bench_world_close(&query->world);
    bench_place_free(&query->addresses);
    free(query);
}

static uint64_t step_is_mapped(void *state, unsigned thread)
{
    (void)thread;
    const struct query *query = state;
    const struct mmapper *mapper = query->world.mapper;
    const uintptr_t *addresses = query->addresses.at;
    const size_t count = query->count;
    uint64_t mapped = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < count; i++) {
        mapped += mmapper_is_mapped(mapper, addresses[i]);
    }
    BENCH_CHECK(mapped == count);
    return mapped;
}

static uint64_t step_lookup(void *state, unsigned thread)
{
    (void)thread;
    const struct query *query = state;
    const struct mmapper *mapper = query->world.mapper;
    const struct mm_owner *owner = query->world.owners[0];
    const uintptr_t *addresses = query->addresses.at;
    const size_t count = query->count;
    uint64_t found = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < count; i++) {
        found += mmapper_lookup(mapper, addresses[i]).owner == owner;
    }
    BENCH_CHECK(found == count);
    return found;
}

/* -------------------------------------------------------------------- others */

static void *open_mutex(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct bench_random random = {setting->seed};
    struct query *query = query_open(setting, BENCH_MUTEX, &random);
    query->reference = reference_mapper_create(
        mm_extent_of(BENCH_MUTEX, setting->shape.bytes), BENCH_CHUNK);
    BENCH_CHECK(reference_mapper_quarantine(query->reference, query->asked) == MM_OK);
    BENCH_CHECK(reference_mapper_ensure_mapped(query->reference, query->asked) ==
                MM_OK);
    return query;
}

static void close_mutex(void *state)
{
    struct query *query = state;
    BENCH_CHECK(reference_mapper_release(query->reference, query->asked) == MM_OK);
    reference_mapper_destroy(query->reference);
    bench_place_free(&query->addresses);
    free(query);
}

static uint64_t step_mutex(void *state, unsigned thread)
{
    (void)thread;
    const struct query *query = state;
    const struct reference_mapper *mapper = query->reference;
    const uintptr_t *addresses = query->addresses.at;
    const size_t count = query->count;
    uint64_t mapped = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < count; i++) {
        mapped += reference_mapper_is_mapped(mapper, addresses[i]);
    }
    BENCH_CHECK(mapped == count);
    return mapped;
}

static void *open_levels(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct bench_random random = {setting->seed};
    struct query *query = query_open(setting, 0, &random);
    two_levels_open(&query->levels, setting->shape.bytes / BENCH_CHUNK, &random);
    return query;
}

static void close_levels(void *state)
{
    struct query *query = state;
    two_levels_close(&query->levels);
    bench_place_free(&query->addresses);
    free(query);
}

static uint64_t step_levels(void *state, unsigned thread)
{
    (void)thread;
    const struct query *query = state;
    const uintptr_t *addresses = query->addresses.at;
    const size_t count = query->count;
    uint64_t mapped = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < count; i++) {
        mapped += two_levels_get(&query->levels, addresses[i] / BENCH_CHUNK);
    }
    BENCH_CHECK(mapped == count);
    return mapped;
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side ours_is_mapped = {
    .name = "ours", .open = open_ours, .step = step_is_mapped, .close = close_ours};
static const struct bench_side ours_lookup = {
    .name = "ours", .open = open_ours, .step = step_lookup, .close = close_ours};
static const struct bench_side mutex = {
    .name = "mutex", .open = open_mutex, .step = step_mutex, .close = close_mutex};
static const struct bench_side levels = {
    .name = "bytes", .open = open_levels, .step = step_levels, .close = close_levels};

#define HOT(SPLIT) {.bytes = BENCH_REGION, .count = HOT_CHUNKS, .split = (SPLIT)}
#define OVER_1_TIB(SPLIT)                                                              \
    {.bytes = 4 * BENCH_REGION,                                                        \
     .count = 4 * BENCH_REGION / BENCH_CHUNK,                                          \
     .split = (SPLIT)}

static const struct bench_case cases[] = {
    {.name = "is_mapped, hot, uniform",
     .shape = HOT(false),
     .operations = HOT_QUERIES,
     .sides = {&ours_is_mapped, &bench_load_side, &mutex},
     .inlined = true},
    {.name = "is_mapped, hot, split",
     .shape = HOT(true),
     .operations = HOT_QUERIES,
     .sides = {&ours_is_mapped, &bench_load_side, &mutex},
     .inlined = true},
    {.name = "is_mapped, random over 1 TiB, uniform",
     .shape = OVER_1_TIB(false),
     .operations = RANDOM_QUERIES,
     .sides = {&ours_is_mapped, &levels},
     .inlined = true},
    {.name = "is_mapped, random over 1 TiB, split",
     .shape = OVER_1_TIB(true),
     .operations = RANDOM_QUERIES,
     .sides = {&ours_is_mapped, &levels},
     .inlined = true},
    {.name = "lookup of the owner, hot, uniform",
     .shape = HOT(false),
     .operations = HOT_QUERIES,
     .sides = {&ours_lookup, &bench_load_side, &bench_jemalloc_lookup,
               &bench_mimalloc_lookup},
     .inlined = true},
    {.name = "lookup of the owner, hot, split",
     .shape = HOT(true),
     .operations = HOT_QUERIES,
     .sides = {&ours_lookup, &bench_load_side, &bench_jemalloc_lookup,
               &bench_mimalloc_lookup},
     .inlined = true},
};

const struct bench_topic bench_queries = {.cases = cases,
                                          .case_count = sizeof cases / sizeof *cases};
