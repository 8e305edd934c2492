/* SPDX-License-Identifier: MIT */
/*
 * Two mappers at the same addresses, one over the simulated and one over the real
 * kernel, and everything in which they must be equal. What differs aborts with both
 * values (the simulated side's is the "actual" one).
 */
#ifndef MMAPPER_TESTING_DIFFERENTIAL_TRIAL_H
#define MMAPPER_TESTING_DIFFERENTIAL_TRIAL_H

#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/sim_kernel.h"
#include "mmapper/testing/workload.h"

enum { SIDES = 2 };

/* One of the two worlds. */
struct side {
    struct sim_kernel *kernel; /* NULL: the real one */
    struct fault_decorator *faults;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *owners[WORKLOAD_OWNERS + 1]; /* [OWNER_NONE] is NULL */
};

struct trial {
    struct side sides[SIDES];
    uintptr_t base;
    size_t page_bytes;
    size_t chunk_bytes;
    uint64_t random;
    struct model model; /* only to aim at */
    /* What the trial came across, to show that it is no trivial one. */
    uint64_t sequences;
    uint64_t steps;
    uint64_t by_status[MM_STATUS_COUNT];
    uint64_t faults;
};

struct outcome {
    enum mm_status status;
    struct mm_extent extent;
    struct mm_error error;
};

/* A kernel and a decorator for each side; no mappers yet. Finds a window that is free
 * on the real kernel. */
void trial_begin(struct trial *trial);
/* Prints what it came across. */
void trial_end(struct trial *trial);

/* New mappers with a seed's chunk and region sizes. */
void trial_begin_mappers(struct trial *trial, uint64_t seed);
void trial_end_mappers(struct trial *trial);

struct mm_extent trial_chunks(const struct trial *trial, size_t first, size_t count);
struct mm_extent trial_last_page(const struct trial *trial, size_t chunk);
enum workload_owner side_owner(const struct side *side, const struct mm_owner *owner);

/* The access of the page, as the simulated kernel has it (the lists are compared). */
unsigned trial_access(const struct trial *trial, struct mm_extent page);

void trial_compare_outcomes(const struct trial *trial, const struct outcome *sim,
                            const struct outcome *real);
/* Reads both tables; they become the model. */
void trial_compare_tables(struct trial *trial);
void trial_compare_contents(const struct trial *trial);
/* The kernels' lists of the window: extents after merging, access, names. */
void trial_compare_kernels(const struct trial *trial);
void trial_compare_statistics(const struct trial *trial);

#endif /* MMAPPER_TESTING_DIFFERENTIAL_TRIAL_H */
