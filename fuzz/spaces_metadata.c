/* SPDX-License-Identifier: MIT */
/* Side metadata in the world: operations and their model. */
#include "fuzz/spaces_world.h"
#include "mmapper/testing/expect.h"

enum { DATA_BYTES = 1 << 22 };
#define DATA_START UINT64_C(0x100000000)

static size_t table_bytes(struct side_metadata_table table)
{
    const size_t bits = ((size_t)DATA_BYTES >> table.log_data_bytes) << table.log_bits;
    return (bits / 8 + 63) / 64 * 64;
}

void metadata_create(struct world *world, struct input *input)
{
    struct world_metadata *metadata =
        &world->metadata[input_byte(input) % WORLD_METADATA];
    if (metadata->metadata != NULL) {
        return;
    }
    const unsigned tables = input_byte(input) % (WORLD_TABLES + 1);
    size_t bytes = 0;
    for (unsigned i = 0; i < tables; i++) {
        const unsigned shape = input_byte(input);
        metadata->table[i].log_data_bytes = 8 + shape % 6;
        metadata->table[i].log_bits = shape / 6 % 7;
        metadata->start[i] = bytes;
        bytes += table_bytes(metadata->table[i]);
    }
    const size_t chunks = (bytes + WORLD_CHUNK - 1) / WORLD_CHUNK;
    const struct world_placement placement = world_placement(world, input, chunks, 1);
    const struct side_metadata_options options = {
        .name = "metadata",
        .placement = placement.placement,
        .data = {DATA_START, DATA_BYTES},
        .tables = metadata->table,
        .table_count = tables,
    };
    EXPECT_STATUS(
        side_metadata_create(world->mapper, &options, &metadata->metadata, NULL),
        placement.expected);
    if (placement.expected != MM_OK) {
        EXPECT(metadata->metadata == NULL);
        return;
    }
    const struct mm_extent extent = side_metadata_extent(metadata->metadata);
    EXPECT_EQ(extent.bytes, chunks * WORLD_CHUNK);
    world_expect_placed(world, &placement, extent);
    world_claim(world, extent, side_metadata_owner(metadata->metadata));
    metadata->tables = tables;
    metadata->values = 0;
    for (unsigned i = 0; i < tables; i++) {
        metadata->start[i] += extent.start;
    }
}

void metadata_destroy(struct world *world, struct world_metadata *metadata)
{
    if (metadata->metadata == NULL) {
        return;
    }
    world_forget(world, side_metadata_extent(metadata->metadata),
                 side_metadata_owner(metadata->metadata));
    EXPECT_OK(side_metadata_destroy(metadata->metadata, NULL));
    metadata->metadata = NULL;
}

/* The bytes of the values for data [first, last] of a table, by the definition. */
static struct mm_extent bytes_of(const struct world_metadata *metadata, unsigned table,
                                 size_t first, size_t last)
{
    const struct side_metadata_table t = metadata->table[table];
    const size_t low = ((first >> t.log_data_bytes) << t.log_bits) / 8;
    const size_t high = ((((last >> t.log_data_bytes) + 1) << t.log_bits) + 7) / 8;
    return mm_extent_of(metadata->start[table] + low, high - low);
}

void metadata_map(struct world *world, struct input *input)
{
    struct world_metadata *metadata =
        &world->metadata[input_byte(input) % WORLD_METADATA];
    const size_t first = (size_t)input_word(input) << 6;
    const size_t bytes = (size_t)input_word(input) << (input_byte(input) % 8);
    if (metadata->metadata == NULL) {
        return;
    }
    const struct mm_owner *owner = side_metadata_owner(metadata->metadata);
    enum mm_status expected = MM_OK;
    if (bytes == 0) {
        expected = MM_INVALID_ARGUMENT;
    } else if (first + bytes > DATA_BYTES) {
        expected = MM_OUT_OF_RANGE;
    }
    for (unsigned i = 0; expected == MM_OK && i < metadata->tables; i++) {
        const struct mm_extent part = bytes_of(metadata, i, first, first + bytes - 1);
        if (world->failing.armed && !world_is_mapped(world, part)) {
            expected = MM_NO_MEMORY;
        } else if (!world->failing.armed) {
            world_map_chunks(world, part, owner);
        }
    }
    EXPECT_STATUS(side_metadata_map(metadata->metadata,
                                    mm_extent_of(DATA_START + first, bytes), NULL),
                  expected);
    if (expected == MM_NO_MEMORY) {
        world_take_over(world, side_metadata_extent(metadata->metadata), owner);
    }
}

