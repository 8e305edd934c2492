/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_space.h"

#include <errno.h>
#include <sched.h>

#include "mmapper/atomic.h"
#include "mmapper/check.h"
#include "spaces/freelist_space_internal.h"
#include "spaces/space_error.h"

/* ---------------------------------------------------------------- the locks */

static void lock(struct freelist_stripe *stripe)
{
    const int result = pthread_mutex_lock(&stripe->lock);
    MM_CHECK(result == 0);
}

static bool try_lock(struct freelist_stripe *stripe)
{
    const int result = pthread_mutex_trylock(&stripe->lock);
    MM_CHECK(result == 0 || result == EBUSY);
    return result == 0;
}

static void unlock(struct freelist_stripe *stripe)
{
    const int result = pthread_mutex_unlock(&stripe->lock);
    MM_CHECK(result == 0);
}

/* In ascending order; who holds one lock alone never takes another one. */
static void lock_all(struct freelist_space *space)
{
    for (unsigned i = 0; i < space->stripe_count; i++) {
        lock(&space->stripes[i]);
    }
}

static void unlock_all(struct freelist_space *space)
{
    for (unsigned i = 0; i < space->stripe_count; i++) {
        unlock(&space->stripes[i]);
    }
}

/* ---------------------------------------------------------------- operations */

/* A run of pages, numbered within its stripe. */
struct run {
    struct freelist_stripe *stripe;
    uint32_t page;
    uint32_t pages;
};

static struct mm_extent run_extent(const struct freelist_space *space, struct run run)
{
    return mm_extent_of(run.stripe->pages.start +
                            ((uintptr_t)run.page << space->log_page_bytes),
                        (size_t)run.pages << space->log_page_bytes);
}

/* The stripe that a search begins with, by the number of the processor: threads that run
 * at the same time begin with different ones, mostly. It is a hint, nothing depends on it.
 */
static unsigned first_stripe(const struct freelist_space *space)
{
    return space->stripe_count == 1 ? 0
                                    : (unsigned)sched_getcpu() % space->stripe_count;
}

/* Takes pages from the first stripe whose lock nobody holds and that has room; if there
 * is none, waits for the locks of those that it passed over. */
static enum mm_status take_pages(struct freelist_space *space, struct run *run)
{
    const unsigned first = first_stripe(space);
    const unsigned count = space->stripe_count;
    enum mm_status status = MM_NO_SPACE;
    unsigned passed = (1U << count) - 1; /* bit i: the one i behind the first */
    for (unsigned i = 0; i < count && status != MM_OK; i++) {
        run->stripe = &space->stripes[(first + i) % count];
        if (try_lock(run->stripe)) {
            status = freelist_stripe_take(space, run->stripe, run->pages, &run->page);
            unlock(run->stripe);
            passed &= ~(1U << i);
        }
    }
    for (; passed != 0 && status != MM_OK; passed &= passed - 1) {
        const unsigned i = (unsigned)__builtin_ctz(passed);
        run->stripe = &space->stripes[(first + i) % count];
        lock(run->stripe);
        status = freelist_stripe_take(space, run->stripe, run->pages, &run->page);
        unlock(run->stripe);
    }
    return status;
}

enum mm_status freelist_space_alloc(struct freelist_space *space, size_t pages,
                                    uintptr_t *address, struct mm_error *error)
{
    if (pages == 0) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_ENSURE_MAPPED,
                          "no pages", mm_extent_of(0, 0));
    }
    const struct freelist_stripe *last = &space->stripes[space->stripe_count - 1];
    if (pages > last->pages.bytes >> space->log_page_bytes) {
        return space_fail(error, MM_NO_SPACE, MM_OPERATION_ENSURE_MAPPED,
                          "more pages than a stripe has", space->pages);
    }
    struct run run = {.pages = (uint32_t)pages};
    enum mm_status status = take_pages(space, &run);
    if (status != MM_OK) {
        return space_fail(error, status, MM_OPERATION_ENSURE_MAPPED,
                          "no run of free pages is as long", space->pages);
    }
    /* Not under the lock: the pages are ours, so nobody decommits their chunks. */
    const struct mm_extent extent = run_extent(space, run);
    status = mmapper_ensure_mapped(space->mapper, space->owner, extent, error);
    if (status != MM_OK) {
        lock(run.stripe);
        const enum mm_status given =
            freelist_stripe_give(space, run.stripe, run.page, &run.pages);
        unlock(run.stripe);
        MM_CHECK(given == MM_OK);
        return status;
    }
    *address = extent.start;
    return MM_OK;
}

/* The stripe that a page of the space is in, and the page's number there. */
static struct run find_run(struct freelist_space *space, uint32_t page)
{
    const uint32_t last = space->stripe_count - 1;
    const uint32_t index = page / space->stripe_pages;
    const uint32_t stripe = index < last ? index : last;
    return (struct run){.stripe = &space->stripes[stripe],
                        .page = page - stripe * space->stripe_pages};
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
    struct run run = find_run(
        space, (uint32_t)((address - space->pages.start) >> space->log_page_bytes));
    lock(run.stripe);
    const enum mm_status status =
        freelist_stripe_give(space, run.stripe, run.page, &run.pages);
    unlock(run.stripe);
    if (status != MM_OK) {
        /* Above what the list has grown to, nothing is allocated either. */
        return space_fail(error, MM_WRONG_STATE, MM_OPERATION_DECOMMIT,
                          "no allocated run begins there", request);
    }
    if (pages != NULL) {
        *pages = run.pages;
    }
    return MM_OK;
}

enum mm_status freelist_space_trim(struct freelist_space *space, struct mm_error *error)
{
    enum mm_status status = MM_OK;
    for (unsigned i = 0; i < space->stripe_count; i++) {
        struct freelist_stripe *stripe = &space->stripes[i];
        lock(stripe);
        /* The first error is the one to tell. */
        const enum mm_status one =
            freelist_stripe_decommit(space, stripe, status == MM_OK ? error : NULL);
        unlock(stripe);
        status = status == MM_OK ? one : status;
    }
    return status;
}

/* ------------------------------------------------------------------- queries */

struct freelist_space_usage freelist_space_usage(struct freelist_space *space)
{
    struct freelist_space_usage usage = {0};
    lock_all(space);
    for (unsigned i = 0; i < space->stripe_count; i++) {
        const struct freelist_stripe *stripe = &space->stripes[i];
        const size_t used = mm_plain_load(&stripe->used_pages);
        usage.used_pages += used;
        usage.free_pages += raw_memory_freelist_max_units(stripe->list) - used;
        usage.grown_pages += raw_memory_freelist_size(stripe->list);
        usage.decommit_left += mm_plain_load(&stripe->idle.count);
    }
    unlock_all(space);
    return usage;
}

bool freelist_space_verify(struct freelist_space *space)
{
    bool sound = true;
    lock_all(space);
    for (unsigned i = 0; i < space->stripe_count; i++) {
        sound = freelist_stripe_verify(&space->stripes[i]) && sound;
    }
    unlock_all(space);
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
    lock_all(space);
}

void freelist_space_fork_done(struct freelist_space *space)
{
    unlock_all(space);
}
