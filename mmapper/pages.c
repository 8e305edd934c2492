/* SPDX-License-Identifier: MIT */
/*
 * Operations on single pages of mapped chunks: protect, guard, collapse. None of them
 * changes a chunk's state, and none claims: an owner's threads may work on different
 * pages of a chunk at the same time.
 *
 * What a claim would give, a pin does. That the chunks stay the owner's is what every pin
 * of his assures (edge PIN-CLAIM). That no fellow thread is late with a commit, which would
 * give a page the access of its chunk again, is seen by looking for committers after the
 * chunks were seen MAPPED (edge PIN-PAGES).
 */
#include "mmapper/call.h"
#include "mmapper/claim.h"
#include "mmapper/os.h"

/* A call on pages under way. */
struct page_call {
    struct call call;
    struct chunk_range range;
    struct owner_pin *pin; /* once the chunks have been found to be right */
};

/* What can be said without a look at the table: an owner that the mapper maps for, and
 * whole pages of the window. */
static enum mm_status begin(struct page_call *pages, struct mmapper *mapper,
                            struct mm_owner *owner, enum mm_operation operation,
                            struct mm_extent extent, struct mm_error *error)
{
    struct call *call = &pages->call;
    enum mm_status status =
        mm_call_begin(call, mapper, owner, operation, extent, error);
    if (status == MM_OK) {
        status = mm_call_expect_backing(call, MM_BACKING_RESERVED);
    }
    if (status != MM_OK) {
        return status;
    }
    if (!mm_is_aligned(extent.start | extent.bytes, mapper->support->page_bytes)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, extent.start,
                            "the start or the size is not a multiple of the page size");
    }
    return mm_call_outer_range(call, &pages->range);
}

/* BUSY also for a transition that will be undone, since it will see the pin: nobody
 * waits here. */
static enum mm_status expect_mapped(const struct call *call, struct chunk_range range)
{
    while (range.first < range.end) {
        const struct chunk_unit unit =
            chunk_unit_load_pinned(&call->mapper->table, range);
        const enum map_state state = map_state_of(unit.value);
        if (unit.value != map_make(MAP_MAPPED, call->id)) {
            const enum mm_status status =
                state != MAP_UNMAPPED && map_owner_of(unit.value) != call->id
                    ? MM_CONFLICT
                : map_is_transient(state) ? MM_BUSY
                                          : MM_WRONG_STATE;
            return mm_call_fail_at(call, status, range.first, unit.value);
        }
        range.first = unit.end;
    }
    return MM_OK;
}

static void unpin(const struct page_call *pages)
{
    mm_owner_unpin(pages->pin, OWNER_PIN_PAGES);
}

/* Pins the owner, and sees to it that all chunks are his and mapped. */
static enum mm_status pin(struct page_call *pages)
{
    pages->pin = mm_owner_pin(pages->call.owner, OWNER_PIN_PAGES);
    const enum mm_status status = expect_mapped(&pages->call, pages->range);
    if (status != MM_OK) {
        unpin(pages);
    }
    return status;
}

/* The same for calls that a late commit would undo. */
static enum mm_status pin_after_commits(struct page_call *pages)
{
    const enum mm_status status = pin(pages);
    if (status == MM_OK && mm_owner_is_committing(pages->call.owner)) {
        unpin(pages);
        return mm_call_fail(&pages->call, MM_BUSY, pages->call.request.start,
                            "a thread of the owner is inside ensure_mapped");
    }
    return status;
}

/* The outcome of the OS's call, and the end of the pin. */
static enum mm_status end(const struct page_call *pages, enum mm_os_call os_call,
                          int os_error)
{
    const struct call *call = &pages->call;
    const enum mm_status status =
        os_error == 0 ? MM_OK : mm_call_fail_os(call, os_call, call->request, os_error);
    unpin(pages);
    return status;
}

static enum mm_status expect_access(const struct call *call, unsigned access)
{
    if ((access & ~owner_committed_access(owner_strategy(call->owner))) == 0) {
        return MM_OK;
    }
    return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                        "more access than the owner's strategy gives");
}

enum mm_status mmapper_protect(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, unsigned access,
                               struct mm_error *error)
{
    struct page_call pages;
    enum mm_status status =
        begin(&pages, mapper, owner, MM_OPERATION_PROTECT, extent, error);
    if (status == MM_OK) {
        status = expect_access(&pages.call, access);
    }
    if (status == MM_OK) {
        status = pin_after_commits(&pages);
    }
    if (status != MM_OK) {
        return status;
    }
    /* In this order, so that a guarded page never has more access than it is to have,
     * also when the first call fails. */
    const bool may_be_guarded = owner_has_odd_pages(owner);
    owner_note_odd_pages(owner);
    const int os_error = mm_os_protect(mapper, extent, access);
    return os_error == 0 && may_be_guarded
               ? end(&pages, MM_OS_UNGUARD, mm_os_unguard(mapper, extent))
               : end(&pages, MM_OS_PROTECT, os_error);
}

enum mm_status mmapper_guard(struct mmapper *mapper, struct mm_owner *owner,
                             struct mm_extent extent, struct mm_error *error)
{
    struct page_call pages;
    enum mm_status status =
        begin(&pages, mapper, owner, MM_OPERATION_GUARD, extent, error);
    if (status == MM_OK) {
        status = pin_after_commits(&pages);
    }
    if (status != MM_OK) {
        return status;
    }
    owner_note_odd_pages(owner);
    return end(&pages, MM_OS_GUARD, mm_os_guard(mapper, extent));
}

enum mm_status mmapper_collapse(struct mmapper *mapper, struct mm_owner *owner,
                                struct mm_extent extent, struct mm_error *error)
{
    struct page_call pages;
    enum mm_status status =
        begin(&pages, mapper, owner, MM_OPERATION_COLLAPSE, extent, error);
    if (status == MM_OK) {
        status = pin(&pages);
    }
    return status == MM_OK ? end(&pages, MM_OS_COLLAPSE, mm_os_collapse(mapper, extent))
                           : status;
}
