/* SPDX-License-Identifier: MIT */
/*
 * What a mapper is made of. Everything is in one block of zero-filled table memory, so
 * that creation touches a few pages and a fork copies it whole.
 */
#ifndef MMAPPER_MAPPER_H
#define MMAPPER_MAPPER_H

#include "mmapper/atomic.h"
#include "mmapper/chunk_table.h"
#include "mmapper/counters.h"
#include "mmapper/mmapper.h"
#include "mmapper/owner_table.h"

struct mmapper {
    struct chunk_table table;
    struct owner_table owners;
    const struct mmap_support *support; /* borrowed */
    size_t memory_bytes;                /* of the block that begins here */
    uintptr_t limit;                    /* of the window */
    /* All above is only read, and what is below is written. */
    char apart[OWNER_CACHE_LINE];
    /* Where the search for a free range begins, going down. Only a hint: relaxed. */
    mm_atomic_u64 search;
    struct counters counters;
};

#endif /* MMAPPER_MAPPER_H */
