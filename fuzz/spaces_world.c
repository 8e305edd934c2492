/* SPDX-License-Identifier: MIT */
#include "fuzz/spaces_world.h"

#include "mmapper/testing/expect.h"

/* ------------------------------------------------------------------- input */

unsigned input_byte(struct input *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->data++;
}

unsigned input_word(struct input *input)
{
    const unsigned low = input_byte(input);
    return low | input_byte(input) << 8;
}

/* ------------------------------------------------------------------- chunks */

struct mm_extent world_extent(size_t first, size_t count)
{
    return mm_extent_of(WORLD_BASE + first * WORLD_CHUNK, count * WORLD_CHUNK);
}

struct world_range world_range_of(struct mm_extent extent)
{
    const size_t first = (extent.start - WORLD_BASE) / WORLD_CHUNK;
    const size_t last = (mm_extent_end(extent) - 1 - WORLD_BASE) / WORLD_CHUNK;
    EXPECT(extent.bytes > 0 && extent.start >= WORLD_BASE && last < WORLD_CHUNKS);
    return (struct world_range){first, last - first + 1};
}

void world_claim(struct world *world, struct mm_extent extent,
                 const struct mm_owner *owner)
{
    const struct world_range range = world_range_of(extent);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        EXPECT(world->cells[i].owner == NULL);
        world->cells[i] = (struct cell){.owner = owner};
    }
}

void world_forget(struct world *world, struct mm_extent extent,
                  const struct mm_owner *owner)
{
    const struct world_range range = world_range_of(extent);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        EXPECT(world->cells[i].owner == owner);
        world->cells[i] = (struct cell){.owner = NULL};
    }
}

void world_map_chunks(struct world *world, struct mm_extent extent,
                      const struct mm_owner *owner)
{
    const struct world_range range = world_range_of(extent);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        EXPECT(world->cells[i].owner == owner);
        world->cells[i].mapped = true;
    }
}

void world_take_over(struct world *world, struct mm_extent extent,
                     const struct mm_owner *owner)
{
    const struct world_range range = world_range_of(extent);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        const struct mm_lookup now =
            mmapper_lookup(world->mapper, world_extent(i, 1).start);
        struct cell *cell = &world->cells[i];
        const bool was_free = cell->owner == NULL;
        if (now.owner == owner && (was_free || cell->owner == owner)) {
            EXPECT(!cell->mapped || now.state == MM_MAPPED);
            *cell = (struct cell){.owner = owner, .mapped = now.state == MM_MAPPED};
        }
    }
}

bool world_is_mapped(const struct world *world, struct mm_extent extent)
{
    const struct world_range range = world_range_of(extent);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        if (!world->cells[i].mapped) {
            return false;
        }
    }
    return true;
}

