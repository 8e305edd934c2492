/* SPDX-License-Identifier: MIT */
#include "stress/freelist.h"

#include <inttypes.h>

#include "stress/tokens.h"

void freelist_check_run(struct stress_run *stress, const struct stress_thread *thread,
                        const struct shelf *shelf, const struct run *run)
{
    for (size_t i = 0; i < run->pages; i++) {
        const uintptr_t page = run->address + i * shelf->page_bytes;
        struct token found;
        if (!token_check(page, shelf->page_bytes, run->owner, run->epoch, &found)) {
            stress_violation(stress, thread,
                             "O3: page %#" PRIxPTR " of thread %" PRIu64
                             ", epoch %" PRIu64 ": found thread %" PRIu64
                             ", epoch %" PRIu64,
                             page, run->owner, run->epoch, found.owner, found.epoch);
            return;
        }
    }
}

static void log_pages(struct stress_thread *thread, const struct shelf *shelf,
                      const struct run *run)
{
    for (size_t i = 0; i < run->pages; i++) {
        const uint64_t key = run->address / shelf->page_bytes + i;
        const struct ownership_entry entry = {key, thread->index + 1, run->epoch};
        struct ownership_entry other;
        if (!ownership_claim(thread->state, &entry, &other)) {
            stress_violation(thread->run, thread,
                             "O1: two owners: page %#" PRIxPTR
                             " was given out while thread %" PRIu64 " has it",
                             run->address + i * shelf->page_bytes, other.owner - 1);
            return;
        }
    }
}

static void check_usage(struct stress_thread *thread, const struct shelf *shelf)
{
    const struct freelist_space_usage usage = freelist_space_usage(shelf->space);
    if (usage.used_pages + usage.free_pages != shelf->total_pages) {
        stress_violation(thread->run, thread, "O4: %zu used + %zu free pages of %zu",
                         usage.used_pages, usage.free_pages, shelf->total_pages);
    }
}

static void check_place(struct stress_thread *thread, const struct freelist *freelist,
                        const struct shelf *shelf, const struct run *run)
{
    const struct mm_extent extent =
        mm_extent_of(run->address, run->pages * shelf->page_bytes);
    if (!mm_extent_contains(freelist_space_pages(shelf->space), extent) ||
        !mm_is_aligned(extent.start, shelf->page_bytes) ||
        !mmapper_is_mapped(freelist->mapper, extent.start) ||
        !mmapper_is_mapped(freelist->mapper, mm_extent_end(extent) - 1)) {
        stress_violation(thread->run, thread,
                         "O6: alloc gave %#" PRIxPTR
                         ", outside, misaligned or unmapped",
                         run->address);
    }
}

void freelist_alloc(struct stress_thread *thread, struct freelist *freelist,
                    struct shelf *shelf)
{
    struct stress_random *random = &thread->random;
    struct runs *held = &shelf->held[thread->index];
    struct run run = {.owner = thread->index};
    struct mm_error error;
    if (held->count == FREELIST_RUNS) {
        freelist_free(thread, shelf);
        return;
    }
    run.pages =
        1 + stress_random_below(random, stress_random_one_in(random, 16) ? 64 : 8);
    run.epoch = mm_fetch_add_relaxed_u64(&freelist->epochs, 1) + 1;
    const enum mm_status status =
        freelist_space_alloc(shelf->space, run.pages, &run.address, &error);
    check_usage(thread, shelf);
    if (status == MM_NO_SPACE) {
        stress_count(thread, COUNT_EXHAUSTED);
        return;
    }
    if (status != MM_OK) {
        stress_violation(thread->run, thread, "O6: alloc gave %s",
                         mm_status_name(status));
        return;
    }
    check_place(thread, freelist, shelf, &run);
    log_pages(thread, shelf, &run);
    for (size_t i = 0; i < run.pages; i++) {
        token_write(run.address + i * shelf->page_bytes, shelf->page_bytes, run.owner,
                    run.epoch);
    }
    held->items[held->count++] = run;
    stress_count(thread, COUNT_ALLOCATED);
}

