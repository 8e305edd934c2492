/* SPDX-License-Identifier: MIT */
/*
 * Where reservations go. A place is claimed in the table before the kernel is asked for
 * it, so that no mapping of ours ever exists, not even for an instant, in a range that
 * another owner was promised.
 */
#ifndef MMAPPER_PLACEMENT_H
#define MMAPPER_PLACEMENT_H

#include "mmapper/call.h"

/* Reserves chunks that the call has claimed (RESERVE), and publishes them QUARANTINED;
 * or fails with a record and takes the claim back. */
enum mm_status mm_reserve_claimed(const struct call *call, struct chunk_range range);

/* Tells the search that a range became free. */
void mm_placement_released(struct mmapper *mapper, struct mm_extent extent);

#endif /* MMAPPER_PLACEMENT_H */
