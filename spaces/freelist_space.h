/* SPDX-License-Identifier: MIT */
/*
 * A free-list space: an extent from which any thread allocates runs of pages and to
 * which any thread gives them back. Its free list lies at its head.
 *
 *     extent.start          pages.start
 *          | list's table      | used | free | used | free  |  not grown into yet |
 *            MM_KIND_FREELIST    MM_KIND_SPACE
 *
 * The whole extent is reserved when the space is made. The table's chunks are then
 * handed to an owner of their own (mmapper_transfer) and mapped at once; those of the
 * pages are mapped as pages in them are allocated. The list begins empty and grows by
 * chunks, when nothing that is free is large enough, up to the end of the extent.
 *
 * Threads that wait for each other's allocations can have stripes: the pages are divided
 * into so many equal parts of whole chunks (the last has the remainder as well), each with
 * a lock, a list and growth of its own. alloc begins with the stripe that belongs to the
 * processor it runs on, passes over stripes whose lock is held or which have no room, and
 * comes back to those whose lock was held; free goes to the stripe of the address. The
 * price: no run is longer than a stripe, and what is free is in pieces from the start. A
 * stripe for each processor that allocates at the same time is enough.
 *
 * If asked to, the space decommits a chunk as soon as all of its pages are free: its
 * memory goes back to the system and it reads as zero when it is used again. This needs
 * the mapper's quiescence (G5), which the space provides for itself: only chunks
 * without an allocated page are decommitted, under the lock that alloc takes as well,
 * so nobody can be mapping or using them. While another thread is mapping other chunks,
 * the mapper may still answer MM_BUSY; the chunk is then remembered and tried again by
 * later frees, or by freelist_space_trim.
 *
 * Thread-safe but for create and destroy of the same space. alloc and free are
 * serialised by a lock for each stripe, which is held over decommits but not over mapping.
 * `error` may be NULL and is written only on failure.
 *
 * Fork: a lock may be held by a thread that the child does not have. A child may use
 * the space if the forking thread called freelist_space_fork_prepare before fork and
 * freelist_space_fork_done after it, in the parent and in the child, there behind
 * mmapper_after_fork_in_child. Then lists and statistics are whole; what was allocated
 * is allocated in the child too, also for calls that were still mapping their pages:
 * those pages stay used in the child.
 */
#ifndef SPACES_FREELIST_SPACE_H
#define SPACES_FREELIST_SPACE_H

#include "mmapper/mmapper.h"
#include "spaces/raw_memory_freelist.h"
#include "spaces/space_placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct freelist_space;

enum { FREELIST_SPACE_MAX_STRIPES = 8 };

enum freelist_space_freed {
    FREELIST_SPACE_KEEP = 0, /* freed chunks stay mapped, contents and all */
    /* Wholly free chunks are decommitted. The owner's strategy has no commit-ahead, which
     * would map them again. */
    FREELIST_SPACE_DECOMMIT,
};

struct freelist_space_options {
    /* Of the two owners it registers: of kind MM_KIND_SPACE and MM_KIND_FREELIST. */
    const char *name;
    /* Of both owners, backing MM_BACKING_RESERVED. The table takes 8 bytes for each
     * page: for large extents it had better be unaccounted. */
    struct mm_strategy strategy;
    struct space_placement placement;
    size_t bytes; /* of the extent, table included: at least two chunks, whole ones */
    /* What is allocated: a power of two from 4 KiB to the chunk size. 0: the system's page
     * size. What is smaller than that works too, and lies where it does with other system
     * pages. At most RAW_MEMORY_FREELIST_MAX_UNITS, or MAX_BINNED_UNITS, of them fit into a
     * space. */
    size_t page_bytes;
    enum freelist_space_freed freed;
    enum raw_memory_freelist_policy policy; /* which free run serves an alloc */
    /* At most FREELIST_SPACE_MAX_STRIPES; 0: one. The pages must have a chunk for each. */
    unsigned stripes;
};

