/* SPDX-License-Identifier: MIT */
/*
 * The state of a simulated kernel and the raw calls on it: what sim_kernel.c (the
 * tests' side) and sim_operations.c (the mapper's side) share. The raw calls expect
 * the lock to be held and know nothing of clients' rights.
 */
#ifndef MMAPPER_TESTING_SIM_KERNEL_STATE_H
#define MMAPPER_TESTING_SIM_KERNEL_STATE_H

#include <pthread.h>

#include "mmapper/testing/sim_kernel.h"
#include "mmapper/testing/sim_mappings.h"
#include "mmapper/testing/sim_pages.h"

enum {
    SIM_HOLDER_FOREIGN = 0,
    SIM_HOLDER_CLIENT = 1, /* + the client's number */
    SIM_TEXT_BYTES = 256,
    /* The kernel's limit (ANON_VMA_NAME_MAX_LEN), NUL included. */
    SIM_NAME_BYTES = 80,
};

/* The name as listed: "[anon:NAME]", or a file's as given. */
struct sim_name {
    char text[SIM_NAME_BYTES + 8];
};

struct sim_client {
    struct sim_kernel *kernel;
    uint8_t holder;
};

struct sim_kernel {
    pthread_mutex_t lock;
    struct sim_kernel_options options;
    struct sim_mappings map;
    struct sim_pages contents;
    struct sim_name *names; /* names[0] is "" */
    uint32_t name_count;
    uint32_t name_capacity;
    struct sim_client clients[SIM_CLIENTS];
    struct sim_statistics statistics;
    size_t data_bytes; /* private writable, for RLIMIT_DATA */
    uint64_t violations;
    char violation_text[SIM_TEXT_BYTES];
};

extern const struct mmap_operations sim_operations;

void sim_lock(struct sim_kernel *kernel);
void sim_unlock(struct sim_kernel *kernel);

/* The index of `text`, "" being 0. */
uint32_t sim_name_index(struct sim_kernel *kernel, const char *text);

/* A mapping as the kernel lists it. */
struct mm_mapping sim_listed(const struct sim_kernel *kernel,
                             const struct sim_piece *piece);

/* mmap(MAP_FIXED_NOREPLACE) of `piece`, or on an old kernel mmap with a hint: then
 * piece->start and end say where it went. */
int sim_raw_map(struct sim_kernel *kernel, struct sim_piece *piece);
int sim_raw_protect(struct sim_kernel *kernel, struct mm_extent extent, unsigned access,
                    size_t limit);
int sim_raw_unmap(struct sim_kernel *kernel, struct mm_extent extent, size_t limit);
int sim_raw_drop(struct sim_kernel *kernel, struct mm_extent extent);
/* MADV_GUARD_INSTALL. */
int sim_raw_guard(struct sim_kernel *kernel, struct mm_extent extent);
/* Sets a name and flags on `extent`, each mapping in turn. */
int sim_raw_mark(struct sim_kernel *kernel, struct mm_extent extent,
                 const uint32_t *name, unsigned flags);

/* Whether `more` does not fit in a limit of which `used` is used; 0: no limit. */
static inline bool sim_exceeds(size_t used, size_t more, size_t limit)
{
    return limit != 0 && (used > limit || more > limit - used);
}

/* What RLIMIT_AS counts. */
static inline size_t sim_address_bytes(const struct sim_kernel *kernel)
{
    const struct sim_statistics *totals = &kernel->statistics;
    return totals->client_bytes + totals->foreign_bytes + totals->table_bytes;
}

/* Enters a piece into the list and the totals. */
void sim_enter(struct sim_kernel *kernel, const struct sim_piece *piece);

#endif /* MMAPPER_TESTING_SIM_KERNEL_STATE_H */
