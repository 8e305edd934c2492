/* SPDX-License-Identifier: MIT */
/*
 * A raw memory free list: which of the units [0, size) are free, in a table that lies
 * outside of the heap it describes. A unit is whatever the user numbers that way, a
 * page for instance; the list never touches it.
 *
 *     units   | used | free   | used     | free          |  may grow  |
 *             0      1        4          8             size      max_units
 *
 * Units are in blocks, each used or free; free blocks hang on lists. alloc takes a part
 * of a block that is large enough; free merges with the free blocks on both
 * sides, except across borders that were made uncoalescable. Two policies:
 *
 *   first fit   up to 128 lists (heads), all on one table; alloc takes the first block
 *               of a list that is large enough, its low part. Behaviour, the numbers of
 *               units and heads and the order of the lists are those of MMTk's
 *               RawMemoryFreeList (mmtk-core, June 2026); what is different is that
 *               misuse is an error, that several heads really work, and that alloc knows
 *               the sizes of the free blocks, so that it need not look through them in
 *               vain.
 *   binned      one head, whose list is 256 bins one behind the other, by size: a bin
 *               for each number of units below 64, then eight for each power of two.
 *               alloc takes the first block of the least bin in which all are large
 *               enough, its high part, so that the rest can stay where it is. The cost
 *               does not depend on how many blocks there are, unless only blocks of the
 *               request's own bin may serve it.
 *
 * Costs: 8 bytes of table for each unit of max_units. The whole table is mapped when
 * the list is made, so that no later call can fail for want of memory or asks the OS
 * for anything, but only what is used is ever touched: the two lowest and the highest
 * unit of a block, besides the ends of the table. The handle has 2 KiB for the numbers of
 * free blocks by size. A table for 2^29 units (2 TiB of 4
 * KiB pages) has 4 GiB; give it an unaccounted strategy, or it counts as 4 GiB of
 * committed memory.
 *
 * Not thread-safe: calls on one list, the queries included, are serialised by the
 * caller, as freelist_space does. A child of fork has the parent's list as it was.
 * Statuses: a call that does not return MM_OK changed nothing and wrote no result.
 */
#ifndef SPACES_RAW_MEMORY_FREELIST_H
#define SPACES_RAW_MEMORY_FREELIST_H

#include "mmapper/mmapper.h"
#include "spaces/space_placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct raw_memory_freelist;

enum {
    RAW_MEMORY_FREELIST_MAX_HEADS = 128,
    RAW_MEMORY_FREELIST_MAX_UNITS = (1 << 30) - 130,
    RAW_MEMORY_FREELIST_MAX_BINNED_UNITS = (1 << 30) - 258,
};

/* Which free block serves an alloc. */
enum raw_memory_freelist_policy {
    /* The first on the list of the head that is large enough. */
    RAW_MEMORY_FREELIST_FIRST_FIT = 0,
    /* Good fit: the lists are bins of about the same size, and a block comes from the
     * least bin in which all are large enough. */
    RAW_MEMORY_FREELIST_BINNED,
};

/* No unit: what the walks end with. */
#define RAW_MEMORY_FREELIST_NONE UINT32_MAX

/* A block: its first unit and how many it has. */
struct raw_memory_freelist_block {
    uint32_t unit;
    uint32_t units;
};

struct raw_memory_freelist_shape {
    /* What the table is for: 1 to RAW_MEMORY_FREELIST_MAX_UNITS, for a binned list to
     * RAW_MEMORY_FREELIST_MAX_BINNED_UNITS. */
    uint32_t max_units;
    uint32_t units; /* of those, how many there are at first: free, on head 0 */
    uint32_t grain; /* positive: new units come in blocks cut at its multiples */
    uint32_t heads; /* 1 to RAW_MEMORY_FREELIST_MAX_HEADS; of a binned list 1 */
    enum raw_memory_freelist_policy policy;
};

/* ----------------------------------------------------------------- lifecycle */

/* The bytes of a table for max_units, heads and policy of the shape: 8 for each unit,
 * for each list (a head, or one of 256 bins) and for the end. 0 if there is no such
 * shape. */
size_t raw_memory_freelist_table_bytes(const struct raw_memory_freelist_shape *shape);

struct raw_memory_freelist_options {
    const char *name;            /* of the owner it registers, kind MM_KIND_FREELIST */
    struct mm_strategy strategy; /* of that owner; its backing is MM_BACKING_RESERVED */
    struct space_placement placement; /* of the table, in whole chunks */
    struct raw_memory_freelist_shape shape;
};

