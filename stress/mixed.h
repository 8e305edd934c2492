/* SPDX-License-Identifier: MIT */
/*
 * The mixed stress: everything at once in one process. Two mappers share a window, in
 * which foreign code maps too; on them live a space of every sort, adopted and excluded
 * ranges; the process forks in the middle of it, and children run into the limits.
 */
#ifndef STRESS_MIXED_H
#define STRESS_MIXED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/mmapper.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_space.h"
#include "spaces/side_metadata.h"
#include "spaces/space_map.h"
#include "stress/foreign_noise.h"
#include "stress/ownership_log.h"
#include "stress/runner.h"

enum {
    MIXED_MAPPERS = 2,
    MIXED_GRANULE = 16 << 10, /* the smaller chunk size: unit of the ownership log */
    MIXED_WINDOW_GRANULES = 2048,
    MIXED_PARCELS = 16, /* ranges that a thread holds, at most */
    MIXED_RUNS = 32,    /* runs of pages */
    MIXED_SLOTS = 8,    /* of the space map */
    MIXED_NOISE_OWNER = 1000,
    COUNT_PARCELS = STRESS_COUNTER_OWN,
    COUNT_FOREIGN_CONFLICTS,
    COUNT_ADOPTED,
    COUNT_EXCLUDED,
    COUNT_METADATA,
    COUNT_IMMORTAL,
    COUNT_PAGES,
    COUNT_SLOTS,
    COUNT_MAPPERS,
    COUNT_FORKS,
};

struct mixed {
    struct stress_run *run;
    struct mmap_support support;
    struct mmapper *mappers[MIXED_MAPPERS];
    size_t chunk_bytes[MIXED_MAPPERS];
    struct mm_extent window;
    struct ownership_log *log;
    struct ownership_session *session; /* the main thread's */
    struct foreign_noise *noise;
    struct immortal_space *immortal; /* on the first mapper; made anew when spent,
                                      * NULL when there was no room */
    struct freelist_space *pages;    /* on the second */
    struct side_metadata *metadata;  /* on the first */
    struct mm_extent data;           /* that the metadata is about; never mapped */
    struct space_map *slots;         /* on the second */
    mm_atomic_u64 epochs;            /* relaxed: only has to differ each time */
};

/* A range that a thread holds of one of the mappers. */
struct parcel {
    unsigned mapper;
    struct mm_extent extent;
    uint64_t epoch;
    bool mapped;
};

struct page_run {
    uintptr_t address;
    size_t pages;
    uint64_t epoch;
};

/* One thread. */
struct mixer {
    struct stress_thread *thread;
    struct mixed *mixed;
    struct ownership_session *session;
    uint64_t self; /* in the log and in tokens */
    struct mm_owner *owners[MIXED_MAPPERS];
    struct mm_owner *external; /* of the first mapper */
    struct parcel parcels[MIXED_PARCELS];
    size_t parcel_count;
    struct page_run runs[MIXED_RUNS];
    size_t run_count;
};

/* Ranges of the two mappers (mixed_parcels.c). */
void mixed_parcel_step(struct mixer *mixer);
void mixed_parcels_check(struct mixer *mixer);
void mixed_parcels_release(struct mixer *mixer);

/* Adopted and excluded ranges, and a mapper that lives for one step
 * (mixed_external.c). */
void mixed_adopt_step(struct mixer *mixer);
void mixed_exclude_step(struct mixer *mixer);
void mixed_brief_mapper_step(struct mixer *mixer);

/* The spaces (mixed_spaces.c). */
bool mixed_spaces_create(struct mixed *mixed);
void mixed_spaces_destroy(struct mixed *mixed);
void mixed_spaces_checkpoint(struct mixed *mixed);
void mixed_immortal_step(struct mixer *mixer);
void mixed_pages_step(struct mixer *mixer);
void mixed_pages_release(struct mixer *mixer);
void mixed_metadata_step(struct mixer *mixer);
void mixed_slots_step(struct mixer *mixer);

/* Forks while the other threads are inside of operations (mixed_fork.c). */
void mixed_fork_step(struct mixer *mixer);

/* Children that run into RLIMIT_AS and vm.max_map_count (mixed_limits.c). To be called
 * before there are threads. Do nothing under sanitizers, which need the address space
 * and the mappings for themselves. */
void mixed_limits(struct stress_run *run);

/* Feeds the ownership log: right after a range was got, right before it is given back.
 * `what` is for the report. */
void mixed_take(struct mixer *mixer, struct mm_extent extent, uint64_t epoch,
                const char *what);
void mixed_give(struct mixer *mixer, struct mm_extent extent);

/* A random range in the window, of 1 to `most` chunks of a mapper. */
struct mm_extent mixed_random_extent(struct mixer *mixer, unsigned mapper, size_t most);

/* A failed call that should have succeeded. */
void mixed_report(const struct mixer *mixer, const char *what, enum mm_status status,
                  const struct mm_error *error);

#endif /* STRESS_MIXED_H */
