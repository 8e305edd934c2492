/* SPDX-License-Identifier: MIT */
#include "examples/lua/lua_heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/lua/failure.h"
#include "examples/lua/size_class.h"
#include "spaces/freelist_space.h"

enum { RUN = SIZE_CLASS_COUNT }; /* in place of a class: pages of their own */

static const size_t default_reserve = (size_t)16 << 30;

/* What is known about a page that is in use. Of a run, only its first page's. */
struct slab {
    struct slab *next; /* on its class's list of pages with free blocks */
    struct slab *before;
    void *free;      /* freed blocks, each with the next one in its first word */
    uint16_t used;   /* blocks given out */
    uint16_t carved; /* blocks given out or on `free`: the others were never touched */
    uint16_t size_class;
};

struct lua_heap {
    struct mmapper *mapper;
    struct freelist_space *space;
    uintptr_t first_page;
    struct slab *slabs; /* one for each page of the space */
    struct mm_owner *slab_owner;
    struct mm_extent slab_extent;
    struct slab *room[SIZE_CLASS_COUNT]; /* pages that have free blocks */
    size_t pages;
    size_t peak_pages;
    size_t limit_pages;
    struct mm_error failure;
};

/* ------------------------------------------------------------------- lifecycle */

static enum mm_status reserve_slabs(struct lua_heap *heap, const char *name,
                                    struct mm_error *error)
{
    char slab_name[MM_NAME_BYTES];
    (void)snprintf(slab_name, sizeof(slab_name), "%s slabs", name);
    const struct mm_owner_options options = {.name = slab_name, .kind = MM_KIND_MISC};
    enum mm_status status =
        mmapper_register_owner(heap->mapper, &options, &heap->slab_owner, error);
    if (status != MM_OK) {
        return status;
    }
    const size_t pages = freelist_space_pages(heap->space).bytes / SIZE_CLASS_PAGE;
    uintptr_t bytes = 0;
    (void)mm_align_up(pages * sizeof(struct slab), mmapper_chunk_bytes(heap->mapper),
                      &bytes);
    status = mmapper_quarantine_anywhere(heap->mapper, heap->slab_owner, bytes, 0,
                                         &heap->slab_extent, error);
    if (status != MM_OK) {
        (void)mmapper_unregister_owner(heap->mapper, heap->slab_owner, NULL);
        return status;
    }
    heap->slabs = (struct slab *)heap->slab_extent.start;
    return MM_OK;
}

enum mm_status lua_heap_create(struct mmapper *mapper,
                               const struct lua_heap_options *options,
                               struct lua_heap **heap, struct mm_error *error)
{
    const size_t reserve = options->reserve == 0 ? default_reserve : options->reserve;
    struct lua_heap *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return fail_with(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                         "no memory for the heap's handle", mm_extent_of(0, reserve));
    }
    const struct freelist_space_options space = {
        .name = options->name,
        .bytes = reserve,
        .page_bytes = SIZE_CLASS_PAGE,
        .freed = FREELIST_SPACE_DECOMMIT,
    };
    made->mapper = mapper;
    enum mm_status status = freelist_space_create(mapper, &space, &made->space, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    made->first_page = freelist_space_pages(made->space).start;
    made->limit_pages =
        (options->limit == 0 ? reserve : options->limit) / SIZE_CLASS_PAGE;
    status = reserve_slabs(made, options->name, error);
    if (status != MM_OK) {
        (void)freelist_space_destroy(made->space, NULL);
        free(made);
        return status;
    }
    *heap = made;
    return MM_OK;
}

enum mm_status lua_heap_destroy(struct lua_heap *heap, struct mm_error *error)
{
    enum mm_status status = MM_OK;
    if (heap->slab_extent.bytes != 0) {
        status =
            mmapper_release(heap->mapper, heap->slab_owner, heap->slab_extent, error);
        if (status != MM_OK) {
            return status;
        }
        heap->slab_extent.bytes = 0;
        (void)mmapper_unregister_owner(heap->mapper, heap->slab_owner, NULL);
    }
    status = freelist_space_destroy(heap->space, error);
    if (status == MM_OK) {
        free(heap);
    }
    return status;
}

