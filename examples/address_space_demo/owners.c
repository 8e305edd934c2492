/* SPDX-License-Identifier: MIT */
/*
 * What a runtime has: a heap, immortal objects, a free-list space with side metadata, code,
 * an image that it mapped before there was a mapper, and a range for a library that maps
 * on its own.
 */
#include <string.h>

#include "examples/address_space_demo/demo.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_space.h"
#include "spaces/side_metadata.h"

static struct mm_owner *add_owner(struct mmapper *mapper, const char *name,
                                  enum mm_kind kind, struct mm_strategy strategy)
{
    const struct mm_owner_options options = {
        .name = name, .kind = kind, .strategy = strategy};
    struct mm_owner *owner;
    struct mm_error error;
    DEMAND(mmapper_register_owner(mapper, &options, &owner, &error), &error);
    return owner;
}

/* 1 GiB, of which every fourth group of chunks is memory, and most of that in use. */
static struct mm_extent add_heap(struct mmapper *mapper)
{
    struct mm_owner *heap =
        add_owner(mapper, "heap", MM_KIND_SPACE, (struct mm_strategy){0});
    const size_t chunk = mmapper_chunk_bytes(mapper);
    struct mm_extent extent;
    struct mm_error error;
    DEMAND(mmapper_quarantine_anywhere(mapper, heap, GIB, 0, &extent, &error), &error);
    for (size_t at = 0; at < extent.bytes / 2; at += 16 * chunk) {
        const struct mm_extent part = mm_extent_of(extent.start + at, 4 * chunk);
        DEMAND(mmapper_ensure_mapped(mapper, heap, part, &error), &error);
        memset((void *)part.start, 1, part.bytes / 2);
    }
    return extent;
}

static void add_immortal(struct mmapper *mapper)
{
    const struct immortal_space_options options = {
        .name = "objects",
        .strategy = {.accounting = MM_UNACCOUNTED, .commit_ahead = 64},
        .mapping = IMMORTAL_ON_DEMAND,
        .placement = {.rule = SPACE_PREFERRED, .start = 32 * TIB},
        .bytes = 2 * TIB,
    };
    struct immortal_space *space;
    struct mm_error error;
    uintptr_t address;
    DEMAND(immortal_space_create(mapper, &options, &space, &error), &error);
    for (size_t i = 0; i < 40; i++) {
        DEMAND(immortal_space_alloc(space, MIB, 16, &address, &error), &error);
        memset((void *)address, 1, MIB);
    }
}

/* Some nodes are in use, and a byte of metadata for each page of them. */
static void add_nodes(struct mmapper *mapper)
{
    const struct freelist_space_options options = {
        .name = "nodes",
        .placement = {.rule = SPACE_PREFERRED, .start = 40 * TIB},
        .bytes = 512 * MIB,
        .freed = FREELIST_SPACE_DECOMMIT,
    };
    static const struct side_metadata_table tables[] = {
        {.log_data_bytes = 12, .log_bits = 3}};
    struct freelist_space *space;
    struct side_metadata *marks;
    struct mm_error error;
    uintptr_t runs[24];
    DEMAND(freelist_space_create(mapper, &options, &space, &error), &error);
    for (size_t i = 0; i < 24; i++) {
        DEMAND(freelist_space_alloc(space, 1024, &runs[i], &error), &error);
        memset((void *)runs[i], 1, 4096);
    }
    for (size_t i = 0; i < 24; i += 3) {
        DEMAND(freelist_space_free(space, runs[i], NULL, &error), &error);
    }
    const struct side_metadata_options metadata = {.name = "marks",
                                                   .table_count = 1,
                                                   .data = freelist_space_pages(space),
                                                   .tables = tables};
    DEMAND(side_metadata_create(mapper, &metadata, &marks, &error), &error);
    DEMAND(side_metadata_map(marks, mm_extent_of(runs[1], 1024 * 4096), &error),
           &error);
    DEMAND(side_metadata_store(marks, 0, runs[1], 1), NULL);
}

static void add_code(struct mmapper *mapper)
{
    struct mm_owner *code =
        add_owner(mapper, "code cache", MM_KIND_MISC,
                  (struct mm_strategy){.protection = MM_PROTECTION_RWX});
    struct mm_extent extent;
    struct mm_error error;
    DEMAND(mmapper_quarantine_anywhere(mapper, code, 64 * MIB, 0, &extent, &error),
           &error);
    extent.bytes = 16 * MIB;
    DEMAND(mmapper_ensure_mapped(mapper, code, extent, &error), &error);
    memset((void *)extent.start, 0xcc, MIB);
}

static void add_external(struct mmapper *mapper)
{
    const struct mm_strategy external = {.backing = MM_BACKING_EXTERNAL};
    struct mm_owner *image =
        add_owner(mapper, "boot image", MM_KIND_RUNTIME_IMAGE, external);
    struct mm_owner *library =
        add_owner(mapper, "compiler arena", MM_KIND_MISC, external);
    const size_t chunk = mmapper_chunk_bytes(mapper);
    struct mm_error error;
    DEMAND(mmapper_adopt(mapper, image, foreign_map(2 * chunk, chunk), &error), &error);
    const struct mm_extent arena = mm_extent_of(48 * TIB, GIB);
    DEMAND(mmapper_exclude(mapper, library, arena, &error), &error);
    foreign_map_in(mm_extent_of(arena.start + 8 * chunk, 4 * chunk));
}

void lay_out(struct mmapper *mapper, struct layout *layout)
{
    add_external(mapper);
    layout->heap = add_heap(mapper);
    add_immortal(mapper);
    add_nodes(mapper);
    add_code(mapper);
}