void freelist_free(struct stress_thread *thread, struct shelf *shelf)
{
    struct runs *held = &shelf->held[thread->index];
    size_t pages = 0;
    if (held->count == 0) {
        return;
    }
    const size_t index = stress_random_below(&thread->random, held->count);
    const struct run run = held->items[index];
    freelist_check_run(thread->run, thread, shelf, &run);
    held->items[index] = held->items[--held->count];
    for (size_t i = 0; i < run.pages; i++) {
        const uint64_t key = run.address / shelf->page_bytes + i;
        struct ownership_entry found;
        if (!ownership_drop(thread->state, key, run.owner + 1, &found)) {
            stress_violation(thread->run, thread,
                             "O1: page %#" PRIx64 " is not in the log as ours",
                             key * shelf->page_bytes);
        }
    }
    const enum mm_status status =
        freelist_space_free(shelf->space, run.address, &pages, NULL);
    if (status != MM_OK || pages != run.pages) {
        stress_violation(thread->run, thread,
                         "O6: free of %zu pages at %#" PRIxPTR " gave %s, %zu pages",
                         run.pages, run.address, mm_status_name(status), pages);
    }
    check_usage(thread, shelf);
    stress_count(thread, COUNT_FREED);
}

/* Addresses that no free may take, and that no other thread's free makes valid. */
void freelist_misuse(struct stress_thread *thread, struct shelf *shelf)
{
    const struct runs *held = &shelf->held[thread->index];
    const struct mm_extent pages = freelist_space_pages(shelf->space);
    uintptr_t address = pages.start - shelf->page_bytes; /* the list's own table */
    enum mm_status expected = MM_OUT_OF_RANGE;
    if (held->count > 0 && stress_random_one_in(&thread->random, 2)) {
        const struct run *run = &held->items[0];
        address = run->address + shelf->page_bytes / 2;
        expected = MM_INVALID_ARGUMENT;
        if (run->pages > 1) {
            address = run->address + shelf->page_bytes;
            expected = MM_WRONG_STATE;
        }
    }
    const enum mm_status status =
        freelist_space_free(shelf->space, address, NULL, NULL);
    if (status != expected) {
        stress_violation(thread->run, thread,
                         "O6: free of the wrong address %#" PRIxPTR
                         " gave %s instead of %s",
                         address, mm_status_name(status), mm_status_name(expected));
    }
    stress_count(thread, COUNT_MISUSED);
}

void freelist_trim(struct stress_thread *thread, struct shelf *shelf)
{
    const enum mm_status status = freelist_space_trim(shelf->space, NULL);
    if (status == MM_BUSY) {
        stress_count(thread, STRESS_COUNTER_BUSY);
    } else if (status != MM_OK) {
        stress_violation(thread->run, thread, "O6: trim gave %s",
                         mm_status_name(status));
    }
    stress_count(thread, COUNT_TRIMS);
}

/* The space's chunks are the space's and its list's, whatever a rival asks for. */
void freelist_intrude(struct stress_thread *thread, struct freelist *freelist,
                      struct shelf *shelf)
{
    struct stress_random *random = &thread->random;
    struct mm_error error;
    enum mm_status status;
    const struct mm_extent extent = freelist_space_extent(shelf->space);
    const size_t chunks = extent.bytes / FREELIST_CHUNK_BYTES;
    /* The table as often as the pages. */
    const size_t chunk =
        stress_random_below(random, 2) == 0 ? 0 : stress_random_below(random, chunks);
    const struct mm_extent target =
        mm_extent_of(extent.start + chunk * FREELIST_CHUNK_BYTES, FREELIST_CHUNK_BYTES);
    switch (stress_random_below(random, 4)) {
    case 0:
        status = mmapper_quarantine(freelist->mapper, freelist->rival, target, &error);
        break;
    case 1:
        status = mmapper_release(freelist->mapper, freelist->rival, target, &error);
        break;
    case 2:
        status = mmapper_decommit(freelist->mapper, freelist->rival, target, &error);
        break;
    default:
        status =
            mmapper_ensure_mapped(freelist->mapper, freelist->rival, target, &error);
        break;
    }
    stress_count(thread, COUNT_RIVAL);
    const struct mm_owner *expected =
        target.start < freelist_space_pages(shelf->space).start
            ? freelist_space_table_owner(shelf->space)
            : freelist_space_owner(shelf->space);
    if (status != MM_CONFLICT || error.holder.owner != expected) {
        stress_violation(thread->run, thread,
                         "O6: a rival's call on a space's chunk gave %s, naming %s",
                         mm_status_name(status),
                         status == MM_OK ? "nobody" : error.holder.name);
        return;
    }
    stress_count(thread, STRESS_COUNTER_CONFLICTS);
}
