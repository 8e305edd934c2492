/* SPDX-License-Identifier: MIT */
#include "stress/immortal.h"

#include <inttypes.h>

#include "stress/tokens.h"

enum { GRANULE = 256 }; /* of the ownership log, in bytes */

/* O1, at once: the granules that lie wholly inside an allocation. */
static void log_granules(struct stress_thread *thread, struct mm_extent extent,
                         uint64_t epoch)
{
    const uint64_t end = mm_extent_end(extent) / GRANULE;
    for (uint64_t key = (extent.start + GRANULE - 1) / GRANULE; key < end; key++) {
        const struct ownership_entry entry = {key, thread->index + 1, epoch};
        struct ownership_entry other;
        if (!ownership_claim(thread->state, &entry, &other)) {
            stress_violation(thread->run, thread,
                             "O1: granule %#" PRIx64 " was given to thread %" PRIu64
                             " before",
                             key * GRANULE, other.owner - 1);
            return;
        }
    }
}

/* O3: fresh memory is zero and carries tokens from now on. */
static void use(struct stress_thread *thread, const struct allocation *allocation)
{
    const struct mm_extent extent = allocation->extent;
    uintptr_t dirt = 0;
    if (!token_is_zero(extent.start, extent.bytes, &dirt)) {
        stress_violation(thread->run, thread,
                         "O3: fresh memory is not zero at %#" PRIxPTR, dirt);
    }
    if (extent.bytes >= 2 * sizeof(struct token)) {
        token_write(extent.start, extent.bytes, allocation->owner, allocation->epoch);
    }
}

static void exhausted(struct stress_thread *thread, const struct arena *arena,
                      size_t bytes, size_t alignment, enum mm_status status)
{
    const struct immortal_space_usage usage = immortal_space_usage(arena->space);
    stress_count(thread, COUNT_EXHAUSTED);
    if (status != MM_NO_SPACE) {
        stress_violation(thread->run, thread, "O6: alloc gave %s",
                         mm_status_name(status));
    } else if (usage.free >= bytes + alignment) {
        /* What is free only shrinks: it was as much during the call. */
        stress_violation(thread->run, thread,
                         "O6: %zu bytes aligned to %zu were refused, %zu are free",
                         bytes, alignment, usage.free);
    }
}

static void check_usage(struct stress_thread *thread, const struct arena *arena,
                        struct immortal_space_usage before)
{
    const struct immortal_space_usage after = immortal_space_usage(arena->space);
    if (after.used + after.free != immortal_space_extent(arena->space).bytes ||
        after.used < before.used) {
        stress_violation(thread->run, thread, "O4: used %zu (%zu before), free %zu",
                         after.used, before.used, after.free);
    }
}

void immortal_allocate(struct stress_thread *thread, struct immortal *immortal,
                       struct arena *arena)
{
    struct stress_random *random = &thread->random;
    struct allocation allocation = {.owner = thread->index, .epoch = immortal->epoch};
    uintptr_t address = 0;
    struct mm_error error;
    const size_t most =
        stress_random_one_in(random, 64) ? 2 * IMMORTAL_CHUNK_BYTES : 1500;
    const size_t bytes = 1 + stress_random_below(random, most);
    const struct immortal_space_usage before = immortal_space_usage(arena->space);
    allocation.alignment = (size_t)1 << stress_random_below(random, 10);
    const enum mm_status status =
        !arena->windowed || stress_random_one_in(random, 2)
            ? immortal_space_alloc(arena->space, bytes, allocation.alignment, &address,
                                   &error)
            : immortal_window_alloc(&arena->windows[thread->index], bytes,
                                    allocation.alignment, &address, &error);
    check_usage(thread, arena, before);
    if (status != MM_OK) {
        exhausted(thread, arena, bytes, allocation.alignment, status);
        return;
    }
    allocation.extent = mm_extent_of(address, bytes);
    if (!mm_extent_contains(immortal_space_extent(arena->space), allocation.extent) ||
        !mm_is_aligned(address, allocation.alignment) ||
        !mmapper_is_mapped(immortal->mapper, address) ||
        !mmapper_is_mapped(immortal->mapper, address + bytes - 1)) {
        stress_violation(
            thread->run, thread,
            "O6: alloc gave %#" PRIxPTR ", outside, misaligned or unmapped", address);
        return;
    }
    log_granules(thread, allocation.extent, immortal->epoch);
    use(thread, &allocation);
    allocations_add(&arena->given[thread->index], &allocation);
}

/* The space's chunks are the space's, whatever a rival asks for. */
void immortal_intrude(struct stress_thread *thread, struct immortal *immortal,
                      const struct arena *arena)
{
    struct stress_random *random = &thread->random;
    const struct mm_extent extent = immortal_space_extent(arena->space);
    struct mm_error error;
    enum mm_status status;
    const struct mm_extent chunk = mm_extent_of(
        extent.start +
            IMMORTAL_CHUNK_BYTES * stress_random_below(random, IMMORTAL_SPACE_CHUNKS),
        IMMORTAL_CHUNK_BYTES);
    switch (stress_random_below(random, 4)) {
    case 0:
        status = mmapper_quarantine(immortal->mapper, immortal->rival, chunk, &error);
        break;
    case 1:
        status = mmapper_release(immortal->mapper, immortal->rival, chunk, &error);
        break;
    case 2:
        status = mmapper_decommit(immortal->mapper, immortal->rival, chunk, &error);
        break;
    default:
        status =
            mmapper_ensure_mapped(immortal->mapper, immortal->rival, chunk, &error);
        break;
    }
    stress_count(thread, COUNT_RIVAL);
    if (status != MM_CONFLICT ||
        error.holder.owner != immortal_space_owner(arena->space)) {
        stress_violation(thread->run, thread,
                         "O6: a rival's call on a space's chunk gave %s, naming %s",
                         mm_status_name(status),
                         status == MM_OK ? "nobody" : error.holder.name);
        return;
    }
    stress_count(thread, STRESS_COUNTER_CONFLICTS);
}
