/* SPDX-License-Identifier: MIT */
/*
 * O7: spaces touch no memory that they do not use. The windows of programs are too small
 * to see that page by page, so once the spaces are made on the real kernel, with tables
 * of many pages, and it is counted what became resident. Nothing of it depends on the
 * schedule; what was good once in this process is good.
 */
#include <sys/prctl.h>

#include "mmapper/testing/residency.h"
#include "stress/explore/spaces.h"

enum {
    PROBE_BYTES = 256 * 1024 * 1024,
    FREELIST_MOST = 8, /* ends of the table, of 128 pages, and of its blocks */
};
#define PROBE_BASE (WORLD_BASE + (UINT64_C(1) << 36))

static const struct mm_strategy unaccounted = {.accounting = MM_UNACCOUNTED};

static size_t resident(struct mm_extent extent)
{
    return resident_pages(extent.start, extent.bytes);
}

static void expect(struct world *world, const char *space, size_t found, size_t most)
{
    if (found > most) {
        world_fail(world, ORACLE_O7, "%s touches %zu pages, and uses %zu", space, found,
                   most);
    }
}

/* A look that was not made must not pass for one that found nothing. */
static bool require(struct world *world, const char *what, enum mm_status status)
{
    if (status != MM_OK) {
        world_fail(world, ORACLE_O7, "%s, to look at real memory: %s", what,
                   mm_status_name(status));
    }
    return status == MM_OK;
}

static void probe_freelist(struct world *world, struct mmapper *mapper)
{
    const struct freelist_space_options options = {
        .name = "probe",
        .strategy = unaccounted,
        .bytes = PROBE_BYTES,
        .page_bytes = SPACES_PAGE,
    };
    struct freelist_space *space;
    uintptr_t low;
    uintptr_t high;
    if (!require(world, "making a free list",
                 freelist_space_create(mapper, &options, &space, NULL))) {
        return;
    }
    const struct mm_extent extent = freelist_space_extent(space);
    expect(world, "a free list", resident(extent), FREELIST_MOST);
    const size_t all = freelist_space_pages(space).bytes / SPACES_PAGE;
    if (require(world, "allocating pages",
                freelist_space_alloc(space, 1, &low, NULL)) &&
        require(world, "allocating pages",
                freelist_space_alloc(space, all - 2, &high, NULL))) {
        (void)freelist_space_free(space, high, NULL, NULL);
        (void)freelist_space_free(space, low, NULL, NULL);
    }
    expect(world, "a free list", resident(extent), FREELIST_MOST);
    (void)freelist_space_destroy(space, NULL);
}

static void probe_immortal(struct world *world, struct mmapper *mapper)
{
    const struct immortal_space_options options = {.name = "probe",
                                                   .strategy = unaccounted,
                                                   .bytes = PROBE_BYTES,
                                                   .mapping = IMMORTAL_EAGER};
    struct immortal_space *space;
    uintptr_t address;
    if (!require(world, "making an immortal space",
                 immortal_space_create(mapper, &options, &space, NULL))) {
        return;
    }
    (void)require(world, "allocating",
                  immortal_space_alloc(space, PROBE_BYTES / 2, 0, &address, NULL));
    expect(world, "an immortal space", resident(immortal_space_extent(space)), 0);
    (void)immortal_space_destroy(space, NULL);
}

static void probe_metadata(struct world *world, struct mmapper *mapper)
{
    static const struct side_metadata_table table = {4, 3};
    const struct mm_extent data = mm_extent_of(SPACES_DATA, (size_t)PROBE_BYTES * 8);
    const struct side_metadata_options options = {.name = "probe",
                                                  .strategy = unaccounted,
                                                  .data = data,
                                                  .tables = &table,
                                                  .table_count = 1};
    struct side_metadata *metadata;
    if (!require(world, "making side metadata",
                 side_metadata_create(mapper, &options, &metadata, NULL))) {
        return;
    }
    if (require(world, "mapping metadata", side_metadata_map(metadata, data, NULL))) {
        (void)side_metadata_store(metadata, 0, data.start + data.bytes / 2, 1);
        expect(world, "side metadata", resident(side_metadata_extent(metadata)), 1);
    }
    (void)side_metadata_destroy(metadata, NULL);
}

void spaces_probe(struct world *world)
{
    const struct mmapper_options options = {
        .base = PROBE_BASE, .limit = PROBE_BASE + 4 * (size_t)PROBE_BYTES};
    static unsigned good; /* spaces */
    const struct mmap_support support = mmap_support_linux();
    struct mmapper *mapper;
    /* One touch would make 512 pages resident where huge pages come unasked. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    if ((world->program->spaces & ~good) == 0 ||
        !require(world, "making a mapper",
                 mmapper_create(&options, &support, &mapper, NULL))) {
        return;
    }
    if (world->spaces->freelist != NULL) {
        probe_freelist(world, mapper);
    }
    if (world->spaces->immortal != NULL) {
        probe_immortal(world, mapper);
    }
    if (world->spaces->metadata != NULL) {
        probe_metadata(world, mapper);
    }
    (void)mmapper_destroy(mapper, NULL);
    if (world->failed == ORACLE_NONE) {
        good |= world->program->spaces;
    }
}
