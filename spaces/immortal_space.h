/* SPDX-License-Identifier: MIT */
/*
 * An immortal space: one extent, allocated from low to high by an atomic cursor, never
 * freed but as a whole. All of its memory is the mapper's to know about.
 *
 *     extent.start            cursor                          end
 *          | used (padding too) | free                          |
 *
 * Eager: the whole extent is mapped at creation, by one reservation and one commit;
 * no page is touched, so an unaccounted space of 2 TiB costs microseconds.
 * On demand: chunks are mapped as allocation reaches them.
 *
 * Functions are thread-safe but for create and destroy of the same space. `error` may
 * be NULL and is written only on failure.
 */
#ifndef SPACES_IMMORTAL_SPACE_H
#define SPACES_IMMORTAL_SPACE_H

#include "mmapper/mmapper.h"
#include "spaces/space_placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct immortal_space;

enum immortal_mapping {
    IMMORTAL_EAGER = 0,
    IMMORTAL_ON_DEMAND,
};

struct immortal_space_options {
    const char *name;            /* of the owner it registers, kind MM_KIND_IMMORTAL */
    struct mm_strategy strategy; /* of that owner; its backing is MM_BACKING_RESERVED */
    enum immortal_mapping mapping;
    struct space_placement placement;
    size_t bytes; /* a positive multiple of the mapper's chunk size */
};

/*
 * Registers an owner, reserves the extent and, if eager, maps all of it. All or
 * nothing, but for one case: when mapping failed and the OS then refuses to take the
 * reservation back (vm.max_map_count), the owner keeps it, quarantined, for the life of
 * the mapper. Errors: those of registering, quarantining and ensure_mapped;
 * INVALID_ARGUMENT; NO_MEMORY also when there is no memory for the space itself.
 */
enum mm_status immortal_space_create(struct mmapper *mapper,
                                     const struct immortal_space_options *options,
                                     struct immortal_space **space,
                                     struct mm_error *error);

/*
 * Gives the extent and the owner back. No call on the space may be running or follow,
 * and nobody may use its memory. After an error (BUSY, NO_MEMORY, OS_ERROR, as
 * mmapper_release) the space lives on and destroy can be called again. A sealed space
 * cannot be given back: WRONG_STATE.
 */
enum mm_status immortal_space_destroy(struct immortal_space *space,
                                      struct mm_error *error);

/*
 * Allocates `bytes` (positive) bytes whose address is a multiple of `alignment` (0 or a
 * power of two). They are mapped and, unless their owner wrote there by other means,
 * zero. Lock-free. A failing call moves the cursor for nobody, not even for an instant;
 * on demand it may leave chunks past the cursor mapped, which later calls use.
 * Errors: NO_SPACE (exhausted), INVALID_ARGUMENT, and on demand those of
 * mmapper_ensure_mapped.
 */
enum mm_status immortal_space_alloc(struct immortal_space *space, size_t bytes,
                                    size_t alignment, uintptr_t *address,
                                    struct mm_error *error);

/*
 * Maps what is not yet mapped, and seals the whole extent (see mmapper_seal): allocation goes
 * on, but the kernel lets nobody unmap, remap or protect any of it for the life of
 * the process. Errors: those of mmapper_ensure_mapped and mmapper_seal; BUSY while
 * another thread allocates on demand, WRONG_STATE when it is sealed already. A thread that
 * allocates on demand meanwhile may get BUSY, too.
 */
enum mm_status immortal_space_seal(struct immortal_space *space,
                                   struct mm_error *error);

/* In bytes; padding for alignment counts as used. */
struct immortal_space_usage {
    size_t used;
    size_t free; /* used + free is the size of the extent */
};

/* What is used and what is free. Exact at an instant during the call. Wait-free. */
struct immortal_space_usage immortal_space_usage(const struct immortal_space *space);

/* Constant while the space lives. */
struct mm_extent immortal_space_extent(const struct immortal_space *space);
struct mm_owner *immortal_space_owner(const struct immortal_space *space);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_IMMORTAL_SPACE_H */
