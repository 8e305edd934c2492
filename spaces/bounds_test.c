/* SPDX-License-Identifier: MIT */
/* The options of side metadata and of space maps at their bounds, and what lies behind
 * their handles: the linker puts this file before the allocator. */
#include "mmapper/testing/expect.h"
#include "spaces/side_metadata_expect.h"
#include "spaces/space_map.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 1024, BEHIND = 64 };

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
/* With something behind it. */
void *__wrap_calloc(size_t count, size_t bytes)
{
    char *memory = __real_calloc(1, count * bytes + BEHIND);
    EXPECT(memory != NULL);
    memset(memory + count * bytes, 0xAA, BEHIND);
    return memory;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* One value more than fills its cache lines takes another one. */
static void test_last_value_has_room(void)
{
    static const struct side_metadata_table table = {12, 0};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    for (size_t values = 505; values <= 513; values++) {
        struct side_metadata_options options = options_of(&table, 1);
        options.data.bytes = 4096 * values;
        struct side_metadata *metadata;
        EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
        EXPECT_EQ(side_metadata_table_extent(metadata, 0).bytes,
                  values <= 512 ? 64 : 128);
        EXPECT_OK(side_metadata_destroy(metadata, NULL));
    }
    fixture_end(&fixture);
}

/* The largest table whose size can be told is refused by the window alone. */
static void test_largest_table(void)
{
    static const struct side_metadata_table table = {0, 0};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata_options options = options_of(&table, 1);
    struct side_metadata *metadata;
    options.data = mm_extent_of(0, SIZE_MAX - 63);
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL), MM_NO_SPACE);
    options.data.bytes++;
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    fixture_end(&fixture);
}

static void test_number_of_tables(void)
{
    struct side_metadata_table tables[SIDE_METADATA_MAX_TABLES + 1];
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata *metadata;
    for (unsigned i = 0; i <= SIDE_METADATA_MAX_TABLES; i++) {
        tables[i] = (struct side_metadata_table){12, 0};
    }
    struct side_metadata_options options = options_of(tables, SIDE_METADATA_MAX_TABLES);
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    options.table_count++;
    EXPECT_STATUS(side_metadata_create(mapper, &options, &metadata, NULL),
                  MM_INVALID_ARGUMENT);
    fixture_end(&fixture);
}

static void test_no_such_table(void)
{
    static const struct side_metadata_table tables[] = {{12, 0}, {12, 1}};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    const struct side_metadata_options options = options_of(tables, 2);
    struct side_metadata *metadata;
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    EXPECT(side_metadata_table_extent(metadata, 1).start != 0);
    EXPECT_EQ(side_metadata_table_extent(metadata, 2).start, 0);
    EXPECT_EQ(side_metadata_table_extent(metadata, 2).bytes, 0);
    EXPECT_EQ(side_metadata_table_extent(metadata, UINT32_MAX).bytes, 0);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

/* Slots that are fine in themselves are refused by the window alone. */
static void expect_map(struct mmapper *mapper, unsigned log_slot_bytes, unsigned slots,
                       enum mm_status expected)
{
    const struct space_map_options options = {.log_slot_bytes = log_slot_bytes,
                                              .slots = slots};
    struct space_map *map = NULL;
    struct mm_error error;
    EXPECT_STATUS(space_map_create(mapper, &options, &map, &error), expected);
    EXPECT(map == NULL);
    if (expected == MM_INVALID_ARGUMENT) {
        EXPECT_STR(error.detail,
                   "slots smaller than a chunk, or too many or too large");
    }
}

static void test_slots(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    expect_map(mapper, 16, SPACE_MAP_MAX_SLOTS, MM_NO_SPACE);
    expect_map(mapper, 16, SPACE_MAP_MAX_SLOTS + 1, MM_INVALID_ARGUMENT);
    expect_map(mapper, 15, 4, MM_INVALID_ARGUMENT);
    expect_map(mapper, 62, 3, MM_NO_SPACE);
    expect_map(mapper, 62, 4, MM_INVALID_ARGUMENT);
    expect_map(mapper, 63, 1, MM_NO_SPACE);
    expect_map(mapper, 63, 2, MM_INVALID_ARGUMENT);
    expect_map(mapper, 64, 1, MM_INVALID_ARGUMENT);
    fixture_end(&fixture);
}

static void test_taking_a_slot_wrongly(void)
{
    const struct space_map_options options = {.log_slot_bytes = 16, .slots = 1};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map;
    struct mm_extent extent = {1, 2};
    EXPECT_OK(space_map_create(mapper, &options, &map, NULL));
    EXPECT_STATUS(space_map_take_slot(map, 0, NULL, 0, &extent, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_take_slot(map, 0, NULL, 1, NULL, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_take_slot(NULL, 0, NULL, 1, &extent, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_EQ(extent.start, 1);
    EXPECT_OK(space_map_destroy(map, NULL)); /* nothing is held */
    fixture_end(&fixture);
}

/* The range is found with an owner of its own, for whom there may be no room. */
static void test_no_owner_to_find_a_range(void)
{
    const struct mmapper_options options = {.chunk_bytes = CHUNK,
                                            .base = FIXTURE_BASE,
                                            .limit = FIXTURE_BASE + WINDOW * CHUNK,
                                            .max_owners = 1};
    const struct mmap_support support = mmap_support_linux();
    const struct mm_owner_options name = {.name = "only"};
    struct mmapper *mapper;
    struct mm_owner *owner;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmapper_register_owner(mapper, &name, &owner, NULL));
    expect_map(mapper, 16, 1, MM_LIMIT);
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(void)
{
    test_last_value_has_room();
    test_largest_table();
    test_number_of_tables();
    test_no_such_table();
    test_slots();
    test_taking_a_slot_wrongly();
    test_no_owner_to_find_a_range();
    return 0;
}