bool world_is_free(const struct world *world, size_t first, size_t count)
{
    if (first >= WORLD_CHUNKS || count > WORLD_CHUNKS - first) {
        return false;
    }
    for (size_t i = first; i < first + count; i++) {
        if (world->cells[i].owner != NULL) {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- placement */

static bool fits_anywhere(const struct world *world, size_t chunks, size_t alignment)
{
    for (size_t i = 0; i < WORLD_CHUNKS; i += alignment) {
        if (world_is_free(world, i, chunks)) {
            return true;
        }
    }
    return false;
}

static enum mm_status expect_exact(const struct world *world, size_t first,
                                   size_t chunks, size_t alignment)
{
    if (first % alignment != 0) {
        return MM_INVALID_ARGUMENT;
    }
    if (first >= WORLD_CHUNKS || chunks > WORLD_CHUNKS - first) {
        return MM_OUT_OF_RANGE;
    }
    return world_is_free(world, first, chunks) ? MM_OK : MM_CONFLICT;
}

struct world_placement world_placement(const struct world *world, struct input *input,
                                       size_t chunks, size_t least_alignment)
{
    const unsigned how = input_byte(input);
    const size_t first = input_byte(input) % (WORLD_CHUNKS + 4);
    struct world_placement made = {.placement = {
                                       .rule = (enum space_placement_rule)(how % 3),
                                       .start = world_extent(first, 1).start,
                                   }};
    size_t alignment = least_alignment;
    if (how / 3 % 4 != 0) {
        alignment = (size_t)1 << how / 3 % 4 >> 1;
        made.placement.alignment = alignment * WORLD_CHUNK;
    } else if (made.placement.rule == SPACE_EXACT) {
        alignment = 1;
    }
    if (chunks == 0) {
        made.expected = MM_INVALID_ARGUMENT;
    } else if (made.placement.rule == SPACE_EXACT) {
        made.expected = expect_exact(world, first, chunks, alignment);
    } else {
        made.expected = fits_anywhere(world, chunks, alignment) ? MM_OK : MM_NO_SPACE;
    }
    return made;
}

void world_expect_placed(const struct world *world,
                         const struct world_placement *placement,
                         struct mm_extent extent)
{
    const size_t alignment = placement->placement.alignment == 0
                                 ? WORLD_CHUNK
                                 : placement->placement.alignment;
    EXPECT(mm_is_aligned(extent.start, alignment));
    const uintptr_t start = mm_align_down(placement->placement.start, alignment);
    const struct world_range range = world_range_of(extent);
    EXPECT(world_is_free(world, range.first, range.count));
    if (placement->placement.rule == SPACE_EXACT ||
        (placement->placement.rule == SPACE_PREFERRED &&
         world_is_free(world, (start - WORLD_BASE) / WORLD_CHUNK, range.count))) {
        EXPECT_EQ(extent.start, start);
    }
}

/* -------------------------------------------------------------------- world */

static struct mm_owner *register_owner(struct world *world, const char *name)
{
    const struct mm_owner_options options = {.name = name, .kind = MM_KIND_TEST};
    struct mm_owner *owner;
    EXPECT_OK(mmapper_register_owner(world->mapper, &options, &owner, NULL));
    return owner;
}

void world_begin(struct world *world)
{
    const struct mmapper_options options = {
        .chunk_bytes = WORLD_CHUNK,
        .base = WORLD_BASE,
        .limit = WORLD_BASE + WORLD_CHUNKS * WORLD_CHUNK,
        .log_region_chunks = 3,
    };
    memset(world, 0, sizeof(*world));
    failing_support_init(&world->failing, mmap_support_linux());
    EXPECT_OK(mmapper_create(&options, &world->failing.support, &world->mapper, NULL));
    for (unsigned i = 0; i < WORLD_OWNERS; i++) {
        world->slot_owners[i] = register_owner(world, "slot");
        world->raw_owners[i] = register_owner(world, "raw");
    }
}

void world_compare(const struct world *world)
{
    for (size_t i = 0; i < WORLD_CHUNKS; i++) {
        const struct mm_lookup now =
            mmapper_lookup(world->mapper, world_extent(i, 1).start);
        const struct cell cell = world->cells[i];
        EXPECT_EQ((uintptr_t)now.owner, (uintptr_t)cell.owner);
        const enum mm_state held = cell.mapped ? MM_MAPPED : MM_QUARANTINED;
        EXPECT_EQ(now.state, cell.owner == NULL ? MM_UNMAPPED : held);
    }
    for (unsigned i = 0; i < WORLD_IMMORTALS; i++) {
        immortal_compare(&world->immortals[i]);
    }
    for (unsigned i = 0; i < WORLD_METADATA; i++) {
        metadata_compare(&world->metadata[i]);
    }
    for (unsigned i = 0; i < WORLD_FREELISTS; i++) {
        freelist_compare(&world->freelists[i]);
    }
    map_compare(world);
}

static void expect_kernel_agrees(const struct world *world)
{
    const struct mm_verify_options options = {.sole = true};
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(world->mapper, &options, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_EQ(result.unsettled, 0);
}

static void release_raw(struct world *world)
{
    for (size_t i = 0; i < WORLD_CHUNKS; i++) {
        for (unsigned o = 0; o < WORLD_OWNERS; o++) {
            if (world->cells[i].owner == world->raw_owners[o]) {
                EXPECT_OK(mmapper_release(world->mapper, world->raw_owners[o],
                                          world_extent(i, 1), NULL));
                world->cells[i] = (struct cell){.owner = NULL};
            }
        }
    }
}

void world_end(struct world *world)
{
    expect_kernel_agrees(world);
    for (unsigned i = 0; i < WORLD_IMMORTALS; i++) {
        immortal_destroy(world, &world->immortals[i]);
    }
    for (unsigned i = 0; i < WORLD_METADATA; i++) {
        metadata_destroy(world, &world->metadata[i]);
    }
    for (unsigned i = 0; i < WORLD_FREELISTS; i++) {
        freelist_destroy(world, &world->freelists[i]);
    }
    map_destroy(world);
    release_raw(world);
    world_compare(world);
    for (unsigned i = 0; i < WORLD_OWNERS; i++) {
        EXPECT_OK(mmapper_unregister_owner(world->mapper, world->slot_owners[i], NULL));
        EXPECT_OK(mmapper_unregister_owner(world->mapper, world->raw_owners[i], NULL));
    }
    struct mm_statistics statistics;
    mmapper_statistics(world->mapper, &statistics);
    EXPECT_EQ(statistics.owners, 0);
    EXPECT_EQ(statistics.runs, 0);
    expect_kernel_agrees(world);
    EXPECT_OK(mmapper_destroy(world->mapper, NULL));
}
