/* SPDX-License-Identifier: MIT */
/* Walks over a free list's table, which change nothing. */
#include "spaces/freelist_table.h"

uint32_t freelist_table_next(const struct freelist_table *table, uint32_t index)
{
    const uint32_t next = freelist_next(table, index);
    if (!table->binned || next >= table->lists) {
        return next;
    }
    const unsigned class =
        freelist_sizes_next(&table->sizes, freelist_list(table, next) + 1);
    return class == FREELIST_CLASSES
               ? next
               : freelist_next(table, freelist_sentinel(table, class));
}

uint32_t freelist_table_previous(const struct freelist_table *table, uint32_t index)
{
    const uint32_t previous = freelist_previous(table, index);
    if (!table->binned || previous >= table->lists) {
        return previous;
    }
    /* Bin 0, which is empty, is in front of the first and behind the last. */
    const uint32_t bin = freelist_list(table, previous);
    const unsigned class =
        freelist_sizes_previous(&table->sizes, bin == 0 ? FREELIST_CLASSES : bin);
    return freelist_previous(table, freelist_sentinel(table, class));
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

/* Counts the blocks of one list; false when a link is broken, a block is in the wrong
 * bin, or there are more than `most`, so that a cycle ends as well. */
static bool count_list(const struct freelist_table *table, uint32_t list, uint32_t most,
                       uint32_t *count)
{
    const uint32_t sentinel = freelist_sentinel(table, list);
    uint32_t previous = sentinel;
    uint32_t index = freelist_next(table, sentinel);
    for (; index != sentinel; index = freelist_next(table, index)) {
        if (index < table->lists || index >= table->end ||
            !freelist_is_start(table, index) || !freelist_is_free(table, index) ||
            freelist_previous(table, index) != previous || *count == most ||
            freelist_sentinel_for(table, list,
                                  freelist_class_of(freelist_size(table, index))) !=
                sentinel) {
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
    struct freelist_sizes sizes = {0};
    *census = (struct freelist_census){0};
    for (uint32_t index = table->lists; index < table->end;
         index += freelist_size(table, index)) {
        if (!block_is_sound(table, index)) {
            return false;
        }
        census->blocks += 1;
        if (freelist_is_free(table, index)) {
            census->free_blocks += 1;
            census->free_units += freelist_size(table, index);
            freelist_sizes_add(&sizes, freelist_class_of(freelist_size(table, index)),
                               freelist_size(table, index));
        }
    }
    uint32_t listed = 0;
    for (uint32_t list = 0; list < table->lists; list++) {
        if (!count_list(table, list, census->free_blocks, &listed)) {
            return false;
        }
    }
    /* Every free block is on a list: none twice, for it has but one previous. */
    return listed == census->free_blocks &&
           freelist_sizes_agree(&table->sizes, &sizes) &&
           table->entries[table->end].hi == (FREELIST_START | table->end);
}
