/* SPDX-License-Identifier: MIT */
#include "spaces/side_metadata.h"

#include "spaces/side_metadata_expect.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 1024 };

/* A mark bit for 16 bytes, a nibble for 512, a byte for a line, a word for a page. */
static const struct side_metadata_table all_tables[] = {
    {4, 0}, {9, 2}, {7, 3}, {12, 6}};

static struct side_metadata *create(struct mmapper *mapper)
{
    const struct side_metadata_options options = options_of(all_tables, 4);
    struct side_metadata *metadata;
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    return metadata;
}

static uint64_t load(const struct side_metadata *metadata, unsigned table,
                     uintptr_t address)
{
    uint64_t value = 0;
    EXPECT_OK(side_metadata_load(metadata, table, address, &value));
    return value;
}

static void test_layout(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = create(mapper);
    const struct mm_extent extent = side_metadata_extent(metadata);
    const size_t bytes[] = {DATA_BYTES >> 4 >> 3, DATA_BYTES >> 9 >> 1, DATA_BYTES >> 7,
                            DATA_BYTES >> 12 << 3};
    uintptr_t at = extent.start;
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(side_metadata_table_extent(metadata, i).start, at);
        EXPECT_EQ(side_metadata_table_extent(metadata, i).bytes, bytes[i]);
        at += bytes[i];
    }
    EXPECT(at <= mm_extent_end(extent) && mm_extent_end(extent) - at < CHUNK);
    EXPECT_EQ(side_metadata_table_extent(metadata, 4).bytes, 0);
    EXPECT_EQ(mm_owner_kind(side_metadata_owner(metadata)), MM_KIND_SIDE_METADATA);
    EXPECT_STR(mm_owner_name(side_metadata_owner(metadata)), "metadata");
    expect_chunks(mapper, extent, MM_QUARANTINED, side_metadata_owner(metadata));
    /* Addresses, from the definition. */
    EXPECT_EQ(side_metadata_address(metadata, 0, DATA_START), extent.start);
    EXPECT_EQ(side_metadata_address(metadata, 0, DATA_START + 127), extent.start);
    EXPECT_EQ(side_metadata_address(metadata, 0, DATA_START + 128), extent.start + 1);
    const uintptr_t nibbles = side_metadata_table_extent(metadata, 1).start;
    EXPECT_EQ(side_metadata_address(metadata, 1, DATA_START + 1023), nibbles);
    EXPECT_EQ(side_metadata_address(metadata, 1, DATA_START + 1024), nibbles + 1);
    const uintptr_t words = side_metadata_table_extent(metadata, 3).start;
    EXPECT_EQ(side_metadata_address(metadata, 3, DATA_START + 4096), words + 8);
    EXPECT_EQ(side_metadata_address(metadata, 3, DATA_START + DATA_BYTES - 1),
              words + bytes[3] - 8);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_small_tables_begin_at_cache_lines(void)
{
    static const struct side_metadata_table tables[] = {{12, 0}, {12, 5}, {12, 6}};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata_options options = options_of(tables, 3);
    options.data.bytes = 4096 * 17;
    struct side_metadata *metadata;
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    const uintptr_t start = side_metadata_extent(metadata).start;
    EXPECT_EQ(side_metadata_table_extent(metadata, 0).start, start);
    EXPECT_EQ(side_metadata_table_extent(metadata, 1).start, start + 64);
    EXPECT_EQ(side_metadata_table_extent(metadata, 2).start, start + 192);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_destroy_that_is_refused_can_be_repeated(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = create(mapper);
    struct mm_owner *owner = side_metadata_owner(metadata);
    struct mm_extent more;
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, CHUNK, 0, &more, NULL));
    EXPECT_STATUS(side_metadata_destroy(metadata, NULL), MM_WRONG_STATE);
    EXPECT_OK(mmapper_release(mapper, owner, more, NULL));
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_bounds(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = create(mapper);
    uint64_t value = 77;
    const uintptr_t outside[] = {0, DATA_START - 1, DATA_START + DATA_BYTES,
                                 UINTPTR_MAX};
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, 1), NULL));
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(side_metadata_address(metadata, 0, outside[i]), 0);
        EXPECT_STATUS(side_metadata_load(metadata, 0, outside[i], &value),
                      MM_OUT_OF_RANGE);
        EXPECT_STATUS(side_metadata_store(metadata, 0, outside[i], 1), MM_OUT_OF_RANGE);
        EXPECT_STATUS(side_metadata_exchange(metadata, 0, outside[i], 0, 1, &value),
                      MM_OUT_OF_RANGE);
    }
    EXPECT_EQ(side_metadata_address(metadata, 4, DATA_START), 0);
    EXPECT_STATUS(side_metadata_load(metadata, 4, DATA_START, &value),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_store(metadata, 0, DATA_START, 2), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_store(metadata, 1, DATA_START, 16),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_store(metadata, 2, DATA_START, 256),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_exchange(metadata, 1, DATA_START, 16, 0, &value),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_exchange(metadata, 1, DATA_START, 0, 16, &value),
                  MM_INVALID_ARGUMENT);
    EXPECT_OK(side_metadata_store(metadata, 3, DATA_START, UINT64_MAX));
    EXPECT_EQ(value, 77);
    const struct mm_extent bad_ranges[] = {
        {DATA_START, 0}, {DATA_START, SIZE_MAX}, {UINTPTR_MAX, 2}};
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_STATUS(side_metadata_map(metadata, bad_ranges[i], NULL),
                      MM_INVALID_ARGUMENT);
    }
    const struct mm_extent far_ranges[] = {
        {DATA_START - 1, 2}, {DATA_START + DATA_BYTES - 1, 2}, {0, 1}};
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_STATUS(side_metadata_map(metadata, far_ranges[i], NULL),
                      MM_OUT_OF_RANGE);
    }
    EXPECT_STATUS(side_metadata_map(NULL, far_ranges[0], NULL), MM_INVALID_ARGUMENT);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_mapping_follows_the_data(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = create(mapper);
    struct mm_owner *owner = side_metadata_owner(metadata);
    const uintptr_t bits = side_metadata_table_extent(metadata, 0).start;
    /* A chunk of mark bits covers 8 MiB of data. */
    const size_t covered = (size_t)CHUNK << 7;
    EXPECT_OK(
        side_metadata_map(metadata, mm_extent_of(DATA_START + covered - 1, 1), NULL));
    expect_chunks(mapper, mm_extent_of(bits, CHUNK), MM_MAPPED, owner);
    EXPECT(!mmapper_is_mapped(mapper, bits + CHUNK));
    EXPECT_OK(side_metadata_store(metadata, 0, DATA_START + covered - 1, 1));
    /* One byte more of data reaches the next chunk; what is there stays. */
    EXPECT_OK(
        side_metadata_map(metadata, mm_extent_of(DATA_START + covered - 1, 2), NULL));
    expect_chunks(mapper, mm_extent_of(bits, 2 * CHUNK), MM_MAPPED, owner);
    EXPECT(!mmapper_is_mapped(mapper, bits + 2 * CHUNK));
    EXPECT_EQ(load(metadata, 0, DATA_START + covered - 1), 1);
    EXPECT_EQ(load(metadata, 0, DATA_START + covered), 0);
    /* All of it. */
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, DATA_BYTES), NULL));
    expect_chunks(mapper, side_metadata_extent(metadata), MM_MAPPED, owner);
    EXPECT_EQ(load(metadata, 0, DATA_START + covered - 1), 1);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_OK(side_metadata_store(metadata, i, DATA_START + DATA_BYTES - 1, 1));
        EXPECT_EQ(load(metadata, i, DATA_START + DATA_BYTES - 1), 1);
    }
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_tables_share_a_chunk(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata_options options = options_of(all_tables, 4);
    options.data.bytes = 4096 * 64;
    struct side_metadata *metadata;
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    EXPECT_EQ(side_metadata_extent(metadata).bytes, CHUNK);
    EXPECT_OK(side_metadata_map(metadata, options.data, NULL));
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_COMMIT], 1);
    /* Fill each table's ends: nothing of another's changes. */
    const uintptr_t last = mm_extent_end(options.data) - 1;
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(load(metadata, i, DATA_START), 0);
        EXPECT_EQ(load(metadata, i, last), 0);
        EXPECT_OK(side_metadata_store(metadata, i, DATA_START, 1));
        EXPECT_OK(side_metadata_store(metadata, i, last, 1));
    }
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_values_are_where_the_header_says(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = create(mapper);
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, 4096), NULL));
    EXPECT_OK(side_metadata_store(metadata, 0, DATA_START + 16 * 11, 1));
    EXPECT_EQ(
        *(unsigned char *)side_metadata_address(metadata, 0, DATA_START + 16 * 11),
        1U << 3);
    EXPECT_OK(side_metadata_store(metadata, 1, DATA_START + 512, 0xb));
    EXPECT_EQ(*(unsigned char *)side_metadata_address(metadata, 1, DATA_START), 0xb0);
    EXPECT_OK(side_metadata_store(metadata, 2, DATA_START + 128 * 3, 0x5a));
    EXPECT_EQ(
        *(unsigned char *)side_metadata_address(metadata, 2, DATA_START + 128 * 3),
        0x5a);
    uint64_t found = 9;
    EXPECT_OK(side_metadata_exchange(metadata, 1, DATA_START + 512, 0xa, 1, &found));
    EXPECT_EQ(found, 0xb);
    EXPECT_EQ(load(metadata, 1, DATA_START + 512), 0xb);
    EXPECT_OK(side_metadata_exchange(metadata, 1, DATA_START + 512, 0xb, 1, &found));
    EXPECT_EQ(found, 0xb);
    EXPECT_EQ(load(metadata, 1, DATA_START + 512), 1);
    EXPECT_EQ(load(metadata, 1, DATA_START), 0);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