/* ----------------------------------------------------------------------- pages */

static struct slab *slab_at(const struct lua_heap *heap, uintptr_t address)
{
    return &heap->slabs[(address - heap->first_page) / SIZE_CLASS_PAGE];
}

static uintptr_t page_of(const struct lua_heap *heap, const struct slab *slab)
{
    return heap->first_page + (size_t)(slab - heap->slabs) * SIZE_CLASS_PAGE;
}

static size_t pages_for(size_t bytes)
{
    return bytes / SIZE_CLASS_PAGE + (bytes % SIZE_CLASS_PAGE != 0);
}

/* Pages in a row, with the slab of the first one; NULL when there are none. */
static struct slab *take_pages(struct lua_heap *heap, size_t pages, unsigned size_class)
{
    if (pages > heap->limit_pages - heap->pages) {
        (void)fail_with(&heap->failure, MM_NO_SPACE, MM_OPERATION_ENSURE_MAPPED,
                        "the heap's own limit",
                        mm_extent_of(heap->first_page, pages * SIZE_CLASS_PAGE));
        return NULL;
    }
    uintptr_t address;
    if (freelist_space_alloc(heap->space, pages, &address, &heap->failure) != MM_OK) {
        return NULL;
    }
    struct slab *slab = slab_at(heap, address);
    const struct mm_extent entry = mm_extent_of((uintptr_t)slab, sizeof(*slab));
    if (mmapper_ensure_mapped(heap->mapper, heap->slab_owner, entry, &heap->failure) !=
        MM_OK) {
        (void)freelist_space_free(heap->space, address, NULL, NULL);
        return NULL;
    }
    *slab = (struct slab){.size_class = (uint16_t)size_class};
    heap->pages += pages;
    if (heap->pages > heap->peak_pages) {
        heap->peak_pages = heap->pages;
    }
    return slab;
}

static void give_pages(struct lua_heap *heap, uintptr_t address)
{
    size_t pages = 0;
    if (freelist_space_free(heap->space, address, &pages, NULL) != MM_OK) {
        abort(); /* Lua freed what it does not have, or somebody wrote over the list. */
    }
    heap->pages -= pages;
}

/* ---------------------------------------------------------------------- blocks */

static void add_room(struct lua_heap *heap, struct slab *slab)
{
    struct slab **list = &heap->room[slab->size_class];
    slab->before = NULL;
    slab->next = *list;
    if (*list != NULL) {
        (*list)->before = slab;
    }
    *list = slab;
}

static void drop_room(struct lua_heap *heap, struct slab *slab)
{
    if (slab->before == NULL) {
        heap->room[slab->size_class] = slab->next;
    } else {
        slab->before->next = slab->next;
    }
    if (slab->next != NULL) {
        slab->next->before = slab->before;
    }
}

static void *take_block(struct lua_heap *heap, unsigned size_class)
{
    struct slab *slab = heap->room[size_class];
    if (slab == NULL) {
        slab = take_pages(heap, 1, size_class);
        if (slab == NULL) {
            return NULL;
        }
        add_room(heap, slab);
    }
    void *block = slab->free;
    if (block != NULL) {
        slab->free = *(void **)block;
    } else {
        const size_t offset = slab->carved++ * size_class_bytes(size_class);
        block = (void *)(page_of(heap, slab) + offset);
    }
    if (++slab->used == size_class_blocks(size_class)) {
        drop_room(heap, slab);
    }
    return block;
}

