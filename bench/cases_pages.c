/* SPDX-License-Identifier: MIT */
/* A page from a free-list space and back, by threads that share the space: with one list and
 * one lock, and with stripes. */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/load.h"
#include "bench/world.h"
#include "spaces/freelist_space.h"

enum { PAIRS = 256, STRIPES = 4 };

#define SPACE_BYTES ((size_t)4 << 30)

struct pages {
    struct bench_world world;
    struct freelist_space *space;
};

static struct pages *pages_open(const struct bench_setting *setting, uintptr_t base,
                                unsigned stripes)
{
    struct pages *pages = calloc(1, sizeof *pages);
    BENCH_CHECK(pages != NULL);
    const struct bench_world_options options = {0};
    bench_world_open(&pages->world, setting->seed, &options);
    const struct freelist_space_options space = {
        .name = "pages",
        .strategy = bench_strategy(&options),
        .placement = {.rule = SPACE_EXACT, .start = base},
        .bytes = SPACE_BYTES,
        .stripes = stripes,
    };
    struct mm_error error;
    bench_must(
        freelist_space_create(pages->world.mapper, &space, &pages->space, &error),
        &error);
    return pages;
}

static void *open_one(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return pages_open(setting, BENCH_OURS, 1);
}

static void *open_striped(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return pages_open(setting, BENCH_MUTEX, STRIPES);
}

static void close_pages(void *state)
{
    struct pages *pages = state;
    struct mm_error error;
    bench_must(freelist_space_destroy(pages->space, &error), &error);
    bench_world_close(&pages->world);
    free(pages);
}

static uint64_t step_pair(void *state, unsigned thread)
{
    (void)thread;
    const struct pages *pages = state;
    struct mm_error error;
    uint64_t sum = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        uintptr_t address;
        bench_must(freelist_space_alloc(pages->space, 1, &address, &error), &error);
        bench_must(freelist_space_free(pages->space, address, NULL, &error), &error);
        sum += address;
    }
    return sum;
}

static const struct bench_side one = {
    .name = "one lock", .open = open_one, .step = step_pair, .close = close_pages};
static const struct bench_side striped = {
    .name = "striped", .open = open_striped, .step = step_pair, .close = close_pages};

static const struct bench_case cases[] = {
    {.name = "free-list space, pair of 1 page",
     .operations = PAIRS,
     .sides = {&striped, &bench_load_side, &one},
     .threads = {1, 2, 4, 8}},
};

const struct bench_topic bench_pages = {.cases = cases,
                                        .case_count = sizeof cases / sizeof *cases};
