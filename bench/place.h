/* SPDX-License-Identifier: MIT */
/*
 * Arrays that lie elsewhere each time. How an array lies to another one in the cache has
 * doubled the time of a loop of a nanosecond: who measures at one place only measures the
 * place.
 */
#ifndef BENCH_PLACE_H
#define BENCH_PLACE_H

#include <stddef.h>
#include <stdint.h>

#include "bench/random.h"

struct bench_place {
    void *block; /* to be freed */
    void *at;    /* of it, a random cache line */
};

/* `bytes` zero bytes, all of them touched. */
struct bench_place bench_place_make(size_t bytes, struct bench_random *random);
void bench_place_free(struct bench_place *place);

/* `count` random addresses of the beginnings of chunks: of the `chunks` chunks from `base`
 * on. Precomputed: a random generator in the loop hides most of a lookup's latency. */
struct bench_place bench_place_addresses(size_t count, uintptr_t base, size_t chunks,
                                         size_t chunk_bytes,
                                         struct bench_random *random);

#endif /* BENCH_PLACE_H */
