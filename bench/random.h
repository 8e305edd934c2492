/* SPDX-License-Identifier: MIT */
/* Random numbers, for what is computed before anything is timed. */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include <stdint.h>

/* SplitMix64; any seed will do. */
struct bench_random {
    uint64_t state;
};

static inline uint64_t bench_random_next(struct bench_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* In [0, bound); bound > 0. The bias of the modulus does not matter here. */
static inline uint64_t bench_random_below(struct bench_random *random, uint64_t bound)
{
    return bench_random_next(random) % bound;
}

#endif /* BENCH_RANDOM_H */
