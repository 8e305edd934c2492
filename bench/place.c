/* SPDX-License-Identifier: MIT */
#include "bench/place.h"

#include <stdlib.h>
#include <string.h>

#include "bench/fail.h"

enum { CACHE_LINE = 64, PAGE = 4096, STAGGER_PAGES = 16 };

struct bench_place bench_place_make(size_t bytes, struct bench_random *random)
{
    const size_t stagger = CACHE_LINE * (size_t)bench_random_below(
                                            random, STAGGER_PAGES * PAGE / CACHE_LINE);
    const size_t whole = (stagger + bytes + PAGE - 1) / PAGE * PAGE;
    struct bench_place place;
    place.block = aligned_alloc(PAGE, whole);
    BENCH_CHECK(place.block != NULL);
    memset(place.block, 0, whole);
    place.at = (char *)place.block + stagger;
    return place;
}

void bench_place_free(struct bench_place *place)
{
    free(place->block);
    place->block = NULL;
}

struct bench_place bench_place_addresses(size_t count, uintptr_t base, size_t chunks,
                                         size_t chunk_bytes,
                                         struct bench_random *random)
{
    const struct bench_place place =
        bench_place_make(count * sizeof(uintptr_t), random);
    uintptr_t *addresses = place.at;
    for (size_t i = 0; i < count; i++) {
        addresses[i] = base + bench_random_below(random, chunks) * chunk_bytes;
    }
    return place;
}
