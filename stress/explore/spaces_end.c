/* SPDX-License-Identifier: MIT */
/* The checks of spaces when all threads have ended. */
#include "stress/explore/spaces.h"

static void check_pins(struct world *world)
{
    for (int i = 0; i < SPACE_OWNERS; i++) {
        const struct mm_owner *owner = world->spaces->owners[i];
        if (owner != NULL && slot_watch_pins(owner) != 0) {
            world_fail(world, ORACLE_O10, "a pin of %s is left", mm_owner_name(owner));
        }
    }
}

/* The extents of spaces are theirs for ever: only slots come and go. */
static void check_chunks(struct world *world)
{
    const struct spaces *spaces = world->spaces;
    for (size_t chunk = 0; spaces_have(world, chunk); chunk++) {
        const uintptr_t address = world_extent(chunk, 1).start;
        const struct mm_owner *owner = slot_watch_chunk(world->mappers[0], chunk).owner;
        const struct mm_owner *before = world->past[0][chunk].items[0].owner;
        if (spaces->slots != NULL &&
            mm_extent_contains_address(spaces->slot_extent, address)) {
            continue;
        }
        if (owner != before) {
            world_fail(world, ORACLE_O1, "chunk %zu was %s's and is %s's", chunk,
                       mm_owner_name(before),
                       owner != NULL ? mm_owner_name(owner) : "nobody");
        }
    }
}

static bool is_used(const struct world *world, uintptr_t address)
{
    const struct spaces *spaces = world->spaces;
    const struct spaces_facts *facts = &spaces->facts;
    for (unsigned i = 0; i < facts->block_count; i++) {
        if (address - facts->blocks[i].start < facts->blocks[i].bytes) {
            return true;
        }
    }
    return (spaces->freelist != NULL &&
            mm_extent_contains_address(spaces->table, address)) ||
           (spaces->metadata != NULL &&
            mm_extent_contains_address(side_metadata_table_extent(spaces->metadata, 1),
                                       address));
}

/* O7 in the window, for the first run of a world: nobody wrote where nothing is. */
static void check_untouched(struct world *world)
{
    const uintptr_t end = mm_extent_end(world_extent(0, world->program->chunks));
    for (uintptr_t at = WORLD_BASE; at < end; at += sizeof(uint64_t)) {
        if (*(const uint64_t *)at != 0 && !is_used(world, at)) {
            world_fail(world, ORACLE_O7,
                       "something is written at %#zx, which is unused",
                       (size_t)(at - WORLD_BASE));
            return;
        }
    }
}

void spaces_check_end(struct world *world)
{
    struct spaces *spaces = world->spaces;
    check_pins(world);
    check_chunks(world);
    if (spaces->immortal != NULL) {
        immortal_check_end(world);
    }
    if (spaces->freelist != NULL) {
        freelist_check_end(world);
    }
    values_check_end(world);
    if (!spaces->looked && world_on(world, ORACLE_O7)) {
        spaces->looked = true;
        check_untouched(world);
        spaces_probe(world);
    }
}
