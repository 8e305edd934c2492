/* SPDX-License-Identifier: MIT */
#include "examples/jemalloc/arenas.h"

#include <stdio.h>

static enum mm_status fail(struct mm_error *error, enum mm_status status,
                           enum mm_operation operation, const char *detail,
                           int os_error)
{
    if (error != NULL) {
        const struct mm_error record = {.status = status,
                                        .operation = operation,
                                        .detail = detail,
                                        .os_call = MM_OS_NONE,
                                        .os_error = os_error};
        *error = record;
    }
    return status;
}

size_t jemalloc_page_bytes(void)
{
    size_t page = 0;
    size_t bytes = sizeof(page);
    return mallctl("arenas.page", &page, &bytes, NULL, 0) == 0 ? page : 0;
}

static bool retains(void)
{
    bool retain = false;
    size_t bytes = sizeof(retain);
    return mallctl("opt.retain", &retain, &bytes, NULL, 0) == 0 && retain;
}

static int arena_hooks(unsigned index, extent_hooks_t **old)
{
    char name[64];
    size_t bytes = sizeof(extent_hooks_t *);
    (void)snprintf(name, sizeof(name), "arena.%u.extent_hooks", index);
    return mallctl(name, old, &bytes, NULL, 0);
}

static int set_arena_hooks(unsigned index, extent_hooks_t *hooks)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "arena.%u.extent_hooks", index);
    return mallctl(name, NULL, NULL, &hooks, sizeof(extent_hooks_t *));
}

static enum mm_status begin(struct jemalloc_arena *arena, struct mmapper *mapper,
                            const struct mm_owner_options *owner,
                            struct mm_error *error)
{
    if (mmapper_chunk_bytes(mapper) != jemalloc_page_bytes()) {
        return fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                    "the mapper's chunks are not jemalloc's pages", 0);
    }
    struct mm_owner *handle;
    const enum mm_status status = mmapper_register_owner(mapper, owner, &handle, error);
    if (status == MM_OK) {
        mapped_extents_init(&arena->extents, mapper, handle, retains());
    }
    return status;
}

/* What jemalloc did not give back by itself: it destroys extents, but asks to have its
 * metadata unmapped, which is refused when it retains. */
static enum mm_status end(struct jemalloc_arena *arena, struct mm_error *error)
{
    struct mmapper *mapper = arena->extents.mapper;
    struct mm_owner *owner = arena->extents.owner;
    uintptr_t at = mmapper_window(mapper).start;
    struct mm_run run;
    while (mmapper_next_run(mapper, at, &run)) {
        const enum mm_status status =
            run.owner == owner ? mmapper_release(mapper, owner, run.extent, error)
                               : MM_OK;
        if (status != MM_OK) {
            return status;
        }
        at = mm_extent_end(run.extent);
    }
    return mmapper_unregister_owner(mapper, owner, error);
}

enum mm_status jemalloc_arena_create(struct jemalloc_arena *arena,
                                     struct mmapper *mapper,
                                     const struct mm_owner_options *owner,
                                     struct mm_error *error)
{
    const enum mm_status status = begin(arena, mapper, owner, error);
    if (status != MM_OK) {
        return status;
    }
    extent_hooks_t *hooks = &arena->extents.hooks;
    size_t bytes = sizeof(arena->index);
    const int os_error = mallctl("arenas.create", &arena->index, &bytes, &hooks,
                                 sizeof(extent_hooks_t *));
    if (os_error != 0) {
        (void)end(arena, NULL);
        return fail(error, MM_OS_ERROR, MM_OPERATION_CREATE,
                    "jemalloc made no arena: arenas.create", os_error);
    }
    return MM_OK;
}

enum mm_status jemalloc_arena_take(struct jemalloc_arena *arena, struct mmapper *mapper,
                                   unsigned index, const struct mm_owner_options *owner,
                                   struct mm_error *error)
{
    const enum mm_status status = begin(arena, mapper, owner, error);
    if (status != MM_OK) {
        return status;
    }
    arena->index = index;
    /* Known before they are replaced: the first call may come at once. */
    int os_error = arena_hooks(index, &arena->extents.others);
    if (os_error == 0) {
        os_error = set_arena_hooks(index, &arena->extents.hooks);
    }
    if (os_error != 0) {
        (void)end(arena, NULL);
        return fail(error, MM_OS_ERROR, MM_OPERATION_CREATE,
                    "jemalloc has no such arena: arena.I.extent_hooks", os_error);
    }
    return MM_OK;
}

enum mm_status jemalloc_arena_destroy(struct jemalloc_arena *arena,
                                      struct mm_error *error)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "arena.%u.destroy", arena->index);
    const int os_error = mallctl(name, NULL, NULL, NULL, 0);
    if (os_error != 0) {
        return fail(error, MM_OS_ERROR, MM_OPERATION_DESTROY,
                    "jemalloc keeps the arena: arena.I.destroy", os_error);
    }
    return end(arena, error);
}
