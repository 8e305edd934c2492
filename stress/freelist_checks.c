/* SPDX-License-Identifier: MIT */
#include "stress/freelist.h"

#include <inttypes.h>

#include "stress/kernel_view.h"

enum {
    TABLE_BYTES_OF_PAGE = 8,
    /* Of the huge list's table, above what its pages need: its ends, and room for
     * transparent huge pages where they are always on. The table is 4 GiB. */
    TABLE_SLACK_BYTES = 16 << 20,
};

static size_t held_pages(const struct stress_run *stress, const struct shelf *shelf)
{
    size_t pages = 0;
    for (unsigned i = 0; i < stress_run_options(stress)->threads; i++) {
        for (size_t k = 0; k < shelf->held[i].count; k++) {
            pages += shelf->held[i].items[k].pages;
        }
    }
    return pages;
}

static void check_tokens(struct stress_run *stress, const struct shelf *shelf)
{
    for (unsigned i = 0; i < stress_run_options(stress)->threads; i++) {
        for (size_t k = 0; k < shelf->held[i].count; k++) {
            freelist_check_run(stress, NULL, shelf, &shelf->held[i].items[k]);
        }
    }
}

static bool is_chunk_used(const struct stress_run *stress, const struct shelf *shelf,
                          struct mm_extent chunk)
{
    for (unsigned i = 0; i < stress_run_options(stress)->threads; i++) {
        for (size_t k = 0; k < shelf->held[i].count; k++) {
            const struct run *run = &shelf->held[i].items[k];
            if (mm_extent_overlaps(
                    chunk,
                    mm_extent_of(run->address, run->pages * shelf->page_bytes))) {
                return true;
            }
        }
    }
    return false;
}

/* What is wholly free is given back, and nothing else is. */
static void check_decommitted(struct stress_run *stress,
                              const struct freelist *freelist,
                              const struct shelf *shelf)
{
    const struct mm_extent pages = freelist_space_pages(shelf->space);
    const enum mm_status status = freelist_space_trim(shelf->space, NULL);
    if (status != MM_OK || freelist_space_usage(shelf->space).decommit_left != 0) {
        stress_violation(stress, NULL, "O6: a quiet trim gave %s, %zu chunks are left",
                         mm_status_name(status),
                         freelist_space_usage(shelf->space).decommit_left);
    }
    for (uintptr_t at = pages.start; at < mm_extent_end(pages);
         at += FREELIST_CHUNK_BYTES) {
        const struct mm_extent chunk = mm_extent_of(at, FREELIST_CHUNK_BYTES);
        const bool used = is_chunk_used(stress, shelf, chunk);
        if (mmapper_is_mapped(freelist->mapper, at) != used) {
            stress_violation(stress, NULL, "O6: chunk %#" PRIxPTR " is %s", at,
                             used ? "used but not mapped" : "free but not decommitted");
        }
    }
}

/* When nothing else runs, a space that has a free page gives one. A page that was given
 * back cannot be given back again. */
static void check_quiet_calls(struct stress_run *stress, const struct shelf *shelf)
{
    const struct freelist_space_usage before = freelist_space_usage(shelf->space);
    uintptr_t address = 0;
    const enum mm_status status = freelist_space_alloc(shelf->space, 1, &address, NULL);
    if (status != (before.free_pages > 0 ? MM_OK : MM_NO_SPACE)) {
        stress_violation(stress, NULL, "O6: alloc of a page gave %s, %zu are free",
                         mm_status_name(status), before.free_pages);
    }
    if (status != MM_OK) {
        return;
    }
    const enum mm_status first = freelist_space_free(shelf->space, address, NULL, NULL);
    const enum mm_status second =
        freelist_space_free(shelf->space, address, NULL, NULL);
    if (first != MM_OK || second != MM_WRONG_STATE) {
        stress_violation(stress, NULL, "O6: a free gave %s, the same again %s",
                         mm_status_name(first), mm_status_name(second));
    }
}

