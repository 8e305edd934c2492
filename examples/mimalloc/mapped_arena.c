/* SPDX-License-Identifier: MIT */
#include "examples/mimalloc/mapped_arena.h"

static enum mm_status fail(struct mm_error *error, enum mm_status status,
                           const char *detail, struct mm_extent request)
{
    if (error != NULL) {
        const struct mm_error record = {.status = status,
                                        .operation = MM_OPERATION_CREATE,
                                        .detail = detail,
                                        .request = request,
                                        .os_call = MM_OS_NONE};
        *error = record;
    }
    return status;
}

enum mm_status mapped_arena_create(struct mapped_arena *arena, struct mmapper *mapper,
                                   const struct mapped_arena_options *options,
                                   struct mm_error *error)
{
    if (!mm_is_aligned(options->bytes, MAPPED_ARENA_UNIT) ||
        (options->sole && options->exclusive)) {
        return fail(error, MM_INVALID_ARGUMENT,
                    "not a multiple of 32 MiB, or both exclusive and sole",
                    mm_extent_of(0, options->bytes));
    }
    const struct immortal_space_options space = {
        .name = options->name,
        .strategy = options->strategy,
        .mapping = IMMORTAL_EAGER,
        .placement.alignment = MAPPED_ARENA_UNIT,
        .bytes = options->bytes,
    };
    const enum mm_status status =
        immortal_space_create(mapper, &space, &arena->space, error);
    if (status != MM_OK) {
        return status;
    }
    /* All of the space is in use from now on. It is as large as this, so that it succeeds. */
    const struct mm_extent extent = immortal_space_extent(arena->space);
    uintptr_t start;
    (void)immortal_space_alloc(arena->space, extent.bytes, 0, &start, NULL);
    /* Committed: mimalloc must neither commit nor decommit, that is the mapper's. Zero: it is
     * fresh. Not large: those serve only allocations that allow large pages, which the first
     * segment of a thread does not. No NUMA node in particular. */
    if (!mi_manage_os_memory_ex((void *)extent.start, extent.bytes, true, false, true,
                                -1, options->exclusive, &arena->id)) {
        (void)immortal_space_destroy(arena->space, NULL);
        return fail(error, MM_LIMIT, "mimalloc takes no more arenas", extent);
    }
    if (options->sole) {
        mi_option_enable(mi_option_limit_os_alloc);
    }
    return MM_OK;
}
