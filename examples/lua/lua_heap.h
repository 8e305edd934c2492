/* SPDX-License-Identifier: MIT */
/*
 * The memory of one Lua state: a free-list space of its own, whose pages are cut into
 * blocks of one size each, or given in runs to what is larger than half a page.
 *
 *     pages   | 64 64 64 64 .. | 1 KiB 1 KiB .. | run of three pages   | free ..
 *     slabs   | slab           | slab           | slab | not used      |
 *
 * What is known about a page is in the table of slabs, beside the pages, so that freeing a
 * block does not touch its neighbours, and blocks have no headers. The table is address
 * space for all pages the space can have, mapped as pages are used.
 *
 * Owners in the dump: NAME (the pages; of kind space, and its list's table of kind
 * free list) and "NAME slabs". A heap is for one thread at a time, as a state is.
 */
#ifndef EXAMPLES_LUA_LUA_HEAP_H
#define EXAMPLES_LUA_LUA_HEAP_H

#include "mmapper/mmapper.h"

struct lua_heap;

struct lua_heap_options {
    const char *name;
    /* Address space for pages, a multiple of the mapper's chunk size. 0: 16 GiB. */
    size_t reserve;
    /* Bytes of pages that the heap has at a time, rounded down to pages. 0: no limit but
     * `reserve`. */
    size_t limit;
};

/* All or nothing. Errors: those of freelist_space_create, of registering and quarantining;
 * NO_MEMORY also when there is no memory for the handle. */
enum mm_status lua_heap_create(struct mmapper *mapper,
                               const struct lua_heap_options *options,
                               struct lua_heap **heap, struct mm_error *error);

/* Gives everything back. The state must be closed. Errors: as mmapper_release; then the
 * heap lives on and destroy can be called again. */
enum mm_status lua_heap_destroy(struct lua_heap *heap, struct mm_error *error);

/*
 * Lua's allocator, a lua_Alloc with the heap as `context`. Blocks are aligned to 16. When
 * there is no memory (the limit, or the system's) the answer is NULL, from which Lua makes
 * its own error, and lua_heap_failure has the reason. Making a block smaller never fails:
 * where the smaller one cannot be had, the block stays where it is.
 */
void *lua_heap_alloc(void *context, void *block, size_t osize, size_t nsize);

/* Why the last NULL was given; status MM_OK when none was. */
const struct mm_error *lua_heap_failure(const struct lua_heap *heap);

struct lua_heap_usage {
    size_t page_bytes; /* of pages that the heap has now */
    size_t peak_bytes; /* and at most had */
};

struct lua_heap_usage lua_heap_usage(const struct lua_heap *heap);

/* Walks the lists of pages that have free blocks, the space's list, and compares sums. */
bool lua_heap_verify(struct lua_heap *heap);

/* The owner of the pages. */
const struct mm_owner *lua_heap_owner(const struct lua_heap *heap);

#endif /* EXAMPLES_LUA_LUA_HEAP_H */
