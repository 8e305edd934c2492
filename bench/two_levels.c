/* SPDX-License-Identifier: MIT */
#include "bench/two_levels.h"

#include <string.h>

#include "bench/fail.h"

void two_levels_open(struct two_levels *levels, size_t count,
                     struct bench_random *random)
{
    const size_t leaf_bytes = (size_t)1 << TWO_LEVELS_LOG_LEAF;
    BENCH_CHECK(count <= TWO_LEVELS_MAX_LEAVES * leaf_bytes);
    levels->place = bench_place_make(count, random);
    memset(levels->place.at, 1, count);
    for (size_t i = 0; i * leaf_bytes < count; i++) {
        levels->leaves[i] = (const uint8_t *)levels->place.at + i * leaf_bytes;
    }
}

void two_levels_close(struct two_levels *levels)
{
    bench_place_free(&levels->place);
}
