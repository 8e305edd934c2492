/* SPDX-License-Identifier: MIT */
/* A bare table of bytes in two levels: the least that answers a question about a chunk of
 * a large space. The floor of lookups that do not stay in the first cache. */
#ifndef BENCH_TWO_LEVELS_H
#define BENCH_TWO_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "bench/place.h"

enum { TWO_LEVELS_LOG_LEAF = 16, TWO_LEVELS_MAX_LEAVES = 64 };

struct two_levels {
    struct bench_place place;
    /* Volatile: each level is loaded each time, as one has to who shares them; on x86-64
     * such a load is an acquire load. */
    const volatile uint8_t *volatile leaves[TWO_LEVELS_MAX_LEAVES];
};

/* A table of `count` ones: at most MAX_LEAVES times 2^LOG_LEAF. */
void two_levels_open(struct two_levels *levels, size_t count,
                     struct bench_random *random);
void two_levels_close(struct two_levels *levels);

static inline uint8_t two_levels_get(const struct two_levels *levels, size_t index)
{
    const size_t leaf = index >> TWO_LEVELS_LOG_LEAF;
    return levels->leaves[leaf][index & (((size_t)1 << TWO_LEVELS_LOG_LEAF) - 1)];
}

#endif /* BENCH_TWO_LEVELS_H */
