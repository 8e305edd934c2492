/* SPDX-License-Identifier: MIT */
#include "spaces/space_map.h"

#include "spaces/immortal_space.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 1024, LOG_SLOT = 19, SLOT = 1 << LOG_SLOT };

static struct space_map_options options_of(unsigned slots)
{
    return (struct space_map_options){.log_slot_bytes = LOG_SLOT, .slots = slots};
}

static struct space_map *create(struct mmapper *mapper, unsigned slots)
{
    const struct space_map_options options = options_of(slots);
    struct space_map *map;
    EXPECT_OK(space_map_create(mapper, &options, &map, NULL));
    EXPECT_EQ(space_map_slots(map), slots);
    EXPECT_EQ(space_map_extent(map).bytes, (size_t)slots * SLOT);
    return map;
}

static struct mm_extent take(struct space_map *map, struct mm_owner *owner,
                             uintptr_t space)
{
    struct mm_extent extent = {0, 0};
    EXPECT_OK(space_map_take(map, owner, space, &extent, NULL));
    EXPECT_EQ(extent.bytes, SLOT);
    EXPECT_EQ(space_map_space_of(map, extent.start), space);
    EXPECT_EQ(space_map_space_of(map, mm_extent_end(extent) - 1), space);
    return extent;
}

static void test_slots_are_taken_and_given_back(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 3);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    struct mm_extent none;
    struct mm_error error;
    const struct mm_extent a = take(map, owner, 11);
    const struct mm_extent b = take(map, owner, 22);
    const struct mm_extent c = take(map, owner, UINTPTR_MAX);
    expect_chunks(mapper, space_map_extent(map), MM_QUARANTINED, owner);
    EXPECT_STATUS(space_map_take(map, owner, 44, &none, &error), MM_NO_SPACE);
    EXPECT_EQ(error.status, MM_NO_SPACE);
    EXPECT_OK(space_map_give_back(map, b.start, 22, NULL));
    EXPECT_EQ(space_map_space_of(map, b.start), 0);
    expect_chunks(mapper, b, MM_UNMAPPED, NULL);
    EXPECT_EQ(space_map_space_of(map, mm_extent_end(a) - 1), 11);
    EXPECT_EQ(space_map_space_of(map, c.start), UINTPTR_MAX);
    EXPECT_EQ(take(map, owner, 55).start, b.start);
    EXPECT_OK(space_map_give_back(map, a.start, 11, NULL));
    EXPECT_OK(space_map_give_back(map, b.start, 55, NULL));
    EXPECT_STATUS(space_map_destroy(map, &error), MM_WRONG_STATE);
    EXPECT_EQ(error.address, c.start);
    EXPECT_OK(space_map_give_back(map, c.start, UINTPTR_MAX, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

/* The predecessor's index is address >> 41, unchecked. */
static void test_queries_take_any_address(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 2);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    const struct mm_extent all = space_map_extent(map);
    (void)take(map, owner, 1);
    (void)take(map, owner, 2);
    const uintptr_t outside[] = {0,
                                 1,
                                 all.start - 1,
                                 mm_extent_end(all),
                                 mm_extent_end(all) + SLOT,
                                 (uintptr_t)1 << 63,
                                 UINTPTR_MAX};
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        EXPECT_EQ(space_map_space_of(map, outside[i]), 0);
    }
    EXPECT_EQ(space_map_space_of(map, all.start + SLOT - 1), 1);
    EXPECT_EQ(space_map_space_of(map, all.start + SLOT), 2);
    EXPECT_EQ(space_map_slot_extent(map, 1).start, all.start + SLOT);
    EXPECT_EQ(space_map_slot_extent(map, 2).bytes, 0);
    EXPECT_EQ(space_map_slot_extent(map, UINT32_MAX).bytes, 0);
    EXPECT_OK(space_map_give_back(map, all.start, 1, NULL));
    EXPECT_OK(space_map_give_back(map, all.start + SLOT, 2, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

static void test_giving_back_wrongly_changes_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 2);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    struct mm_owner *other = fixture_owner(&fixture, "other");
    struct mm_error error;
    const struct mm_extent a = take(map, owner, 1);
    EXPECT_STATUS(space_map_give_back(map, a.start, 2, &error), MM_CONFLICT);
    EXPECT_STATUS(space_map_give_back(map, a.start, 0, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_give_back(NULL, a.start, 1, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_give_back(map, a.start + CHUNK, 1, NULL),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(
        space_map_give_back(map, mm_extent_end(space_map_extent(map)), 1, NULL),
        MM_OUT_OF_RANGE);
    EXPECT_STATUS(space_map_give_back(map, a.start + SLOT, 1, NULL), MM_WRONG_STATE);
    expect_chunks(mapper, a, MM_QUARANTINED, owner);
    /* A part is another's: the mapper refuses, the slot is kept. */
    const struct mm_extent part = {a.start + CHUNK, CHUNK};
    EXPECT_OK(mmapper_transfer(mapper, owner, other, part, NULL));
    EXPECT_STATUS(space_map_give_back(map, a.start, 1, &error), MM_CONFLICT);
    EXPECT_EQ(error.address, part.start);
    EXPECT_EQ(space_map_space_of(map, a.start), 1);
    EXPECT_OK(mmapper_transfer(mapper, other, owner, part, NULL));
    EXPECT_OK(space_map_give_back(map, a.start, 1, NULL));
    EXPECT_STATUS(space_map_give_back(map, a.start, 1, NULL), MM_WRONG_STATE);
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, other, NULL));
    fixture_end(&fixture);
}

static void test_occupied_slots_are_passed_over(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 3);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    struct mm_owner *other = fixture_owner(&fixture, "other");
    struct mm_error error;
    struct mm_extent extent;
    const struct mm_extent first = {space_map_extent(map).start + CHUNK, CHUNK};
    const struct mm_extent last = {mm_extent_end(space_map_extent(map)) - CHUNK, CHUNK};
    EXPECT_OK(mmapper_quarantine(mapper, other, first, NULL));
    EXPECT_OK(mmapper_quarantine(mapper, other, last, NULL));
    EXPECT_EQ(take(map, owner, 1).start, space_map_extent(map).start + SLOT);
    EXPECT_STATUS(space_map_take(map, owner, 2, &extent, &error), MM_CONFLICT);
    EXPECT_EQ(error.address, first.start);
    EXPECT_STR(error.holder.name, "other");
    EXPECT_STATUS(space_map_take_slot(map, 2, owner, 2, &extent, &error), MM_CONFLICT);
    EXPECT_EQ(error.address, last.start);
    EXPECT_OK(mmapper_release(mapper, other, last, NULL));
    EXPECT_OK(space_map_take_slot(map, 2, owner, 2, &extent, NULL));
    EXPECT_EQ(extent.start, space_map_slot_extent(map, 2).start);
    EXPECT_STATUS(space_map_take_slot(map, 2, owner, 3, &extent, NULL), MM_WRONG_STATE);
    EXPECT_STATUS(space_map_take_slot(map, 3, owner, 3, &extent, NULL),
                  MM_OUT_OF_RANGE);
    EXPECT_OK(mmapper_release(mapper, other, first, NULL));
    EXPECT_OK(space_map_give_back(map, extent.start, 2, NULL));
    EXPECT_OK(space_map_give_back(map, space_map_slot_extent(map, 1).start, 1, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, other, NULL));
    fixture_end(&fixture);
}

/* A space is bounded by its slot: the predecessor's heap runs into the next one. */
static void test_space_cannot_grow_into_the_next_slot(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 2);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    struct mm_owner *neighbour = fixture_owner(&fixture, "neighbour");
    struct mm_error error;
    const struct mm_extent a = take(map, owner, 1);
    const struct mm_extent b = take(map, neighbour, 2);
    EXPECT_OK(mmapper_ensure_mapped(mapper, owner, a, NULL));
    const struct mm_extent beyond = {a.start + SLOT - CHUNK, 2 * CHUNK};
    EXPECT_STATUS(mmapper_ensure_mapped(mapper, owner, beyond, &error), MM_CONFLICT);
    EXPECT_STR(error.holder.name, "neighbour");
    expect_chunks(mapper, b, MM_QUARANTINED, neighbour);
    EXPECT_OK(space_map_give_back(map, a.start, 1, NULL));
    EXPECT_OK(space_map_give_back(map, b.start, 2, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, neighbour, NULL));
    fixture_end(&fixture);
}

