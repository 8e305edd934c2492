/* SPDX-License-Identifier: MIT */
#include "spaces/immortal_space.h"

#include "spaces/bump.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 256 };

static struct immortal_space_options options_of(size_t chunks,
                                                enum immortal_mapping mapping)
{
    return (struct immortal_space_options){
        .name = "immortal",
        .bytes = chunks * CHUNK,
        .mapping = mapping,
    };
}

static struct immortal_space *create(struct mmapper *mapper, size_t chunks,
                                     enum immortal_mapping mapping)
{
    const struct immortal_space_options options = options_of(chunks, mapping);
    struct immortal_space *space;
    EXPECT_OK(immortal_space_create(mapper, &options, &space, NULL));
    return space;
}

static void expect_usage(const struct immortal_space *space, size_t used)
{
    const struct immortal_space_usage usage = immortal_space_usage(space);
    EXPECT_EQ(usage.used, used);
    EXPECT_EQ(usage.free, immortal_space_extent(space).bytes - used);
}

static uintptr_t allocate(struct immortal_space *space, size_t bytes, size_t alignment)
{
    uintptr_t address = 0;
    EXPECT_OK(immortal_space_alloc(space, bytes, alignment, &address, NULL));
    return address;
}

/* Zero all over, then not. */
static void use(uintptr_t address, size_t bytes)
{
    unsigned char *p = (unsigned char *)address;
    for (size_t i = 0; i < bytes; i++) {
        EXPECT_EQ(p[i], 0);
    }
    memset(p, 0xa5, bytes);
}

