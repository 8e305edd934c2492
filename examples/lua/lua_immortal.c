/* SPDX-License-Identifier: MIT */
#include "examples/lua/lua_immortal.h"

#include <stdlib.h>
#include <string.h>

#include "examples/lua/failure.h"
#include "spaces/immortal_space.h"
#include "spaces/immortal_window.h"

enum { ALIGNMENT = 16, WINDOW_BYTES = 64 * 1024 };

static const size_t default_reserve = (size_t)16 << 30;

struct lua_immortal {
    struct immortal_space *space;
    struct immortal_window window;
    size_t used;
    size_t limit;
    struct mm_error failure;
};

enum mm_status lua_immortal_create(struct mmapper *mapper,
                                   const struct lua_immortal_options *options,
                                   struct lua_immortal **immortal,
                                   struct mm_error *error)
{
    const struct immortal_space_options space = {
        .name = options->name,
        .mapping = IMMORTAL_ON_DEMAND,
        /* Chunk after chunk, so a commit may as well take some more along. */
        .strategy = {.commit_ahead = 16},
        .bytes = options->reserve == 0 ? default_reserve : options->reserve,
    };
    struct lua_immortal *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return fail_with(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                         "no memory for the handle", mm_extent_of(0, space.bytes));
    }
    const enum mm_status status =
        immortal_space_create(mapper, &space, &made->space, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    made->window = immortal_window_of(made->space, WINDOW_BYTES);
    made->limit = options->limit == 0 ? space.bytes : options->limit;
    *immortal = made;
    return MM_OK;
}

enum mm_status lua_immortal_destroy(struct lua_immortal *immortal,
                                    struct mm_error *error)
{
    const enum mm_status status = immortal_space_destroy(immortal->space, error);
    if (status == MM_OK) {
        free(immortal);
    }
    return status;
}

static void *take(struct lua_immortal *immortal, size_t bytes)
{
    if (bytes > immortal->limit - immortal->used) {
        (void)fail_with(
            &immortal->failure, MM_NO_SPACE, MM_OPERATION_ENSURE_MAPPED,
            "the immortal state's own limit",
            mm_extent_of(immortal_space_extent(immortal->space).start, bytes));
        return NULL;
    }
    uintptr_t address;
    if (immortal_window_alloc(&immortal->window, bytes, ALIGNMENT, &address,
                              &immortal->failure) != MM_OK) {
        return NULL;
    }
    immortal->used += bytes;
    return (void *)address;
}

void *lua_immortal_alloc(void *context, void *block, size_t osize, size_t nsize)
{
    struct lua_immortal *immortal = context;
    if (nsize == 0) {
        return NULL;
    }
    if (block == NULL) { /* then osize is no size, but what the block is for */
        return take(immortal, nsize);
    }
    if (nsize <= osize) {
        return block;
    }
    void *moved = take(immortal, nsize);
    if (moved != NULL) {
        memcpy(moved, block, osize);
    }
    return moved;
}

const struct mm_error *lua_immortal_failure(const struct lua_immortal *immortal)
{
    return &immortal->failure;
}

size_t lua_immortal_used(const struct lua_immortal *immortal)
{
    return immortal->used;
}

const struct mm_owner *lua_immortal_owner(const struct lua_immortal *immortal)
{
    return immortal_space_owner(immortal->space);
}
