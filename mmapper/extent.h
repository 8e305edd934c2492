/* SPDX-License-Identifier: MIT */
/*
 * A range of address space, and the arithmetic on it that cannot overflow.
 *
 * All functions here are pure: wait-free, async-signal-safe, no errors.
 */
#ifndef MMAPPER_EXTENT_H
#define MMAPPER_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes [start, start + bytes). Valid when bytes > 0 and the end does not
 * pass the end of the address space (start + bytes <= UINTPTR_MAX). */
struct mm_extent {
    uintptr_t start;
    size_t bytes;
};

/* The extent of these two, valid or not. */
static inline struct mm_extent mm_extent_of(uintptr_t start, size_t bytes)
{
    struct mm_extent extent;
    extent.start = start;
    extent.bytes = bytes;
    return extent;
}

/* Not empty, and its end is an address. */
static inline bool mm_extent_valid(struct mm_extent extent)
{
    return extent.bytes > 0 && extent.bytes <= UINTPTR_MAX - extent.start;
}

/* One past the last byte, of a valid extent. */
static inline uintptr_t mm_extent_end(struct mm_extent extent)
{
    return extent.start + extent.bytes;
}

/* Whether `value` is a multiple of `alignment`, a power of two: zero is one of
 * everything. */
static inline bool mm_is_aligned(uintptr_t value, size_t alignment)
{
    return (value & (alignment - 1)) == 0;
}

/* Whether one bit is set, and one only. */
static inline bool mm_is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* Rounds down. `alignment` is a power of two. */
static inline uintptr_t mm_align_down(uintptr_t value, size_t alignment)
{
    return value & ~((uintptr_t)alignment - 1);
}

/* Rounds up into *result; false (and *result unchanged) when that overflows.
 * `alignment` is a power of two. */
static inline bool mm_align_up(uintptr_t value, size_t alignment, uintptr_t *result)
{
    if (value > UINTPTR_MAX - (alignment - 1)) {
        return false;
    }
    *result = mm_align_down(value + (alignment - 1), alignment);
    return true;
}

/* Whether they share a byte. Both are valid. */
static inline bool mm_extent_overlaps(struct mm_extent a, struct mm_extent b)
{
    return a.start < mm_extent_end(b) && b.start < mm_extent_end(a);
}

/* Whether all of `inner` is in `outer`. Both are valid. */
static inline bool mm_extent_contains(struct mm_extent outer, struct mm_extent inner)
{
    return outer.start <= inner.start && mm_extent_end(inner) <= mm_extent_end(outer);
}

/* Whether `address` is in `extent`; it never is when that is empty. */
static inline bool mm_extent_contains_address(struct mm_extent extent,
                                              uintptr_t address)
{
    return address - extent.start < extent.bytes;
}

#ifdef __cplusplus
}
#endif

#endif /* MMAPPER_EXTENT_H */
