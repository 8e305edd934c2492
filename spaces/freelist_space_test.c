/* SPDX-License-Identifier: MIT */
/* The free-list space from one thread: layout, growth, misuse, bad options. */
#include "spaces/freelist_space.h"

#include "mmapper/testing/expect.h"
#include "spaces/freelist_space_expect.h"
#include "spaces/raw_memory_freelist.h"
#include "spaces/test_fixture.h"

static void test_layout(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_KEEP);
    const struct mmapper *mapper = fixture.mapper;
    const struct mm_extent extent = freelist_space_extent(space);
    const struct mm_extent pages = freelist_space_pages(space);
    EXPECT_EQ(extent.bytes, 8 * FIXTURE_CHUNK);
    EXPECT_EQ(pages.start, extent.start + FIXTURE_CHUNK);
    EXPECT_EQ(mm_extent_end(pages), mm_extent_end(extent));
    EXPECT_EQ(freelist_space_page_bytes(space), PAGE);
    EXPECT_EQ(mm_owner_kind(freelist_space_owner(space)), MM_KIND_SPACE);
    EXPECT_EQ(mm_owner_kind(freelist_space_table_owner(space)), MM_KIND_FREELIST);
    const struct mm_lookup table = mmapper_lookup(mapper, extent.start);
    EXPECT_EQ(table.state, MM_MAPPED);
    EXPECT(table.owner == freelist_space_table_owner(space));
    expect_chunks(mapper, pages, MM_QUARANTINED, freelist_space_owner(space));
    expect_usage(space, 0, 0, 0);
    space_end(&fixture, space);
}

static void test_alloc_and_free(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_KEEP);
    const uintptr_t start = freelist_space_pages(space).start;
    const uintptr_t a = space_alloc(space, 3);
    const uintptr_t b = space_alloc(space, CHUNK_PAGES);
    EXPECT_EQ(a, start);
    EXPECT_EQ(b, start + 3 * PAGE);
    EXPECT(all_bytes_are(b, CHUNK_PAGES * PAGE, 0));
    expect_usage(space, 3 + CHUNK_PAGES, 2 * CHUNK_PAGES, 0);
    /* Only what is needed is mapped. */
    EXPECT(mmapper_is_mapped(fixture.mapper, start + FIXTURE_CHUNK));
    EXPECT(!mmapper_is_mapped(fixture.mapper, start + 2 * FIXTURE_CHUNK));
    memset((void *)a, 0xA5, 3 * PAGE);
    space_give(space, a, 3);
    EXPECT_EQ(space_alloc(space, 2), a);
    EXPECT(all_bytes_are(a, 2 * PAGE, 0xA5));
    space_give(space, b, CHUNK_PAGES);
    space_give(space, a, 2);
    expect_usage(space, 0, 2 * CHUNK_PAGES, 0);
    space_end(&fixture, space);
}

/* Growth takes what is free at the top into account, so that all of it can be used. */
static void test_growth_to_the_end(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_KEEP);
    const size_t all = (size_t)7 * CHUNK_PAGES;
    const uintptr_t first = space_alloc(space, 1);
    uintptr_t address = 1;
    struct mm_error error;
    EXPECT_STATUS(freelist_space_alloc(space, all, &address, &error), MM_NO_SPACE);
    EXPECT_EQ(error.status, MM_NO_SPACE);
    EXPECT_STATUS(freelist_space_alloc(space, all + 1, &address, NULL), MM_NO_SPACE);
    EXPECT_STATUS(freelist_space_alloc(space, SIZE_MAX, &address, NULL), MM_NO_SPACE);
    EXPECT_STATUS(freelist_space_alloc(space, ((size_t)1 << 32) + 1, &address, NULL),
                  MM_NO_SPACE);
    EXPECT_EQ(address, 1);
    expect_usage(space, 1, CHUNK_PAGES, 0);
    const uintptr_t rest = space_alloc(space, all - 1);
    EXPECT_EQ(rest, first + PAGE);
    expect_usage(space, all, all, 0);
    EXPECT_STATUS(freelist_space_alloc(space, 1, &address, NULL), MM_NO_SPACE);
    ((volatile char *)rest)[(all - 1) * PAGE - 1] = 1;
    space_give(space, first, 1);
    space_give(space, rest, all - 1);
    EXPECT_EQ(space_alloc(space, all), first);
    space_end(&fixture, space);
}