static void test_eager_space_is_mapped_in_the_mapper(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 5, IMMORTAL_EAGER);
    const struct mm_extent extent = immortal_space_extent(space);
    EXPECT_EQ(extent.bytes, 5 * CHUNK);
    /* The predecessor's are still quarantined here, is_mapped false. */
    expect_chunks(mapper, extent, MM_MAPPED, immortal_space_owner(space));
    EXPECT(mmapper_is_mapped(mapper, extent.start + extent.bytes - 1));
    EXPECT_STR(mm_owner_name(immortal_space_owner(space)), "immortal");
    EXPECT_EQ(mm_owner_kind(immortal_space_owner(space)), MM_KIND_IMMORTAL);
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_RESERVE], 1);
    EXPECT_EQ(statistics.os_calls[MM_OS_COMMIT], 1);
    use(allocate(space, extent.bytes, 0), extent.bytes);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_on_demand_maps_what_allocation_reaches(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 6, IMMORTAL_ON_DEMAND);
    const struct mm_extent extent = immortal_space_extent(space);
    struct mm_owner *owner = immortal_space_owner(space);
    expect_chunks(mapper, extent, MM_QUARANTINED, owner);
    use(allocate(space, CHUNK - 8, 8), CHUNK - 8);
    expect_chunks(mapper, mm_extent_of(extent.start, CHUNK), MM_MAPPED, owner);
    expect_chunks(mapper, mm_extent_of(extent.start + CHUNK, 5 * CHUNK), MM_QUARANTINED,
                  owner);
    /* Up to the chunk's last byte, then over the border, then far over it. */
    use(allocate(space, 8, 8), 8);
    EXPECT(!mmapper_is_mapped(mapper, extent.start + CHUNK));
    use(allocate(space, 1, 1), 1);
    EXPECT(mmapper_is_mapped(mapper, extent.start + CHUNK));
    EXPECT(!mmapper_is_mapped(mapper, extent.start + 2 * CHUNK));
    use(allocate(space, 3 * CHUNK, 1), 3 * CHUNK);
    expect_chunks(mapper, mm_extent_of(extent.start, 5 * CHUNK), MM_MAPPED, owner);
    EXPECT(!mmapper_is_mapped(mapper, extent.start + 5 * CHUNK));
    expect_usage(space, 4 * CHUNK + 1);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_alignment_and_usage(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 2, IMMORTAL_EAGER);
    const uintptr_t start = immortal_space_extent(space).start;
    expect_usage(space, 0);
    EXPECT_EQ(allocate(space, 3, 0), start);
    expect_usage(space, 3);
    EXPECT_EQ(allocate(space, 1, 1), start + 3);
    EXPECT_EQ(allocate(space, 1, 64), start + 64);
    expect_usage(space, 65);
    EXPECT_EQ(allocate(space, 16, CHUNK), start + CHUNK);
    expect_usage(space, CHUNK + 16);
    EXPECT_EQ(allocate(space, CHUNK - 16, 16), start + CHUNK + 16);
    expect_usage(space, 2 * CHUNK);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_failing_alloc_moves_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 2, IMMORTAL_EAGER);
    uintptr_t address = 1;
    struct mm_error error;
    (void)allocate(space, CHUNK, 1);
    /* The predecessor's cursor advances in each of these, for good. */
    const size_t sizes[] = {CHUNK + 1, 2 * CHUNK, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        EXPECT_STATUS(immortal_space_alloc(space, sizes[i], 1, &address, &error),
                      MM_NO_SPACE);
        EXPECT_EQ(error.status, MM_NO_SPACE);
        EXPECT_EQ(error.request.bytes, sizes[i]);
        EXPECT_CONTAINS(error.detail, "exhausted");
        EXPECT_EQ(address, 1);
        expect_usage(space, CHUNK);
    }
    (void)allocate(space, 1, 1);
    for (unsigned log = 17; log < 64; log++) {
        /* The extent's own alignment may be larger than a chunk's: ask for more room
         * than there is behind any aligned place. */
        EXPECT_STATUS(
            immortal_space_alloc(space, CHUNK, (size_t)1 << log, &address, NULL),
            MM_NO_SPACE);
    }
    expect_usage(space, CHUNK + 1);
    (void)allocate(space, CHUNK - 1, 1);
    EXPECT_STATUS(immortal_space_alloc(space, 1, 1, &address, NULL), MM_NO_SPACE);
    expect_usage(space, 2 * CHUNK);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_contents_are_safe_from_later_calls(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 3, IMMORTAL_EAGER);
    struct mm_owner *other = fixture_owner(&fixture, "other");
    const struct mm_extent extent = immortal_space_extent(space);
    unsigned char *live = (unsigned char *)allocate(space, 100, 1);
    memset(live, 7, 100);
    /* This zeroes the predecessor's live data. */
    EXPECT_OK(mmapper_ensure_mapped(mapper, immortal_space_owner(space), extent, NULL));
    EXPECT_EQ(live[99], 7);
    struct mm_error error;
    EXPECT_STATUS(mmapper_ensure_mapped(mapper, other, extent, &error), MM_CONFLICT);
    EXPECT_EQ((uintptr_t)error.holder.owner, (uintptr_t)immortal_space_owner(space));
    EXPECT_STR(error.holder.name, "immortal");
    EXPECT_STATUS(mmapper_quarantine(mapper, other, extent, NULL), MM_CONFLICT);
    EXPECT_EQ(live[0], 7);
    EXPECT_OK(mmapper_unregister_owner(mapper, other, NULL));
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_placement(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space_options options = options_of(4, IMMORTAL_EAGER);
    struct immortal_space *first;
    struct immortal_space *second;
    struct mm_error error;
    options.placement.rule = SPACE_EXACT;
    options.placement.start = FIXTURE_BASE + 8 * CHUNK;
    options.placement.alignment = 8 * CHUNK;
    EXPECT_OK(immortal_space_create(mapper, &options, &first, NULL));
    EXPECT_EQ(immortal_space_extent(first).start, options.placement.start);
    EXPECT_STATUS(immortal_space_create(mapper, &options, &second, &error),
                  MM_CONFLICT);
    EXPECT_EQ((uintptr_t)error.holder.owner, (uintptr_t)immortal_space_owner(first));
    options.placement.alignment = 16 * CHUNK;
    EXPECT_STATUS(immortal_space_create(mapper, &options, &second, NULL),
                  MM_INVALID_ARGUMENT);
    options.placement.rule = SPACE_PREFERRED;
    EXPECT_OK(immortal_space_create(mapper, &options, &second, NULL));
    EXPECT(mm_is_aligned(immortal_space_extent(second).start, 16 * CHUNK));
    EXPECT(!mm_extent_overlaps(immortal_space_extent(first),
                               immortal_space_extent(second)));
    EXPECT_OK(immortal_space_destroy(second, NULL));
    options.placement.rule = SPACE_EXACT;
    options.placement.start = FIXTURE_BASE + (WINDOW - 2) * CHUNK;
    options.placement.alignment = 0;
    EXPECT_STATUS(immortal_space_create(mapper, &options, &second, NULL),
                  MM_OUT_OF_RANGE);
    options.placement.rule = SPACE_ANYWHERE;
    options.bytes = (WINDOW - 4) * CHUNK;
    EXPECT_STATUS(immortal_space_create(mapper, &options, &second, NULL), MM_NO_SPACE);
    EXPECT_OK(immortal_space_destroy(first, NULL));
    fixture_end(&fixture);
}

