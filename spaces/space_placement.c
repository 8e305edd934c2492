/* SPDX-License-Identifier: MIT */
#include "spaces/space_placement.h"

#include "spaces/space_error.h"

static enum mm_status quarantine_exact(struct mmapper *mapper, struct mm_owner *owner,
                                       const struct space_placement *placement,
                                       struct mm_extent wanted,
                                       struct mm_extent *extent, struct mm_error *error)
{
    const size_t alignment = placement->alignment == 0 ? 1 : placement->alignment;
    if (!mm_is_power_of_two(alignment) || !mm_is_aligned(wanted.start, alignment)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_QUARANTINE,
                          "the exact start is not aligned as asked", wanted);
    }
    const enum mm_status status = mmapper_quarantine(mapper, owner, wanted, error);
    if (status == MM_OK) {
        *extent = wanted;
    }
    return status;
}

enum mm_status space_placement_quarantine(struct mmapper *mapper,
                                          struct mm_owner *owner,
                                          const struct space_placement *placement,
                                          size_t bytes, struct mm_extent *extent,
                                          struct mm_error *error)
{
    const struct mm_extent wanted = mm_extent_of(placement->start, bytes);
    switch (placement->rule) {
    case SPACE_ANYWHERE:
        return mmapper_quarantine_anywhere(mapper, owner, bytes, placement->alignment,
                                           extent, error);
    case SPACE_PREFERRED:
        return mmapper_quarantine_preferred(mapper, owner, wanted, placement->alignment,
                                            extent, error);
    case SPACE_EXACT:
        return quarantine_exact(mapper, owner, placement, wanted, extent, error);
    }
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_QUARANTINE,
                      "no such placement rule", wanted);
}
