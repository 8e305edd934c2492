/* SPDX-License-Identifier: MIT */
/* A mapper on the real kernel with some mapped chunks of one owner. */
#ifndef MMAPPER_TESTING_REAL_WORLD_H
#define MMAPPER_TESTING_REAL_WORLD_H

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"

enum { CHUNK = 4 << 20, CHUNKS = 8, RW = MM_ACCESS_READ | MM_ACCESS_WRITE };

struct world {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *heap;
    struct mm_extent extent; /* CHUNKS, mapped */
    size_t page;
    struct mm_error error;
};

static inline void begin(struct world *w, struct mm_strategy strategy)
{
    const struct mm_owner_options options = {.name = "heap", .strategy = strategy};
    memset(w, 0, sizeof *w);
    w->support = mmap_support_linux();
    w->page = w->support.page_bytes;
    EXPECT_OK(mmapper_create(NULL, &w->support, &w->mapper, NULL));
    EXPECT_OK(mmapper_register_owner(w->mapper, &options, &w->heap, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(w->mapper, w->heap, (size_t)CHUNKS * CHUNK, 0,
                                          &w->extent, NULL));
    EXPECT_OK(mmapper_ensure_mapped(w->mapper, w->heap, w->extent, NULL));
}

static inline void end(struct world *w)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(w->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(w->mapper, NULL));
}

static inline struct mm_extent page_at(const struct world *w, size_t index)
{
    return mm_extent_of(w->extent.start + index * w->page, w->page);
}

static inline volatile char *byte_at(struct mm_extent page)
{
    return (volatile char *)page.start;
}

#endif /* MMAPPER_TESTING_REAL_WORLD_H */