/*
 * Makes a list with a table of its own: registers an owner, reserves the table's chunks
 * and maps all of them, with one reservation and one commit. All or nothing, but for
 * one case: when mapping failed and the OS then refuses to take the reservation back
 * (vm.max_map_count), the owner keeps it, quarantined, for the life of the mapper. The
 * initial units run low to high on the list of head 0, a remainder block last. Errors:
 * INVALID_ARGUMENT, those of registering, quarantining and mmapper_ensure_mapped;
 * NO_MEMORY also when there is no memory for the handle.
 */
enum mm_status
raw_memory_freelist_create(struct mmapper *mapper,
                           const struct raw_memory_freelist_options *options,
                           struct raw_memory_freelist **list, struct mm_error *error);

/*
 * Makes a list whose table begins at `extent.start` (a multiple of 8), in chunks that
 * `owner` holds and keeps, and whose contents are zero: fresh ones, as a rule. Maps
 * every chunk that `extent` meets in one call, then goes by create_on. Errors:
 * INVALID_ARGUMENT (also when the table does not fit in the extent), NO_MEMORY, those
 * of mmapper_ensure_mapped.
 */
enum mm_status raw_memory_freelist_create_at(
    struct mmapper *mapper, struct mm_owner *owner, struct mm_extent extent,
    const struct raw_memory_freelist_shape *shape, struct raw_memory_freelist **list,
    struct mm_error *error);

/*
 * Makes a list whose table is in `bytes` bytes at `memory` (a multiple of 8), which the
 * caller provides and keeps: readable, writable and zero; all of it must stay so until
 * the list is destroyed. Errors: INVALID_ARGUMENT, NO_MEMORY.
 */
enum mm_status raw_memory_freelist_create_on(
    void *memory, size_t bytes, const struct raw_memory_freelist_shape *shape,
    struct raw_memory_freelist **list, struct mm_error *error);

/*
 * Forgets the list, and gives back the table and the owner if they are its own
 * (create). After an error (BUSY, NO_MEMORY, OS_ERROR, as mmapper_release) only destroy
 * may be called, again.
 */
enum mm_status raw_memory_freelist_destroy(struct raw_memory_freelist *list,
                                           struct mm_error *error);

/* ---------------------------------------------------------------- operations */

/*
 * Takes `units` (positive) units of a free block that has as many; *unit is the first
 * one. Errors: NO_SPACE when there is no such block, INVALID_ARGUMENT (no units, no such
 * head).
 *
 * First fit: the low part of the first such block of the list of `head`. The rest, if
 * any, becomes the first block of that list. Linear in the blocks in front of
 * it. A failure takes constant time when no free block of any head has `units` units, for
 * requests of 64 and more: nor as many as the least request of the same bin (see above).
 * Where it is in between, and there is one head, the list is looked through in vain once,
 * and again only after a block of that bin with `units` or more units was free meanwhile.
 *
 * Binned: the high part of the first block of the least bin in which all have `units`
 * units. Only if there is none in such bins, of the first that has as many in the bin of
 * `units` itself, which is linear in that bin, and in vain as often as above. All else
 * takes constant time. The rest becomes the first block of its bin, unless it is in it.
 */
enum mm_status raw_memory_freelist_alloc(struct raw_memory_freelist *list,
                                         uint32_t head, uint32_t units, uint32_t *unit);

/*
 * Takes the units [unit, unit + units) if `unit` is the first of a free block of as
 * many or more units, whatever list it is on; the rest becomes the first block of the
 * list of `head`. Constant time. Errors: NO_SPACE when it is not, OUT_OF_RANGE (`unit`
 * is not below the size), INVALID_ARGUMENT (no units, no such head).
 */
enum mm_status raw_memory_freelist_alloc_from_unit(struct raw_memory_freelist *list,
                                                   uint32_t head, uint32_t units,
                                                   uint32_t unit);

/* What a free did. */
struct raw_memory_freelist_freed {
    uint32_t units;                          /* of the block that was freed */
    struct raw_memory_freelist_block merged; /* the free block they are part of now */
};

