/* SPDX-License-Identifier: MIT */
/* A free-list space: shared by its operations and its lifecycle. */
#ifndef SPACES_FREELIST_SPACE_INTERNAL_H
#define SPACES_FREELIST_SPACE_INTERNAL_H

#include <pthread.h>

#include "spaces/chunk_set.h"
#include "spaces/freelist_space.h"
#include "spaces/raw_memory_freelist.h"

struct freelist_space {
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_owner *table_owner; /* NULL once destroy unregistered it */
    struct mm_extent extent;
    struct mm_extent table; /* the chunks of the list's table and of `idle` */
    struct mm_extent pages;
    unsigned log_page_bytes;
    unsigned log_chunk_pages;
    bool decommits;
    /* What destroy has to give back still. */
    bool owns_extent;  /* owner and extent are the space's own: not create_at */
    bool holds_extent; /* not released, or for create_at not decommitted, so far */
    bool holds_table;  /* the table's chunks are table_owner's */

    pthread_mutex_t lock; /* over all that follows */
    struct raw_memory_freelist *list;
    uint32_t used_pages;
    /* The chunks without a used page that may be mapped: those to decommit. Numbered
     * from pages.start. Empty unless the space decommits. */
    struct chunk_set idle;
};

#endif /* SPACES_FREELIST_SPACE_INTERNAL_H */
