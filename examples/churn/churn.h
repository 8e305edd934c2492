/* SPDX-License-Identifier: MIT */
/*
 * The stress of an allocator on a mapper: threads allocate, resize, hand over and free memory,
 * and try to take it with another owner of the mapper. What must hold, whatever they do:
 *
 *   O1  blocks are disjoint
 *   O2  a block's pages are mapped, and its pool's, by the mapper's table, which agrees with
 *       the kernel; every call to the kernel was about memory that the mapper holds
 *   O3  a block's contents are its holder's, and zero where that was asked for
 *   O6  another owner is refused, in the name of the pool's
 *
 * An allocator brings a `struct churn_subject`, and a workload of its own for stress_main,
 * whose functions call the ones below.
 */
#ifndef EXAMPLES_CHURN_CHURN_H
#define EXAMPLES_CHURN_CHURN_H

#include <pthread.h>
#include <stdatomic.h>

#include "mmapper/mmapper.h"
#include "mmapper/testing/checked_decorator.h"
#include "stress/runner.h"

enum {
    CHURN_POOLS = 4,    /* at most */
    CHURN_BLOCKS = 256, /* of a thread */
    CHURN_SHARED = 64,  /* on their way from one thread to another */
};

enum {
    CHURN_ALLOCATED = STRESS_COUNTER_OWN,
    CHURN_RESIZED,
    CHURN_FREED,
    CHURN_PURGES,
    CHURN_EXHAUSTED,
    CHURN_REFUSED,
};

/* The names of these counters. */
extern const char *const churn_counters[];

struct churn_subject {
    size_t pools;
    bool may_run_out; /* its memory is less than what threads may hold */
    /* NULL: there is no memory. */
    void *(*allocate)(struct stress_thread *thread, size_t pool, size_t bytes,
                      size_t alignment, bool zero);
    void *(*resize)(struct stress_thread *thread, size_t pool, void *memory,
                    size_t bytes);
    void (*free)(void *memory);
    /* Gives memory back; false: that failed. */
    bool (*purge)(struct stress_thread *thread, size_t pool);
};

/* What somebody allocated, and the tokens in it. */
struct block {
    uintptr_t address; /* 0: none */
    size_t bytes;
    size_t pool;
    uint64_t owner;
    uint64_t epoch;
};

struct churn {
    const struct churn_subject *subject;
    void *state; /* the subject's */
    struct address_map *oracle;
    struct checked_decorator *checked;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *rival;
    const struct mm_owner *owners[CHURN_POOLS]; /* of the pools; set by the subject */
    atomic_uint_least64_t epochs; /* relaxed: only has to be different each time */
    struct block blocks[STRESS_MAX_THREADS][CHURN_BLOCKS];
    pthread_mutex_t sharing;
    struct block shared[CHURN_SHARED];
};

/* A mapper under the oracle, and the run's state; NULL: that cannot be. The subject then
 * makes its pools. */
struct churn *churn_create(struct stress_run *run, const struct churn_subject *subject,
                           const struct mmapper_options *options);

/* thread_begin sets thread->state, which is not the subject's to use. */
void churn_thread_begin(struct stress_thread *thread);
void churn_step(struct stress_thread *thread);
/* Frees half of the thread's blocks, and forgets the others. */
void churn_thread_end(struct stress_thread *thread);

/* While all threads stand still: all blocks, the table, the kernel. */
void churn_checkpoint(struct stress_run *run);

/* At the end: the pools' owners are in the dump by name. */
void churn_check_dump(struct stress_run *run);

/* The table and the kernel agree, and the oracle has seen nothing wrong. */
void churn_check_mapper(struct stress_run *run);

/* Bytes that the mapper has reserved. */
uint64_t churn_reserved_bytes(struct stress_run *run);

/* Of the owner's chunks in all states. */
uint64_t churn_owner_bytes(const struct churn *churn, const struct mm_owner *owner);

/* The mapper is the caller's to destroy, or not. */
void churn_destroy(struct churn *churn);

/* The block's tokens, and whose its pages are. */
void churn_check_block(struct stress_run *run, const struct stress_thread *thread,
                       const struct block *block);

#endif /* EXAMPLES_CHURN_CHURN_H */
