/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_space.h"

#include "mmapper/atomic.h"
#include "mmapper/check.h"
#include "spaces/freelist_space_internal.h"
#include "spaces/space_error.h"

/* A run of pages, numbered from pages.start. */
struct run {
    uint32_t page;
    uint32_t pages;
};

static void lock(struct freelist_space *space)
{
    const int result = pthread_mutex_lock(&space->lock);
    MM_CHECK(result == 0);
}

static void unlock(struct freelist_space *space)
{
    const int result = pthread_mutex_unlock(&space->lock);
    MM_CHECK(result == 0);
}

static struct mm_extent run_extent(const struct freelist_space *space, struct run run)
{
    return mm_extent_of(space->pages.start +
                            ((uintptr_t)run.page << space->log_page_bytes),
                        (size_t)run.pages << space->log_page_bytes);
}

/* ------------------------------------------------------- pages, under the lock */

/* Adds chunks at the top so that the highest block has `pages` pages. The list has no
 * free block of as many. */
static enum mm_status grow(struct freelist_space *space, uint32_t pages)
{
    struct raw_memory_freelist *list = space->list;
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

static enum mm_status take_pages(struct freelist_space *space, uint32_t pages,
                                 struct run *run)
{
    uint32_t page;
    enum mm_status status = raw_memory_freelist_alloc(space->list, 0, pages, &page);
    if (status == MM_NO_SPACE) {
        status = grow(space, pages);
        if (status != MM_OK) {
            return status;
        }
        status = raw_memory_freelist_alloc(space->list, 0, pages, &page);
    }
    MM_CHECK(status == MM_OK);
    *run = (struct run){page, pages};
    mm_plain_store(&space->used_pages, mm_plain_load(&space->used_pages) + pages);
    chunk_set_remove(&space->idle, page >> space->log_chunk_pages,
                     ((page + pages - 1) >> space->log_chunk_pages) + 1);
    return MM_OK;
}

/* The chunks that have no used page any more become idle: those that the freed run
 * meets and that lie in the free block as a whole. Others in that block became idle
 * when their own last page was freed. */
static void note_idle(struct freelist_space *space, struct run run,
                      struct raw_memory_freelist_block merged)
{
    const unsigned log = space->log_chunk_pages;
    const uint32_t rest = (UINT32_C(1) << log) - 1;
    const uint32_t whole_first = (merged.unit + rest) >> log;
    const uint32_t whole_end = (merged.unit + merged.units) >> log;
    const uint32_t met_first = run.page >> log;
    const uint32_t met_end = (run.page + run.pages + rest) >> log;
    chunk_set_add(&space->idle, whole_first > met_first ? whole_first : met_first,
                  whole_end < met_end ? whole_end : met_end);
}

static enum mm_status decommit_idle(struct freelist_space *space,
                                    struct mm_error *error)
{
    uint32_t first;
    uint32_t end;
    while (chunk_set_first_run(&space->idle, &first, &end)) {
        const unsigned log = space->log_page_bytes + space->log_chunk_pages;
        const struct mm_extent extent =
            mm_extent_of(space->pages.start + ((uintptr_t)first << log),
                         (size_t)(end - first) << log);
        const enum mm_status status =
            mmapper_decommit(space->mapper, space->owner, extent, error);
        if (status != MM_OK) {
            /* MM_BUSY means the whole owner, and what the OS refused now it would
             * refuse for the next run: they stay in the set. */
            return status;
        }
        chunk_set_remove(&space->idle, first, end);
    }
    return MM_OK;
}

static enum mm_status give_pages(struct freelist_space *space, uint32_t page,
                                 uint32_t *pages)
{
    struct raw_memory_freelist_freed freed;
    const enum mm_status status =
        raw_memory_freelist_free(space->list, 0, page, &freed);
    if (status != MM_OK) {
        return status;
    }
    *pages = freed.units;
    mm_plain_store(&space->used_pages, mm_plain_load(&space->used_pages) - freed.units);
    if (space->decommits) {
        note_idle(space, (struct run){page, freed.units}, freed.merged);
        (void)decommit_idle(space, NULL);
    }
    return MM_OK;
}

/* ---------------------------------------------------------------- operations */

enum mm_status freelist_space_alloc(struct freelist_space *space, size_t pages,
                                    uintptr_t *address, struct mm_error *error)
{
    if (pages == 0) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_ENSURE_MAPPED,
                          "no pages", mm_extent_of(0, 0));
    }
    struct run run;
    enum mm_status status = MM_NO_SPACE;
    if (pages <= space->pages.bytes >> space->log_page_bytes) {
        lock(space);
        status = take_pages(space, (uint32_t)pages, &run);
        unlock(space);
    }
    if (status != MM_OK) {
        return space_fail(error, status, MM_OPERATION_ENSURE_MAPPED,
                          "no run of free pages is as long", space->pages);
    }
    /* Not under the lock: the pages are ours, so nobody decommits their chunks. */
    const struct mm_extent extent = run_extent(space, run);
    status = mmapper_ensure_mapped(space->mapper, space->owner, extent, error);
    if (status != MM_OK) {
        lock(space);
        const enum mm_status given = give_pages(space, run.page, &run.pages);
        unlock(space);
        MM_CHECK(given == MM_OK);
        return status;
    }
    *address = extent.start;
    return MM_OK;
}

