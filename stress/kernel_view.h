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

/* Pages of the range that are in memory, by /proc/self/pagemap. False when that cannot
 * be read. */
bool kernel_view_resident(struct mm_extent range, size_t page_bytes, uint64_t *pages);

#endif /* STRESS_KERNEL_VIEW_H */
