/* SPDX-License-Identifier: MIT */
/*
 * The world of the spaces' fuzz target: one mapper on the real kernel with a window of
 * few small chunks, everything that lives in it, and a naive model of all of it: an
 * array that says of every chunk whose it is and whether it is mapped. Whatever differs
 * from the model aborts.
 */
#ifndef MMAPPER_FUZZ_SPACES_WORLD_H
#define MMAPPER_FUZZ_SPACES_WORLD_H

#include "mmapper/mmapper.h"
#include "spaces/failing_support.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_space.h"
#include "spaces/side_metadata.h"
#include "spaces/space_map.h"
#include "spaces/space_placement.h"

/* Of the free-list spaces: at least a page of the system, of which 64-bit Arm has three
 * sizes. */
#if defined(__aarch64__)
enum { WORLD_LOG_PAGE = 16 };
#else
enum { WORLD_LOG_PAGE = 12 };
#endif

enum {
    WORLD_PAGE = 1 << WORLD_LOG_PAGE,
    WORLD_LOG_CHUNK = WORLD_LOG_PAGE + 1,
    WORLD_CHUNK = 1 << WORLD_LOG_CHUNK,
    WORLD_CHUNKS = 48,
    WORLD_IMMORTALS = 3,
    WORLD_PIECES = 24, /* remembered of each immortal space */
    WORLD_METADATA = 2,
    WORLD_TABLES = 3,
    WORLD_VALUES = 24, /* remembered of each side metadata */
    WORLD_SLOTS = 6,
    WORLD_FREELISTS = 2,
    WORLD_PAGES = WORLD_CHUNKS * (WORLD_CHUNK / WORLD_PAGE),
    WORLD_OWNERS = 2, /* of slots, and of raw memory */
};

/* Ends of the window that sanitizers leave alone. */
#define WORLD_BASE UINT64_C(0x7e8000000000)

/* The unit's bytes; zeroes when they run out. */
struct input {
    const uint8_t *data;
    size_t left;
};

/* What the model says of a chunk. */
struct cell {
    const struct mm_owner *owner; /* NULL: nobody's */
    bool mapped;
};

struct piece {
    uintptr_t start;
    size_t bytes;
    uint8_t tag; /* in its first and last byte */
};

struct world_immortal {
    struct immortal_space *space; /* NULL: does not exist */
    uintptr_t cursor;
    size_t pieces;
    struct piece piece[WORLD_PIECES];
};

struct world_value {
    unsigned table;
    size_t index;
    uint64_t value;
};

struct world_metadata {
    struct side_metadata *metadata; /* NULL: does not exist */
    unsigned tables;
    struct side_metadata_table table[WORLD_TABLES];
    uintptr_t start[WORLD_TABLES]; /* where each table should be */
    size_t values;
    struct world_value value[WORLD_VALUES];
};

struct world_freelist {
    struct freelist_space *space; /* NULL: does not exist */
    bool decommits;
    unsigned stripes;
    size_t run[WORLD_PAGES]; /* pages of the run that begins at this page; 0: none */
};

struct world_map {
    struct space_map *map; /* NULL: does not exist */
    unsigned slots;
    size_t slot_chunks;
    size_t first; /* chunk */
    uintptr_t space[WORLD_SLOTS];
    const struct mm_owner *owner[WORLD_SLOTS];
};

struct world {
    struct failing_support failing;
    struct mmapper *mapper;
    struct cell cells[WORLD_CHUNKS];
    struct world_immortal immortals[WORLD_IMMORTALS];
    struct world_metadata metadata[WORLD_METADATA];
    struct world_freelist freelists[WORLD_FREELISTS];
    struct world_map map;
    struct mm_owner *slot_owners[WORLD_OWNERS];
    struct mm_owner *raw_owners[WORLD_OWNERS];
};

/* ------------------------------------------------------------------- input */

unsigned input_byte(struct input *input);
/* Two bytes. */
unsigned input_word(struct input *input);

/* ------------------------------------------------------------------- model */

/* Chunks [first, first + count), as an extent and back (rounded outwards). */
struct mm_extent world_extent(size_t first, size_t count);
struct world_range {
    size_t first;
    size_t count;
};
struct world_range world_range_of(struct mm_extent extent);

/* Chunks that were nobody's are the owner's, quarantined. */
void world_claim(struct world *world, struct mm_extent extent,
                 const struct mm_owner *owner);
/* Chunks that were the owner's are nobody's. */
void world_forget(struct world *world, struct mm_extent extent,
                  const struct mm_owner *owner);
/* Chunks that are the owner's, rounded outwards, are mapped. */
void world_map_chunks(struct world *world, struct mm_extent extent,
                      const struct mm_owner *owner);
/* After an error of a monotone call on `extent`: takes over what it did get done, which
 * can only be chunks of the extent that went forward for the owner. */
void world_take_over(struct world *world, struct mm_extent extent,
                     const struct mm_owner *owner);
/* Whether all chunks that `extent` meets are mapped. */
bool world_is_mapped(const struct world *world, struct mm_extent extent);
/* Whether all of these chunks are in the window and nobody's. */
bool world_is_free(const struct world *world, size_t first, size_t count);

/* A placement from the unit, and what must come of it for `chunks` chunks. */
struct world_placement {
    struct space_placement placement;
    enum mm_status expected;
};
struct world_placement world_placement(const struct world *world, struct input *input,
                                       size_t chunks, size_t least_alignment);
/* The extent that a placement found is one that it may find. */
void world_expect_placed(const struct world *world,
                         const struct world_placement *placement,
                         struct mm_extent extent);

void world_begin(struct world *world);
/* Compares all that is observable with the model. */
void world_compare(const struct world *world);
/* Destroys everything; nothing may be left. */
void world_end(struct world *world);

/* -------------------------------------------------------------- operations */

void immortal_create(struct world *world, struct input *input);
void immortal_destroy(struct world *world, struct world_immortal *immortal);
void immortal_allocate(struct world *world, struct input *input);
void immortal_compare(const struct world_immortal *immortal);

void metadata_create(struct world *world, struct input *input);
void metadata_destroy(struct world *world, struct world_metadata *metadata);
void metadata_map(struct world *world, struct input *input);
void metadata_store(struct world *world, struct input *input);
void metadata_compare(const struct world_metadata *metadata);

void freelist_create(struct world *world, struct input *input);
void freelist_destroy(struct world *world, struct world_freelist *freelist);
void freelist_allocate(struct world *world, struct input *input);
void freelist_free(struct world *world, struct input *input);
void freelist_compare(const struct world_freelist *freelist);

void map_create(struct world *world, struct input *input);
void map_destroy(struct world *world);
void map_take(struct world *world, struct input *input);
void map_give_back(struct world *world, struct input *input);
void map_compare(const struct world *world);

void raw_ensure_mapped(struct world *world, struct input *input);
void raw_release(struct world *world, struct input *input);

#endif /* MMAPPER_FUZZ_SPACES_WORLD_H */
