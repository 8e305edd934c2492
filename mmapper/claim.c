/* SPDX-License-Identifier: MIT */
#include "mmapper/claim.h"

#include "mmapper/check.h"

size_t mm_claim_prefix(const struct call *call, struct chunk_range range,
                       enum map_step step, struct obstacle *obstacle)
{
    struct chunk_table *table = &call->mapper->table;
    while (range.first < range.end) {
        struct chunk_unit unit = chunk_unit_load(table, range);
        map_value next;
        const enum mm_status status =
            mm_map_transition(step, unit.value, call->id, MAP_NOBODY, &next);
        if (status != MM_OK) {
            obstacle->status = status;
            obstacle->chunk = range.first;
            obstacle->value = unit.value;
            break;
        }
        const enum chunk_swap swap = mm_chunk_claim(table, range.first, &unit, next);
        count_swap(call->mapper, swap);
        if (swap == CHUNK_SWAPPED) {
            range.first = unit.end;
        }
    }
    return range.first;
}

enum mm_status mm_claim_all(const struct call *call, struct chunk_range range,
                            enum map_step step)
{
    struct obstacle obstacle = {.status = MM_OK};
    const size_t claimed = mm_claim_prefix(call, range, step, &obstacle);
    if (claimed == range.end) {
        return MM_OK;
    }
    const enum mm_status status =
        mm_call_fail_at(call, obstacle.status, obstacle.chunk, obstacle.value);
    undo_all(call, (struct chunk_range){range.first, claimed});
    return status;
}

enum mm_status mm_claim_all_quiescent(const struct call *call, struct chunk_range range,
                                      enum map_step step)
{
    const enum mm_status status = mm_claim_all(call, range, step);
    if (status != MM_OK) {
        return status;
    }
    /* Claim first, look second (edge PIN-CLAIM): a thread that pins after this look
     * sees the claim, one that pinned before it is seen here. */
    if (mm_owner_is_pinned(call->owner)) {
        undo_all(call, range);
        return mm_call_fail(call, MM_BUSY, call->request.start,
                            "a thread of the owner is inside ensure_mapped, or "
                            "changing pages");
    }
    return MM_OK;
}

void mm_finish_all(const struct call *call, struct chunk_range range,
                   enum map_step step, map_owner recipient)
{
    struct chunk_table *table = &call->mapper->table;
    while (range.first < range.end) {
        struct chunk_unit unit = chunk_unit_load(table, range);
        map_value next = unit.value;
        /* Nobody else may change what this call claimed, nor split its regions. */
        const enum mm_status status =
            mm_map_transition(step, unit.value, call->id, recipient, &next);
        MM_CHECK(status == MM_OK);
        const enum chunk_swap swap = mm_chunk_publish(table, range.first, &unit, next);
        MM_CHECK(swap == CHUNK_SWAPPED);
        range.first = unit.end;
    }
}
