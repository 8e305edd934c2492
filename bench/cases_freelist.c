/* SPDX-License-Identifier: MIT */
/* Free lists: taking units and giving them back, and finding that there are none. */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/load.h"
#include "bench/place.h"
#include "spaces/raw_memory_freelist.h"

enum {
    PAIRS = 256,
    UNITS = 60000,
    BORDER_UNITS =
        1 << 16, /* one less is in another class: a pair moves the block twice */
    LIVE = 1024, /* blocks of the mix */
    MIX_UNITS = 16,
    MIX_PAIRS = 16384,
    FAILING = 256,
    FEW_HOLES = 2048,
    MANY_HOLES = 200000,
};

/* A pair of the mix: this block is freed, and one of so many units allocated. */
struct choice {
    uint32_t block;
    uint32_t units;
};

struct freelist {
    void *table;
    struct raw_memory_freelist *list;
    struct bench_place choices;
    uint32_t live[LIVE];
    size_t next; /* choice */
};

static struct freelist *freelist_open(uint32_t units,
                                      enum raw_memory_freelist_policy policy)
{
    struct freelist *freelist = calloc(1, sizeof *freelist);
    BENCH_CHECK(freelist != NULL);
    const struct raw_memory_freelist_shape shape = {.max_units = units,
                                                    .units = units,
                                                    .grain = units,
                                                    .heads = 1,
                                                    .policy = policy};
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    freelist->table = calloc(1, bytes);
    BENCH_CHECK(freelist->table != NULL);
    bench_must(raw_memory_freelist_create_on(freelist->table, bytes, &shape,
                                             &freelist->list, NULL),
               NULL);
    return freelist;
}

static void close_freelist(void *state)
{
    struct freelist *freelist = state;
    bench_must(raw_memory_freelist_destroy(freelist->list, NULL), NULL);
    free(freelist->table);
    free(freelist->choices.block);
    free(freelist);
}

static uint32_t take(struct freelist *freelist, uint32_t units)
{
    uint32_t unit;
    bench_must(raw_memory_freelist_alloc(freelist->list, 0, units, &unit), NULL);
    return unit;
}

/* ---------------------------------------------------------------------- pair */

static void *open_pair(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return freelist_open((uint32_t)setting->shape.count, RAW_MEMORY_FREELIST_FIRST_FIT);
}

static void *open_pair_binned(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return freelist_open((uint32_t)setting->shape.count, RAW_MEMORY_FREELIST_BINNED);
}

static uint64_t step_pair(void *state, unsigned thread)
{
    (void)thread;
    struct freelist *freelist = state;
    uint64_t sum = 0;
    for (size_t i = 0; i < PAIRS; i++) {
        const uint32_t unit = take(freelist, 1);
        bench_must(raw_memory_freelist_free(freelist->list, 0, unit, NULL), NULL);
        sum += unit;
    }
    return sum;
}

/* ----------------------------------------------------------------------- mix */

static struct freelist *mix_of(const struct bench_setting *setting,
                               enum raw_memory_freelist_policy policy)
{
    struct freelist *freelist = freelist_open(UNITS, policy);
    struct bench_random random = {setting->seed};
    freelist->choices = bench_place_make(MIX_PAIRS * sizeof(struct choice), &random);
    struct choice *choices = freelist->choices.at;
    for (size_t i = 0; i < MIX_PAIRS; i++) {
        choices[i].block = (uint32_t)bench_random_below(&random, LIVE);
        choices[i].units = 1 + (uint32_t)bench_random_below(&random, MIX_UNITS);
    }
    for (size_t i = 0; i < LIVE; i++) {
        freelist->live[i] = take(freelist, choices[i].units);
    }
    return freelist;
}

static void *open_mix(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return mix_of(setting, RAW_MEMORY_FREELIST_FIRST_FIT);
}

static void *open_mix_binned(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    return mix_of(setting, RAW_MEMORY_FREELIST_BINNED);
}

static uint64_t step_mix(void *state, unsigned thread)
{
    (void)thread;
    struct freelist *freelist = state;
    const struct choice *choices = freelist->choices.at;
    uint64_t sum = 0;
    for (size_t i = 0; i < MIX_PAIRS; i++) {
        uint32_t *block = &freelist->live[choices[i].block];
        bench_must(raw_memory_freelist_free(freelist->list, 0, *block, NULL), NULL);
        *block = take(freelist, choices[i].units);
        sum += *block;
    }
    return sum;
}

