/* SPDX-License-Identifier: MIT */
/*
 * Allocators of Debian's packages, to be measured beside the mapper: jemalloc 5.3
 * (libjemalloc2) and mimalloc 2.0 (libmimalloc2.0), set to give memory back at once. They
 * are loaded when they are there: nothing is needed to build.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench/case.h"

struct bench_peer {
    void *(*aligned_alloc)(size_t alignment, size_t bytes);
    void (*free)(void *memory);
    /* Finds what the library keeps about an address that it gave out. */
    size_t (*usable_size)(const void *memory);
};

enum bench_peer_name {
    BENCH_JEMALLOC,
    BENCH_MIMALLOC,
};

/* The libraries read their settings from the environment when they are loaded, and the
 * loader keeps room for jemalloc's thread-local variables only if the environment said so
 * when the process began: starts the program again with both, if it was not yet. */
void bench_peers_environment(char **argv);

/* False, with the reason, when the library cannot be loaded. */
bool bench_peer_load(struct bench_peer *peer, enum bench_peer_name name,
                     const char **reason);

/* Whose is this address: the size of the block there, by the library's own tables. */
extern const struct bench_side bench_jemalloc_lookup; /* "jemalloc" */
extern const struct bench_side bench_mimalloc_lookup; /* "mimalloc" */

#endif /* BENCH_PEERS_H */
