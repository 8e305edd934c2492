/* SPDX-License-Identifier: MIT */
/*
 * The random numbers of the stress targets: xoshiro256** seeded by splitmix64 (Blackman
 * and Vigna, public domain). One per thread; the same seed gives the same numbers on
 * every machine.
 */
#ifndef STRESS_RANDOM_H
#define STRESS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct stress_random {
    uint64_t s[4];
};

static inline uint64_t stress_mix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* `stream` tells the threads of one seed apart. */
static inline void stress_random_seed(struct stress_random *random, uint64_t seed,
                                      uint64_t stream)
{
    uint64_t stream_state = stream;
    uint64_t state = seed ^ stress_mix(&stream_state);
    for (unsigned i = 0; i < 4; i++) {
        random->s[i] = stress_mix(&state);
    }
}

static inline uint64_t stress_rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static inline uint64_t stress_random_next(struct stress_random *random)
{
    uint64_t *s = random->s;
    const uint64_t result = stress_rotate(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = stress_rotate(s[3], 45);
    return result;
}

/* In [0, bound); bound > 0. The bias of the modulus does not matter here. */
static inline uint64_t stress_random_below(struct stress_random *random, uint64_t bound)
{
    return stress_random_next(random) % bound;
}

/* True once in `n` on average. */
static inline bool stress_random_one_in(struct stress_random *random, uint64_t n)
{
    return stress_random_below(random, n) == 0;
}

#endif /* STRESS_RANDOM_H */
