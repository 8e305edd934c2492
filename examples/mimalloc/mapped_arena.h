/* SPDX-License-Identifier: MIT */
/*
 * An arena of mimalloc 2.0 on an immortal space: mimalloc takes its segments from one extent
 * that the mapper has reserved and mapped, in the name of an owner.
 *
 * mimalloc never gives an arena back, so there is no destroy: mapper, space and arena live as
 * long as the process. It is told that the memory is committed, and then leaves it alone: no
 * mprotect, no madvise. What is freed is used again, and stays resident.
 */
#ifndef EXAMPLES_MIMALLOC_MAPPED_ARENA_H
#define EXAMPLES_MIMALLOC_MAPPED_ARENA_H

#include <mimalloc.h>

#include "mmapper/mmapper.h"
#include "spaces/immortal_space.h"

/* mimalloc's segments: arenas begin at a multiple, and are used in units of it. */
enum { MAPPED_ARENA_UNIT = 32 << 20 };

struct mapped_arena_options {
    const char *name; /* of the owner */
    size_t bytes;     /* a multiple of MAPPED_ARENA_UNIT and of the mapper's chunks */
    struct mm_strategy strategy;
    /* Only heaps made by mi_heap_new_in_arena allocate there. */
    bool exclusive;
    /* mimalloc maps nothing else but its own tables and what is aligned beyond a unit: where
     * the arena is full, malloc fails. Concerns all of the process; not for exclusive arenas. */
    bool sole;
};

struct mapped_arena {
    struct immortal_space *space;
    mi_arena_id_t id;
};

/*
 * Reserves and maps all of it, touching nothing, and hands it to mimalloc. Errors: those of
 * immortal_space_create; INVALID_ARGUMENT; LIMIT when mimalloc takes no more arenas. Then
 * nothing is held.
 */
enum mm_status mapped_arena_create(struct mapped_arena *arena, struct mmapper *mapper,
                                   const struct mapped_arena_options *options,
                                   struct mm_error *error);

#endif /* EXAMPLES_MIMALLOC_MAPPED_ARENA_H */
