/* SPDX-License-Identifier: MIT */
#include "stress/immortal.h"

#include <inttypes.h>

#include "stress/kernel_view.h"
#include "stress/tokens.h"

enum { HUGE_RESIDENT_BYTES = 1 << 20 };

static void check_tokens(struct stress_run *run, const struct allocations *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct allocation *item = &all->items[i];
        struct token found;
        if (item->extent.bytes >= 2 * sizeof(struct token) &&
            !token_check(item->extent.start, item->extent.bytes, item->owner,
                         item->epoch, &found)) {
            stress_violation(run, NULL,
                             "O3: the allocation at %#" PRIxPTR " was overwritten",
                             item->extent.start);
        }
    }
}

/* Rests of windows are used as well, so that this is all that the sum can tell. */
static void check_windowed(struct stress_run *run, const struct allocations *all,
                           size_t used)
{
    size_t sum = 0;
    for (size_t i = 0; i < all->count; i++) {
        sum += all->items[i].extent.bytes;
    }
    if (sum > used) {
        stress_violation(run, NULL, "O4: %zu bytes are allocated, used says %zu", sum,
                         used);
    }
}

void immortal_check_arena(struct stress_run *run, const struct arena *arena)
{
    struct allocations all = {0};
    struct allocation a;
    struct allocation b;
    size_t used = 0;
    const struct immortal_space_usage usage = immortal_space_usage(arena->space);
    for (unsigned i = 0; i < stress_run_options(run)->threads; i++) {
        allocations_append(&all, &arena->given[i]);
    }
    if (!allocations_disjoint(&all, &a, &b)) {
        stress_violation(run, NULL,
                         "O1: allocations at %#" PRIxPTR " (+%zu) and %#" PRIxPTR
                         " overlap",
                         a.extent.start, a.extent.bytes, b.extent.start);
    } else if (arena->windowed) {
        check_windowed(run, &all, usage.used);
    } else if (!allocations_by_cursor(&all, immortal_space_extent(arena->space).start,
                                      &used, &a)) {
        stress_violation(run, NULL,
                         "O6: the cursor was moved by a failing call, below %#" PRIxPTR,
                         a.extent.start);
    } else if (used != usage.used) {
        stress_violation(run, NULL, "O4: allocations end at %zu, used says %zu", used,
                         usage.used);
    }
    check_tokens(run, &all);
    allocations_clear(&all);
}

void immortal_check_verify(struct stress_run *run, const struct immortal *immortal)
{
    const struct mm_verify_options options = {.sole = true};
    struct mm_verify_result result;
    if (mmapper_verify(immortal->mapper, &options, &result, NULL) != MM_OK ||
        result.differences != 0 || result.unsettled != 0) {
        stress_violation(run, NULL, "O2: verify: %" PRIu64 " differences",
                         result.differences);
    }
}

/* O7: nothing ever allocated from the huge space, so nothing of it was touched. */
void immortal_check_huge(struct stress_run *run, struct immortal *immortal)
{
    uint64_t resident = 0;
    const struct mm_extent extent = immortal_space_extent(immortal->huge);
    if (!kernel_view_resident(extent, &resident)) {
        stress_violation(run, NULL, "O2: the huge space is not mapped as a whole");
    } else if (resident > HUGE_RESIDENT_BYTES) {
        stress_violation(run, NULL,
                         "O7: %" PRIu64
                         " bytes of the untouched huge space are in memory",
                         resident);
    }
    if (!mmapper_is_mapped(immortal->mapper, mm_extent_end(extent) - 1)) {
        stress_violation(run, NULL, "O6: the huge eager space is not mapped");
    }
}
