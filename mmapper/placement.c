/* SPDX-License-Identifier: MIT */
#include "mmapper/placement.h"

#include "mmapper/claim.h"
#include "mmapper/os.h"

#include <errno.h>

/* Below lie the page of the null pointer and what vm.mmap_min_addr forbids: never
 * handed out unless asked for by address. */
enum { LOWEST_PLACE = 1 << 20 };

/*
 * The search goes down from where it last succeeded and wraps around once. Down,
 * because the kernel places mappings top-down too: the hint begins at the mapper's own
 * table, just below everything that was mapped before it, and what is below that is
 * mostly free. Every refusal moves the candidate below what refused it.
 */
struct search {
    const struct call *call;
    size_t bytes;
    size_t alignment; /* at least a chunk */
    uintptr_t floor;  /* no candidate begins below */
    size_t stride;    /* step below a refusal that the kernel's list does not explain */
    bool contended;   /* met a chunk that another call is changing */
};

/* 0 and QUARANTINED, or the OS's refusal and still claimed. */
static int reserve_and_publish(const struct call *call, struct chunk_range range)
{
    const struct mm_extent extent = chunk_extent(&call->mapper->table, range);
    const int os_error = mm_os_reserve(call->mapper, call->owner, extent);
    if (os_error == 0) {
        mm_os_dress(call->mapper, call->owner, extent);
        mm_finish_all(call, range, MAP_STEP_PUBLISH, MAP_NOBODY);
    }
    return os_error;
}

/* The record looks at the kernel's list, so it is made while the chunks are still
 * claimed: whatever the kernel has there now is certainly no other owner's. */
static enum mm_status refuse(const struct call *call, struct chunk_range range,
                             int os_error)
{
    const struct mm_extent extent = chunk_extent(&call->mapper->table, range);
    const enum mm_status status =
        mm_call_fail_os(call, MM_OS_RESERVE, extent, os_error);
    undo_all(call, range);
    return status;
}

enum mm_status mm_reserve_claimed(const struct call *call, struct chunk_range range)
{
    const int os_error = reserve_and_publish(call, range);
    return os_error == 0 ? MM_OK : refuse(call, range, os_error);
}

void mm_placement_released(struct mmapper *mapper, struct mm_extent extent)
{
    /* Last in, first out: a range given back at once is used again at once. Relaxed:
     * the search is only a hint. */
    (void)mm_cas_relaxed_u64(&mapper->search, extent.start, mm_extent_end(extent));
}

/* The lowest address in the claimed range that the kernel has a mapping at, or
 * something lower when its list does not say. */
static uintptr_t below_mapping(struct search *search, struct mm_extent extent)
{
    struct mm_mapping first;
    (void)mm_os_first_mapping(search->call->mapper, extent, &first);
    if (first.extent.bytes > 0) {
        return first.extent.start;
    }
    /* Gone again, or a sanitizer refuses the address: ever larger steps. */
    const size_t stride = search->stride;
    search->stride *= 2;
    return extent.start > stride ? extent.start - stride : 0;
}

/* Looks at a candidate without touching it: claims on the way to an obstacle would
 * refuse others what stays free after all, and split regions for nothing. If it is not
 * free, no candidate can end above *below. */
static bool looks_free(struct search *search, struct chunk_range range,
                       uintptr_t *below)
{
    const struct chunk_table *table = &search->call->mapper->table;
    while (range.first < range.end) {
        const struct chunk_unit unit = chunk_unit_load(table, range);
        const enum map_state state = map_state_of(unit.value);
        if (state != MAP_UNMAPPED) {
            search->contended |= map_is_transient(state);
            /* All of a uniform region is in the way, also what lies before the range.
             */
            *below = chunk_address(table, unit.uniform
                                              ? chunk_region_first(table, range.first)
                                              : range.first);
            return false;
        }
        range.first = unit.end;
    }
    return true;
}

/* Tries to reserve at `start`. CONFLICT when something is in the way: then no
 * candidate can end above *below. Other failures are the caller's end. */
static enum mm_status try_at(struct search *search, uintptr_t start, uintptr_t *below)
{
    const struct call *call = search->call;
    const struct chunk_table *table = &call->mapper->table;
    const struct chunk_range range = {chunk_of(table, start),
                                      chunk_of(table, start + search->bytes - 1) + 1};
    struct obstacle obstacle = {.status = MM_OK};
    if (!looks_free(search, range, below)) {
        return MM_CONFLICT;
    }
    const size_t claimed = mm_claim_prefix(call, range, MAP_STEP_RESERVE, &obstacle);
    if (claimed != range.end) {
        undo_all(call, (struct chunk_range){range.first, claimed});
        search->contended |= map_is_transient(map_state_of(obstacle.value));
        *below = chunk_address(table, obstacle.chunk);
        return MM_CONFLICT;
    }
    const int os_error = reserve_and_publish(call, range);
    if (os_error == 0) {
        return MM_OK;
    }
    if (os_error != EEXIST) {
        return refuse(call, range, os_error);
    }
    *below = below_mapping(search, chunk_extent(table, range));
    undo_all(call, range);
    return MM_CONFLICT;
}

/* Candidates that end at or below `top`, from the top down. NO_SPACE: none fits. */
static enum mm_status search_down(struct search *search, uintptr_t top,
                                  struct mm_extent *extent)
{
    while (top > search->floor && top - search->floor >= search->bytes) {
        const uintptr_t start = mm_align_down(top - search->bytes, search->alignment);
        if (start < search->floor) {
            break;
        }
        uintptr_t below = start;
        const enum mm_status status = try_at(search, start, &below);
        if (status == MM_OK) {
            *extent = mm_extent_of(start, search->bytes);
        }
        if (status != MM_CONFLICT) {
            return status;
        }
        /* Below the end of this candidate, so that the next one is another. */
        top = below;
    }
    return MM_NO_SPACE;
}

