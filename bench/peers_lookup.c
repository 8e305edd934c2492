/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/peers.h"
#include "bench/place.h"

enum { BLOCKS = 256, BLOCK_BYTES = 4096, CACHE_LINE = 64 };

struct peer_lookup {
    struct bench_peer peer;
    void *blocks[BLOCKS];
    struct bench_place addresses;
    size_t count;
};

static void *open_peer(const struct bench_setting *setting, enum bench_peer_name name,
                       const char **reason)
{
    struct bench_peer peer;
    if (!bench_peer_load(&peer, name, reason)) {
        return NULL;
    }
    struct peer_lookup *lookup = calloc(1, sizeof *lookup);
    BENCH_CHECK(lookup != NULL);
    lookup->peer = peer;
    for (size_t i = 0; i < BLOCKS; i++) {
        lookup->blocks[i] = peer.aligned_alloc(CACHE_LINE, BLOCK_BYTES);
        BENCH_CHECK(lookup->blocks[i] != NULL);
    }
    struct bench_random random = {setting->seed};
    lookup->count = setting->operations;
    lookup->addresses = bench_place_addresses(lookup->count, 0, BLOCKS, 1, &random);
    uintptr_t *addresses = lookup->addresses.at;
    for (size_t i = 0; i < lookup->count; i++) {
        addresses[i] = (uintptr_t)lookup->blocks[addresses[i]];
    }
    return lookup;
}

static void *open_jemalloc(const struct bench_setting *setting, const char **reason)
{
    return open_peer(setting, BENCH_JEMALLOC, reason);
}

static void *open_mimalloc(const struct bench_setting *setting, const char **reason)
{
    return open_peer(setting, BENCH_MIMALLOC, reason);
}

static void close_peer(void *state)
{
    struct peer_lookup *lookup = state;
    for (size_t i = 0; i < BLOCKS; i++) {
        lookup->peer.free(lookup->blocks[i]);
    }
    bench_place_free(&lookup->addresses);
    free(lookup);
}

static uint64_t step_peer(void *state, unsigned thread)
{
    (void)thread;
    const struct peer_lookup *lookup = state;
    size_t (*const usable_size)(const void *) = lookup->peer.usable_size;
    const uintptr_t *addresses = lookup->addresses.at;
    const size_t count = lookup->count;
    uint64_t found = 0;
    BENCH_PLAIN_LOOP
    for (size_t i = 0; i < count; i++) {
        found += usable_size((const void *)addresses[i]) >= BLOCK_BYTES;
    }
    BENCH_CHECK(found == count);
    return found;
}

const struct bench_side bench_jemalloc_lookup = {
    .name = "jemalloc", .open = open_jemalloc, .step = step_peer, .close = close_peer};
const struct bench_side bench_mimalloc_lookup = {
    .name = "mimalloc", .open = open_mimalloc, .step = step_peer, .close = close_peer};