enum mm_status freelist_space_free(struct freelist_space *space, uintptr_t address,
                                   size_t *pages, struct mm_error *error)
{
    const struct mm_extent request = mm_extent_of(address, 0);
    if (!mm_extent_contains_address(space->pages, address)) {
        return space_fail(error, MM_OUT_OF_RANGE, MM_OPERATION_DECOMMIT,
                          "not in the pages of the space", request);
    }
    if (!mm_is_aligned(address - space->pages.start,
                       (size_t)1 << space->log_page_bytes)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_DECOMMIT,
                          "not the address of a page", request);
    }
    const uint32_t page =
        (uint32_t)((address - space->pages.start) >> space->log_page_bytes);
    uint32_t freed;
    lock(space);
    const enum mm_status status = give_pages(space, page, &freed);
    unlock(space);
    if (status != MM_OK) {
        /* Above what the list has grown to, nothing is allocated either. */
        return space_fail(error, MM_WRONG_STATE, MM_OPERATION_DECOMMIT,
                          "no allocated run begins there", request);
    }
    if (pages != NULL) {
        *pages = freed;
    }
    return MM_OK;
}

enum mm_status freelist_space_trim(struct freelist_space *space, struct mm_error *error)
{
    lock(space);
    const enum mm_status status = decommit_idle(space, error);
    unlock(space);
    return status;
}

/* ------------------------------------------------------------------- queries */

struct freelist_space_usage freelist_space_usage(struct freelist_space *space)
{
    lock(space);
    const struct freelist_space_usage usage = {
        .used_pages = mm_plain_load(&space->used_pages),
        .free_pages = raw_memory_freelist_max_units(space->list) -
                      mm_plain_load(&space->used_pages),
        .grown_pages = raw_memory_freelist_size(space->list),
        .decommit_left = mm_plain_load(&space->idle.count),
    };
    unlock(space);
    return usage;
}

bool freelist_space_verify(struct freelist_space *space)
{
    lock(space);
    struct raw_memory_freelist_census census;
    const bool sound = raw_memory_freelist_verify(space->list, &census) &&
                       census.free_units + mm_plain_load(&space->used_pages) ==
                           raw_memory_freelist_size(space->list);
    unlock(space);
    return sound;
}

struct mm_extent freelist_space_extent(const struct freelist_space *space)
{
    return space->extent;
}

struct mm_extent freelist_space_pages(const struct freelist_space *space)
{
    return space->pages;
}

size_t freelist_space_page_bytes(const struct freelist_space *space)
{
    return (size_t)1 << space->log_page_bytes;
}

const struct mm_owner *freelist_space_owner(const struct freelist_space *space)
{
    return space->owner;
}

const struct mm_owner *freelist_space_table_owner(const struct freelist_space *space)
{
    return space->table_owner;
}

/* ---------------------------------------------------------------------- fork */

void freelist_space_fork_prepare(struct freelist_space *space)
{
    lock(space);
}

void freelist_space_fork_done(struct freelist_space *space)
{
    unlock(space);
}
