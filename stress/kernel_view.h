/* SPDX-License-Identifier: MIT */
/*
 * Oracle O2, without the mapper's help: what /proc/self/maps says.
 */
#ifndef STRESS_KERNEL_VIEW_H
#define STRESS_KERNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/extent.h"

struct kernel_view {
    uint64_t mappings; /* that meet the range */
    uint64_t bytes;    /* of them inside the range */
    uint64_t writable; /* of those bytes, readable and writable */
};

/* False when the list cannot be read. */
bool kernel_view_read(struct mm_extent range, struct kernel_view *view);

/* Bytes in memory of the mappings that lie inside the range, by /proc/self/smaps. False
 * when that cannot be read, or when such mappings are not all of the range. */
bool kernel_view_resident(struct mm_extent range, uint64_t *bytes);

/* The same by /proc/self/pagemap, whatever mappings the range is part of; counts pages
 * that were only read, too. Costs time by the size of the range. */
bool kernel_view_touched(struct mm_extent range, uint64_t *bytes);

#endif /* STRESS_KERNEL_VIEW_H */
