/* SPDX-License-Identifier: MIT */
/*
 * What a space gave out, as one thread recorded it, and the exact comparison of all
 * such records with what the space says: the second half of O1 and O4 for spaces.
 */
#ifndef STRESS_ALLOCATIONS_H
#define STRESS_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/extent.h"

struct allocation {
    struct mm_extent extent;
    size_t alignment;
    uint64_t owner; /* who wrote its token */
    uint64_t epoch; /* of the token */
};

/* A growing list. All zero is an empty one. */
struct allocations {
    struct allocation *items;
    size_t count;
    size_t room;
};

void allocations_add(struct allocations *list, const struct allocation *allocation);

/* Appends all of `other`. */
void allocations_append(struct allocations *list, const struct allocations *other);

/* Makes the list empty, and gives its memory back. */
void allocations_clear(struct allocations *list);

/* Sorts by address. False when two overlap: *first and *second are those. */
bool allocations_disjoint(struct allocations *list, struct allocation *first,
                          struct allocation *second);

/*
 * Of a sorted, disjoint list: whether it is what a cursor that starts at `start` and
 * gives the lowest aligned address makes. *used is how far it came. If not, *odd is the
 * first allocation that lies elsewhere.
 */
bool allocations_by_cursor(const struct allocations *list, uintptr_t start,
                           size_t *used, struct allocation *odd);

#endif /* STRESS_ALLOCATIONS_H */
