/* SPDX-License-Identifier: MIT */
/* Immortal spaces in the world: operations and their model. */
#include "fuzz/spaces_world.h"
#include "mmapper/testing/expect.h"

void immortal_create(struct world *world, struct input *input)
{
    struct world_immortal *immortal =
        &world->immortals[input_byte(input) % WORLD_IMMORTALS];
    if (immortal->space != NULL) {
        return;
    }
    const unsigned shape = input_byte(input);
    const size_t chunks = shape % 16;
    const struct world_placement placement = world_placement(world, input, chunks, 1);
    const struct immortal_space_options options = {
        .name = "immortal",
        .strategy = {.accounting = (shape & 32) != 0 ? MM_UNACCOUNTED : MM_ACCOUNTED},
        .placement = placement.placement,
        .bytes = chunks * WORLD_CHUNK,
        .mapping = (shape & 16) != 0 ? IMMORTAL_ON_DEMAND : IMMORTAL_EAGER,
    };
    enum mm_status expected = placement.expected;
    if (expected == MM_OK && options.mapping == IMMORTAL_EAGER &&
        world->failing.armed) {
        expected = MM_NO_MEMORY;
    }
    EXPECT_STATUS(
        immortal_space_create(world->mapper, &options, &immortal->space, NULL),
        expected);
    if (expected != MM_OK) {
        EXPECT(immortal->space == NULL);
        return;
    }
    const struct mm_extent extent = immortal_space_extent(immortal->space);
    const struct mm_owner *owner = immortal_space_owner(immortal->space);
    EXPECT_EQ(extent.bytes, options.bytes);
    world_expect_placed(world, &placement, extent);
    world_claim(world, extent, owner);
    if (options.mapping == IMMORTAL_EAGER) {
        world_map_chunks(world, extent, owner);
    }
    immortal->cursor = extent.start;
    immortal->pieces = 0;
}

void immortal_destroy(struct world *world, struct world_immortal *immortal)
{
    if (immortal->space == NULL) {
        return;
    }
    world_forget(world, immortal_space_extent(immortal->space),
                 immortal_space_owner(immortal->space));
    EXPECT_OK(immortal_space_destroy(immortal->space, NULL));
    immortal->space = NULL;
}

/* What the space hands out is fresh. */
static void remember(struct world_immortal *immortal, uintptr_t start, size_t bytes,
                     uint8_t tag)
{
    unsigned char *p = (unsigned char *)start;
    EXPECT_EQ(p[0], 0);
    EXPECT_EQ(p[bytes - 1], 0);
    p[0] = tag;
    p[bytes - 1] = tag;
    if (immortal->pieces < WORLD_PIECES) {
        immortal->piece[immortal->pieces++] = (struct piece){start, bytes, tag};
    }
}

void immortal_allocate(struct world *world, struct input *input)
{
    struct world_immortal *immortal =
        &world->immortals[input_byte(input) % WORLD_IMMORTALS];
    const unsigned shape = input_byte(input);
    const unsigned scale = shape / 16 % 4;
    const size_t bytes = (size_t)input_word(input) << scale;
    const size_t alignment = (size_t)1 << shape % 16;
    if (immortal->space == NULL) {
        return;
    }
    const struct mm_extent extent = immortal_space_extent(immortal->space);
    const struct mm_owner *owner = immortal_space_owner(immortal->space);
    uintptr_t start = immortal->cursor;
    while (start % alignment != 0) {
        start++;
    }
    const struct mm_extent piece = mm_extent_of(start, bytes);
    enum mm_status expected = MM_OK;
    if (bytes == 0) {
        expected = MM_INVALID_ARGUMENT;
    } else if (start + bytes > mm_extent_end(extent)) {
        expected = MM_NO_SPACE;
    } else if (world->failing.armed && !world_is_mapped(world, piece)) {
        expected = MM_NO_MEMORY;
    }
    uintptr_t address = 0;
    EXPECT_STATUS(
        immortal_space_alloc(immortal->space, bytes, alignment, &address, NULL),
        expected);
    if (expected == MM_OK) {
        EXPECT_EQ(address, start);
        world_map_chunks(world, piece, owner);
        immortal->cursor = start + bytes;
        remember(immortal, start, bytes, (uint8_t)(immortal->pieces + 1));
    } else if (expected == MM_NO_MEMORY) {
        world_take_over(world, piece, owner);
    }
}

void immortal_compare(const struct world_immortal *immortal)
{
    if (immortal->space == NULL) {
        return;
    }
    const struct mm_extent extent = immortal_space_extent(immortal->space);
    const struct immortal_space_usage usage = immortal_space_usage(immortal->space);
    EXPECT_EQ(usage.used, immortal->cursor - extent.start);
    EXPECT_EQ(usage.free, mm_extent_end(extent) - immortal->cursor);
    for (size_t i = 0; i < immortal->pieces; i++) {
        const struct piece piece = immortal->piece[i];
        const unsigned char *p = (const unsigned char *)piece.start;
        EXPECT_EQ(p[0], piece.tag);
        EXPECT_EQ(p[piece.bytes - 1], piece.tag);
    }
}
