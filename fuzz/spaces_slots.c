/* SPDX-License-Identifier: MIT */
/* The space map, and owners who use the mapper directly, in the world. */
#include "fuzz/spaces_world.h"
#include "mmapper/testing/expect.h"

/* Small enough to be put beside each other in any slot. */
enum { SPACES = 4 };

void map_create(struct world *world, struct input *input)
{
    struct world_map *map = &world->map;
    if (map->map != NULL) {
        return;
    }
    const unsigned shape = input_byte(input);
    const unsigned log_chunks = shape % 4;
    map->slot_chunks = (size_t)1 << log_chunks;
    map->slots = 1 + shape / 4 % WORLD_SLOTS;
    const size_t chunks = map->slots * map->slot_chunks;
    struct world_placement placement =
        world_placement(world, input, chunks, map->slot_chunks);
    /* An exact map says only where its slots are: what lies there is seen later. */
    if (placement.expected == MM_CONFLICT) {
        placement.expected = MM_OK;
    }
    const struct space_map_options options = {
        .log_slot_bytes = WORLD_LOG_CHUNK + log_chunks,
        .slots = map->slots,
        .placement = placement.placement,
    };
    EXPECT_STATUS(space_map_create(world->mapper, &options, &map->map, NULL),
                  placement.expected);
    if (placement.expected != MM_OK) {
        EXPECT(map->map == NULL);
        return;
    }
    const struct mm_extent extent = space_map_extent(map->map);
    EXPECT_EQ(extent.bytes, chunks * WORLD_CHUNK);
    if (placement.placement.rule == SPACE_EXACT) {
        EXPECT_EQ(extent.start, placement.placement.start);
    } else {
        if (placement.placement.alignment == 0) {
            placement.placement.alignment = map->slot_chunks * WORLD_CHUNK;
        }
        world_expect_placed(world, &placement, extent);
    }
    map->first = world_range_of(extent).first;
    memset(map->space, 0, sizeof(map->space));
    memset(map->owner, 0, sizeof(map->owner));
}

static struct mm_extent slot_extent(const struct world_map *map, unsigned slot)
{
    return world_extent(map->first + slot * map->slot_chunks, map->slot_chunks);
}

/* The slot's chunks are nobody's again. */
static void empty_slot(struct world *world, unsigned slot)
{
    struct world_map *map = &world->map;
    if (map->owner[slot] != NULL) {
        world_forget(world, slot_extent(map, slot), map->owner[slot]);
    }
    map->owner[slot] = NULL;
    map->space[slot] = 0;
}

void map_destroy(struct world *world)
{
    struct world_map *map = &world->map;
    if (map->map == NULL) {
        return;
    }
    for (unsigned i = 0; i < map->slots; i++) {
        if (map->space[i] == 0) {
            continue;
        }
        EXPECT_STATUS(space_map_destroy(map->map, NULL), MM_WRONG_STATE);
        EXPECT_OK(space_map_give_back(map->map, slot_extent(map, i).start,
                                      map->space[i], NULL));
        empty_slot(world, i);
    }
    EXPECT_OK(space_map_destroy(map->map, NULL));
    map->map = NULL;
}

/* What taking one slot must give. */
static enum mm_status expect_slot(const struct world *world, unsigned slot,
                                  const struct mm_owner *owner)
{
    const struct world_map *map = &world->map;
    if (map->space[slot] != 0) {
        return MM_WRONG_STATE;
    }
    const bool free =
        world_is_free(world, map->first + slot * map->slot_chunks, map->slot_chunks);
    return owner == NULL || free ? MM_OK : MM_CONFLICT;
}

/* What taking any slot must give, and which. */
static enum mm_status expect_take(const struct world *world,
                                  const struct mm_owner *owner, unsigned *slot)
{
    enum mm_status expected = MM_NO_SPACE;
    for (*slot = 0; *slot < world->map.slots; ++*slot) {
        switch (expect_slot(world, *slot, owner)) {
        case MM_OK:
            return MM_OK;
        case MM_CONFLICT:
            expected = MM_CONFLICT;
            break;
        default:
            break;
        }
    }
    return expected;
}

void map_take(struct world *world, struct input *input)
{
    struct world_map *map = &world->map;
    const unsigned how = input_byte(input);
    const uintptr_t space = 1 + how % SPACES;
    struct mm_owner *owner =
        how / 4 % 4 == 0 ? NULL : world->slot_owners[how / 4 % WORLD_OWNERS];
    unsigned slot = input_byte(input) % (WORLD_SLOTS + 1);
    if (map->map == NULL) {
        return;
    }
    struct mm_extent extent = mm_extent_of(0, 0);
    enum mm_status expected;
    if ((how & 128) != 0) {
        expected =
            slot < map->slots ? expect_slot(world, slot, owner) : MM_OUT_OF_RANGE;
        EXPECT_STATUS(space_map_take_slot(map->map, slot, owner, space, &extent, NULL),
                      expected);
    } else {
        expected = expect_take(world, owner, &slot);
        EXPECT_STATUS(space_map_take(map->map, owner, space, &extent, NULL), expected);
    }
    if (expected == MM_OK) {
        EXPECT_EQ(extent.start, slot_extent(map, slot).start);
        EXPECT_EQ(extent.bytes, slot_extent(map, slot).bytes);
        map->space[slot] = space;
        map->owner[slot] = owner;
        if (owner != NULL) {
            world_claim(world, extent, owner);
        }
    }
}