static void test_creation_misuse(void)
{
    static const struct side_metadata_table bad_tables[] = {
        {4, 7}, {64, 0}, {UINT32_MAX, 0}, {31, 0} /* data is no multiple */};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata = NULL;
    struct side_metadata_options options;
    for (unsigned i = 0; i < 4; i++) {
        options = options_of(&bad_tables[i], 1);
        EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL),
                      MM_INVALID_ARGUMENT);
    }
    struct side_metadata_options bad[7];
    for (unsigned i = 0; i < 7; i++) {
        bad[i] = options_of(all_tables, 4);
    }
    bad[0].tables = NULL;
    bad[1].table_count = 0;
    bad[2].table_count = SIDE_METADATA_MAX_TABLES + 1;
    bad[3].name = "";
    bad[4].data.bytes = 0;
    bad[5].data.start += 8;
    bad[6].strategy.backing = MM_BACKING_EXTERNAL;
    for (unsigned i = 0; i < 7; i++) {
        EXPECT_STATUS(side_metadata_create(mapper, &bad[i], &metadata, NULL),
                      MM_INVALID_ARGUMENT);
    }
    /* 64 bits for every byte of nearly all addresses: more than can be counted. */
    static const struct side_metadata_table huge[] = {{0, 6}, {0, 3}};
    options = options_of(huge, 2);
    options.data = mm_extent_of(0, SIZE_MAX);
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    static const struct side_metadata_table many[9] = {
        {0, 6}, {0, 6}, {0, 6}, {0, 6}, {0, 6}, {0, 6}, {0, 6}, {0, 6}, {0, 6}};
    options = options_of(many, 9);
    options.data = mm_extent_of(0, ((size_t)1 << 58) - 128);
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    options = options_of(huge, 2);
    options.data = mm_extent_of(0, (size_t)1 << 57);
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL), MM_NO_SPACE);
    EXPECT_STATUS(side_metadata_create(NULL, &options, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(side_metadata_create(mapper, NULL, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT(metadata == NULL);
    fixture_end(&fixture);
}

static void test_placement_and_failures(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct mm_owner *other = fixture_owner(&fixture, "other");
    struct side_metadata_options options = options_of(all_tables, 4);
    struct side_metadata *metadata;
    struct mm_error error;
    options.placement.rule = SPACE_EXACT;
    options.placement.start = FIXTURE_BASE + 16 * CHUNK;
    const struct mm_extent obstacle = {FIXTURE_BASE + 20 * CHUNK, CHUNK};
    EXPECT_OK(mmapper_quarantine(mapper, other, obstacle, NULL));
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, &error),
                  MM_CONFLICT);
    EXPECT_EQ(error.address, obstacle.start);
    EXPECT_OK(mmapper_release(mapper, other, obstacle, NULL));
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    EXPECT_EQ(side_metadata_extent(metadata).start, options.placement.start);
    EXPECT_STATUS(mmapper_ensure_mapped(mapper, other, obstacle, &error), MM_CONFLICT);
    EXPECT_STR(error.holder.name, "metadata");
    /* Monotone: the first table's chunk is mapped, the second's is not. */
    fixture_fail_commits(&fixture, 1);
    const struct mm_extent data = mm_extent_of(DATA_START, 1);
    EXPECT_STATUS(side_metadata_map(metadata, data, &error), MM_NO_MEMORY);
    EXPECT(mmapper_is_mapped(mapper, side_metadata_address(metadata, 0, DATA_START)));
    EXPECT(!mmapper_is_mapped(mapper, side_metadata_address(metadata, 1, DATA_START)));
    EXPECT_OK(side_metadata_store(metadata, 0, DATA_START, 1));
    fixture_repair(&fixture);
    EXPECT_OK(side_metadata_map(metadata, data, NULL));
    EXPECT_EQ(load(metadata, 0, DATA_START), 1);
    EXPECT_EQ(load(metadata, 3, DATA_START), 0);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, other, NULL));
    fixture_end(&fixture);
}

int main(void)
{
    test_layout();
    test_small_tables_begin_at_cache_lines();
    test_destroy_that_is_refused_can_be_repeated();
    test_bounds();
    test_mapping_follows_the_data();
    test_tables_share_a_chunk();
    test_values_are_where_the_header_says();
    test_creation_misuse();
    test_placement_and_failures();
    return 0;
}
