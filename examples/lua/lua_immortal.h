/* SPDX-License-Identifier: MIT */
/*
 * Memory of a Lua state that is never freed but as a whole, from an immortal space: for
 * short programs, with Lua's collector stopped. A block that grows is copied, what it was
 * is lost; free does nothing. For one thread at a time, as a state is.
 */
#ifndef EXAMPLES_LUA_LUA_IMMORTAL_H
#define EXAMPLES_LUA_LUA_IMMORTAL_H

#include "mmapper/mmapper.h"

struct lua_immortal;

struct lua_immortal_options {
    const char *name; /* of the owner, of kind MM_KIND_IMMORTAL */
    size_t reserve;   /* address space, whole chunks. 0: 16 GiB */
    size_t limit;     /* bytes that are given out. 0: no limit but `reserve` */
};

/* Errors: those of immortal_space_create; NO_MEMORY also when there is no memory for the
 * handle. */
enum mm_status lua_immortal_create(struct mmapper *mapper,
                                   const struct lua_immortal_options *options,
                                   struct lua_immortal **immortal,
                                   struct mm_error *error);

/* The state need not be closed: nothing of it is used. Errors: as mmapper_release. */
enum mm_status lua_immortal_destroy(struct lua_immortal *immortal,
                                    struct mm_error *error);

/* A lua_Alloc, as lua_heap_alloc is. */
void *lua_immortal_alloc(void *context, void *block, size_t osize, size_t nsize);

/* Why the last NULL was given; status MM_OK when none was. */
const struct mm_error *lua_immortal_failure(const struct lua_immortal *immortal);

/* Bytes that were given out. */
size_t lua_immortal_used(const struct lua_immortal *immortal);

const struct mm_owner *lua_immortal_owner(const struct lua_immortal *immortal);

#endif /* EXAMPLES_LUA_LUA_IMMORTAL_H */
