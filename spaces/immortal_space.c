/* SPDX-License-Identifier: MIT */
#include "spaces/immortal_space.h"

#include <stdlib.h>

#include "mmapper/atomic.h"
#include "spaces/bump.h"
#include "spaces/space_error.h"

struct immortal_space {
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent;
    enum immortal_mapping mapping;
    bool reserved; /* false once destroy gave the extent back */
    /* The first free address. All accesses are relaxed: the cursor only decides who
     * gets which bytes, for which the order of its own changes is enough. Nothing is
     * handed over through it: the bytes are fresh, and that they are mapped is ordered
     * by the mapper (on demand, by each call for itself) or by whatever published the
     * space (eager). */
    mm_atomic_u64 cursor;
};

static enum mm_status check_options(const struct mmapper *mapper,
                                    const struct immortal_space_options *options,
                                    struct mm_error *error)
{
    const char *wrong = NULL;
    if (mapper == NULL || options == NULL) {
        wrong = "no mapper or no options";
    } else if (options->mapping != IMMORTAL_EAGER &&
               options->mapping != IMMORTAL_ON_DEMAND) {
        wrong = "no such way of mapping";
    } else if (options->strategy.backing != MM_BACKING_RESERVED) {
        wrong = "the mapper must map a space";
    }
    if (wrong == NULL) {
        return MM_OK;
    }
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE, wrong,
                      mm_extent_of(0, 0));
}

/* Reserves the extent and, if eager, maps it. */
static enum mm_status acquire_extent(struct immortal_space *space,
                                     const struct immortal_space_options *options,
                                     struct mm_error *error)
{
    enum mm_status status =
        space_placement_quarantine(space->mapper, space->owner, &options->placement,
                                   options->bytes, &space->extent, error);
    if (status != MM_OK || options->mapping == IMMORTAL_ON_DEMAND) {
        return status;
    }
    status = mmapper_ensure_mapped(space->mapper, space->owner, space->extent, error);
    if (status != MM_OK) {
        (void)mmapper_release(space->mapper, space->owner, space->extent, NULL);
    }
    return status;
}

enum mm_status immortal_space_create(struct mmapper *mapper,
                                     const struct immortal_space_options *options,
                                     struct immortal_space **space,
                                     struct mm_error *error)
{
    enum mm_status status = check_options(mapper, options, error);
    if (status != MM_OK) {
        return status;
    }
    struct immortal_space *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return space_fail(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                          "no memory for the space itself", mm_extent_of(0, 0));
    }
    made->mapper = mapper;
    made->mapping = options->mapping;
    const struct mm_owner_options owner = {
        .name = options->name,
        .kind = MM_KIND_IMMORTAL,
        .strategy = options->strategy,
    };
    status = mmapper_register_owner(mapper, &owner, &made->owner, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    status = acquire_extent(made, options, error);
    if (status != MM_OK) {
        /* Fails, as it must, when the reservation could not be given back. */
        (void)mmapper_unregister_owner(mapper, made->owner, NULL);
        free(made);
        return status;
    }
    made->reserved = true;
    mm_store_relaxed_u64(&made->cursor, made->extent.start);
    *space = made;
    return MM_OK;
}

enum mm_status immortal_space_destroy(struct immortal_space *space,
                                      struct mm_error *error)
{
    enum mm_status status;
    if (space->reserved) {
        status = mmapper_release(space->mapper, space->owner, space->extent, error);
        if (status != MM_OK) {
            return status;
        }
        space->reserved = false;
    }
    status = mmapper_unregister_owner(space->mapper, space->owner, error);
    if (status == MM_OK) {
        free(space);
    }
    return status;
}

enum mm_status immortal_space_seal(struct immortal_space *space, struct mm_error *error)
{
    const enum mm_status status =
        mmapper_ensure_mapped(space->mapper, space->owner, space->extent, error);
    return status == MM_OK
               ? mmapper_seal(space->mapper, space->owner, space->extent, error)
               : status;
}

/*
 * The chunks are mapped before the cursor moves over them. The other way round, a
 * mapping that fails would leave the cursor advanced, and taking it back either loses
 * what others allocated meanwhile or shows them, for an instant, less than there is.
 * Mapping first costs nothing when the CAS is then lost: the chunks lie ahead of the
 * cursor in this space, ensure_mapped is idempotent and keeps contents, and whoever
 * won mapped its own range itself before it returned.
 */
enum mm_status immortal_space_alloc(struct immortal_space *space, size_t bytes,
                                    size_t alignment, uintptr_t *address,
                                    struct mm_error *error)
{
    const size_t grain = alignment == 0 ? 1 : alignment;
    if (space == NULL || bytes == 0 || !mm_is_power_of_two(grain)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_ENSURE_MAPPED,
                          "no space, no bytes, or an alignment not a power of two",
                          mm_extent_of(0, bytes));
    }
    const uintptr_t end = mm_extent_end(space->extent);
    for (;;) {
        /* Relaxed: see the field. Not check, add, undo: while one call's overshoot is
         * being undone, another that fits would be refused. */
        const uint64_t cursor = mm_load_relaxed_u64(&space->cursor);
        uintptr_t start;
        if (!bump_place((uintptr_t)cursor, end, bytes, grain, &start)) {
            return space_fail(error, MM_NO_SPACE, MM_OPERATION_ENSURE_MAPPED,
                              "the space is exhausted",
                              mm_extent_of((uintptr_t)cursor, bytes));
        }
        if (space->mapping == IMMORTAL_ON_DEMAND) {
            const enum mm_status status = mmapper_ensure_mapped(
                space->mapper, space->owner, mm_extent_of(start, bytes), error);
            if (status != MM_OK) {
                return status;
            }
        }
        if (mm_cas_relaxed_u64(&space->cursor, cursor, start + bytes)) {
            *address = start;
            return MM_OK;
        }
    }
}

struct immortal_space_usage immortal_space_usage(const struct immortal_space *space)
{
    /* One load for both, so that they add up. Relaxed: see the field. */
    const uintptr_t cursor = (uintptr_t)mm_load_relaxed_u64(&space->cursor);
    return (struct immortal_space_usage){
        .used = cursor - space->extent.start,
        .free = mm_extent_end(space->extent) - cursor,
    };
}

struct mm_extent immortal_space_extent(const struct immortal_space *space)
{
    return space->extent;
}

struct mm_owner *immortal_space_owner(const struct immortal_space *space)
{
    return space->owner;
}
