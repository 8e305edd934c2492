/* SPDX-License-Identifier: MIT */
/* Where the free list's table lives: always known to the mapper, mapped as a whole,
 * never touched beyond what is used. */
#include "spaces/raw_memory_freelist.h"

#include <unistd.h>

#include "mmapper/testing/emulated.h"
#include "mmapper/testing/expect.h"
#include "spaces/test_fixture.h"

#define MIB (UINT64_C(1) << 20)

static const struct mm_strategy unaccounted = {.accounting = MM_UNACCOUNTED};

static struct raw_memory_freelist_options options_for(uint32_t units, uint32_t grain)
{
    return (struct raw_memory_freelist_options){
        .name = "list",
        .strategy = unaccounted,
        .shape = {.max_units = units, .units = units, .grain = grain, .heads = 1},
    };
}

/* Bytes of this process that are resident now. */
static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    EXPECT(file != NULL);
    char line[128];
    EXPECT(fgets(line, sizeof(line), file) != NULL);
    (void)fclose(file);
    char *rest;
    (void)strtoull(line, &rest, 10);
    return strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void test_table_is_owned_and_mapped(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    /* With its two sentinels, one unit more than three chunks hold. */
    const uint32_t units = 3 * FIXTURE_CHUNK / 8 - 1;
    const struct raw_memory_freelist_options options = options_for(units, 16);
    struct raw_memory_freelist *list;
    EXPECT_OK(raw_memory_freelist_create(mapper, &options, &list, NULL));
    const struct mm_extent extent = raw_memory_freelist_extent(list);
    const struct mm_owner *owner = raw_memory_freelist_owner(list);
    EXPECT_EQ(extent.bytes, 4 * FIXTURE_CHUNK);
    EXPECT_EQ(mm_owner_kind(owner), MM_KIND_FREELIST);
    EXPECT_STR(mm_owner_name(owner), "list");
    expect_chunks(mapper, extent, MM_MAPPED, owner);
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_RESERVE], 1);
    EXPECT_EQ(statistics.os_calls[MM_OS_COMMIT], 1);

    /* Nobody else can map or reserve there, so nobody wipes the list. */
    struct mm_owner *other = fixture_owner(&fixture, "other");
    EXPECT_STATUS(mmapper_ensure_mapped(mapper, other, extent, NULL), MM_CONFLICT);
    EXPECT_STATUS(mmapper_quarantine(mapper, other, extent, NULL), MM_CONFLICT);
    EXPECT_OK(mmapper_unregister_owner(mapper, other, NULL));
    uint32_t unit;
    EXPECT_OK(raw_memory_freelist_alloc(list, 0, 16, &unit));
    EXPECT(raw_memory_freelist_verify(list, NULL));
    EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
    fixture_end(&fixture);
}

