/* SPDX-License-Identifier: MIT */
/* What the tests of the free-list space share: a space on the real kernel. */
#ifndef SPACES_FREELIST_SPACE_EXPECT_H
#define SPACES_FREELIST_SPACE_EXPECT_H

#include "mmapper/testing/expect.h"
#include "spaces/freelist_space.h"
#include "spaces/test_fixture.h"

enum {
    PAGE = 4096,
    CHUNK_PAGES = FIXTURE_CHUNK / PAGE,
};

static inline struct freelist_space_options space_options(size_t chunks)
{
    return (struct freelist_space_options){
        .name = "pages",
        .strategy = {.accounting = MM_UNACCOUNTED},
        .bytes = chunks * FIXTURE_CHUNK,
        .page_bytes = PAGE, /* whatever the system's is */
    };
}

/* A space of `chunks` chunks, one of them for the table. */
static inline struct freelist_space *space_begin(struct fixture *fixture, size_t chunks,
                                                 enum freelist_space_freed freed)
{
    struct mmapper *mapper = fixture_begin(fixture, 64);
    struct freelist_space_options options = space_options(chunks);
    options.freed = freed;
    struct freelist_space *space = NULL;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(freelist_space_pages(space).bytes, (chunks - 1) * FIXTURE_CHUNK);
    return space;
}

static inline void space_end(struct fixture *fixture, struct freelist_space *space)
{
    EXPECT(freelist_space_verify(space));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    fixture_end(fixture);
}

static inline uintptr_t space_alloc(struct freelist_space *space, size_t pages)
{
    uintptr_t address = 0;
    EXPECT_OK(freelist_space_alloc(space, pages, &address, NULL));
    EXPECT(mm_extent_contains(freelist_space_pages(space),
                              mm_extent_of(address, pages * PAGE)));
    return address;
}

static inline void space_give(struct freelist_space *space, uintptr_t address,
                              size_t expected)
{
    size_t pages = 0;
    EXPECT_OK(freelist_space_free(space, address, &pages, NULL));
    EXPECT_EQ(pages, expected);
}

static inline void expect_usage(struct freelist_space *space, size_t used, size_t grown,
                                size_t left)
{
    const struct freelist_space_usage usage = freelist_space_usage(space);
    EXPECT_EQ(usage.used_pages, used);
    EXPECT_EQ(usage.used_pages + usage.free_pages,
              freelist_space_pages(space).bytes / PAGE);
    EXPECT_EQ(usage.grown_pages, grown);
    EXPECT_EQ(usage.decommit_left, left);
}

static inline bool all_bytes_are(uintptr_t address, size_t bytes, unsigned char value)
{
    const unsigned char *at = (const unsigned char *)address;
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != value) {
            return false;
        }
    }
    return true;
}

#endif /* SPACES_FREELIST_SPACE_EXPECT_H */