/* O7: of the huge list's table only what describes grown pages is in memory. */
static void check_table(struct stress_run *stress, const struct shelf *shelf)
{
    uint64_t touched = 0;
    const struct mm_extent extent = freelist_space_extent(shelf->space);
    const struct mm_extent table = mm_extent_of(
        extent.start, freelist_space_pages(shelf->space).start - extent.start);
    const uint64_t needed =
        freelist_space_usage(shelf->space).grown_pages * TABLE_BYTES_OF_PAGE;
    if (!kernel_view_touched(table, &touched)) {
        stress_violation(stress, NULL, "harness: cannot read /proc/self/pagemap");
    } else if (touched > needed + TABLE_SLACK_BYTES) {
        stress_violation(stress, NULL,
                         "O7: %" PRIu64 " bytes of the huge list's table of %zu are in "
                         "memory; its pages need %" PRIu64,
                         touched, table.bytes, needed);
    }
}

static void check_shelf(struct stress_run *stress, struct freelist *freelist,
                        struct shelf *shelf)
{
    const size_t held = held_pages(stress, shelf);
    const struct freelist_space_usage usage = freelist_space_usage(shelf->space);
    if (!freelist_space_verify(shelf->space)) {
        stress_violation(stress, NULL, "O4: the list contradicts itself");
    }
    if (usage.used_pages != held ||
        usage.used_pages + usage.free_pages != shelf->total_pages) {
        stress_violation(stress, NULL, "O4: %zu pages held, %zu used, %zu free of %zu",
                         held, usage.used_pages, usage.free_pages, shelf->total_pages);
    }
    check_tokens(stress, shelf);
    check_quiet_calls(stress, shelf);
    if (shelf->decommits) {
        check_decommitted(stress, freelist, shelf);
    }
}

static void check_verify(struct stress_run *stress, const struct freelist *freelist)
{
    const struct mm_verify_options options = {.sole = true};
    struct mm_verify_result result;
    if (mmapper_verify(freelist->mapper, &options, &result, NULL) != MM_OK ||
        result.differences != 0 || result.unsettled != 0) {
        stress_violation(stress, NULL, "O2: verify: %" PRIu64 " differences",
                         result.differences);
    }
}

/* Each thread goes on with the runs of the next one: pages are freed by another thread
 * than the one that allocated them. */
static void rotate(struct stress_run *stress, struct shelf *shelf)
{
    const unsigned threads = stress_run_options(stress)->threads;
    const struct runs first = shelf->held[0];
    for (unsigned i = 0; i + 1 < threads; i++) {
        shelf->held[i] = shelf->held[i + 1];
    }
    shelf->held[threads - 1] = first;
}

void freelist_check_all(struct stress_run *stress, struct freelist *freelist)
{
    size_t held = 0;
    for (unsigned i = 0; i < FREELIST_SPACES; i++) {
        struct shelf *shelf = &freelist->shelves[i];
        check_shelf(stress, freelist, shelf);
        held += held_pages(stress, shelf);
        rotate(stress, shelf);
    }
    const size_t logged = ownership_each(freelist->session, NULL, NULL);
    if (logged != held) {
        stress_violation(stress, NULL, "O1: %zu pages in the log, %zu held", logged,
                         held);
    }
    check_table(stress, &freelist->shelves[FREELIST_HUGE]);
    check_verify(stress, freelist);
}

void freelist_free_all(struct stress_run *stress, struct freelist *freelist)
{
    for (unsigned s = 0; s < FREELIST_SPACES; s++) {
        struct shelf *shelf = &freelist->shelves[s];
        for (unsigned i = 0; i < stress_run_options(stress)->threads; i++) {
            struct runs *held = &shelf->held[i];
            while (held->count > 0) {
                const struct run *run = &held->items[--held->count];
                if (freelist_space_free(shelf->space, run->address, NULL, NULL) !=
                    MM_OK) {
                    stress_violation(stress, NULL, "O6: the last free failed");
                }
            }
        }
        if (freelist_space_usage(shelf->space).used_pages != 0 ||
            !freelist_space_verify(shelf->space) ||
            freelist_space_destroy(shelf->space, NULL) != MM_OK) {
            stress_violation(stress, NULL, "O4: space %u is not empty at the end", s);
        }
    }
}

void freelist_check_empty(struct stress_run *stress, struct freelist *freelist)
{
    struct kernel_view view;
    check_verify(stress, freelist);
    if (!kernel_view_read(mmapper_window(freelist->mapper), &view) || view.bytes != 0) {
        stress_violation(stress, NULL, "O4: %" PRIu64 " bytes are left in the window",
                         view.bytes);
    }
}