/* The end of what can be handed out: of the window, or of the address space. */
static uintptr_t highest_place(const struct mmapper *mapper)
{
    const uintptr_t end = mapper->support->address_end;
    const size_t chunk_bytes = (size_t)1 << mapper->table.log_chunk;
    return end != 0 && end < mapper->limit ? mm_align_down(end, chunk_bytes)
                                           : mapper->limit;
}

static enum mm_status search_window(struct search *search, size_t alignment,
                                    struct mm_extent *extent)
{
    struct mmapper *mapper = search->call->mapper;
    const uintptr_t highest = highest_place(mapper);
    /* Relaxed: only a hint. */
    const uintptr_t hint = (uintptr_t)mm_load_relaxed_u64(&mapper->search);
    search->alignment = alignment;
    search->stride = alignment;
    enum mm_status status =
        search_down(search, hint < highest ? hint : highest, extent);
    if (status == MM_NO_SPACE && hint < highest) {
        search->stride = alignment;
        status = search_down(search, highest, extent);
    }
    if (status == MM_OK) {
        mm_store_relaxed_u64(&mapper->search, extent->start);
    }
    return status;
}

/* What begins in the middle of a huge page never gets that one: the alignment that the
 * owner would like for so many bytes, 0 for any. */
static size_t huge_alignment(const struct call *call, size_t bytes)
{
    const size_t huge = call->mapper->support->huge_page_bytes;
    const bool wants =
        owner_strategy(call->owner).huge_pages == MM_HUGE_PAGES_TRANSPARENT;
    return wants && bytes >= huge ? huge : 0;
}

static enum mm_status place(const struct call *call, size_t bytes, size_t alignment,
                            struct mm_extent *extent)
{
    const struct chunk_table *table = &call->mapper->table;
    const size_t region_bytes = (size_t)1 << (table->log_chunk + table->log_region);
    const size_t huge = huge_alignment(call, bytes);
    struct search search = {
        .call = call,
        .bytes = bytes,
        .floor = table->base > LOWEST_PLACE ? table->base : LOWEST_PLACE,
    };
    enum mm_status status = MM_NO_SPACE;
    if (bytes >= region_bytes && alignment < region_bytes) {
        /* Whole regions cost one step each. */
        status = search_window(&search, region_bytes, extent);
    }
    if (status == MM_NO_SPACE && huge > alignment) {
        status = search_window(&search, huge, extent);
    }
    if (status == MM_NO_SPACE) {
        status = search_window(&search, alignment, extent);
    }
    if (status == MM_NO_SPACE && search.contended) {
        return mm_call_fail(call, MM_BUSY, call->request.start,
                            "the only ranges that might fit are being changed");
    }
    if (status == MM_NO_SPACE) {
        return mm_call_fail(call, MM_NO_SPACE, call->request.start,
                            "no free range of that size and alignment in the window");
    }
    return status;
}

/* What both entry points want: an owner that the mapper maps for, whole chunks, and a
 * sensible alignment, which is at least a chunk's. */
static enum mm_status begin_placement(const struct call *call, size_t *alignment,
                                      const struct mm_extent *extent)
{
    const size_t chunk_bytes = (size_t)1 << call->mapper->table.log_chunk;
    const size_t bytes = call->request.bytes;
    enum mm_status status = mm_call_expect_backing(call, MM_BACKING_RESERVED);
    if (status != MM_OK) {
        return status;
    }
    if (bytes == 0 || !mm_is_aligned(bytes, chunk_bytes)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the size is not a positive multiple of the chunk size");
    }
    if (*alignment != 0 && !mm_is_power_of_two(*alignment)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the alignment is not a power of two");
    }
    if (extent == NULL) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "nowhere to say where");
    }
    if (*alignment < chunk_bytes) {
        *alignment = chunk_bytes;
    }
    return MM_OK;
}

enum mm_status mmapper_quarantine_anywhere(struct mmapper *mapper,
                                           struct mm_owner *owner, size_t bytes,
                                           size_t alignment, struct mm_extent *extent,
                                           struct mm_error *error)
{
    struct call call;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_QUARANTINE,
                      mm_extent_of(mapper->table.base, bytes), error);
    if (status == MM_OK) {
        status = begin_placement(&call, &alignment, extent);
    }
    return status == MM_OK ? place(&call, bytes, alignment, extent) : status;
}

enum mm_status mmapper_quarantine_preferred(struct mmapper *mapper,
                                            struct mm_owner *owner,
                                            struct mm_extent preferred,
                                            size_t alignment, struct mm_extent *extent,
                                            struct mm_error *error)
{
    struct call call;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_QUARANTINE, preferred, error);
    if (status == MM_OK) {
        status = begin_placement(&call, &alignment, extent);
    }
    if (status != MM_OK) {
        return status;
    }
    const struct mm_extent wish =
        mm_extent_of(mm_align_down(preferred.start, alignment), preferred.bytes);
    if (mm_extent_valid(wish) && mm_extent_contains(mmapper_window(mapper), wish)) {
        /* Whatever refuses the wish: if it refuses all places, place says so. */
        struct call quiet = call;
        quiet.error = NULL;
        struct search search = {.call = &quiet,
                                .bytes = wish.bytes,
                                .alignment = alignment,
                                .floor = wish.start,
                                .stride = alignment};
        uintptr_t below;
        if (try_at(&search, wish.start, &below) == MM_OK) {
            *extent = wish;
            return MM_OK;
        }
    }
    return place(&call, wish.bytes, alignment, extent);
}
