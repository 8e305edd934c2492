/* SPDX-License-Identifier: MIT */
#include "spaces/raw_memory_freelist.h"

#include "mmapper/atomic.h"
#include "spaces/raw_memory_freelist_internal.h"

/* ---------------------------------------------------------------- operations */

static bool has_head(const struct raw_memory_freelist *list, uint32_t head)
{
    return head < raw_memory_freelist_heads(list);
}

static bool has_unit(const struct raw_memory_freelist *list, uint32_t unit)
{
    return unit < raw_memory_freelist_size(list);
}

static uint32_t index_of(const struct raw_memory_freelist *list, uint32_t unit)
{
    return unit + list->table.lists;
}

static uint32_t unit_of(const struct raw_memory_freelist *list, uint32_t index)
{
    return index - list->table.lists;
}

enum mm_status raw_memory_freelist_alloc(struct raw_memory_freelist *list,
                                         uint32_t head, uint32_t units, uint32_t *unit)
{
    if (!has_head(list, head) || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    struct freelist_table *table = &list->table;
    mm_plain_writes(&table->end);
    const uint32_t index = freelist_table_alloc(table, head, units);
    if (index == 0) {
        return MM_NO_SPACE;
    }
    *unit = unit_of(list, index);
    return MM_OK;
}

enum mm_status raw_memory_freelist_alloc_from_unit(struct raw_memory_freelist *list,
                                                   uint32_t head, uint32_t units,
                                                   uint32_t unit)
{
    if (!has_head(list, head) || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    if (!has_unit(list, unit)) {
        return MM_OUT_OF_RANGE;
    }
    mm_plain_writes(&list->table.end);
    if (!raw_memory_freelist_is_free(list, unit) ||
        raw_memory_freelist_block_size(list, unit) < units) {
        return MM_NO_SPACE;
    }
    freelist_table_take(&list->table, head, index_of(list, unit), units);
    return MM_OK;
}

enum mm_status raw_memory_freelist_free(struct raw_memory_freelist *list, uint32_t head,
                                        uint32_t unit,
                                        struct raw_memory_freelist_freed *freed)
{
    if (!has_head(list, head)) {
        return MM_INVALID_ARGUMENT;
    }
    if (!has_unit(list, unit)) {
        return MM_OUT_OF_RANGE;
    }
    struct freelist_table *table = &list->table;
    mm_plain_writes(&table->end);
    const uint32_t index = index_of(list, unit);
    if (!freelist_is_start(table, index) || freelist_is_free(table, index)) {
        return MM_WRONG_STATE;
    }
    const uint32_t units = freelist_size(table, index);
    const struct freelist_block merged = freelist_table_give(table, head, index);
    if (freed != NULL) {
        freed->units = units;
        freed->merged.unit = unit_of(list, merged.index);
        freed->merged.units = merged.size;
    }
    return MM_OK;
}

enum mm_status raw_memory_freelist_grow(struct raw_memory_freelist *list, uint32_t head,
                                        uint32_t units)
{
    if (!has_head(list, head) || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    const uint32_t size = raw_memory_freelist_size(list);
    if (units > list->max_units - size) {
        return MM_NO_SPACE;
    }
    const uint32_t grown = size + units;
    if (grown > list->grain && grown % list->grain != 0 && grown != list->max_units) {
        return MM_INVALID_ARGUMENT;
    }
    mm_plain_writes(&list->table.end);
    freelist_table_extend(&list->table, head, units, list->grain);
    return MM_OK;
}

static enum mm_status set_border(struct raw_memory_freelist *list, uint32_t unit,
                                 bool border)
{
    if (unit > raw_memory_freelist_size(list)) {
        return MM_OUT_OF_RANGE;
    }
    mm_plain_writes(&list->table.end);
    freelist_table_set_border(&list->table, index_of(list, unit), border);
    return MM_OK;
}

enum mm_status raw_memory_freelist_set_uncoalescable(struct raw_memory_freelist *list,
                                                     uint32_t unit)
{
    return set_border(list, unit, true);
}

enum mm_status raw_memory_freelist_clear_uncoalescable(struct raw_memory_freelist *list,
                                                       uint32_t unit)
{
    return set_border(list, unit, false);
}

/* ------------------------------------------------------------------- queries */

uint32_t raw_memory_freelist_size(const struct raw_memory_freelist *list)
{
    return mm_plain_load(&list->table.end) - list->table.lists;
}

uint32_t raw_memory_freelist_max_units(const struct raw_memory_freelist *list)
{
    return list->max_units;
}

uint32_t raw_memory_freelist_heads(const struct raw_memory_freelist *list)
{
    return list->table.binned ? 1 : list->table.lists;
}

uint32_t raw_memory_freelist_block_size(const struct raw_memory_freelist *list,
                                        uint32_t unit)
{
    if (!has_unit(list, unit) ||
        !freelist_is_start(&list->table, index_of(list, unit))) {
        return 0;
    }
    return freelist_size(&list->table, index_of(list, unit));
}

bool raw_memory_freelist_is_free(const struct raw_memory_freelist *list, uint32_t unit)
{
    const uint32_t index = index_of(list, unit);
    return has_unit(list, unit) && freelist_is_start(&list->table, index) &&
           freelist_is_free(&list->table, index);
}

bool raw_memory_freelist_is_coalescable(const struct raw_memory_freelist *list,
                                        uint32_t unit)
{
    return unit <= raw_memory_freelist_size(list) &&
           !freelist_has_border(&list->table, index_of(list, unit));
}

uint32_t raw_memory_freelist_left(const struct raw_memory_freelist *list, uint32_t unit)
{
    const uint32_t index = index_of(list, unit);
    if (unit == 0 || unit > raw_memory_freelist_size(list) ||
        !freelist_is_start(&list->table, index)) {
        return RAW_MEMORY_FREELIST_NONE;
    }
    return unit_of(list, freelist_left(&list->table, index));
}

/* The entry from which a walk of `head` goes on; false for bad arguments. */
static bool find_in_walk(const struct raw_memory_freelist *list, uint32_t head,
                         uint32_t unit, uint32_t *index)
{
    if (!has_head(list, head)) {
        return false;
    }
    if (unit == RAW_MEMORY_FREELIST_NONE) {
        *index = freelist_sentinel(&list->table, head);
        return true;
    }
    *index = index_of(list, unit);
    return raw_memory_freelist_is_free(list, unit);
}

static uint32_t walked_to(const struct raw_memory_freelist *list, uint32_t index)
{
    return index < list->table.lists ? RAW_MEMORY_FREELIST_NONE : unit_of(list, index);
}

uint32_t raw_memory_freelist_next(const struct raw_memory_freelist *list, uint32_t head,
                                  uint32_t unit)
{
    uint32_t index;
    if (!find_in_walk(list, head, unit, &index)) {
        return RAW_MEMORY_FREELIST_NONE;
    }
    return walked_to(list, freelist_table_next(&list->table, index));
}

uint32_t raw_memory_freelist_previous(const struct raw_memory_freelist *list,
                                      uint32_t head, uint32_t unit)
{
    uint32_t index;
    if (!find_in_walk(list, head, unit, &index)) {
        return RAW_MEMORY_FREELIST_NONE;
    }
    return walked_to(list, freelist_table_previous(&list->table, index));
}

bool raw_memory_freelist_verify(const struct raw_memory_freelist *list,
                                struct raw_memory_freelist_census *census)
{
    struct freelist_census found;
    const bool sound = freelist_table_verify(&list->table, &found);
    if (census != NULL) {
        census->blocks = found.blocks;
        census->free_blocks = found.free_blocks;
        census->free_units = found.free_units;
    }
    return sound;
}

struct mm_extent raw_memory_freelist_extent(const struct raw_memory_freelist *list)
{
    return list->extent;
}

const struct mm_owner *raw_memory_freelist_owner(const struct raw_memory_freelist *list)
{
    return list->owner;
}