static void test_misuse(void)
{
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_DECOMMIT);
    const struct mm_extent pages = freelist_space_pages(space);
    const uintptr_t a = space_alloc(space, 4);
    const uintptr_t b = space_alloc(space, 4);
    uintptr_t address = 1;
    EXPECT_STATUS(freelist_space_alloc(space, 0, &address, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(freelist_space_free(space, a + PAGE, NULL, NULL), MM_WRONG_STATE);
    EXPECT_STATUS(freelist_space_free(space, a + 1, NULL, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(freelist_space_free(space, b + 4 * PAGE, NULL, NULL), MM_WRONG_STATE);
    /* Not grown into. */
    EXPECT_STATUS(
        freelist_space_free(space, pages.start + 3 * FIXTURE_CHUNK, NULL, NULL),
        MM_WRONG_STATE);
    EXPECT_STATUS(freelist_space_free(space, pages.start - PAGE, NULL, NULL),
                  MM_OUT_OF_RANGE);
    EXPECT_STATUS(freelist_space_free(space, mm_extent_end(pages), NULL, NULL),
                  MM_OUT_OF_RANGE);
    EXPECT_STATUS(freelist_space_free(space, 0, NULL, NULL), MM_OUT_OF_RANGE);
    expect_usage(space, 8, CHUNK_PAGES, 0);
    space_give(space, a, 4);
    struct mm_error error;
    EXPECT_STATUS(freelist_space_free(space, a, NULL, &error), MM_WRONG_STATE);
    EXPECT_EQ(error.address, a);
    space_give(space, b, 4);
    EXPECT_STATUS(freelist_space_free(space, b, NULL, NULL), MM_WRONG_STATE);
    expect_usage(space, 0, CHUNK_PAGES, 0);
    space_end(&fixture, space);
}

static void expect_refused(struct mmapper *mapper,
                           const struct freelist_space_options *options)
{
    struct freelist_space *space = NULL;
    EXPECT_STATUS(freelist_space_create(mapper, options, &space, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT(space == NULL);
}

/* Pages twice as large as this system's, so that they cannot be a constant. */
static void test_default_page(void)
{
    struct mmap_support support = mmap_support_linux();
    support.page_bytes *= 2;
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(NULL, &support, &mapper, NULL));
    EXPECT_EQ(mmapper_page_bytes(mapper), support.page_bytes);
    struct freelist_space_options options = space_options(1);
    options.page_bytes = 0;
    options.bytes = 4 * mmapper_chunk_bytes(mapper);
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(freelist_space_page_bytes(space), support.page_bytes);
    EXPECT_OK(freelist_space_destroy(space, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

static void test_bad_options(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    expect_refused(mapper, NULL);
    struct freelist_space_options options = space_options(1);
    expect_refused(mapper, &options);
    options = space_options(4);
    options.bytes += PAGE;
    expect_refused(mapper, &options);
    options = space_options(4);
    options.page_bytes = 2048;
    expect_refused(mapper, &options);
    options.page_bytes = 3 * 4096;
    expect_refused(mapper, &options);
    options.page_bytes = 2 * FIXTURE_CHUNK;
    expect_refused(mapper, &options);
    options = space_options(4);
    options.strategy.backing = MM_BACKING_EXTERNAL;
    expect_refused(mapper, &options);
    options = space_options(4);
    options.name = "";
    expect_refused(mapper, &options);
    options = space_options(4);
    options.freed = (enum freelist_space_freed)7;
    expect_refused(mapper, &options);
    options.freed = FREELIST_SPACE_DECOMMIT;
    options.strategy.commit_ahead = 1;
    expect_refused(mapper, &options);
    /* One page too many; as many as can be are refused by the window alone. */
    options = space_options((size_t)RAW_MEMORY_FREELIST_MAX_UNITS + 2);
    options.page_bytes = FIXTURE_CHUNK;
    expect_refused(mapper, &options);
    options.bytes -= FIXTURE_CHUNK;
    struct freelist_space *space = NULL;
    EXPECT_STATUS(freelist_space_create(mapper, &options, &space, NULL), MM_NO_SPACE);
    /* 2^32 pages and a few, whose number does not fit in 32 bits. */
    options = space_options(((size_t)1 << 44) / FIXTURE_CHUNK + 4);
    expect_refused(mapper, &options);
    fixture_end(&fixture);
}

static void test_failed_creation_leaves_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    const struct freelist_space_options options = space_options(8);
    struct freelist_space *space = NULL;
    fixture_fail_commits(&fixture, 0);
    EXPECT_STATUS(freelist_space_create(mapper, &options, &space, NULL), MM_NO_MEMORY);
    fixture_repair(&fixture);
    struct freelist_space_options large = space_options(65);
    large.placement.rule = SPACE_ANYWHERE;
    EXPECT_STATUS(freelist_space_create(mapper, &large, &space, NULL), MM_NO_SPACE);
    EXPECT(space == NULL);
    fixture_end(&fixture);
}

/* In a slot of a space map, and again: the extent comes back as it was. */
/* A space that keeps what is freed may commit ahead; one that decommits may not, whoever
 * chose the strategy. */
static void test_commit_ahead(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    const struct mm_owner_options eager = {
        .name = "eager", .kind = MM_KIND_SPACE, .strategy = {.commit_ahead = 4}};
    struct mm_owner *owner;
    struct mm_extent extent;
    struct freelist_space *space = NULL;
    struct mm_error error;
    EXPECT_OK(mmapper_register_owner(mapper, &eager, &owner, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, 8 * FIXTURE_CHUNK, 0, &extent,
                                          NULL));
    struct freelist_space_options options = {
        .name = "list", .page_bytes = PAGE, .freed = FREELIST_SPACE_DECOMMIT};
    EXPECT_STATUS(
        freelist_space_create_at(mapper, owner, extent, &options, &space, &error),
        MM_INVALID_ARGUMENT);
    EXPECT_STR(error.detail, "a space that decommits must not commit ahead");
    options.freed = FREELIST_SPACE_KEEP;
    EXPECT_OK(freelist_space_create_at(mapper, owner, extent, &options, &space, NULL));
    const size_t chunk_pages = FIXTURE_CHUNK / PAGE;
    const struct mm_extent pages = freelist_space_pages(space);
    (void)space_alloc(space, chunk_pages);
    EXPECT(!mmapper_is_mapped(mapper, pages.start + FIXTURE_CHUNK));
    (void)space_alloc(space, chunk_pages);
    EXPECT(mmapper_is_mapped(mapper, pages.start + 2 * (uintptr_t)FIXTURE_CHUNK));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    EXPECT_OK(mmapper_release(mapper, owner, extent, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

static void test_create_at(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct mm_owner *owner = fixture_owner(&fixture, "slot");
    struct mm_extent extent;
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, 8 * FIXTURE_CHUNK, 0, &extent,
                                          NULL));
    const struct freelist_space_options options = {.name = "list", .page_bytes = PAGE};
    struct freelist_space *space = NULL;
    struct mm_extent wrong = extent;
    wrong.bytes += FIXTURE_CHUNK;
    EXPECT_STATUS(
        freelist_space_create_at(mapper, owner, wrong, &options, &space, NULL),
        MM_WRONG_STATE);
    wrong = mm_extent_of(extent.start + PAGE, extent.bytes);
    EXPECT_STATUS(
        freelist_space_create_at(mapper, owner, wrong, &options, &space, NULL),
        MM_INVALID_ARGUMENT);
    EXPECT_STATUS(
        freelist_space_create_at(mapper, NULL, extent, &options, &space, NULL),
        MM_WRONG_STATE);
    EXPECT_OK(mmapper_ensure_mapped(mapper, owner, extent, NULL));
    EXPECT_STATUS(
        freelist_space_create_at(mapper, owner, extent, &options, &space, NULL),
        MM_WRONG_STATE);
    EXPECT_OK(mmapper_decommit(mapper, owner, extent, NULL));
    fixture_fail_commits(&fixture, 0);
    EXPECT_STATUS(
        freelist_space_create_at(mapper, owner, extent, &options, &space, NULL),
        MM_NO_MEMORY);
    fixture_repair(&fixture);
    for (int round = 0; round < 2; round++) {
        expect_chunks(mapper, extent, MM_QUARANTINED, owner);
        EXPECT_OK(
            freelist_space_create_at(mapper, owner, extent, &options, &space, NULL));
        EXPECT(freelist_space_owner(space) == owner);
        const uintptr_t address = space_alloc(space, 20);
        EXPECT(all_bytes_are(address, (size_t)20 * PAGE, 0));
        memset((void *)address, 0xA5, (size_t)20 * PAGE);
        EXPECT_OK(freelist_space_destroy(space, NULL));
    }
    EXPECT_OK(mmapper_release(mapper, owner, extent, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

/* The list's table fills a chunk to the last entry, and the set of idle chunks has to
 * go to the next one. */
static void test_table_and_set_side_by_side(void)
{
    enum { ENTRIES = FIXTURE_CHUNK / 8, ALL = ENTRIES - 2 + 1 };
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, ENTRIES);
    struct freelist_space_options options = space_options(ALL);
    options.page_bytes = FIXTURE_CHUNK;
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(freelist_space_pages(space).bytes, (size_t)(ALL - 1) * FIXTURE_CHUNK);
    EXPECT_OK(freelist_space_destroy(space, NULL));
    options.freed = FREELIST_SPACE_DECOMMIT;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(freelist_space_pages(space).bytes, (size_t)(ALL - 2) * FIXTURE_CHUNK);
    uintptr_t address;
    EXPECT_OK(freelist_space_alloc(space, 100, &address, NULL));
    EXPECT_OK(freelist_space_free(space, address, NULL, NULL));
    EXPECT(!mmapper_is_mapped(mapper, address));
    space_end(&fixture, space);
}

/* The list as it was at another time is sound, but not what was allocated. */
static void test_verify_compares_with_usage(void)
{
    enum { TABLE_BYTES = (CHUNK_PAGES + 2) * 8 };
    struct fixture fixture;
    struct freelist_space *space = space_begin(&fixture, 8, FREELIST_SPACE_KEEP);
    void *table = (void *)freelist_space_extent(space).start;
    const uintptr_t a = space_alloc(space, 3);
    unsigned char used[TABLE_BYTES];
    unsigned char unused[TABLE_BYTES];
    memcpy(used, table, TABLE_BYTES);
    space_give(space, a, 3);
    memcpy(unused, table, TABLE_BYTES);
    EXPECT(freelist_space_verify(space));
    memcpy(table, used, TABLE_BYTES);
    EXPECT(!freelist_space_verify(space));
    memcpy(table, unused, TABLE_BYTES);
    space_end(&fixture, space);
}

int main(void)
{
    test_layout();
    test_alloc_and_free();
    test_growth_to_the_end();
    test_misuse();
    test_default_page();
    test_bad_options();
    test_failed_creation_leaves_nothing();
    test_create_at();
    test_commit_ahead();
    test_table_and_set_side_by_side();
    test_verify_compares_with_usage();
    return 0;
}
