/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_table.h"

#include "mmapper/check.h"

/* ---------------------------------------------------------------- entries */

static void set_next(struct freelist_table *table, uint32_t index, uint32_t next)
{
    uint32_t *hi = &table->entries[index].hi;
    *hi = (*hi & ~FREELIST_VALUE) | next;
}

static void set_previous(struct freelist_table *table, uint32_t index,
                         uint32_t previous)
{
    uint32_t *lo = &table->entries[index].lo;
    *lo = (*lo & ~FREELIST_VALUE) | previous;
}

static void set_sentinel(struct freelist_table *table, uint32_t index)
{
    table->entries[index].lo = index;
    table->entries[index].hi = FREELIST_START | index;
}

/* Writes all of a block but the low word of its first unit. */
static void set_block(struct freelist_table *table, struct freelist_block block,
                      uint32_t next)
{
    struct freelist_entry *first = &table->entries[block.index];
    if (block.size == 1) {
        first[0].hi = FREELIST_START | next;
        return;
    }
    first[0].hi = FREELIST_START | FREELIST_MULTI | next;
    first[1].hi = block.size;
    first[block.size - 1].hi = block.size;
}

static void set_used(struct freelist_table *table, uint32_t index)
{
    table->entries[index].lo &= FREELIST_BORDER;
}

/* The block at `index` becomes a part of the one on its left; so there is no border
 * that would have to stay. */
static void clear_start(struct freelist_table *table, uint32_t index)
{
    table->entries[index] = (struct freelist_entry){0};
}

void freelist_table_set_border(struct freelist_table *table, uint32_t index,
                               bool border)
{
    uint32_t *lo = &table->entries[index].lo;
    *lo = border ? *lo | FREELIST_BORDER : *lo & ~FREELIST_BORDER;
}

/* The block at `index`, which is a START entry. A stray store into the table must end
 * here and not hand out or merge units that are somebody else's: both copies of the size
 * say the same, and it ends in the table. */
static struct freelist_block checked_block(const struct freelist_table *table,
                                           uint32_t index)
{
    const struct freelist_block block = {index, freelist_size(table, index)};
    MM_CHECK(block.size > 0 && block.size <= table->end - index);
    MM_CHECK(block.size == 1 ||
             table->entries[index + block.size - 1].hi == block.size);
    return block;
}

/* ------------------------------------------------------------------ lists */

/* The place of a free block on a list: between these two. */
struct place {
    uint32_t previous;
    uint32_t next;
};

static struct place place_of(const struct freelist_table *table, uint32_t index)
{
    const struct place place = {freelist_previous(table, index),
                                freelist_next(table, index)};
    /* The table is ordinary memory, next to what its users write: a stray store must
     * end here and not hand out the same unit twice. */
    MM_CHECK(place.next < table->end && place.previous < table->end);
    MM_CHECK(freelist_previous(table, place.next) == index &&
             freelist_next(table, place.previous) == index);
    return place;
}

static void unlink_free(struct freelist_table *table, struct place place)
{
    set_next(table, place.previous, place.next);
    set_previous(table, place.next, place.previous);
}

/* Writes a free block and makes it the first of a list, with `next` behind it. */
static void link_free(struct freelist_table *table, struct freelist_block block,
                      uint32_t sentinel, uint32_t next)
{
    struct freelist_entry *entries = table->entries;
    set_block(table, block, next);
    entries[block.index].lo =
        (entries[block.index].lo & FREELIST_BORDER) | FREELIST_FREE | sentinel;
    entries[sentinel].hi = FREELIST_START | block.index;
    set_previous(table, next, block.index);
}

static void add_free(struct freelist_table *table, uint32_t head,
                     struct freelist_block block)
{
    const unsigned class = freelist_class_of(block.size);
    const uint32_t sentinel = freelist_sentinel_for(table, head, class);
    freelist_sizes_add(&table->sizes, class, block.size);
    link_free(table, block, sentinel, freelist_next(table, sentinel));
}

/* Takes a free block off its list. */
static void remove_free(struct freelist_table *table, struct freelist_block block)
{
    unlink_free(table, place_of(table, block.index));
    freelist_sizes_remove(&table->sizes, freelist_class_of(block.size));
}

/* Replaces the free block `old` by one of which it is a part, or that is a part of it.
 * That becomes the first of its list, as a rule where `old` was already: then their
 * neighbours stay what they are. */
static void replace_free(struct freelist_table *table, uint32_t head,
                         struct freelist_block old, struct freelist_block block)
{
    const unsigned class = freelist_class_of(block.size);
    freelist_sizes_change(&table->sizes, freelist_class_of(old.size), class,
                          block.size);
    const struct place place = place_of(table, old.index);
    const uint32_t sentinel = freelist_sentinel_for(table, head, class);
    uint32_t next = place.next;
    if (place.previous != sentinel) {
        unlink_free(table, place);
        next = freelist_next(table, sentinel);
    }
    if (old.index > block.index) {
        clear_start(table, old.index);
    }
    link_free(table, block, sentinel, next);
}

/* Changes the size of the free block `old`, whose first unit stays what it is. In its
 * bin it keeps its place: nothing but the size is written. */
static inline void resize_free(struct freelist_table *table, uint32_t head,
                               struct freelist_block old, uint32_t size)
{
    const struct freelist_block block = {old.index, size};
    const unsigned class = freelist_class_of(size);
    if (table->binned && freelist_class_of(old.size) == class) {
        /* The links are not followed; its size was looked at by checked_block. */
        MM_CHECK(freelist_is_free(table, old.index));
        freelist_sizes_change(&table->sizes, class, class, size);
        set_block(table, block, freelist_next(table, old.index));
    } else {
        replace_free(table, head, old, block);
    }
}

