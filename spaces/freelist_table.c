/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_table.h"

#include "mmapper/check.h"

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

/* Its links are left open: whoever frees it writes them. */
static void set_block(struct freelist_table *table, struct freelist_block block)
{
    struct freelist_entry *first = &table->entries[block.index];
    if (block.size == 1) {
        first[0].hi = FREELIST_START;
        return;
    }
    first[0].hi = FREELIST_START | FREELIST_MULTI;
    first[1].hi = block.size;
    first[block.size - 1].hi = block.size;
}

/* The block at `index` becomes a part of the one on its left; so there is no border
 * that would have to stay. */
static void clear_start(struct freelist_table *table, uint32_t index)
{
    table->entries[index] = (struct freelist_entry){0};
}

static void push_free(struct freelist_table *table, uint32_t head, uint32_t index)
{
    const uint32_t sentinel = freelist_sentinel(table, head);
    const uint32_t next = freelist_next(table, sentinel);
    table->entries[index].lo |= FREELIST_FREE;
    set_previous(table, index, sentinel);
    set_next(table, index, next);
    set_next(table, sentinel, index);
    set_previous(table, next, index);
}

static void unlink_free(struct freelist_table *table, uint32_t index)
{
    const uint32_t next = freelist_next(table, index);
    const uint32_t previous = freelist_previous(table, index);
    /* The table is ordinary memory, next to what its users write: a stray store must
     * end here and not hand out the same unit twice. */
    MM_CHECK(next < table->end && previous < table->end);
    MM_CHECK(freelist_previous(table, next) == index &&
             freelist_next(table, previous) == index);
    set_next(table, previous, next);
    set_previous(table, next, previous);
}

void freelist_table_set_border(struct freelist_table *table, uint32_t index,
                               bool border)
{
    uint32_t *lo = &table->entries[index].lo;
    *lo = border ? *lo | FREELIST_BORDER : *lo & ~FREELIST_BORDER;
}

void freelist_table_initialise(struct freelist_table *table,
                               struct freelist_entry *entries, uint32_t heads)
{
    table->entries = entries;
    table->heads = heads;
    table->end = heads;
    for (uint32_t index = 0; index <= heads; index++) {
        set_sentinel(table, index);
    }
}

void freelist_table_extend(struct freelist_table *table, uint32_t head, uint32_t units,
                           uint32_t grain)
{
    const uint32_t old_units = table->end - table->heads;
    uint32_t above = old_units + units;
    /* The old sentinel becomes the first new unit; a border below it stays. */
    table->end += units;
    set_sentinel(table, table->end);
    while (above > old_units) {
        const uint32_t cut = (above - 1) - (above - 1) % grain;
        const uint32_t unit = cut > old_units ? cut : old_units;
        const struct freelist_block block = {table->heads + unit, above - unit};
        set_block(table, block);
        push_free(table, head, block.index);
        above = unit;
    }
}

void freelist_table_take(struct freelist_table *table, uint32_t head, uint32_t index,
                         uint32_t size)
{
    const uint32_t whole = freelist_size(table, index);
    unlink_free(table, index);
    table->entries[index].lo &= ~FREELIST_FREE;
    if (whole == size) {
        return;
    }
    const struct freelist_block rest = {index + size, whole - size};
    set_block(table, (struct freelist_block){index, size});
    set_block(table, rest);
    push_free(table, head, rest.index);
}

struct freelist_block freelist_table_give(struct freelist_table *table, uint32_t head,
                                          uint32_t index)
{
    struct freelist_block block = {index, freelist_size(table, index)};
    const uint32_t right = index + block.size;
    if (!freelist_has_border(table, right) && freelist_is_free(table, right)) {
        block.size += freelist_size(table, right);
        unlink_free(table, right);
        clear_start(table, right);
    }
    if (!freelist_has_border(table, index)) {
        const uint32_t left = freelist_left(table, index);
        if (freelist_is_free(table, left)) {
            block.index = left;
            block.size += freelist_size(table, left);
            unlink_free(table, left);
            clear_start(table, index);
        }
    }
    set_block(table, block);
    push_free(table, head, block.index);
    return block;
}

static bool block_is_sound(const struct freelist_table *table, uint32_t index)
{
    if (!freelist_is_start(table, index)) {
        return false;
    }
    const uint32_t size = freelist_size(table, index);
    if (size == 0 || size > table->end - index) {
        return false;
    }
    return size == 1 || table->entries[index + size - 1].hi == size;
}

/* Counts the blocks of one list; false when a link is broken or there are more than
 * `most`, so that a cycle ends as well. */
static bool count_list(const struct freelist_table *table, uint32_t head, uint32_t most,
                       uint32_t *count)
{
    const uint32_t sentinel = freelist_sentinel(table, head);
    uint32_t previous = sentinel;
    uint32_t index = freelist_next(table, sentinel);
    for (; index != sentinel; index = freelist_next(table, index)) {
        if (index < table->heads || index >= table->end ||
            !freelist_is_start(table, index) || !freelist_is_free(table, index) ||
            freelist_previous(table, index) != previous || *count == most) {
            return false;
        }
        *count += 1;
        previous = index;
    }
    return freelist_previous(table, sentinel) == previous;
}

bool freelist_table_verify(const struct freelist_table *table,
                           struct freelist_census *census)
{
    *census = (struct freelist_census){0};
    for (uint32_t index = table->heads; index < table->end;
         index += freelist_size(table, index)) {
        if (!block_is_sound(table, index)) {
            return false;
        }
        census->blocks += 1;
        if (freelist_is_free(table, index)) {
            census->free_blocks += 1;
            census->free_units += freelist_size(table, index);
        }
    }
    uint32_t listed = 0;
    for (uint32_t head = 0; head < table->heads; head++) {
        if (!count_list(table, head, census->free_blocks, &listed)) {
            return false;
        }
    }
    /* Every free block is on a list: none twice, for it has but one previous. */
    return listed == census->free_blocks &&
           table->entries[table->end].hi == (FREELIST_START | table->end);
}
