/* SPDX-License-Identifier: MIT */
/* The arithmetic of a bump cursor: pure, and unable to wrap. */
#ifndef SPACES_BUMP_H
#define SPACES_BUMP_H

#include "mmapper/extent.h"

/*
 * The first aligned place for `bytes` bytes in [cursor, end); false when there is none.
 * `bytes` is positive and `alignment` a power of two; cursor <= end.
 */
static inline bool bump_place(uintptr_t cursor, uintptr_t end, size_t bytes,
                              size_t alignment, uintptr_t *start)
{
    uintptr_t aligned;
    if (!mm_align_up(cursor, alignment, &aligned) || aligned > end) {
        return false;
    }
    /* Not aligned + bytes <= end: that sum is what wraps. */
    if (bytes > end - aligned) {
        return false;
    }
    *start = aligned;
    return true;
}

#endif /* SPACES_BUMP_H */