static void test_misuse(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = NULL;
    struct immortal_space_options bad[] = {
        options_of(0, IMMORTAL_EAGER),     options_of(1, (enum immortal_mapping)7),
        options_of(1, IMMORTAL_ON_DEMAND), options_of(1, IMMORTAL_EAGER),
        options_of(1, IMMORTAL_EAGER),     options_of(1, IMMORTAL_EAGER),
        options_of(1, IMMORTAL_EAGER),
    };
    bad[2].bytes = CHUNK - 1;
    bad[3].name = NULL;
    bad[4].strategy.backing = MM_BACKING_EXTERNAL;
    bad[5].placement.rule = (enum space_placement_rule)9;
    bad[6].placement.alignment = 3 * CHUNK;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_error error = {.detail = NULL};
        EXPECT_STATUS(immortal_space_create(mapper, &bad[i], &space, &error),
                      MM_INVALID_ARGUMENT);
        EXPECT_EQ(error.status, MM_INVALID_ARGUMENT);
        EXPECT(error.detail != NULL && space == NULL);
    }
    EXPECT_STATUS(immortal_space_create(NULL, &bad[0], &space, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(immortal_space_create(mapper, NULL, &space, NULL),
                  MM_INVALID_ARGUMENT);
    space = create(mapper, 1, IMMORTAL_ON_DEMAND);
    uintptr_t address;
    EXPECT_STATUS(immortal_space_alloc(space, 0, 8, &address, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(immortal_space_alloc(space, 8, 24, &address, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(immortal_space_alloc(NULL, 8, 8, &address, NULL),
                  MM_INVALID_ARGUMENT);
    expect_usage(space, 0);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

static void test_no_memory_moves_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 8, IMMORTAL_ON_DEMAND);
    uintptr_t address;
    struct mm_error error;
    use(allocate(space, CHUNK / 2, 1), CHUNK / 2);
    fixture_fail_commits(&fixture, 0);
    EXPECT_STATUS(immortal_space_alloc(space, 4 * CHUNK, 1, &address, &error),
                  MM_NO_MEMORY);
    EXPECT_EQ(error.os_call, MM_OS_COMMIT);
    expect_usage(space, CHUNK / 2);
    /* What is mapped already can still be had. */
    use(allocate(space, CHUNK / 2, 1), CHUNK / 2);
    EXPECT_STATUS(immortal_space_alloc(space, 1, 1, &address, NULL), MM_NO_MEMORY);
    expect_usage(space, CHUNK);
    fixture_repair(&fixture);
    use(allocate(space, 7 * CHUNK, 1), 7 * CHUNK);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    /* An eager space that cannot be mapped leaves nothing behind. */
    fixture_fail_commits(&fixture, 0);
    const struct immortal_space_options options = options_of(8, IMMORTAL_EAGER);
    EXPECT_STATUS(immortal_space_create(mapper, &options, &space, &error),
                  MM_NO_MEMORY);
    fixture_end(&fixture);
}

static void test_destroy_that_is_refused_can_be_repeated(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 4, IMMORTAL_EAGER);
    const struct mm_extent part = {immortal_space_extent(space).start, CHUNK};
    struct mm_owner_options same = {.name = "same", .kind = MM_KIND_TEST};
    struct mm_owner *recipient;
    EXPECT_OK(mmapper_register_owner(mapper, &same, &recipient, NULL));
    struct mm_owner *owner = immortal_space_owner(space);
    EXPECT_OK(mmapper_transfer(mapper, owner, recipient, part, NULL));
    EXPECT_STATUS(immortal_space_destroy(space, NULL), MM_CONFLICT);
    EXPECT_OK(mmapper_transfer(mapper, recipient, owner, part, NULL));
    use(allocate(space, CHUNK, 1), CHUNK);
    /* Somebody reserved more for the space's owner. */
    struct mm_extent more;
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, CHUNK, 0, &more, NULL));
    EXPECT_STATUS(immortal_space_destroy(space, NULL), MM_WRONG_STATE);
    EXPECT_OK(mmapper_release(mapper, owner, more, NULL));
    EXPECT_OK(immortal_space_destroy(space, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, recipient, NULL));
    fixture_end(&fixture);
}

static void test_bump_arithmetic_at_the_end_of_the_address_space(void)
{
    uintptr_t start = 1;
    EXPECT(bump_place(UINTPTR_MAX - 16, UINTPTR_MAX, 16, 1, &start));
    EXPECT_EQ(start, UINTPTR_MAX - 16);
    EXPECT(!bump_place(UINTPTR_MAX - 16, UINTPTR_MAX, 17, 1, &start));
    EXPECT(!bump_place(UINTPTR_MAX - 16, UINTPTR_MAX, SIZE_MAX, 1, &start));
    EXPECT(!bump_place(UINTPTR_MAX - 16, UINTPTR_MAX, 1, 64, &start));
    EXPECT(bump_place(UINTPTR_MAX - 15, UINTPTR_MAX, 15, 16, &start));
    EXPECT_EQ(start, UINTPTR_MAX - 15);
    EXPECT(!bump_place(UINTPTR_MAX - 14, UINTPTR_MAX, 1, 16, &start));
    EXPECT(!bump_place(UINTPTR_MAX, UINTPTR_MAX, 1, 1, &start));
    EXPECT(!bump_place(100, 200, 1, (size_t)1 << 63, &start));
    EXPECT(!bump_place(129, 191, 1, 64, &start)); /* aligned past the end */
    EXPECT(!bump_place(129, 192, 1, 64, &start));
    EXPECT(bump_place(129, 193, 1, 64, &start));
    EXPECT_EQ(start, 192);
}

int main(void)
{
    test_eager_space_is_mapped_in_the_mapper();
    test_on_demand_maps_what_allocation_reaches();
    test_alignment_and_usage();
    test_failing_alloc_moves_nothing();
    test_contents_are_safe_from_later_calls();
    test_placement();
    test_misuse();
    test_no_memory_moves_nothing();
    test_destroy_that_is_refused_can_be_repeated();
    test_bump_arithmetic_at_the_end_of_the_address_space();
    return 0;
}
