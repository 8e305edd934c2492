/* SPDX-License-Identifier: MIT */
/*
 * Arenas of jemalloc whose memory, metadata included, is an owner's of a mapper.
 *
 * A `struct jemalloc_arena` is the caller's storage: it stays where it is as long as the
 * arena lives, since jemalloc keeps a pointer to the hooks in it. `error` may be NULL and is
 * written only on failure; what jemalloc refused has MM_OS_ERROR with its errno value.
 *
 * In a forked child, call mmapper_after_fork_in_child (G8), and for each arena
 * mapped_extents_after_fork_in_child, before anything allocates: pthread_atfork, registered
 * after jemalloc has begun, does that.
 */
#ifndef EXAMPLES_JEMALLOC_ARENAS_H
#define EXAMPLES_JEMALLOC_ARENAS_H

#include "examples/jemalloc/mapped_extents.h"
#include "mmapper/mmapper.h"

struct jemalloc_arena {
    struct mapped_extents extents;
    unsigned index; /* for MALLOCX_ARENA, or "thread.arena" */
};

/* jemalloc's page: what the mapper's chunk_bytes have to be. */
size_t jemalloc_page_bytes(void);

/*
 * A new arena, and its owner. Whether address space is retained is jemalloc's "opt.retain".
 * Errors: those of mmapper_register_owner; INVALID_ARGUMENT when the mapper's chunks are
 * not jemalloc's pages; OS_ERROR.
 */
enum mm_status jemalloc_arena_create(struct jemalloc_arena *arena,
                                     struct mmapper *mapper,
                                     const struct mm_owner_options *owner,
                                     struct mm_error *error);

/*
 * The same for an automatic arena, which may be in use. Extents that it already has stay
 * what they are, and go on to be handled by the hooks that it had: only what it gets from
 * now on is the owner's. It cannot be destroyed.
 */
enum mm_status jemalloc_arena_take(struct jemalloc_arena *arena, struct mmapper *mapper,
                                   unsigned index, const struct mm_owner_options *owner,
                                   struct mm_error *error);

/*
 * Destroys an arena that was created: frees all its allocations, gives all its memory back
 * and unregisters the owner. No thread may be using it. Errors: OS_ERROR when jemalloc
 * refuses, with nothing changed; else those of mmapper_release and mmapper_unregister_owner:
 * then the arena is gone and the owner keeps what could not be given back.
 */
enum mm_status jemalloc_arena_destroy(struct jemalloc_arena *arena,
                                      struct mm_error *error);

#endif /* EXAMPLES_JEMALLOC_ARENAS_H */