static void give_block(struct lua_heap *heap, struct slab *slab, void *block)
{
    if (slab->used == size_class_blocks(slab->size_class)) {
        add_room(heap, slab);
    }
    *(void **)block = slab->free;
    slab->free = block;
    slab->used--;
    /* The last page with room stays: the next block of the class is as a rule not far. */
    if (slab->used == 0 && (slab->before != NULL || slab->next != NULL)) {
        drop_room(heap, slab);
        give_pages(heap, page_of(heap, slab));
    }
}

static void *take(struct lua_heap *heap, size_t bytes)
{
    if (bytes <= SIZE_CLASS_LARGEST) {
        return take_block(heap, size_class_of(bytes));
    }
    const struct slab *slab = take_pages(heap, pages_for(bytes), RUN);
    return slab == NULL ? NULL : (void *)page_of(heap, slab);
}

static void give(struct lua_heap *heap, void *block)
{
    struct slab *slab = slab_at(heap, (uintptr_t)block);
    if (slab->size_class == RUN) {
        give_pages(heap, (uintptr_t)block);
    } else {
        give_block(heap, slab, block);
    }
}

/* Whether a block of `osize` bytes is just right for `nsize` as well. What the block is
 * is the slab's to say, not osize's: it may be one that was to become smaller and could
 * not. */
static bool is_right(const struct slab *slab, size_t osize, size_t nsize)
{
    if (slab->size_class == RUN) {
        return nsize > SIZE_CLASS_LARGEST && pages_for(nsize) == pages_for(osize);
    }
    return nsize <= SIZE_CLASS_LARGEST && size_class_of(nsize) == slab->size_class;
}

void *lua_heap_alloc(void *context, void *block, size_t osize, size_t nsize)
{
    struct lua_heap *heap = context;
    if (block == NULL) { /* then osize is no size, but what the block is for */
        return nsize == 0 ? NULL : take(heap, nsize);
    }
    if (nsize == 0) {
        give(heap, block);
        return NULL;
    }
    if (is_right(slab_at(heap, (uintptr_t)block), osize, nsize)) {
        return block;
    }
    void *moved = take(heap, nsize);
    if (moved == NULL) {
        return nsize <= osize ? block : NULL;
    }
    memcpy(moved, block, nsize < osize ? nsize : osize);
    give(heap, block);
    return moved;
}

/* --------------------------------------------------------------------- queries */

const struct mm_error *lua_heap_failure(const struct lua_heap *heap)
{
    return &heap->failure;
}

struct lua_heap_usage lua_heap_usage(const struct lua_heap *heap)
{
    return (struct lua_heap_usage){
        .page_bytes = heap->pages * SIZE_CLASS_PAGE,
        .peak_bytes = heap->peak_pages * SIZE_CLASS_PAGE,
    };
}

/* As many blocks as were carved are used or on the list of free ones, which are in the
 * page. */
static bool is_slab_sound(const struct lua_heap *heap, const struct slab *slab)
{
    const struct mm_extent page = mm_extent_of(page_of(heap, slab), SIZE_CLASS_PAGE);
    size_t blocks = slab->used;
    for (const void *block = slab->free; block != NULL && blocks <= slab->carved;
         block = *(void *const *)block) {
        if (!mm_extent_contains_address(page, (uintptr_t)block)) {
            return false;
        }
        blocks++;
    }
    return blocks == slab->carved && slab->used < size_class_blocks(slab->size_class) &&
           slab->carved <= size_class_blocks(slab->size_class);
}

bool lua_heap_verify(struct lua_heap *heap)
{
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        const struct slab *before = NULL;
        for (const struct slab *slab = heap->room[size_class]; slab != NULL;
             slab = slab->next) {
            if (slab->size_class != size_class || slab->before != before ||
                !is_slab_sound(heap, slab)) {
                return false;
            }
            before = slab;
        }
    }
    return heap->pages == freelist_space_usage(heap->space).used_pages &&
           freelist_space_verify(heap->space);
}

const struct mm_owner *lua_heap_owner(const struct lua_heap *heap)
{
    return freelist_space_owner(heap->space);
}