/* ------------------------------------------------------------------ steps */

void freelist_table_initialise(struct freelist_table *table,
                               struct freelist_entry *entries, uint32_t lists,
                               bool binned)
{
    table->entries = entries;
    table->lists = lists;
    table->end = lists;
    table->binned = binned;
    for (uint32_t index = 0; index <= lists; index++) {
        set_sentinel(table, index);
    }
}

void freelist_table_extend(struct freelist_table *table, uint32_t head, uint32_t units,
                           uint32_t grain)
{
    const uint32_t old_units = table->end - table->lists;
    uint32_t above = old_units + units;
    /* The old sentinel becomes the first new unit; a border below it stays. */
    table->end += units;
    set_sentinel(table, table->end);
    while (above > old_units) {
        const uint32_t cut = (above - 1) - (above - 1) % grain;
        const uint32_t unit = cut > old_units ? cut : old_units;
        const struct freelist_block block = {table->lists + unit, above - unit};
        add_free(table, head, block);
        above = unit;
    }
}

/* The first block of `size` or more units on a list; 0 if none. */
static uint32_t search(const struct freelist_table *table, uint32_t sentinel,
                       uint32_t size)
{
    uint32_t index = freelist_next(table, sentinel);
    while (index != sentinel && freelist_size(table, index) < size) {
        index = freelist_next(table, index);
    }
    return index == sentinel ? 0 : index;
}

/* A free block of `size` or more units, when the first one of the first-fit list of `head`
 * does not do; 0 if there is none. */
static uint32_t find_by_sizes(struct freelist_table *table, uint32_t head,
                              uint32_t size)
{
    struct freelist_sizes *sizes = &table->sizes;
    if (size >= table->end) {
        return 0; /* more than can be, perhaps more than the classes are for */
    }
    const unsigned class = freelist_sizes_next(sizes, freelist_class_for(size));
    if (table->binned && class < FREELIST_CLASSES) {
        const uint32_t index = freelist_next(table, freelist_sentinel(table, class));
        MM_CHECK(index >= table->lists); /* there is a block */
        return index;
    }
    const unsigned own = freelist_class_of(size);
    if (class == FREELIST_CLASSES && sizes->classes[own].largest < size) {
        return 0;
    }
    const uint32_t index = search(table, freelist_sentinel_for(table, head, own), size);
    /* Has it seen all blocks of the class? One list of several has not. */
    if (index == 0 && (table->binned || table->lists == 1)) {
        sizes->classes[own].largest = size - 1;
    }
    return index;
}

static uint32_t find(struct freelist_table *table, uint32_t head, uint32_t size)
{
    if (!table->binned) {
        /* A sentinel has one unit, so this one must not be taken for a block. */
        const uint32_t first = freelist_next(table, freelist_sentinel(table, head));
        if (first >= table->lists && freelist_size(table, first) >= size) {
            return first;
        }
    }
    return find_by_sizes(table, head, size);
}

void freelist_table_take(struct freelist_table *table, uint32_t head, uint32_t index,
                         uint32_t size)
{
    const struct freelist_block whole = checked_block(table, index);
    if (whole.size == size) {
        remove_free(table, whole);
    } else {
        replace_free(table, head, whole,
                     (struct freelist_block){index + size, whole.size - size});
        set_block(table, (struct freelist_block){index, size}, 0);
    }
    set_used(table, index);
}

/* Takes the high `size` units of a free block that has more. */
static uint32_t take_high(struct freelist_table *table, struct freelist_block whole,
                          uint32_t size)
{
    const uint32_t rest = whole.size - size;
    const struct freelist_block taken = {whole.index + rest, size};
    resize_free(table, 0, whole, rest);
    set_block(table, taken, 0);
    set_used(table, taken.index);
    return taken.index;
}

uint32_t freelist_table_alloc(struct freelist_table *table, uint32_t head,
                              uint32_t size)
{
    const uint32_t index = find(table, head, size);
    if (index == 0) {
        return 0;
    }
    MM_CHECK(index >= table->lists && index < table->end); /* as in place_of */
    if (table->binned) {
        const struct freelist_block whole = checked_block(table, index);
        MM_CHECK(whole.size >= size);
        if (whole.size > size) {
            return take_high(table, whole, size);
        }
    }
    freelist_table_take(table, head, index, size);
    return index;
}

struct freelist_block freelist_table_give(struct freelist_table *table, uint32_t head,
                                          uint32_t index)
{
    struct freelist_block block = checked_block(table, index);
    struct freelist_block right = {index + block.size, 0};
    if (freelist_may_merge(table, right.index)) {
        right = checked_block(table, right.index);
        block.size += right.size;
    }
    const uint32_t first =
        freelist_has_border(table, index) ? index : freelist_left(table, index);
    if (first != index && freelist_is_free(table, first)) {
        const struct freelist_block left = checked_block(table, first);
        MM_CHECK(left.size == index - first);
        if (right.size > 0) {
            remove_free(table, right);
            clear_start(table, right.index);
        }
        clear_start(table, index);
        block = (struct freelist_block){first, left.size + block.size};
        resize_free(table, head, left, block.size);
    } else if (right.size > 0) {
        replace_free(table, head, right, block);
    } else {
        add_free(table, head, block);
    }
    return block;
}
