/* SPDX-License-Identifier: MIT */
/* The handle of a raw memory free list: shared by its operations and its lifecycle. */
#ifndef SPACES_RAW_MEMORY_FREELIST_INTERNAL_H
#define SPACES_RAW_MEMORY_FREELIST_INTERNAL_H

#include "spaces/freelist_table.h"
#include "spaces/raw_memory_freelist.h"

struct raw_memory_freelist {
    struct freelist_table table;
    uint32_t max_units;
    uint32_t grain;
    /* Of a table of the list's own; mapper is NULL otherwise. */
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent; /* no bytes once destroy gave it back */
};

#endif /* SPACES_RAW_MEMORY_FREELIST_INTERNAL_H */
