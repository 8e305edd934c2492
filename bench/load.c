/* SPDX-License-Identifier: MIT */
#include "bench/load.h"

#include <stdlib.h>

#include "bench/fail.h"
#include "bench/place.h"
#include "mmapper/atomic.h"

enum { WORDS = 256, LOADS = 1024 };

struct load {
    struct bench_place words;
    struct bench_place indexes;
};

static void *open_load(const struct bench_setting *setting, const char **reason)
{
    (void)reason;
    struct load *load = calloc(1, sizeof *load);
    BENCH_CHECK(load != NULL);
    struct bench_random random = {setting->seed};
    load->words = bench_place_make(WORDS * sizeof(mm_atomic_u32), &random);
    load->indexes = bench_place_addresses(LOADS, 0, WORDS, 1, &random);
    return load;
}

static void close_load(void *state)
{
    struct load *load = state;
    bench_place_free(&load->words);
    bench_place_free(&load->indexes);
    free(load);
}

static uint64_t step_load(void *state, unsigned thread)
{
    (void)thread;
    const struct load *load = state;
    const mm_atomic_u32 *words = load->words.at;
    const uintptr_t *indexes = load->indexes.at;
    uint64_t sum = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < LOADS; i++) {
        /* Nothing depends on its order: it is the load that is timed. */
        sum += mm_load_acquire_u32(&words[indexes[i]]);
    }
    return sum;
}

const struct bench_side bench_load_side = {
    .name = "load",
    .open = open_load,
    .step = step_load,
    .close = close_load,
    .operations = LOADS,
};
