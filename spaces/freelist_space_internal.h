/* SPDX-License-Identifier: MIT */
/* A free-list space: shared by its operations, its stripes and its lifecycle. */
#ifndef SPACES_FREELIST_SPACE_INTERNAL_H
#define SPACES_FREELIST_SPACE_INTERNAL_H

#include <pthread.h>

#include "spaces/chunk_set.h"
#include "spaces/freelist_space.h"
#include "spaces/raw_memory_freelist.h"

enum { FREELIST_SPACE_CACHE_LINE = 64 };

/* A part of the pages, with all that its lock protects. */
struct freelist_stripe {
    /* Threads that use other stripes do not meet the writes to this one, wherever the
     * allocator puts the handle. */
    char apart[FREELIST_SPACE_CACHE_LINE];
    struct mm_extent pages; /* constant; pages and chunks are numbered from its start */
    pthread_mutex_t lock;   /* over all that follows */
    struct raw_memory_freelist *list;
    uint32_t used_pages;
    /* The chunks without a used page that may be mapped: those to decommit. Empty unless
     * the space decommits. */
    struct chunk_set idle;
};

struct freelist_space {
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_owner *table_owner; /* NULL once destroy unregistered it */
    struct mm_extent extent;
    struct mm_extent table; /* the chunks of the lists' tables and of the idle sets */
    struct mm_extent pages;
    unsigned log_page_bytes;
    unsigned log_chunk_pages;
    bool decommits;
    /* What destroy has to give back still. */
    bool owns_extent;  /* owner and extent are the space's own: not create_at */
    bool holds_extent; /* not released, or for create_at not decommitted, so far */
    bool holds_table;  /* the table's chunks are table_owner's */

    unsigned stripe_count;
    uint32_t stripe_pages; /* of each stripe but the last, which may have more */
    struct freelist_stripe stripes[FREELIST_SPACE_MAX_STRIPES];
};

/* All with the lock of the stripe held. Pages are numbered within the stripe. */

/* Takes `pages` (positive) pages in a row, if need be from what the list grows by, from
 * *page on. Errors: NO_SPACE. */
enum mm_status freelist_stripe_take(const struct freelist_space *space,
                                    struct freelist_stripe *stripe, uint32_t pages,
                                    uint32_t *page);

/* Gives back the run that begins at `page`; *pages is its length. Decommits chunks if the
 * space does. Errors: those of raw_memory_freelist_free. */
enum mm_status freelist_stripe_give(const struct freelist_space *space,
                                    struct freelist_stripe *stripe, uint32_t page,
                                    uint32_t *pages);

/* Decommits the idle chunks. Errors: those of mmapper_decommit, some may be left. */
enum mm_status freelist_stripe_decommit(const struct freelist_space *space,
                                        struct freelist_stripe *stripe,
                                        struct mm_error *error);

/* Walks the list: false when it is damaged or disagrees with the used pages. */
bool freelist_stripe_verify(const struct freelist_stripe *stripe);

#endif /* SPACES_FREELIST_SPACE_INTERNAL_H */