/*
 * Frees the used block whose first unit is `unit`, merges it with the free blocks on
 * both sides unless an uncoalescable border is in between, and makes the whole the
 * first block of the list of `head`, or of its bin (where a block that grows upwards
 * within its bin keeps its place). A neighbour is merged whichever list it is on:
 * users that keep regions apart by head make the borders of the regions uncoalescable.
 * `freed` may be NULL. Constant time. Errors: WRONG_STATE when no used block begins at
 * `unit` (freed already, or inside of a block), OUT_OF_RANGE (not below the size),
 * INVALID_ARGUMENT (no such head).
 */
enum mm_status raw_memory_freelist_free(struct raw_memory_freelist *list, uint32_t head,
                                        uint32_t unit,
                                        struct raw_memory_freelist_freed *freed);

/*
 * Adds `units` (positive) units at the top, in blocks cut where the unit number is a
 * multiple of the grain (so that the first or last may be partial), in front of the
 * list of `head`, low to high. They are not merged, nor is a border that was set at the
 * old top removed. The new size must be at most one grain, a multiple of the grain, or
 * max_units. Asks nobody for memory: the table is mapped. Linear in the new blocks.
 * Errors: NO_SPACE past max_units, INVALID_ARGUMENT (no units, no such head, a size
 * between grains).
 */
enum mm_status raw_memory_freelist_grow(struct raw_memory_freelist *list, uint32_t head,
                                        uint32_t units);

/*
 * Makes the border between `unit` and the unit below it uncoalescable, or coalescable
 * again (as all are at first). It is a property of the border, not of the blocks there
 * now: alloc, free and grow leave it as it is; inside of a block it waits until blocks
 * meet there. Blocks that are free already are neither split nor merged. `unit` may be
 * the size, the border to what grow adds next. Errors: OUT_OF_RANGE past that.
 */
enum mm_status raw_memory_freelist_set_uncoalescable(struct raw_memory_freelist *list,
                                                     uint32_t unit);
enum mm_status raw_memory_freelist_clear_uncoalescable(struct raw_memory_freelist *list,
                                                       uint32_t unit);

/* ------------------------------------------------------------------- queries */

/* The units there are now, max_units, and the heads. */
uint32_t raw_memory_freelist_size(const struct raw_memory_freelist *list);
uint32_t raw_memory_freelist_max_units(const struct raw_memory_freelist *list);
uint32_t raw_memory_freelist_heads(const struct raw_memory_freelist *list);

/* The units of the block whose first unit is `unit`, used or free; 0 when `unit` is
 * inside of a block or not below the size. */
uint32_t raw_memory_freelist_block_size(const struct raw_memory_freelist *list,
                                        uint32_t unit);

/* Whether `unit` is the first of a free block. */
bool raw_memory_freelist_is_free(const struct raw_memory_freelist *list, uint32_t unit);

/* Whether blocks may merge across the border below `unit`; false past the size. */
bool raw_memory_freelist_is_coalescable(const struct raw_memory_freelist *list,
                                        uint32_t unit);

/* The first unit of the block below the block that begins at `unit` (or below the top,
 * if `unit` is the size); NONE when there is none or no block begins there. */
uint32_t raw_memory_freelist_left(const struct raw_memory_freelist *list,
                                  uint32_t unit);

/* Walks the list of `head` in order: the block behind `unit`, which is free and on that
 * list; from NONE the first one; NONE at the end, and for bad arguments. `previous`
 * walks the other way. Of a binned list: all free blocks, those of small bins first, in a
 * bin those that came there last. */
uint32_t raw_memory_freelist_next(const struct raw_memory_freelist *list, uint32_t head,
                                  uint32_t unit);
uint32_t raw_memory_freelist_previous(const struct raw_memory_freelist *list,
                                      uint32_t head, uint32_t unit);

struct raw_memory_freelist_census {
    uint32_t blocks; /* used and free */
    uint32_t free_blocks;
    uint32_t free_units;
};

/* Walks all blocks and lists. False when they contradict each other, or what the handle
 * knows of their sizes: the table was written to by somebody else. `census` may be NULL,
 * and is good when the result is. */
bool raw_memory_freelist_verify(const struct raw_memory_freelist *list,
                                struct raw_memory_freelist_census *census);

/* The chunks of the table, if they are the list's own (create); else empty, and NULL.
 */
struct mm_extent raw_memory_freelist_extent(const struct raw_memory_freelist *list);
const struct mm_owner *
raw_memory_freelist_owner(const struct raw_memory_freelist *list);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_RAW_MEMORY_FREELIST_H */
