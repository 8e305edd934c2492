/* SPDX-License-Identifier: MIT */
/*
 * The mapper alone: chunks are claimed and published one by one, and the operating system
 * does nothing. What is left is the mapper's own cost, and what threads cost each other.
 *
 * shape: each thread has `count` chunks; `apart`: on cache lines of its own; else every
 * second, fourth, ... chunk of one range, so that threads work on the same cache lines.
 */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/place.h"
#include "bench/world.h"
#include "mmapper/atomic.h"

enum { CHUNKS = 4096, CACHE_LINE = 64 };

/* The chunks of one thread: `count` of them, `stride` apart. */
struct share {
    size_t first;
    size_t stride;
};

struct claims {
    struct bench_world world;
    size_t count;
    struct share shares[BENCH_MAX_THREADS];
    struct mm_owner *owners[BENCH_MAX_THREADS];
    struct bench_place words; /* the floor's */
};

static struct claims *claims_open(const struct bench_setting *setting)
{
    struct claims *claims = calloc(1, sizeof *claims);
    BENCH_CHECK(claims != NULL);
    claims->count = setting->shape.count;
    for (unsigned i = 0; i < setting->threads; i++) {
        struct share *share = &claims->shares[i];
        share->stride = setting->shape.apart ? 1 : setting->threads;
        share->first = i;
        if (setting->shape.apart) {
            share->first = i * 2 * claims->count;
        }
    }
    return claims;
}

/* ---------------------------------------------------------------------- ours */

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct claims *claims = claims_open(setting);
    const bool each = setting->shape.each_an_owner;
    const struct bench_world_options options = {.idle = true,
                                                .owners = each ? setting->threads : 1};
    bench_world_open(&claims->world, setting->seed, &options);
    for (unsigned i = 0; i < setting->threads; i++) {
        claims->owners[i] = claims->world.owners[each ? i : 0];
    }
    return claims;
}

static void close_ours(void *state)
{
    struct claims *claims = state;
    bench_world_close(&claims->world);
    free(claims);
}

static struct mm_extent chunk_of_share(const struct share *share, size_t i)
{
    return mm_extent_of(BENCH_OURS + (share->first + i * share->stride) * BENCH_CHUNK,
                        BENCH_CHUNK);
}

static uint64_t step_claim(void *state, unsigned thread)
{
    const struct claims *claims = state;
    struct mmapper *mapper = claims->world.mapper;
    struct mm_owner *owner = claims->owners[thread];
    const struct share share = claims->shares[thread];
    const size_t count = claims->count;
    struct mm_error error;
    unsigned failed = 0;
    for (size_t i = 0; i < count; i++) {
        failed |= mmapper_quarantine(mapper, owner, chunk_of_share(&share, i), &error);
    }
    BENCH_CHECK(failed == MM_OK);
    return failed;
}

static uint64_t step_claim_and_map(void *state, unsigned thread)
{
    const struct claims *claims = state;
    struct mmapper *mapper = claims->world.mapper;
    struct mm_owner *owner = claims->owners[thread];
    const struct share share = claims->shares[thread];
    const size_t count = claims->count;
    struct mm_error error;
    unsigned failed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct mm_extent chunk = chunk_of_share(&share, i);
        failed |= mmapper_quarantine(mapper, owner, chunk, &error);
        failed |= mmapper_ensure_mapped(mapper, owner, chunk, &error);
    }
    BENCH_CHECK(failed == MM_OK);
    return failed;
}

static void release_ours(void *state, unsigned thread)
{
    const struct claims *claims = state;
    struct mm_error error;
    for (size_t i = 0; i < claims->count; i++) {
        bench_must(mmapper_release(claims->world.mapper, claims->owners[thread],
                                   chunk_of_share(&claims->shares[thread], i), &error),
                   &error);
    }
}

/* --------------------------------------------------------------------- floor */

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct claims *claims = claims_open(setting);
    struct bench_random random = {setting->seed};
    const size_t slots = 2 * claims->count * setting->threads;
    claims->words = bench_place_make(slots * sizeof(mm_atomic_u16), &random);
    return claims;
}

static void close_floor(void *state)
{
    struct claims *claims = state;
    bench_place_free(&claims->words);
    free(claims);
}

static uint64_t step_swap(void *state, unsigned thread)
{
    const struct claims *claims = state;
    const struct share share = claims->shares[thread];
    const size_t count = claims->count;
    mm_atomic_u16 *words = claims->words.at;
    uint64_t swapped = 0;
    for (size_t i = 0; i < count; i++) {
        swapped += mm_cas_acq_rel_u16(&words[share.first + i * share.stride], 0, 1);
    }
    BENCH_CHECK(swapped == count);
    return swapped;
}

static void clear_floor(void *state, unsigned thread)
{
    const struct claims *claims = state;
    const struct share share = claims->shares[thread];
    mm_atomic_u16 *words = claims->words.at;
    for (size_t i = 0; i < claims->count; i++) {
        /* Relaxed: the gate before the next step orders it. */
        mm_store_relaxed_u16(&words[share.first + i * share.stride], 0);
    }
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side ours = {.name = "ours",
                                       .open = open_ours,
                                       .step = step_claim,
                                       .after = release_ours,
                                       .close = close_ours};
static const struct bench_side ours_map = {.name = "ours",
                                           .open = open_ours,
                                           .step = step_claim_and_map,
                                           .after = release_ours,
                                           .close = close_ours};
static const struct bench_side swap = {.name = "CAS",
                                       .open = open_floor,
                                       .step = step_swap,
                                       .after = clear_floor,
                                       .close = close_floor};

static const struct bench_case cases[] = {
    {.name = "claim and publish, no system call",
     .shape = {.count = CHUNKS, .apart = true},
     .operations = CHUNKS,
     .sides = {&ours, &swap},
     .inlined = true},
    {.name = "claim, publish and ensure_mapped, no system call",
     .shape = {.count = CHUNKS, .apart = true},
     .operations = CHUNKS,
     .sides = {&ours_map, &swap},
     .inlined = true},
    {.name = "claim, publish and ensure_mapped, own lines, own owners",
     .shape = {.count = CHUNKS, .apart = true, .each_an_owner = true},
     .operations = CHUNKS,
     .sides = {&ours_map, &swap},
     .threads = {1, 2}},
    {.name = "claim, publish and ensure_mapped, own lines, one owner",
     .shape = {.count = CHUNKS, .apart = true},
     .operations = CHUNKS,
     .sides = {&ours_map, &swap},
     .threads = {1, 2}},
    {.name = "claim, publish and ensure_mapped, shared lines, own owners",
     .shape = {.count = CHUNKS, .each_an_owner = true},
     .operations = CHUNKS,
     .sides = {&ours_map, &swap},
     .threads = {1, 2}},
};

const struct bench_topic bench_claims = {.cases = cases,
                                         .case_count = sizeof cases / sizeof *cases};