static void test_placement(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct raw_memory_freelist_options options = options_for(100, 10);
    options.placement.rule = SPACE_EXACT;
    options.placement.start = (uintptr_t)FIXTURE_BASE + 5 * FIXTURE_CHUNK;
    struct raw_memory_freelist *list;
    EXPECT_OK(raw_memory_freelist_create(mapper, &options, &list, NULL));
    EXPECT_EQ(raw_memory_freelist_extent(list).start, options.placement.start);
    struct raw_memory_freelist *second = NULL;
    struct mm_error error;
    EXPECT_STATUS(raw_memory_freelist_create(mapper, &options, &second, &error),
                  MM_CONFLICT);
    EXPECT_STR(error.holder.name, "list");
    EXPECT(second == NULL);
    options.strategy.backing = MM_BACKING_EXTERNAL;
    EXPECT_STATUS(raw_memory_freelist_create(mapper, &options, &second, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_create(mapper, NULL, &second, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
    fixture_end(&fixture);
}

static void test_failed_commit_leaves_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    const struct raw_memory_freelist_options options = options_for(100000, 10);
    struct raw_memory_freelist *list = NULL;
    fixture_fail_commits(&fixture, 0);
    EXPECT_STATUS(raw_memory_freelist_create(mapper, &options, &list, NULL),
                  MM_NO_MEMORY);
    EXPECT(list == NULL);
    fixture_repair(&fixture);
    fixture_end(&fixture);
}

/* The table at the head of an extent that its user holds, and goes on holding. */
static void test_create_at(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct mm_owner *owner = fixture_owner(&fixture, "user");
    struct mm_extent extent;
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, 8 * FIXTURE_CHUNK, 0, &extent,
                                          NULL));
    const struct raw_memory_freelist_shape shape = {
        .max_units = 10000, .units = 10000, .grain = 10000, .heads = 3};
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    struct raw_memory_freelist *list = NULL;
    EXPECT_STATUS(raw_memory_freelist_create_at(mapper, owner,
                                                mm_extent_of(extent.start, bytes - 8),
                                                &shape, &list, NULL),
                  MM_INVALID_ARGUMENT);
    expect_chunks(mapper, extent, MM_QUARANTINED, owner);
    EXPECT_OK(raw_memory_freelist_create_at(
        mapper, owner, mm_extent_of(extent.start, bytes), &shape, &list, NULL));
    expect_chunks(mapper, mm_extent_of(extent.start, 2 * FIXTURE_CHUNK), MM_MAPPED,
                  owner);
    EXPECT_EQ(mmapper_lookup(mapper, extent.start + 2 * FIXTURE_CHUNK).state,
              MM_QUARANTINED);
    EXPECT_EQ(raw_memory_freelist_extent(list).bytes, 0);
    EXPECT(raw_memory_freelist_owner(list) == NULL);
    uint32_t unit;
    EXPECT_OK(raw_memory_freelist_alloc(list, 0, 10000, &unit));
    EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
    expect_chunks(mapper, mm_extent_of(extent.start, 2 * FIXTURE_CHUNK), MM_MAPPED,
                  owner);
    EXPECT_OK(mmapper_release(mapper, owner, extent, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

/* Uses a large list here and there, and as a whole. */
static void exercise(struct raw_memory_freelist *list, uint64_t seed)
{
    enum { HELD = 64 };
    const uint32_t size = raw_memory_freelist_size(list);
    uint32_t held[HELD];
    uint64_t state = seed;
    for (uint32_t i = 0; i < HELD; i++) {
        const uint32_t units = 1 + (uint32_t)random_below(&state, size / HELD / 2);
        EXPECT_OK(raw_memory_freelist_alloc(list, 0, units, &held[i]));
        EXPECT_EQ(raw_memory_freelist_block_size(list, held[i]), units);
    }
    for (uint32_t i = 0; i < HELD; i++) {
        const uint32_t inside =
            held[i] + raw_memory_freelist_block_size(list, held[i]) / 2;
        if (inside != held[i]) {
            EXPECT_STATUS(raw_memory_freelist_free(list, 0, inside, NULL),
                          MM_WRONG_STATE);
        }
        EXPECT_OK(raw_memory_freelist_free(list, 0, held[i], NULL));
        EXPECT_STATUS(raw_memory_freelist_free(list, 0, held[i], NULL), MM_WRONG_STATE);
    }
    uint32_t unit;
    EXPECT_OK(raw_memory_freelist_alloc(list, 0, size, &unit));
    EXPECT_EQ(unit, 0);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, 1, &unit), MM_NO_SPACE);
    EXPECT_OK(raw_memory_freelist_free(list, 0, 0, NULL));
    EXPECT(raw_memory_freelist_verify(list, NULL));
}

/* 2 TiB of 4 KiB pages: a table of 4 GiB, of which only what is used is there. */
static void test_two_tebibytes(uint64_t seed)
{
    if (left_out_if_huge_is_slow("2 TiB")) {
        return;
    }
    const struct mmapper_options mapper_options = {.base = (uintptr_t)FIXTURE_BASE};
    const struct mmap_support support = mmap_support_linux();
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(&mapper_options, &support, &mapper, NULL));
    const uint64_t before = resident_bytes();
    const struct raw_memory_freelist_options options = options_for(1U << 29, 1U << 29);
    struct raw_memory_freelist *list;
    EXPECT_OK(raw_memory_freelist_create(mapper, &options, &list, NULL));
    EXPECT(raw_memory_freelist_extent(list).bytes >= UINT64_C(1) << 32);
    exercise(list, seed);
    const uint64_t after = resident_bytes();
    const uint64_t grown = after > before ? after - before : 0;
    (void)printf("2^29 units: %" PRIu64 " KiB resident\n", grown / 1024);
    EXPECT(grown < 1024 * (uint64_t)sysconf(_SC_PAGESIZE));
    EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(int argc, char **argv)
{
    const uint64_t seed = fixture_seed(argc, argv);
    test_table_is_owned_and_mapped();
    test_placement();
    test_failed_commit_leaves_nothing();
    test_create_at();
    test_two_tebibytes(seed);
    return 0;
}
