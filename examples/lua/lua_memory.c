/* SPDX-License-Identifier: MIT */
#include "examples/lua/lua_memory.h"

#include <stdlib.h>

static void *plain_alloc(void *context, void *block, size_t osize, size_t nsize)
{
    struct lua_plain *plain = context;
    const size_t before = block == NULL ? 0 : osize;
    if (nsize == 0) {
        free(block);
        plain->used -= before;
        return NULL;
    }
    if (nsize > before && plain->limit != 0 &&
        nsize - before > plain->limit - plain->used) {
        return NULL;
    }
    void *moved = realloc(block, nsize);
    if (moved == NULL) {
        return nsize <= before ? block : NULL; /* shrinking may not fail */
    }
    plain->used += nsize - before;
    return moved;
}

enum mm_status lua_memory_open(struct lua_memory *memory, enum lua_memory_kind kind,
                               struct mmapper *mapper, const char *name, size_t limit,
                               struct mm_error *error)
{
    const struct lua_heap_options heap = {.name = name, .limit = limit};
    const struct lua_immortal_options immortal = {.name = name, .limit = limit};
    enum mm_status status = MM_OK;
    memory->kind = kind;
    switch (kind) {
    case LUA_MEMORY_HEAP:
        status = lua_heap_create(mapper, &heap, &memory->with.heap, error);
        memory->allocate = lua_heap_alloc;
        memory->context = memory->with.heap;
        break;
    case LUA_MEMORY_IMMORTAL:
        status = lua_immortal_create(mapper, &immortal, &memory->with.immortal, error);
        memory->allocate = lua_immortal_alloc;
        memory->context = memory->with.immortal;
        break;
    case LUA_MEMORY_MALLOC:
        memory->with.plain = (struct lua_plain){.limit = limit};
        memory->allocate = plain_alloc;
        memory->context = &memory->with.plain;
        break;
    }
    return status;
}

enum mm_status lua_memory_close(struct lua_memory *memory, struct mm_error *error)
{
    switch (memory->kind) {
    case LUA_MEMORY_HEAP:
        return lua_heap_destroy(memory->with.heap, error);
    case LUA_MEMORY_IMMORTAL:
        return lua_immortal_destroy(memory->with.immortal, error);
    case LUA_MEMORY_MALLOC:
        break;
    }
    return MM_OK;
}

void lua_memory_explain(const struct lua_memory *memory, char *text, size_t bytes)
{
    const struct mm_error *error = NULL;
    if (memory->kind == LUA_MEMORY_HEAP) {
        error = lua_heap_failure(memory->with.heap);
    } else if (memory->kind == LUA_MEMORY_IMMORTAL) {
        error = lua_immortal_failure(memory->with.immortal);
    }
    text[0] = '\0';
    if (error != NULL && error->status != MM_OK) {
        (void)mm_error_format(error, text, bytes);
    }
}
