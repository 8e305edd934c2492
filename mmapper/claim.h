/* SPDX-License-Identifier: MIT */
/*
 * The shape of every operation that takes chunks: claim all, act, finish all. Between
 * claim and finish the chunks are the call's alone.
 */
#ifndef MMAPPER_CLAIM_H
#define MMAPPER_CLAIM_H

#include "mmapper/call.h"

/* Why a claim stopped. */
struct obstacle {
    enum mm_status status;
    size_t chunk;
    map_value value;
};

/* Takes `step` on chunks from range.first on, until the end or an obstacle. Returns one
 * past the last chunk claimed; *obstacle is set when that is not range.end. */
size_t mm_claim_prefix(const struct call *call, struct chunk_range range,
                       enum map_step step, struct obstacle *obstacle);

/* All of the range or, after an error record, nothing. */
enum mm_status mm_claim_all(const struct call *call, struct chunk_range range,
                            enum map_step step);

/* The same for calls that need quiescence: BUSY, and nothing, when a thread of the
 * owner is pinned. */
enum mm_status mm_claim_all_quiescent(const struct call *call, struct chunk_range range,
                                      enum map_step step);

/* Takes a publishing step or UNDO on chunks that this call claimed, all of them.
 * `recipient` is for the end of a transfer. An empty range is nothing to do. */
void mm_finish_all(const struct call *call, struct chunk_range range,
                   enum map_step step, map_owner recipient);

static inline void undo_all(const struct call *call, struct chunk_range range)
{
    mm_finish_all(call, range, MAP_STEP_UNDO, MAP_NOBODY);
}

/* Counts what a replacement came to, if that is not what was wanted. */
static inline void count_swap(struct mmapper *mapper, enum chunk_swap swap)
{
    if (swap != CHUNK_SWAPPED) {
        counter_add(&mapper->counters,
                    swap == CHUNK_LOST ? COUNTER_RACES_LOST : COUNTER_REGIONS_SPLIT);
    }
}

#endif /* MMAPPER_CLAIM_H */