void map_give_back(struct world *world, struct input *input)
{
    struct world_map *map = &world->map;
    const unsigned slot = input_byte(input) % WORLD_SLOTS;
    const uintptr_t space = 1 + input_byte(input) % SPACES;
    if (map->map == NULL) {
        return;
    }
    enum mm_status expected = MM_OK;
    if (slot >= map->slots) {
        expected = MM_OUT_OF_RANGE;
    } else if (map->space[slot] == 0) {
        expected = MM_WRONG_STATE;
    } else if (map->space[slot] != space) {
        expected = MM_CONFLICT;
    }
    EXPECT_STATUS(
        space_map_give_back(map->map, slot_extent(map, slot).start, space, NULL),
        expected);
    if (expected == MM_OK) {
        empty_slot(world, slot);
    }
}

void map_compare(const struct world *world)
{
    const struct world_map *map = &world->map;
    if (map->map == NULL) {
        return;
    }
    for (size_t i = 0; i < WORLD_CHUNKS; i++) {
        const size_t slot = (i - map->first) / map->slot_chunks;
        const bool inside = i >= map->first && slot < map->slots;
        EXPECT_EQ(space_map_space_of(map->map, world_extent(i, 1).start + 1),
                  inside ? map->space[slot] : 0);
    }
}

/* ------------------------------------------------- direct use of the mapper */

/* A small range that may begin anywhere and pass the window's end. */
static struct world_range any_range(struct input *input)
{
    const unsigned first = input_byte(input) % WORLD_CHUNKS;
    return (struct world_range){first, 1 + input_byte(input) % 6};
}

/* Also the owner of a held slot, who maps its chunks. */
static struct mm_owner *any_owner(struct world *world, unsigned choice)
{
    struct mm_owner **owners =
        choice / WORLD_OWNERS % 2 == 0 ? world->raw_owners : world->slot_owners;
    return owners[choice % WORLD_OWNERS];
}

void raw_ensure_mapped(struct world *world, struct input *input)
{
    struct mm_owner *owner = any_owner(world, input_byte(input));
    const struct world_range range = any_range(input);
    const struct mm_extent extent = world_extent(range.first, range.count);
    const bool raw = owner == world->raw_owners[0] || owner == world->raw_owners[1];
    if (range.count > WORLD_CHUNKS - range.first) {
        EXPECT_STATUS(mmapper_ensure_mapped(world->mapper, owner, extent, NULL),
                      MM_OUT_OF_RANGE);
        return;
    }
    enum mm_status expected = MM_OK;
    bool untouched = false;
    for (size_t i = range.first; i < range.first + range.count; i++) {
        untouched = untouched || world->cells[i].owner == NULL;
        if (world->cells[i].owner != NULL && world->cells[i].owner != owner) {
            expected = MM_CONFLICT;
        }
    }
    /* A slot's owner holds whole slots only: it stays within what it has. */
    if (untouched && !raw) {
        return;
    }
    if (expected == MM_OK && world->failing.armed && !world_is_mapped(world, extent)) {
        expected = MM_NO_MEMORY;
    }
    const enum mm_status status =
        mmapper_ensure_mapped(world->mapper, owner, extent, NULL);
    /* With a conflict and a failing commit in the range, either may be met first. */
    if (expected == MM_CONFLICT && world->failing.armed) {
        EXPECT(status == MM_CONFLICT || status == MM_NO_MEMORY);
    } else {
        EXPECT_EQ(status, expected);
    }
    world_take_over(world, extent, owner);
    EXPECT(expected != MM_OK || world_is_mapped(world, extent));
}

void raw_release(struct world *world, struct input *input)
{
    struct mm_owner *owner = world->raw_owners[input_byte(input) % WORLD_OWNERS];
    const struct world_range range = any_range(input);
    const struct mm_extent extent = world_extent(range.first, range.count);
    bool own = range.count <= WORLD_CHUNKS - range.first;
    for (size_t i = range.first; own && i < range.first + range.count; i++) {
        own = world->cells[i].owner == owner;
    }
    const enum mm_status status = mmapper_release(world->mapper, owner, extent, NULL);
    EXPECT_EQ(status == MM_OK, own);
    if (own) {
        world_forget(world, extent, owner);
    }
}
