/* SPDX-License-Identifier: MIT */
/* What the tests of calls on pages share: a fixture with mapped chunks, page by page. */
#ifndef MMAPPER_TESTING_PAGES_FIXTURE_H
#define MMAPPER_TESTING_PAGES_FIXTURE_H

#include "mmapper/testing/fixture.h"

enum {
    PAGE = FIXTURE_CHUNK / 4,
    RO = MM_ACCESS_READ,
    RW = MM_ACCESS_READ | MM_ACCESS_WRITE,
    RX = MM_ACCESS_READ | MM_ACCESS_EXECUTE,
};

/* Pages [first, first + count) of the window, four a chunk. */
static inline struct mm_extent pages(size_t first, size_t count)
{
    return mm_extent_of(FIXTURE_BASE + first * PAGE, count * PAGE);
}

static inline unsigned access_of(const struct fixture *f, size_t page)
{
    return sim_kernel_view(f->kernel, pages(page, 1).start).mapping.access;
}

static inline void write_page(const struct fixture *f, size_t page, uint64_t token)
{
    EXPECT_EQ(sim_kernel_write(f->kernel, pages(page, 1).start, token), 0);
}

static inline uint64_t read_page(const struct fixture *f, size_t page)
{
    uint64_t token;
    EXPECT_EQ(sim_kernel_read(f->kernel, pages(page, 1).start, &token), 0);
    return token;
}

/* A fixture whose heap has chunks 1 to 3 mapped: pages 4 to 15. */
static inline void begin(struct fixture *f, const struct sim_kernel_options *kernel)
{
    fixture_begin(f, kernel);
    EXPECT_OK(mmapper_ensure_mapped(f->mapper, f->heap, fixture_extent(1, 3), NULL));
}

#endif /* MMAPPER_TESTING_PAGES_FIXTURE_H */
