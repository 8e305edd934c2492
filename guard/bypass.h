/* SPDX-License-Identifier: MIT */
/* What the demonstration does on purpose and a program must not: it changes mappings that
 * belong to a mapper. */
#ifndef GUARD_BYPASS_H
#define GUARD_BYPASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/mmapper.h"

struct bypass_stage {
    struct mmapper *mapper;
    struct mm_owner *owner; /* named after the kind */
    uintptr_t victim;       /* managed; a chunk of it is mapped */
    size_t page_bytes;
};

/* The errno of the call that bypasses, or 0. */
typedef int (*bypass_function)(struct bypass_stage *stage);

struct bypass_kind {
    const char *name;
    bypass_function bypass;
    bool sinks_break; /* it needs managed address space below the break */
};

/* Ended by one without a name. */
extern const struct bypass_kind bypass_kinds[];

#endif /* GUARD_BYPASS_H */
