/* SPDX-License-Identifier: MIT */
/*
 * How far a commit goes beyond the chunks that were asked for, for owners whose strategy
 * wants it: not at all at first, then one, two, four, ... chunks while commits follow
 * each other upwards, up to the strategy's limit. What is remembered for that is one
 * word beside each of the owner's pins, so that threads of different stripes do not
 * disturb each other and no cache line is written that is not written anyway.
 *
 * All accesses are relaxed: the word is a hint. A wrong one makes a commit smaller or
 * larger than it might be, never wrong: what is committed is decided by reads under the
 * pin.
 */
#ifndef MMAPPER_COMMIT_AHEAD_H
#define MMAPPER_COMMIT_AHEAD_H

#include "mmapper/owner_table.h"

enum { COMMIT_AHEAD_WINDOW_BITS = 16 };

/* The chunks ahead for a commit that begins at chunk `first`, at most `most`, which is
 * at most UINT16_MAX. */
static inline size_t commit_ahead_window(const struct owner_pin *pin, size_t first,
                                         size_t most)
{
    const uint64_t hint = mm_load_relaxed_u64(&pin->ahead);
    const size_t window = (size_t)hint & UINT16_MAX;
    /* Nothing ends before chunk 0, so that zero is no hint. */
    if (hint == 0 || hint >> COMMIT_AHEAD_WINDOW_BITS != first) {
        return 0;
    }
    const size_t grown = window == 0 ? 1 : 2 * window;
    return grown < most ? grown : most;
}

/* A commit that reached ahead was refused: what follows begins with none again. */
static inline void commit_ahead_forget(struct owner_pin *pin)
{
    mm_store_relaxed_u64(&pin->ahead, 0);
}

/* A commit with that window ended before chunk `end`. */
static inline void commit_ahead_note(struct owner_pin *pin, size_t end, size_t window)
{
    mm_store_relaxed_u64(&pin->ahead,
                         (uint64_t)end << COMMIT_AHEAD_WINDOW_BITS | window);
}

#endif /* MMAPPER_COMMIT_AHEAD_H */
