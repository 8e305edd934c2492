/* SPDX-License-Identifier: MIT */
/*
 * Fresh memory: from quarantined to mapped, chunk by chunk, ascending.
 *
 * shape: each thread has a range of `count` chunks, and an owner of its own whose
 * commit-ahead is `ahead` chunks.
 */
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/fail.h"
#include "bench/reference_mapper.h"
#include "bench/world.h"

enum { FRESH_CHUNKS = 1024, MANY_CHUNKS = 50000 };

struct fresh {
    struct bench_world world;
    struct reference_mapper *reference;
    struct mm_extent ranges[BENCH_MAX_THREADS];
};

/* Ranges in regions of their own: no two make one mapping, no two share a word. */
static struct fresh *fresh_open(const struct bench_setting *setting, uintptr_t base)
{
    struct fresh *fresh = calloc(1, sizeof *fresh);
    BENCH_CHECK(fresh != NULL);
    for (unsigned i = 0; i < setting->threads; i++) {
        fresh->ranges[i] = mm_extent_of(base + 2 * i * BENCH_REGION,
                                        setting->shape.count * BENCH_CHUNK);
    }
    return fresh;
}

/* ---------------------------------------------------------------------- ours */

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct fresh *fresh = fresh_open(setting, BENCH_OURS);
    const struct bench_world_options options = {.owners = setting->threads,
                                                .ahead = setting->shape.ahead};
    bench_world_open(&fresh->world, setting->seed, &options);
    return fresh;
}

static void close_ours(void *state)
{
    struct fresh *fresh = state;
    bench_world_close(&fresh->world);
    free(fresh);
}

static void quarantine_ours(void *state, unsigned thread)
{
    struct fresh *fresh = state;
    struct mm_error error;
    bench_must(mmapper_quarantine(fresh->world.mapper, fresh->world.owners[thread],
                                  fresh->ranges[thread], &error),
               &error);
}

static void release_ours(void *state, unsigned thread)
{
    struct fresh *fresh = state;
    struct mm_error error;
    bench_must(mmapper_release(fresh->world.mapper, fresh->world.owners[thread],
                               fresh->ranges[thread], &error),
               &error);
}

static uint64_t step_ours(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    struct mmapper *mapper = fresh->world.mapper;
    struct mm_owner *owner = fresh->world.owners[thread];
    const uintptr_t end = mm_extent_end(fresh->ranges[thread]);
    struct mm_error error;
    for (uintptr_t at = fresh->ranges[thread].start; at < end; at += BENCH_CHUNK) {
        bench_must(
            mmapper_ensure_mapped(mapper, owner, mm_extent_of(at, BENCH_CHUNK), &error),
            &error);
    }
    return end;
}

static uint64_t step_ours_whole(void *state, unsigned thread)
{
    quarantine_ours(state, thread);
    return step_ours(state, thread);
}

/* --------------------------------------------------------------------- floor */

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return fresh_open(setting, BENCH_FLOOR);
}

static void reserve_floor(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    bench_bare_reserve(fresh->ranges[thread]);
}

static void release_floor(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    bench_bare_release(fresh->ranges[thread]);
}

static uint64_t step_floor(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    const uintptr_t end = mm_extent_end(fresh->ranges[thread]);
    for (uintptr_t at = fresh->ranges[thread].start; at < end; at += BENCH_CHUNK) {
        bench_bare_commit(mm_extent_of(at, BENCH_CHUNK));
    }
    return end;
}

static uint64_t step_floor_whole(void *state, unsigned thread)
{
    reserve_floor(state, thread);
    return step_floor(state, thread);
}

/* --------------------------------------------------------------------- mutex */

static void *open_mutex(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct fresh *fresh = fresh_open(setting, BENCH_MUTEX);
    fresh->reference = reference_mapper_create(
        mm_extent_of(BENCH_MUTEX, 2 * BENCH_MAX_THREADS * BENCH_REGION), BENCH_CHUNK);
    return fresh;
}

static void close_mutex(void *state)
{
    struct fresh *fresh = state;
    reference_mapper_destroy(fresh->reference);
    free(fresh);
}

static void quarantine_mutex(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    BENCH_CHECK(reference_mapper_quarantine(fresh->reference, fresh->ranges[thread]) ==
                MM_OK);
}

static void release_mutex(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    BENCH_CHECK(reference_mapper_release(fresh->reference, fresh->ranges[thread]) ==
                MM_OK);
}

static uint64_t step_mutex(void *state, unsigned thread)
{
    const struct fresh *fresh = state;
    const uintptr_t end = mm_extent_end(fresh->ranges[thread]);
    for (uintptr_t at = fresh->ranges[thread].start; at < end; at += BENCH_CHUNK) {
        BENCH_CHECK(reference_mapper_ensure_mapped(
                        fresh->reference, mm_extent_of(at, BENCH_CHUNK)) == MM_OK);
    }
    return end;
}

static uint64_t step_mutex_whole(void *state, unsigned thread)
{
    quarantine_mutex(state, thread);
    return step_mutex(state, thread);
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side ours = {.name = "ours",
                                       .open = open_ours,
                                       .before = quarantine_ours,
                                       .step = step_ours,
                                       .after = release_ours,
                                       .close = close_ours};
static const struct bench_side floor_side = {.name = "mprotect",
                                             .open = open_floor,
                                             .before = reserve_floor,
                                             .step = step_floor,
                                             .after = release_floor,
                                             .close = free};
static const struct bench_side mutex = {.name = "mutex",
                                        .open = open_mutex,
                                        .before = quarantine_mutex,
                                        .step = step_mutex,
                                        .after = release_mutex,
                                        .close = close_mutex};
static const struct bench_side ours_whole = {.name = "ours",
                                             .open = open_ours,
                                             .step = step_ours_whole,
                                             .after = release_ours,
                                             .close = close_ours};
static const struct bench_side floor_whole = {.name = "mprotect",
                                              .open = open_floor,
                                              .step = step_floor_whole,
                                              .after = release_floor,
                                              .close = free};
static const struct bench_side mutex_whole = {.name = "mutex",
                                              .open = open_mutex,
                                              .step = step_mutex_whole,
                                              .after = release_mutex,
                                              .close = close_mutex};

static const struct bench_case cases[] = {
    {.name = "ensure_mapped, fresh, chunk by chunk",
     .shape = {.count = FRESH_CHUNKS},
     .operations = FRESH_CHUNKS,
     .sides = {&ours, &floor_side, &mutex},
     .threads = {1, 2, 4, 8},
     .inlined = true},
    {.name = "50,000 chunks one by one",
     .shape = {.count = MANY_CHUNKS},
     .operations = MANY_CHUNKS,
     .sides = {&ours_whole, &floor_whole, &mutex_whole}},
    {.name = "50,000 chunks one by one, commit-ahead 16",
     .shape = {.count = MANY_CHUNKS, .ahead = 16},
     .operations = MANY_CHUNKS,
     .sides = {&ours_whole, &floor_whole}},
    {.name = "50,000 chunks one by one, commit-ahead 64",
     .shape = {.count = MANY_CHUNKS, .ahead = 64},
     .operations = MANY_CHUNKS,
     .sides = {&ours_whole, &floor_whole}},
};

const struct bench_topic bench_fresh = {.cases = cases,
                                        .case_count = sizeof cases / sizeof *cases};
