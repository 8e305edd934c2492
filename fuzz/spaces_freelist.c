/* SPDX-License-Identifier: MIT */
/* Free-list spaces in the world: operations and their model, an array of pages. */
#include "fuzz/spaces_world.h"
#include "mmapper/testing/expect.h"

static struct world_freelist *any_freelist(struct world *world, struct input *input)
{
    return &world->freelists[input_byte(input) % WORLD_FREELISTS];
}

static size_t page_count(const struct world_freelist *freelist)
{
    return freelist_space_pages(freelist->space).bytes / WORLD_PAGE;
}

static uintptr_t page_address(const struct world_freelist *freelist, size_t page)
{
    return freelist_space_pages(freelist->space).start + page * WORLD_PAGE;
}

static void adopt_new(struct world *world, struct world_freelist *freelist,
                      const struct world_placement *placement, size_t chunks)
{
    const struct mm_extent extent = freelist_space_extent(freelist->space);
    const struct mm_extent pages = freelist_space_pages(freelist->space);
    EXPECT_EQ(extent.bytes, chunks * WORLD_CHUNK);
    EXPECT(pages.start > extent.start && pages.bytes > 0);
    EXPECT_EQ(mm_extent_end(pages), mm_extent_end(extent));
    world_expect_placed(world, placement, extent);
    const struct mm_extent table =
        mm_extent_of(extent.start, pages.start - extent.start);
    const struct mm_owner *table_owner = freelist_space_table_owner(freelist->space);
    world_claim(world, table, table_owner);
    world_map_chunks(world, table, table_owner);
    world_claim(world, pages, freelist_space_owner(freelist->space));
    memset(freelist->run, 0, sizeof(freelist->run));
}

/* The chunks of the tables of so few pages: a bin takes an entry of 8 bytes, and each
 * stripe has all of them. */
static size_t table_chunks(unsigned stripes, bool binned)
{
    return binned ? (stripes * 256 * 8 + WORLD_CHUNK) / WORLD_CHUNK : 1;
}

void freelist_create(struct world *world, struct input *input)
{
    struct world_freelist *freelist = any_freelist(world, input);
    if (freelist->space != NULL) {
        return;
    }
    const unsigned shape = input_byte(input);
    const size_t chunks = 2 + shape % 12;
    const struct world_placement placement = world_placement(world, input, chunks, 1);
    freelist->decommits = (shape & 16) != 0;
    freelist->stripes = 1 + (shape >> 5 & 3);
    const bool binned = (shape & 128) != 0;
    const struct freelist_space_options options = {
        .name = "freelist",
        .placement = placement.placement,
        .bytes = chunks * WORLD_CHUNK,
        .page_bytes = WORLD_PAGE,
        .freed = freelist->decommits ? FREELIST_SPACE_DECOMMIT : FREELIST_SPACE_KEEP,
        .policy = binned ? RAW_MEMORY_FREELIST_BINNED : RAW_MEMORY_FREELIST_FIRST_FIT,
        .stripes = freelist->stripes,
    };
    enum mm_status expected = placement.expected;
    if (chunks < table_chunks(freelist->stripes, binned) + freelist->stripes) {
        expected = MM_INVALID_ARGUMENT;
    } else if (expected == MM_OK && world->failing.armed) {
        expected = MM_NO_MEMORY;
    }
    EXPECT_STATUS(
        freelist_space_create(world->mapper, &options, &freelist->space, NULL),
        expected);
    if (expected == MM_OK) {
        adopt_new(world, freelist, &placement, chunks);
    } else {
        EXPECT(freelist->space == NULL);
    }
}

void freelist_destroy(struct world *world, struct world_freelist *freelist)
{
    if (freelist->space == NULL) {
        return;
    }
    const struct mm_extent extent = freelist_space_extent(freelist->space);
    const struct mm_extent pages = freelist_space_pages(freelist->space);
    world_forget(world, mm_extent_of(extent.start, pages.start - extent.start),
                 freelist_space_table_owner(freelist->space));
    world_forget(world, pages, freelist_space_owner(freelist->space));
    EXPECT_OK(freelist_space_destroy(freelist->space, NULL));
    freelist->space = NULL;
}

/* A page belongs to the run that begins at it or before it. */
static bool page_is_used(const struct world_freelist *freelist, size_t page)
{
    for (size_t i = 0; i <= page; i++) {
        if (freelist->run[i] > page - i) {
            return true;
        }
    }
    return false;
}

/* In one stripe. */
static bool has_free_run(const struct world_freelist *freelist, size_t pages)
{
    const size_t chunk_pages = WORLD_CHUNK / WORLD_PAGE;
    const size_t part =
        page_count(freelist) / chunk_pages / freelist->stripes * chunk_pages;
    size_t free = 0;
    for (size_t i = 0; i < page_count(freelist); i++) {
        if (i % part == 0 && i / part < freelist->stripes) {
            free = 0;
        }
        free = page_is_used(freelist, i) ? 0 : free + 1;
        if (free >= pages) {
            return true;
        }
    }
    return false;
}

