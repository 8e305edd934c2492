/* SPDX-License-Identifier: MIT */
/*
 * Which address space is managed: disjoint ranges in ascending order, in memory that the
 * guard gets from the kernel itself. The caller holds the lock.
 */
#ifndef GUARD_RANGES_H
#define GUARD_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard_range {
    uintptr_t start;
    uintptr_t end; /* not included */
};

enum { GUARD_NAME_BYTES = 80 }; /* as the kernel's names, NUL included */

struct guard_held {
    struct guard_range range;
    bool table;                  /* the mapper's own memory, not a reservation */
    char name[GUARD_NAME_BYTES]; /* that the mapper gave it: whose it is */
};

/* All zero: nothing is managed. */
struct guard_ranges {
    struct guard_held *held;
    size_t count;
    size_t capacity;
};

/* Replaces what the set had there. Both: false when there is no memory for it, with
 * nothing changed. */
bool guard_ranges_add(struct guard_ranges *ranges, struct guard_held held);
bool guard_ranges_remove(struct guard_ranges *ranges, struct guard_range range);

/* Names what of `range` is in the set. False when there is no memory for all of it. */
bool guard_ranges_name(struct guard_ranges *ranges, struct guard_range range,
                       const char *name);

/* The first that meets `range`, or NULL; the others follow it. */
const struct guard_held *guard_ranges_meet(const struct guard_ranges *ranges,
                                           struct guard_range range);

/* Behind the last. */
const struct guard_held *guard_ranges_end(const struct guard_ranges *ranges);

static inline bool guard_range_meets(struct guard_range a, struct guard_range b)
{
    return a.start < b.end && b.start < a.end;
}

/* What both have; only of ranges that meet. */
static inline struct guard_range guard_range_common(struct guard_range a,
                                                    struct guard_range b)
{
    return (struct guard_range){a.start > b.start ? a.start : b.start,
                                a.end < b.end ? a.end : b.end};
}

#endif /* GUARD_RANGES_H */
