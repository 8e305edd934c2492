/* SPDX-License-Identifier: MIT */
/*
 * The stress of the arenas: threads allocate, resize, hand over and free memory of several
 * arenas, and try to take it with another owner of the mapper.
 */
#ifndef EXAMPLES_JEMALLOC_CHURN_H
#define EXAMPLES_JEMALLOC_CHURN_H

#include <pthread.h>

#include "examples/jemalloc/arenas.h"
#include "mmapper/atomic.h"
#include "mmapper/testing/checked_decorator.h"
#include "stress/runner.h"

enum {
    CHURN_ARENAS = 4,
    CHURN_BLOCKS = 256, /* of a thread */
    CHURN_SHARED = 64,  /* on their way from one thread to another */
};

enum {
    CHURN_ALLOCATED = STRESS_COUNTER_OWN,
    CHURN_RESIZED,
    CHURN_FREED,
    CHURN_PURGES,
    CHURN_REFUSED,
};

/* What somebody allocated, and the tokens in it. */
struct block {
    uintptr_t address; /* 0: none */
    size_t bytes;
    size_t arena;
    uint64_t owner;
    uint64_t epoch;
};

struct churn {
    struct address_map *oracle;
    struct checked_decorator *checked;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *rival;
    struct jemalloc_arena arenas[CHURN_ARENAS];
    mm_atomic_u64 epochs; /* relaxed: only has to be different each time */
    struct block blocks[STRESS_MAX_THREADS][CHURN_BLOCKS];
    pthread_mutex_t sharing;
    struct block shared[CHURN_SHARED];
};

void churn_step(struct stress_thread *thread);

/* The block's tokens, and whose its pages are. */
void churn_check_block(struct stress_run *run, const struct stress_thread *thread,
                       const struct block *block);

/* Frees a block, if it is one. */
void churn_free(struct block *block);

#endif /* EXAMPLES_JEMALLOC_CHURN_H */