/* What the space did to its chunks: those in use are mapped, those that are wholly free
 * are not if it decommits, else as they were or, after an attempt, mapped. */
static void look_at_chunks(struct world *world, const struct world_freelist *freelist)
{
    const struct mm_extent pages = freelist_space_pages(freelist->space);
    const struct world_range range = world_range_of(pages);
    for (size_t i = range.first; i < range.first + range.count; i++) {
        const size_t page = (world_extent(i, 1).start - pages.start) / WORLD_PAGE;
        bool used = false;
        for (size_t p = page; p < page + WORLD_CHUNK / WORLD_PAGE; p++) {
            used = used || page_is_used(freelist, p);
        }
        const struct mm_lookup now =
            mmapper_lookup(world->mapper, world_extent(i, 1).start);
        EXPECT(!used || now.state == MM_MAPPED);
        EXPECT(used || !freelist->decommits || now.state == MM_QUARANTINED);
        EXPECT(freelist->decommits || !world->cells[i].mapped ||
               now.state == MM_MAPPED);
        world->cells[i].mapped = now.state == MM_MAPPED;
    }
}

/* Writes or checks the run's own number in its first and last byte. */
static void mark_run(const struct world_freelist *freelist, size_t page, bool check)
{
    unsigned char *p = (unsigned char *)page_address(freelist, page);
    unsigned char *last = p + freelist->run[page] * WORLD_PAGE - 1;
    const unsigned char mark = (unsigned char)(page + 1);
    if (check) {
        EXPECT_EQ(*p, mark);
        EXPECT_EQ(*last, mark);
    } else {
        *p = mark;
        *last = mark;
    }
}

void freelist_allocate(struct world *world, struct input *input)
{
    struct world_freelist *freelist = any_freelist(world, input);
    const size_t pages = input_byte(input) % 24;
    if (freelist->space == NULL) {
        return;
    }
    uintptr_t address = 0;
    const enum mm_status status =
        freelist_space_alloc(freelist->space, pages, &address, NULL);
    if (pages == 0) {
        EXPECT_EQ(status, MM_INVALID_ARGUMENT);
    } else if (!has_free_run(freelist, pages)) {
        EXPECT_EQ(status, MM_NO_SPACE);
    } else if (world->failing.armed) {
        EXPECT(status == MM_OK || status == MM_NO_MEMORY);
    } else {
        EXPECT_EQ(status, MM_OK);
    }
    if (status == MM_OK) {
        const struct mm_extent all = freelist_space_pages(freelist->space);
        EXPECT(mm_extent_contains(all, mm_extent_of(address, pages * WORLD_PAGE)));
        EXPECT(mm_is_aligned(address, WORLD_PAGE));
        const size_t page = (address - all.start) / WORLD_PAGE;
        for (size_t i = page; i < page + pages; i++) {
            EXPECT(!page_is_used(freelist, i));
        }
        freelist->run[page] = pages;
        mark_run(freelist, page, false);
    }
    look_at_chunks(world, freelist);
}

void freelist_free(struct world *world, struct input *input)
{
    struct world_freelist *freelist = any_freelist(world, input);
    const unsigned where = input_byte(input);
    if (freelist->space == NULL) {
        return;
    }
    const size_t page = where % (page_count(freelist) + 1);
    const bool inside = page < page_count(freelist);
    enum mm_status expected = MM_OK;
    if (!inside) {
        expected = MM_OUT_OF_RANGE;
    } else if (freelist->run[page] == 0) {
        expected = MM_WRONG_STATE;
    }
    size_t pages = 0;
    EXPECT_STATUS(freelist_space_free(freelist->space, page_address(freelist, page),
                                      &pages, NULL),
                  expected);
    if (expected == MM_OK) {
        EXPECT_EQ(pages, freelist->run[page]);
        freelist->run[page] = 0;
        look_at_chunks(world, freelist);
    }
}

void freelist_compare(const struct world_freelist *freelist)
{
    if (freelist->space == NULL) {
        return;
    }
    size_t used = 0;
    for (size_t i = 0; i < page_count(freelist); i++) {
        used += freelist->run[i];
        if (freelist->run[i] != 0) {
            mark_run(freelist, i, true);
        }
    }
    const struct freelist_space_usage usage = freelist_space_usage(freelist->space);
    EXPECT_EQ(usage.used_pages, used);
    EXPECT_EQ(usage.free_pages, page_count(freelist) - used);
    EXPECT_EQ(usage.decommit_left, 0);
    EXPECT(freelist_space_verify(freelist->space));
}
