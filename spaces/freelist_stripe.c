/* SPDX-License-Identifier: MIT */
/* The pages of a stripe, under its lock. */
#include "mmapper/atomic.h"
#include "mmapper/check.h"
#include "spaces/freelist_space_internal.h"

/* Adds chunks at the top so that the highest block has `pages` pages. The list has no
 * free block of as many. */
static enum mm_status grow(const struct freelist_space *space,
                           struct freelist_stripe *stripe, uint32_t pages)
{
    struct raw_memory_freelist *list = stripe->list;
    const uint32_t size = raw_memory_freelist_size(list);
    const uint32_t top = raw_memory_freelist_left(list, size);
    uint32_t missing = pages;
    if (top != RAW_MEMORY_FREELIST_NONE && raw_memory_freelist_is_free(list, top)) {
        missing -= raw_memory_freelist_block_size(list, top);
    }
    if (missing > raw_memory_freelist_max_units(list) - size) {
        return MM_NO_SPACE;
    }
    /* Does not pass max_units: that is whole chunks as well. */
    const uint32_t chunk_pages = UINT32_C(1) << space->log_chunk_pages;
    const uint32_t more = (missing + (chunk_pages - 1)) & ~(chunk_pages - 1);
    /* New units are not merged; freeing them is what merges them with the top. */
    enum mm_status status = raw_memory_freelist_grow(list, 0, more);
    MM_CHECK(status == MM_OK);
    status = raw_memory_freelist_alloc_from_unit(list, 0, more, size);
    MM_CHECK(status == MM_OK);
    status = raw_memory_freelist_free(list, 0, size, NULL);
    MM_CHECK(status == MM_OK);
    return MM_OK;
}

enum mm_status freelist_stripe_take(const struct freelist_space *space,
                                    struct freelist_stripe *stripe, uint32_t pages,
                                    uint32_t *page)
{
    enum mm_status status = raw_memory_freelist_alloc(stripe->list, 0, pages, page);
    if (status == MM_NO_SPACE) {
        status = grow(space, stripe, pages);
        if (status != MM_OK) {
            return status;
        }
        status = raw_memory_freelist_alloc(stripe->list, 0, pages, page);
    }
    MM_CHECK(status == MM_OK);
    mm_plain_store(&stripe->used_pages, mm_plain_load(&stripe->used_pages) + pages);
    chunk_set_remove(&stripe->idle, *page >> space->log_chunk_pages,
                     ((*page + pages - 1) >> space->log_chunk_pages) + 1);
    return MM_OK;
}

/* The chunks that have no used page any more become idle: those that the freed run
 * meets and that lie in the free block as a whole. Others in that block became idle
 * when their own last page was freed. */
static void note_idle(const struct freelist_space *space,
                      struct freelist_stripe *stripe,
                      struct raw_memory_freelist_block run,
                      struct raw_memory_freelist_block merged)
{
    const unsigned log = space->log_chunk_pages;
    const uint32_t rest = (UINT32_C(1) << log) - 1;
    const uint32_t whole_first = (merged.unit + rest) >> log;
    const uint32_t whole_end = (merged.unit + merged.units) >> log;
    const uint32_t met_first = run.unit >> log;
    const uint32_t met_end = (run.unit + run.units + rest) >> log;
    chunk_set_add(&stripe->idle, whole_first > met_first ? whole_first : met_first,
                  whole_end < met_end ? whole_end : met_end);
}

enum mm_status freelist_stripe_decommit(const struct freelist_space *space,
                                        struct freelist_stripe *stripe,
                                        struct mm_error *error)
{
    uint32_t first;
    uint32_t end;
    while (chunk_set_first_run(&stripe->idle, &first, &end)) {
        const unsigned log = space->log_page_bytes + space->log_chunk_pages;
        const struct mm_extent extent =
            mm_extent_of(stripe->pages.start + ((uintptr_t)first << log),
                         (size_t)(end - first) << log);
        const enum mm_status status =
            mmapper_decommit(space->mapper, space->owner, extent, error);
        if (status != MM_OK) {
            /* MM_BUSY means the whole owner, and what the OS refused now it would
             * refuse for the next run: they stay in the set. */
            return status;
        }
        chunk_set_remove(&stripe->idle, first, end);
    }
    return MM_OK;
}

enum mm_status freelist_stripe_give(const struct freelist_space *space,
                                    struct freelist_stripe *stripe, uint32_t page,
                                    uint32_t *pages)
{
    struct raw_memory_freelist_freed freed;
    const enum mm_status status =
        raw_memory_freelist_free(stripe->list, 0, page, &freed);
    if (status != MM_OK) {
        return status;
    }
    *pages = freed.units;
    mm_plain_store(&stripe->used_pages,
                   mm_plain_load(&stripe->used_pages) - freed.units);
    if (space->decommits) {
        note_idle(space, stripe, (struct raw_memory_freelist_block){page, freed.units},
                  freed.merged);
        (void)freelist_stripe_decommit(space, stripe, NULL);
    }
    return MM_OK;
}

bool freelist_stripe_verify(const struct freelist_stripe *stripe)
{
    struct raw_memory_freelist_census census;
    return raw_memory_freelist_verify(stripe->list, &census) &&
           census.free_units + mm_plain_load(&stripe->used_pages) ==
               raw_memory_freelist_size(stripe->list);
}
