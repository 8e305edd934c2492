/* SPDX-License-Identifier: MIT */
/* Allocating from an immortal space that all threads share, 16 bytes at a time: from its
 * exact cursor, or each thread from a window of its own. */
#include <stdlib.h>
#include <string.h>

#include "bench/fail.h"
#include "bench/place.h"
#include "bench/world.h"
#include "mmapper/atomic.h"
#include "spaces/immortal_space.h"
#include "spaces/immortal_window.h"

enum {
    ALLOCATIONS = 1024,
    ALLOCATED_BYTES = 16,
    WINDOW_BYTES = 64 << 10,
    CACHE_LINE = 64
};

/* Enough for whatever is allocated in a run. */
#define SPACE_BYTES ((size_t)8 << 40)

struct seat {
    _Alignas(CACHE_LINE) struct immortal_window window;
};

struct immortal {
    struct bench_world world;
    struct immortal_space *space;
    struct bench_place cursor; /* the floor's */
    struct seat seats[BENCH_MAX_THREADS];
};

static struct immortal *immortal_open(const struct bench_setting *setting,
                                      uintptr_t base)
{
    struct immortal *immortal = aligned_alloc(CACHE_LINE, sizeof *immortal);
    BENCH_CHECK(immortal != NULL);
    memset(immortal, 0, sizeof *immortal);
    const struct bench_world_options options = {0};
    bench_world_open(&immortal->world, setting->seed, &options);
    const struct immortal_space_options space = {
        .name = "immortal",
        .strategy = bench_strategy(&options),
        .placement = {.rule = SPACE_EXACT, .start = base},
        .bytes = SPACE_BYTES,
    };
    struct mm_error error;
    bench_must(
        immortal_space_create(immortal->world.mapper, &space, &immortal->space, &error),
        &error);
    for (size_t i = 0; i < BENCH_MAX_THREADS; i++) {
        immortal->seats[i].window = immortal_window_of(immortal->space, WINDOW_BYTES);
    }
    return immortal;
}

static void *open_ours(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return immortal_open(setting, BENCH_OURS);
}

static void *open_window(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return immortal_open(setting, BENCH_MUTEX);
}

static void close_ours(void *state)
{
    struct immortal *immortal = state;
    struct mm_error error;
    bench_must(immortal_space_destroy(immortal->space, &error), &error);
    bench_world_close(&immortal->world);
    free(immortal);
}

static uint64_t step_ours(void *state, unsigned thread)
{
    (void)thread;
    const struct immortal *immortal = state;
    struct immortal_space *space = immortal->space;
    struct mm_error error;
    uint64_t sum = 0;
    unsigned failed = 0;
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        uintptr_t address;
        failed |= immortal_space_alloc(space, ALLOCATED_BYTES, sizeof(long), &address,
                                       &error);
        sum += address;
    }
    BENCH_CHECK(failed == MM_OK);
    return sum;
}

static uint64_t step_window(void *state, unsigned thread)
{
    struct immortal *immortal = state;
    struct immortal_window *window = &immortal->seats[thread].window;
    struct mm_error error;
    uint64_t sum = 0;
    unsigned failed = 0;
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        uintptr_t address;
        failed |= immortal_window_alloc(window, ALLOCATED_BYTES, sizeof(long), &address,
                                        &error);
        sum += address;
    }
    BENCH_CHECK(failed == MM_OK);
    return sum;
}

static void *open_floor(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct immortal *immortal = aligned_alloc(CACHE_LINE, sizeof *immortal);
    BENCH_CHECK(immortal != NULL);
    memset(immortal, 0, sizeof *immortal);
    struct bench_random random = {setting->seed};
    immortal->cursor = bench_place_make(sizeof(mm_atomic_u64), &random);
    return immortal;
}

static void close_floor(void *state)
{
    struct immortal *immortal = state;
    bench_place_free(&immortal->cursor);
    free(immortal);
}

static uint64_t step_floor(void *state, unsigned thread)
{
    (void)thread;
    const struct immortal *immortal = state;
    mm_atomic_u64 *cursor = immortal->cursor.at;
    uint64_t sum = 0;
    for (size_t i = 0; i < ALLOCATIONS; i++) {
        /* Relaxed: what is allocated is nobody else's, whatever the order. */
        sum += mm_fetch_add_relaxed_u64(cursor, ALLOCATED_BYTES);
    }
    return sum;
}

static const struct bench_side ours = {
    .name = "ours", .open = open_ours, .step = step_ours, .close = close_ours};
static const struct bench_side window = {
    .name = "window", .open = open_window, .step = step_window, .close = close_ours};
static const struct bench_side floor_side = {
    .name = "fetch_add", .open = open_floor, .step = step_floor, .close = close_floor};

static const struct bench_case cases[] = {
    {.name = "immortal alloc",
     .operations = ALLOCATIONS,
     .sides = {&ours, &floor_side, &window},
     .threads = {1, 2, 4, 8}},
};

const struct bench_topic bench_immortals = {.cases = cases,
                                            .case_count = sizeof cases / sizeof *cases};
