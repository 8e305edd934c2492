/* SPDX-License-Identifier: MIT */
/* What becomes of the free-list space's memory: decommit, failures to map, 2 TiB. */
#include "spaces/freelist_space.h"

#include "mmapper/testing/emulated.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/residency.h"
#include "spaces/freelist_space_expect.h"
#include "spaces/test_fixture.h"

/* A freed chunk gives its memory back, at once, and only if all of it is free. */
static void test_decommit(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_DECOMMIT);
    const uintptr_t a = space_alloc(space, 2);
    const uintptr_t b = space_alloc(space, (size_t)3 * CHUNK_PAGES);
    const uintptr_t c = space_alloc(space, 2);
    memset((void *)a, 0xA5, 2 * PAGE);
    memset((void *)b, 0xA5, (size_t)3 * FIXTURE_CHUNK);
    memset((void *)c, 0xA5, 2 * PAGE);
    /* Four chunks, of the last of which four pages are used. */
    const size_t page_bytes = mmapper_page_bytes(fixture.mapper);
    const size_t end_pages = 4 * PAGE < page_bytes ? 1 : 4 * PAGE / page_bytes;
    const size_t chunk_pages = FIXTURE_CHUNK / page_bytes;
    EXPECT_EQ(resident_pages(a, 4 * (size_t)FIXTURE_CHUNK),
              3 * chunk_pages + end_pages);
    /* b begins in a's chunk and ends in c's: two chunks in between go. */
    space_give(space, b, (size_t)3 * CHUNK_PAGES);
    EXPECT_EQ(resident_pages(a, 4 * (size_t)FIXTURE_CHUNK), chunk_pages + end_pages);
    const struct mm_extent between = mm_extent_of(a + FIXTURE_CHUNK, 2 * FIXTURE_CHUNK);
    expect_chunks(fixture.mapper, between, MM_QUARANTINED, freelist_space_owner(space));
    EXPECT(all_bytes_are(a, 2 * PAGE, 0xA5));
    EXPECT(all_bytes_are(c, 2 * PAGE, 0xA5));
    /* Used again, they are zero; a's chunk kept what b wrote. */
    EXPECT_EQ(space_alloc(space, (size_t)3 * CHUNK_PAGES), b);
    EXPECT(all_bytes_are(between.start, between.bytes, 0));
    EXPECT(all_bytes_are(b, PAGE, 0xA5));
    space_give(space, b, (size_t)3 * CHUNK_PAGES);
    space_give(space, a, 2);
    EXPECT(!mmapper_is_mapped(fixture.mapper, a));
    space_give(space, c, 2);
    EXPECT(!mmapper_is_mapped(fixture.mapper, c));
    expect_chunks(fixture.mapper, freelist_space_pages(space), MM_QUARANTINED,
                  freelist_space_owner(space));
    expect_usage(space, 0, (size_t)4 * CHUNK_PAGES, 0);
    EXPECT_OK(freelist_space_trim(space, NULL));
    space_end(&fixture, space);
}

static void test_failed_mapping_gives_pages_back(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_DECOMMIT);
    const uintptr_t a = space_alloc(space, 1);
    fixture_fail_commits(&fixture, 0);
    uintptr_t address = 1;
    struct mm_error error;
    EXPECT_STATUS(freelist_space_alloc(space, 2 * CHUNK_PAGES, &address, &error),
                  MM_NO_MEMORY);
    EXPECT_EQ(error.operation, MM_OPERATION_ENSURE_MAPPED);
    EXPECT_EQ(address, 1);
    expect_usage(space, 1, (size_t)3 * CHUNK_PAGES, 0);
    /* In a mapped chunk there is nothing to fail. */
    const uintptr_t b = space_alloc(space, 2);
    fixture_repair(&fixture);
    const uintptr_t c = space_alloc(space, 2 * CHUNK_PAGES);
    memset((void *)c, 1, (size_t)2 * FIXTURE_CHUNK);
    space_give(space, a, 1);
    space_give(space, b, 2);
    space_give(space, c, 2 * CHUNK_PAGES);
    space_end(&fixture, space);
}

/* 2 TiB: the table has 4 GiB, and next to nothing of it is there. */
static void test_two_tebibytes(void)
{
    if (left_out_if_huge_is_slow("2 TiB")) {
        return;
    }
    const struct mmap_support support = mmap_support_linux();
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(NULL, &support, &mapper, NULL));
    struct freelist_space_options options = space_options(1);
    options.bytes = (size_t)1 << 41;
    options.freed = FREELIST_SPACE_DECOMMIT;
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    const struct mm_extent table = mm_extent_of(freelist_space_extent(space).start,
                                                freelist_space_pages(space).start -
                                                    freelist_space_extent(space).start);
    EXPECT(table.bytes >= ((size_t)1 << 32) - ((size_t)1 << 25));
    const size_t all = freelist_space_pages(space).bytes / PAGE;
    const uintptr_t small = space_alloc(space, 1);
    const uintptr_t large = space_alloc(space, all - 2);
    EXPECT_EQ(large, small + PAGE);
    *(volatile char *)large = 1;
    ((volatile char *)large)[(all - 2) * PAGE - 1] = 1;
    EXPECT(resident_pages(table.start, table.bytes) <= 16);
    space_give(space, small, 1);
    space_give(space, large, all - 2);
    expect_usage(space, 0, all, 0);
    EXPECT(!mmapper_is_mapped(mapper, large));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(void)
{
    test_decommit();
    test_failed_mapping_gives_pages_back();
    test_two_tebibytes();
    return 0;
}
