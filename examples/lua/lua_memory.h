/* SPDX-License-Identifier: MIT */
/* Where a state of mmlua has its memory: one of three ways behind one lua_Alloc. */
#ifndef EXAMPLES_LUA_LUA_MEMORY_H
#define EXAMPLES_LUA_LUA_MEMORY_H

#include <lua5.4/lua.h>

#include "examples/lua/lua_heap.h"
#include "examples/lua/lua_immortal.h"
#include "mmapper/mmapper.h"

enum lua_memory_kind {
    LUA_MEMORY_HEAP = 0,
    LUA_MEMORY_IMMORTAL,
    LUA_MEMORY_MALLOC, /* without the mapper: what the others are compared with */
};

/* What malloc's way counts, which Lua's sizes are enough for. */
struct lua_plain {
    size_t used;
    size_t limit; /* 0: none */
};

struct lua_memory {
    enum lua_memory_kind kind;
    lua_Alloc allocate;
    void *context;
    union {
        struct lua_heap *heap;
        struct lua_immortal *immortal;
        struct lua_plain plain;
    } with;
};

/* `memory` must not move afterwards. `limit` in bytes, 0: none. Errors: of the heap and of
 * the immortal memory; malloc's way has none. */
enum mm_status lua_memory_open(struct lua_memory *memory, enum lua_memory_kind kind,
                               struct mmapper *mapper, const char *name, size_t limit,
                               struct mm_error *error);

/* The state must be closed. */
enum mm_status lua_memory_close(struct lua_memory *memory, struct mm_error *error);

/* Why the last allocation failed, as text; "" when none did, and for malloc. */
void lua_memory_explain(const struct lua_memory *memory, char *text, size_t bytes);

#endif /* EXAMPLES_LUA_LUA_MEMORY_H */
