/* SPDX-License-Identifier: MIT */
/*
 * A process with many owners, to be looked at from outside.
 */
#ifndef EXAMPLES_ADDRESS_SPACE_DEMO_DEMO_H
#define EXAMPLES_ADDRESS_SPACE_DEMO_DEMO_H

#include "mmapper/mmapper.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define TIB ((size_t)1 << 40)

/* Ends the program, with the mapper's own words, unless the call succeeded. */
#define DEMAND(call, error) demand((call), #call, (error))
void demand(enum mm_status status, const char *call, const struct mm_error *error);

/* What has been laid out and is broken again on purpose. */
struct layout {
    struct mm_extent heap; /* its first chunks are mapped, the others quarantined */
};

/* Registers the owners and gives them address space and memory. */
void lay_out(struct mmapper *mapper, struct layout *layout);

/* What others than the mapper do. All end the program when the kernel refuses. */

/* Maps `bytes` somewhere, aligned to `alignment`, both multiples of it. */
struct mm_extent foreign_map(size_t bytes, size_t alignment);
/* Maps over an excluded range. */
void foreign_map_in(struct mm_extent extent);
/* Does to the heap what must not be done, so that the table is wrong about it. */
void foreign_bypass(const struct layout *layout, size_t chunk);

#endif /* EXAMPLES_ADDRESS_SPACE_DEMO_DEMO_H */