static void test_space_that_places_itself(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 2);
    struct mm_extent slot;
    EXPECT_OK(space_map_take(map, NULL, 7, &slot, NULL));
    expect_chunks(mapper, slot, MM_UNMAPPED, NULL);
    const struct immortal_space_options options = {
        .name = "immortal",
        .placement = {.rule = SPACE_EXACT, .start = slot.start},
        .bytes = slot.bytes,
    };
    struct immortal_space *space;
    EXPECT_OK(immortal_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(immortal_space_extent(space).start, slot.start);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    EXPECT_OK(space_map_give_back(map, slot.start, 7, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    fixture_end(&fixture);
}

static void test_creation(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = NULL;
    struct space_map_options options = options_of(4);
    EXPECT_STATUS(space_map_create(NULL, &options, &map, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_create(mapper, NULL, &map, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_create(mapper, &options, NULL, NULL), MM_INVALID_ARGUMENT);
    const unsigned bad_logs[] = {1, 15, 62, 63, 64, 255, UINT32_MAX};
    for (size_t i = 0; i < sizeof(bad_logs) / sizeof(bad_logs[0]); i++) {
        options.log_slot_bytes = bad_logs[i];
        EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL),
                      MM_INVALID_ARGUMENT);
    }
    options = options_of(SPACE_MAP_MAX_SLOTS + 1);
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_INVALID_ARGUMENT);
    options = options_of(WINDOW * CHUNK / SLOT + 1);
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_NO_SPACE);
    options.placement.rule = SPACE_EXACT;
    options.placement.start = FIXTURE_BASE;
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_OUT_OF_RANGE);
    options.slots = 2;
    options.placement.start = FIXTURE_BASE + CHUNK / 2;
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_INVALID_ARGUMENT);
    options.placement.start = FIXTURE_BASE + CHUNK;
    options.placement.alignment = SLOT;
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_INVALID_ARGUMENT);
    options.placement.start = UINTPTR_MAX - CHUNK + 1;
    options.placement.alignment = 0;
    EXPECT_STATUS(space_map_create(mapper, &options, &map, NULL), MM_INVALID_ARGUMENT);
    EXPECT(map == NULL);
    /* A base that is no multiple of the slot's size will do. */
    options.placement.start = FIXTURE_BASE + CHUNK;
    EXPECT_OK(space_map_create(mapper, &options, &map, NULL));
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    EXPECT_EQ(take(map, owner, 1).start, FIXTURE_BASE + CHUNK);
    EXPECT_EQ(take(map, owner, 2).start, FIXTURE_BASE + CHUNK + SLOT);
    EXPECT_OK(space_map_give_back(map, FIXTURE_BASE + CHUNK, 1, NULL));
    EXPECT_OK(space_map_give_back(map, FIXTURE_BASE + CHUNK + SLOT, 2, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    fixture_end(&fixture);
}

static void test_taking_wrongly_changes_nothing(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct space_map *map = create(mapper, 1);
    struct mm_owner *owner = fixture_owner(&fixture, "owner");
    struct fixture elsewhere;
    (void)fixture_begin(&elsewhere, WINDOW);
    struct mm_owner *foreign = fixture_owner(&elsewhere, "foreign");
    struct mm_extent extent;
    EXPECT_STATUS(space_map_take(map, owner, 0, &extent, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_take(map, owner, 1, NULL, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_take(NULL, owner, 1, &extent, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(space_map_take(map, foreign, 1, &extent, NULL), MM_UNKNOWN_OWNER);
    EXPECT_EQ(space_map_space_of(map, space_map_extent(map).start), 0);
    extent = take(map, owner, 1);
    EXPECT_OK(space_map_give_back(map, extent.start, 1, NULL));
    EXPECT_OK(space_map_destroy(map, NULL));
    EXPECT_OK(mmapper_unregister_owner(mapper, owner, NULL));
    EXPECT_OK(mmapper_unregister_owner(elsewhere.mapper, foreign, NULL));
    fixture_end(&elsewhere);
    fixture_end(&fixture);
}

int main(void)
{
    test_slots_are_taken_and_given_back();
    test_queries_take_any_address();
    test_giving_back_wrongly_changes_nothing();
    test_occupied_slots_are_passed_over();
    test_space_cannot_grow_into_the_next_slot();
    test_space_that_places_itself();
    test_creation();
    test_taking_wrongly_changes_nothing();
    return 0;
}