/*
 * Makes a space in an extent of its own. All or nothing, but for one case: when a later
 * step failed and the OS then refuses to take the reservation back (vm.max_map_count),
 * the owner keeps it for the life of the mapper. Errors: INVALID_ARGUMENT, those of
 * registering, quarantining and ensure_mapped (of the table); NO_MEMORY also when there
 * is no memory for the handle.
 */
enum mm_status freelist_space_create(struct mmapper *mapper,
                                     const struct freelist_space_options *options,
                                     struct freelist_space **space,
                                     struct mm_error *error);

/*
 * Makes a space in `extent` (whole chunks), all of it QUARANTINED chunks of `owner`: a
 * slot of a space_map, for example. It registers an owner for the table, with the
 * strategy of `owner`. Placement, bytes and strategy of the options are not looked at.
 * Until destroy nobody else may call for `owner` in `extent`. Errors: as create, and
 * those of mmapper_transfer.
 */
enum mm_status freelist_space_create_at(struct mmapper *mapper, struct mm_owner *owner,
                                        struct mm_extent extent,
                                        const struct freelist_space_options *options,
                                        struct freelist_space **space,
                                        struct mm_error *error);

/*
 * Gives back the extent and the owners that it registered; a space from create_at
 * decommits the extent and leaves it to its owner, QUARANTINED as it was. No call on
 * the space may be running or follow, and nobody may use its pages. After an error
 * (BUSY, NO_MEMORY, OS_ERROR, as mmapper_release, decommit and transfer) only destroy
 * may be called, again.
 */
enum mm_status freelist_space_destroy(struct freelist_space *space,
                                      struct mm_error *error);

/*
 * Allocates `pages` (positive) pages in a row, by the policy, and maps their chunks.
 * Contents are those that the last user left, or zero. Errors: NO_SPACE (no run of free
 * pages is as long, and the extent is at its end; of several stripes, no one had such a
 * run when it was looked at, or has so many pages at all), INVALID_ARGUMENT, and those of
 * mmapper_ensure_mapped, after which the pages are free again.
 */
enum mm_status freelist_space_alloc(struct freelist_space *space, size_t pages,
                                    uintptr_t *address, struct mm_error *error);

/*
 * Frees the run that was allocated at `address`, all of it. *pages, unless NULL, is its
 * length. Nobody may use the pages any more. Errors, with nothing changed: OUT_OF_RANGE
 * (not in the space's pages), INVALID_ARGUMENT (not a page), WRONG_STATE (no allocated
 * run begins there: freed already, or inside of a run). A decommit that fails is not an
 * error of free.
 */
enum mm_status freelist_space_free(struct freelist_space *space, uintptr_t address,
                                   size_t *pages, struct mm_error *error);

/* Tries again to decommit the wholly free chunks that earlier tries had to leave. OK
 * when none is left; errors: those of mmapper_decommit, some may be left. */
enum mm_status freelist_space_trim(struct freelist_space *space,
                                   struct mm_error *error);

struct freelist_space_usage {
    size_t used_pages;    /* allocated, or being allocated */
    size_t free_pages;    /* used + free is all that the extent has room for */
    size_t grown_pages;   /* of all, the list has these */
    size_t decommit_left; /* chunks that a later free or trim has to decommit */
};

/* What is used and what is free. Exact at an instant during the call; takes all locks. */
struct freelist_space_usage freelist_space_usage(struct freelist_space *space);

/* Walks the lists; false when one is damaged (somebody wrote over the table) or disagrees
 * with the statistics. Takes all locks. */
bool freelist_space_verify(struct freelist_space *space);

/* Constant while the space lives: all of it, and the part that the pages are in. */
struct mm_extent freelist_space_extent(const struct freelist_space *space);
struct mm_extent freelist_space_pages(const struct freelist_space *space);
size_t freelist_space_page_bytes(const struct freelist_space *space);
const struct mm_owner *freelist_space_owner(const struct freelist_space *space);
const struct mm_owner *freelist_space_table_owner(const struct freelist_space *space);

/* Around fork, see above: all locks, taken and given back. Between the two, alloc and
 * free of other threads wait. */
void freelist_space_fork_prepare(struct freelist_space *space);
void freelist_space_fork_done(struct freelist_space *space);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_FREELIST_SPACE_H */