/* ------------------------------------------------------------------- failing */

/* Every second unit is a hole: a block of one unit that nothing merges with. */
static struct freelist *open_holes(uint32_t holes,
                                   enum raw_memory_freelist_policy policy)
{
    struct freelist *freelist = freelist_open(2 * holes, policy);
    for (uint32_t i = 0; i < 2 * holes; i++) {
        (void)take(freelist, 1);
    }
    for (uint32_t i = 0; i < holes; i++) {
        bench_must(raw_memory_freelist_free(freelist->list, 0, 2 * i, NULL), NULL);
    }
    return freelist;
}

static void *open_few(const struct bench_setting *setting, const char **reason)
{
    (void)setting;
    (void)reason;
    return open_holes(FEW_HOLES, RAW_MEMORY_FREELIST_FIRST_FIT);
}

static void *open_many(const struct bench_setting *setting, const char **reason)
{
    (void)setting;
    (void)reason;
    return open_holes(MANY_HOLES, RAW_MEMORY_FREELIST_FIRST_FIT);
}

static void *open_few_binned(const struct bench_setting *setting, const char **reason)
{
    (void)setting;
    (void)reason;
    return open_holes(FEW_HOLES, RAW_MEMORY_FREELIST_BINNED);
}

static void *open_many_binned(const struct bench_setting *setting, const char **reason)
{
    (void)setting;
    (void)reason;
    return open_holes(MANY_HOLES, RAW_MEMORY_FREELIST_BINNED);
}

static uint64_t step_failing(void *state, unsigned thread)
{
    (void)thread;
    struct freelist *freelist = state;
    uint64_t failed = 0;
    for (size_t i = 0; i < FAILING; i++) {
        uint32_t unit;
        failed += raw_memory_freelist_alloc(freelist->list, 0, 2, &unit) == MM_NO_SPACE;
    }
    BENCH_CHECK(failed == FAILING);
    return failed;
}

/* --------------------------------------------------------------------- cases */

static const struct bench_side pair = {
    .name = "first fit", .open = open_pair, .step = step_pair, .close = close_freelist};
static const struct bench_side pair_binned = {.name = "binned",
                                              .open = open_pair_binned,
                                              .step = step_pair,
                                              .close = close_freelist};
static const struct bench_side mix = {
    .name = "first fit", .open = open_mix, .step = step_mix, .close = close_freelist};
static const struct bench_side mix_binned = {.name = "binned",
                                             .open = open_mix_binned,
                                             .step = step_mix,
                                             .close = close_freelist};
static const struct bench_side few = {.name = "first fit, 2,048 holes",
                                      .open = open_few,
                                      .step = step_failing,
                                      .close = close_freelist};
static const struct bench_side few_binned = {.name = "binned, 2,048 holes",
                                             .open = open_few_binned,
                                             .step = step_failing,
                                             .close = close_freelist};
static const struct bench_side many = {.name = "first fit, 200,000 holes",
                                       .open = open_many,
                                       .step = step_failing,
                                       .close = close_freelist};
static const struct bench_side many_binned = {.name = "binned, 200,000 holes",
                                              .open = open_many_binned,
                                              .step = step_failing,
                                              .close = close_freelist};

static const struct bench_case cases[] = {
    {.name = "free list, pair of 1 unit",
     .shape = {.count = UNITS},
     .operations = PAIRS,
     .sides = {&pair, &bench_load_side, &pair_binned}},
    {.name = "free list, pair of 1 unit, at a class border",
     .shape = {.count = BORDER_UNITS},
     .operations = PAIRS,
     .sides = {&pair, &bench_load_side, &pair_binned}},
    {.name = "free list, random mix of 1 to 16 units",
     .operations = MIX_PAIRS,
     .sides = {&mix, &bench_load_side, &mix_binned}},
    {.name = "free list, failing alloc",
     .operations = FAILING,
     .sides = {&few, &bench_load_side, &many, &few_binned, &many_binned}},
};

const struct bench_topic bench_freelists = {.cases = cases,
                                            .case_count = sizeof cases / sizeof *cases};
