/* SPDX-License-Identifier: MIT */
/*
 * The table of a raw memory free list: its format and the steps on it. Private to
 * raw_memory_freelist, which checks every argument before it comes here; nothing here
 * asks the operating system for anything.
 *
 * One entry of two 32-bit words per unit:
 *
 *              31      30         29 ... 0
 *     lo      FREE   BORDER      previous      of a block's first unit
 *     hi      START  MULTI       next          of a block's first unit
 *     hi        0      0         size          of the second and the last unit of a
 *                                              block that has several
 *
 *     entries   | sentinel of list n-1 ... sentinel of list 0 | unit 0 ... | sentinel |
 *     index       0                        n-1                  n            end
 *
 * - START is set in the first unit of every block and in the sentinels, and in no other
 *   entry. It is kept by whoever begins or ends a block there, so a unit inside of a
 *   block is told from a first one without writing to it: a list for 2^29 units touches
 *   the ends of its blocks, no more. An untouched (zero) entry is inside of a block.
 * - FREE, previous, next and MULTI mean something only beside START.
 * - BORDER belongs to the border between a unit and the one below it, not to a block:
 *   blocks are not merged across it. It outlives every other change of the entry.
 * - Links are indexes of entries, so the sentinel that ends a list is named exactly,
 * and a block can be taken off a list without knowing which of the lists it hangs on.
 * - The sentinels look like used blocks of one unit: merging stops there by itself.
 *
 * A policy is two choices. Which list a free block belongs on: that of the head which
 * the caller names, or, where the table is binned, that of the block's class of sizes;
 * and which block serves a request (freelist_table_alloc). The rest is the same: one
 * format, one set of steps, one summary of the sizes.
 */
#ifndef SPACES_FREELIST_TABLE_H
#define SPACES_FREELIST_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spaces/freelist_sizes.h"

struct freelist_entry {
    uint32_t lo;
    uint32_t hi;
};

_Static_assert(sizeof(struct freelist_entry) == 8, "an entry is two words");

struct freelist_table {
    struct freelist_entry *entries;
    uint32_t lists; /* heads or bins; the index of unit 0 as well */
    uint32_t end;   /* the index of the bottom sentinel */
    bool binned;    /* list c has the free blocks of class c; else a list is a head's */
    struct freelist_sizes sizes; /* of the free blocks on all lists */
};

#define FREELIST_FREE (UINT32_C(1) << 31)   /* of lo */
#define FREELIST_BORDER (UINT32_C(1) << 30) /* of lo */
#define FREELIST_START (UINT32_C(1) << 31)  /* of hi */
#define FREELIST_MULTI (UINT32_C(1) << 30)  /* of hi */
#define FREELIST_VALUE (FREELIST_BORDER - 1)

/* A block: the index of its first unit and how many units it has. */
struct freelist_block {
    uint32_t index;
    uint32_t size;
};

static inline uint32_t freelist_sentinel(const struct freelist_table *table,
                                         uint32_t list)
{
    return table->lists - 1 - list;
}

/* The list whose sentinel is at `index`. */
static inline uint32_t freelist_list(const struct freelist_table *table, uint32_t index)
{
    return table->lists - 1 - index;
}

/* The sentinel of the list on which free blocks of a class belong. */
static inline uint32_t freelist_sentinel_for(const struct freelist_table *table,
                                             uint32_t head, unsigned class)
{
    return freelist_sentinel(table, table->binned ? class : head);
}

static inline bool freelist_is_start(const struct freelist_table *table, uint32_t index)
{
    return (table->entries[index].hi & FREELIST_START) != 0;
}

/* From here on down to freelist_left, `index` is that of a START entry. */

static inline bool freelist_is_free(const struct freelist_table *table, uint32_t index)
{
    return (table->entries[index].lo & FREELIST_FREE) != 0;
}

static inline uint32_t freelist_next(const struct freelist_table *table, uint32_t index)
{
    return table->entries[index].hi & FREELIST_VALUE;
}

static inline uint32_t freelist_previous(const struct freelist_table *table,
                                         uint32_t index)
{
    return table->entries[index].lo & FREELIST_VALUE;
}

static inline uint32_t freelist_size(const struct freelist_table *table, uint32_t index)
{
    return (table->entries[index].hi & FREELIST_MULTI) == 0
               ? 1
               : table->entries[index + 1].hi & FREELIST_VALUE;
}

/* The first unit of the block that ends where the one at `index` starts; a sentinel for
 * unit 0. */
static inline uint32_t freelist_left(const struct freelist_table *table, uint32_t index)
{
    const uint32_t hi = table->entries[index - 1].hi;
    return (hi & FREELIST_START) != 0 ? index - 1 : index - (hi & FREELIST_VALUE);
}

/* Any entry between the sentinels, and the bottom one. */
static inline bool freelist_has_border(const struct freelist_table *table,
                                       uint32_t index)
{
    return (table->entries[index].lo & FREELIST_BORDER) != 0;
}

/* Whether the block at `index` is free and may merge with the one on its left. */
static inline bool freelist_may_merge(const struct freelist_table *table,
                                      uint32_t index)
{
    return (table->entries[index].lo & (FREELIST_FREE | FREELIST_BORDER)) ==
           FREELIST_FREE;
}

void freelist_table_set_border(struct freelist_table *table, uint32_t index,
                               bool border);

/* `head` is one of the lists; in a binned table, which chooses itself, it is not looked
 * at. */

/* Writes the sentinels of a table without units into zero memory; `table` is zero. */
void freelist_table_initialise(struct freelist_table *table,
                               struct freelist_entry *entries, uint32_t lists,
                               bool binned);

/* Adds `units` units (0: none), cut where the unit number is a multiple of `grain`, to
 * the list of `head`, in front of what it has, low to high. */
void freelist_table_extend(struct freelist_table *table, uint32_t head, uint32_t units,
                           uint32_t grain);

/* Takes the low `size` units of the free block at `index`, which has as many or more,
 * off its list. The rest goes to the front of the list of `head`. */
void freelist_table_take(struct freelist_table *table, uint32_t head, uint32_t index,
                         uint32_t size);

/*
 * Takes `size` (positive) units of a free block of as many or more, and returns their
 * index; 0 if there is none. First fit: the low part of the first one on the list of
 * `head`. Binned, good fit: the high part of the first one of the least class in which
 * all blocks fit, else of the first one that fits in the class of `size` itself.
 */
uint32_t freelist_table_alloc(struct freelist_table *table, uint32_t head,
                              uint32_t size);

/* Merges the used block at `index` with its free neighbours, unless a border is in
 * between, and puts the whole, which it returns, to the front of the list of `head`. */
struct freelist_block freelist_table_give(struct freelist_table *table, uint32_t head,
                                          uint32_t index);

/* Walks of the free blocks on a list, of all of them where the table is binned: begun at
 * the sentinel of list 0 or of the head, ended by a sentinel. */
uint32_t freelist_table_next(const struct freelist_table *table, uint32_t index);
uint32_t freelist_table_previous(const struct freelist_table *table, uint32_t index);

struct freelist_census {
    uint32_t blocks;
    uint32_t free_blocks;
    uint32_t free_units;
};

/* Walks all blocks and all lists; false when they or the summary of the sizes
 * contradict each other. */
bool freelist_table_verify(const struct freelist_table *table,
                           struct freelist_census *census);

#endif /* SPACES_FREELIST_TABLE_H */