static struct world_value *find_value(struct world_metadata *metadata, unsigned table,
                                      size_t index)
{
    for (size_t i = 0; i < metadata->values; i++) {
        struct world_value *value = &metadata->value[i];
        if (value->table == table && value->index == index) {
            return value;
        }
    }
    if (metadata->values == WORLD_VALUES) {
        return NULL;
    }
    struct world_value *value = &metadata->value[metadata->values++];
    *value = (struct world_value){.table = table, .index = index};
    return value;
}

/* Stores or exchanges a value whose byte is mapped. */
static void change_value(struct world_metadata *metadata, unsigned table, size_t at,
                         uint64_t wanted, bool exchange)
{
    const struct side_metadata_table t = metadata->table[table];
    struct world_value *value = find_value(metadata, table, at >> t.log_data_bytes);
    const uint64_t largest = UINT64_MAX >> (64 - (1U << t.log_bits));
    uint64_t found = 0;
    if (value == NULL) {
        return;
    }
    EXPECT_OK(side_metadata_load(metadata->metadata, table, DATA_START + at, &found));
    EXPECT_EQ(found, value->value);
    const enum mm_status expected = wanted > largest ? MM_INVALID_ARGUMENT : MM_OK;
    if (exchange) {
        EXPECT_STATUS(side_metadata_exchange(metadata->metadata, table, DATA_START + at,
                                             wanted, 1, &found),
                      expected);
        if (expected == MM_OK) {
            EXPECT_EQ(found, value->value);
            value->value = found == wanted ? 1 : found;
        }
        return;
    }
    EXPECT_STATUS(
        side_metadata_store(metadata->metadata, table, DATA_START + at, wanted),
        expected);
    if (expected == MM_OK) {
        value->value = wanted;
    }
}

void metadata_store(struct world *world, struct input *input)
{
    struct world_metadata *metadata =
        &world->metadata[input_byte(input) % WORLD_METADATA];
    const unsigned how = input_byte(input);
    const unsigned table = how % (WORLD_TABLES + 1);
    const size_t at = (size_t)input_word(input) << 7;
    const uint64_t wanted =
        input_byte(input) * ((how & 64) != 0 ? UINT64_MAX / 255 : 1);
    if (metadata->metadata == NULL) {
        return;
    }
    const uintptr_t address =
        side_metadata_address(metadata->metadata, table, DATA_START + at);
    if (table >= metadata->tables || at >= DATA_BYTES) {
        EXPECT_EQ(address, 0);
        EXPECT(side_metadata_store(metadata->metadata, table, DATA_START + at, 0) !=
               MM_OK);
        return;
    }
    const struct mm_extent bytes = bytes_of(metadata, table, at, at);
    EXPECT_EQ(address, bytes.start);
    if (world_is_mapped(world, bytes)) {
        change_value(metadata, table, at, wanted, (how & 128) != 0);
    }
}

void metadata_compare(const struct world_metadata *metadata)
{
    if (metadata->metadata == NULL) {
        return;
    }
    for (size_t i = 0; i < metadata->values; i++) {
        const struct world_value value = metadata->value[i];
        const size_t at = value.index << metadata->table[value.table].log_data_bytes;
        uint64_t found = 0;
        EXPECT_OK(side_metadata_load(metadata->metadata, value.table, DATA_START + at,
                                     &found));
        EXPECT_EQ(found, value.value);
    }
}
