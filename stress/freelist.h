/* SPDX-License-Identifier: MIT */
/*
 * The free-list stress: what its threads share, its steps and its checks.
 */
#ifndef STRESS_FREELIST_H
#define STRESS_FREELIST_H

#include <stddef.h>
#include <stdint.h>

#include "mmapper/mmapper.h"
#include "spaces/freelist_space.h"
#include "stress/ownership_log.h"
#include "stress/runner.h"

enum {
    FREELIST_SPACES = 4,
    FREELIST_HUGE = 2,    /* the index of the huge one */
    FREELIST_STRIPED = 3, /* and of the one with bins and stripes */
    FREELIST_STRIPES = 4,
    FREELIST_CHUNK_BYTES = 64 << 10,
    FREELIST_SPACE_CHUNKS = 64,
    FREELIST_RUNS = 48, /* that a thread holds of a space, at most */
    COUNT_ALLOCATED = STRESS_COUNTER_OWN,
    COUNT_FREED,
    COUNT_EXHAUSTED,
    COUNT_RIVAL,
    COUNT_MISUSED,
    COUNT_TRIMS,
};

struct run {
    uintptr_t address;
    size_t pages;
    uint64_t owner; /* who wrote its tokens */
    uint64_t epoch;
};

/* The runs of one space that one thread holds. */
struct runs {
    struct run items[FREELIST_RUNS];
    size_t count;
};

struct shelf {
    struct freelist_space *space;
    size_t page_bytes;
    size_t total_pages; /* used + free, whenever it is asked */
    bool decommits;
    struct runs held[STRESS_MAX_THREADS];
};

struct freelist {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *rival;
    struct shelf shelves[FREELIST_SPACES];
    struct ownership_log *log;
    struct ownership_session *session; /* the main thread's */
    mm_atomic_u64 epochs;              /* relaxed: only has to differ each time */
};

/* One operation of a thread (freelist_steps.c). */
void freelist_alloc(struct stress_thread *thread, struct freelist *freelist,
                    struct shelf *shelf);
void freelist_free(struct stress_thread *thread, struct shelf *shelf);
void freelist_misuse(struct stress_thread *thread, struct shelf *shelf);
void freelist_trim(struct stress_thread *thread, struct shelf *shelf);
void freelist_intrude(struct stress_thread *thread, struct freelist *freelist,
                      struct shelf *shelf);

/* O3: whether all pages of a run carry its tokens; reports those that do not. `thread`
 * is NULL in the main thread. */
void freelist_check_run(struct stress_run *stress, const struct stress_thread *thread,
                        const struct shelf *shelf, const struct run *run);

/* While all threads stand still (freelist_checks.c). */
void freelist_check_all(struct stress_run *stress, struct freelist *freelist);
void freelist_free_all(struct stress_run *stress, struct freelist *freelist);
void freelist_check_empty(struct stress_run *stress, struct freelist *freelist);

#endif /* STRESS_FREELIST_H */
