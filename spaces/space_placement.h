/* SPDX-License-Identifier: MIT */
/* Where in the mapper's window a space wants its extent. */
#ifndef SPACES_SPACE_PLACEMENT_H
#define SPACES_SPACE_PLACEMENT_H

#include "mmapper/mmapper.h"

#ifdef __cplusplus
extern "C" {
#endif

enum space_placement_rule {
    SPACE_ANYWHERE = 0, /* `start` is not looked at */
    SPACE_PREFERRED,    /* at `start` if it is free there, else anywhere */
    SPACE_EXACT,        /* at `start` or not at all; `alignment` must hold for it */
};

/* All zero is anywhere, aligned to a chunk. */
struct space_placement {
    enum space_placement_rule rule;
    uintptr_t start;
    size_t alignment; /* bytes: 0 (a chunk) or a power of two */
};

/*
 * Quarantines `bytes` (a multiple of the chunk size) for `owner` by the rule and says
 * where. All or nothing. Errors: those of the mapper's three quarantine calls, and
 * INVALID_ARGUMENT for a rule that is none of the above or an exact start that is not
 * aligned.
 */
enum mm_status space_placement_quarantine(struct mmapper *mapper,
                                          struct mm_owner *owner,
                                          const struct space_placement *placement,
                                          size_t bytes, struct mm_extent *extent,
                                          struct mm_error *error);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_SPACE_PLACEMENT_H */
