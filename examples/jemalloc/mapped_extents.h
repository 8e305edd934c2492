/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's extents on a mapper: what an arena would ask of the kernel, it asks of the
 * mapper, in the name of an owner.
 *
 *   hook           on the owner's memory                  refused
 *   alloc          quarantine, ensure_mapped              no space or no memory: jemalloc's OOM
 *   dalloc         release                                when jemalloc is to retain
 *   destroy        release
 *   commit         ensure_mapped                          no memory
 *   decommit       decommit                               extents below decommit_bytes
 *   purge_forced   decommit, ensure_mapped
 *   purge_lazy     none: pages that the kernel takes when it likes have no state
 *   split          nothing to do                          never
 *   merge          nothing to do                          where owners differ
 *
 * A mapper's chunk must be a page of jemalloc: then every extent is of whole chunks, and
 * jemalloc may split, merge, purge and return whatever pieces it likes. Splitting and
 * merging need nothing, since release takes any range of an owner's chunks.
 *
 * The hooks are called inside of malloc: they allocate nothing, and neither does the
 * mapper. Thread-safe. jemalloc never asks for two things about one extent at a time, which
 * is the quiescence that the mapper asks for (G5).
 */
#ifndef EXAMPLES_JEMALLOC_MAPPED_EXTENTS_H
#define EXAMPLES_JEMALLOC_MAPPED_EXTENTS_H

#include <jemalloc/jemalloc.h>
#include <pthread.h>

#include "mmapper/mmapper.h"

struct mapped_extents {
    /* What jemalloc is given, and gives back to every hook: the first member. */
    extent_hooks_t hooks;
    /* Who to ask about ranges that the owner does not hold: the hooks that the arena had
     * before. NULL: there are none, such calls are refused. */
    extent_hooks_t *others;
    struct mmapper *mapper;
    struct mm_owner *owner;
    /* Extents of at least this size lose their access too when they are given back; smaller
     * ones would leave more holes than the kernel allows mappings (vm.max_map_count), and
     * cost an mprotect for every small extent that is made of them later. */
    size_t decommit_bytes;
    /* Address space is kept until the arena is destroyed. */
    bool retain;
    /* Held over calls that change something: decommit and release are MM_BUSY while another
     * thread of the owner is mapping, and busy arenas are mapping nearly always. Nothing is
     * lost by it, since the kernel lets one thread of a process at a time change mappings. */
    pthread_mutex_t changing;
};

enum { MAPPED_EXTENTS_DECOMMIT_BYTES = 32 << 20 };

/* All but `others`, which is none. The owner is registered, and nobody else's. */
void mapped_extents_init(struct mapped_extents *extents, struct mmapper *mapper,
                         struct mm_owner *owner, bool retain);

/* In a forked child, for each, after mmapper_after_fork_in_child: a thread that held the
 * lock does not exist here. */
void mapped_extents_after_fork_in_child(struct mapped_extents *extents);

#endif /* EXAMPLES_JEMALLOC_MAPPED_EXTENTS_H */
