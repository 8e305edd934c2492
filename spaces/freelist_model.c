/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_model.h"

#include <string.h>

static bool is_binned(const struct freelist_model *model)
{
    return model->shape.policy == RAW_MEMORY_FREELIST_BINNED;
}

uint32_t freelist_model_lists(const struct freelist_model *model)
{
    return is_binned(model) ? MODEL_MAX_LISTS : model->shape.heads;
}

/* The bin of a block of so many units, and the fewest that a block there has. */
static uint32_t find_bin(uint32_t units, uint32_t *least)
{
    uint32_t bin = 1;
    uint32_t width = 1;
    for (*least = 1; *least + width <= units; bin++) {
        *least += width;
        if (*least == 64 || *least == 128) {
            width = *least / 8;
        }
    }
    return bin;
}

/* Makes the free block at `unit` the first of its list. */
static void list_push(struct freelist_model *model, uint32_t head, uint32_t unit)
{
    uint32_t least;
    const uint32_t index =
        is_binned(model) ? find_bin(freelist_model_block_size(model, unit), &least)
                         : head;
    struct model_list *list = &model->lists[index];
    memmove(&list->units[1], &list->units[0], list->count * sizeof(list->units[0]));
    list->units[0] = (uint8_t)unit;
    list->count++;
}

/* Takes `unit` off whichever list it is on. */
static void lists_remove(struct freelist_model *model, uint32_t unit)
{
    for (uint32_t index = 0; index < freelist_model_lists(model); index++) {
        struct model_list *list = &model->lists[index];
        uint32_t kept = 0;
        for (uint32_t i = 0; i < list->count; i++) {
            if (list->units[i] != unit) {
                list->units[kept++] = list->units[i];
            }
        }
        list->count = kept;
    }
}

uint32_t freelist_model_block_size(const struct freelist_model *model, uint32_t unit)
{
    if (unit >= model->shape.units || model->at[unit] == MODEL_INSIDE) {
        return 0;
    }
    uint32_t end = unit + 1;
    while (end < model->shape.units && model->at[end] == MODEL_INSIDE) {
        end++;
    }
    return end - unit;
}

/* Adds [old, now) in blocks that end at the multiples of the grain. */
static void add_units(struct freelist_model *model, uint32_t head, uint32_t old)
{
    for (uint32_t unit = old; unit < model->shape.units; unit++) {
        const bool begins = unit == old || unit % model->shape.grain == 0;
        model->at[unit] = begins ? MODEL_FREE : MODEL_INSIDE;
    }
    for (uint32_t unit = model->shape.units; unit > old; unit--) {
        if (model->at[unit - 1] == MODEL_FREE) {
            list_push(model, head, unit - 1);
        }
    }
}

void freelist_model_init(struct freelist_model *model,
                         const struct raw_memory_freelist_shape *shape)
{
    memset(model, 0, sizeof(*model));
    model->shape = *shape;
    add_units(model, 0, 0);
}

static void take(struct freelist_model *model, uint32_t head, uint32_t unit,
                 uint32_t units)
{
    const bool rest = freelist_model_block_size(model, unit) > units;
    lists_remove(model, unit);
    model->at[unit] = MODEL_USED;
    if (rest) {
        model->at[unit + units] = MODEL_FREE;
        list_push(model, head, unit + units);
    }
}

/* The free block at `unit` had `old` units and has another number now. One that stays in
 * its bin keeps its place there. */
static void resize(struct freelist_model *model, uint32_t head, uint32_t unit,
                   uint32_t old)
{
    uint32_t least;
    const uint32_t now = freelist_model_block_size(model, unit);
    if (!is_binned(model) || find_bin(old, &least) != find_bin(now, &least)) {
        lists_remove(model, unit);
        list_push(model, head, unit);
    }
}

/* Of the free block at `unit`; returns the first unit taken. */
static uint32_t take_high(struct freelist_model *model, uint32_t unit, uint32_t units)
{
    const uint32_t whole = freelist_model_block_size(model, unit);
    const uint32_t taken = unit + whole - units;
    model->at[taken] = MODEL_USED;
    if (taken == unit) {
        lists_remove(model, unit);
    } else {
        resize(model, 0, unit, whole);
    }
    return taken;
}

static bool first_fit(const struct freelist_model *model, const struct model_list *list,
                      uint32_t units, uint32_t *unit)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (freelist_model_block_size(model, list->units[i]) >= units) {
            *unit = list->units[i];
            return true;
        }
    }
    return false;
}

static bool good_fit(const struct freelist_model *model, uint32_t units, uint32_t *unit)
{
    if (units > MODEL_MAX_UNITS) {
        return false;
    }
    uint32_t least;
    const uint32_t own = find_bin(units, &least);
    for (uint32_t bin = least == units ? own : own + 1; bin < MODEL_MAX_LISTS; bin++) {
        if (first_fit(model, &model->lists[bin], units, unit)) {
            return true;
        }
    }
    return first_fit(model, &model->lists[own], units, unit);
}

enum mm_status freelist_model_alloc(struct freelist_model *model, uint32_t head,
                                    uint32_t units, uint32_t *unit)
{
    if (head >= model->shape.heads || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    if (!(is_binned(model) ? good_fit(model, units, unit)
                           : first_fit(model, &model->lists[head], units, unit))) {
        return MM_NO_SPACE;
    }
    if (is_binned(model)) {
        *unit = take_high(model, *unit, units);
    } else {
        take(model, head, *unit, units);
    }
    return MM_OK;
}

enum mm_status freelist_model_alloc_from_unit(struct freelist_model *model,
                                              uint32_t head, uint32_t units,
                                              uint32_t unit)
{
    if (head >= model->shape.heads || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    if (unit >= model->shape.units) {
        return MM_OUT_OF_RANGE;
    }
    if (model->at[unit] != MODEL_FREE ||
        freelist_model_block_size(model, unit) < units) {
        return MM_NO_SPACE;
    }
    take(model, head, unit, units);
    return MM_OK;
}

enum mm_status freelist_model_free(struct freelist_model *model, uint32_t head,
                                   uint32_t unit,
                                   struct raw_memory_freelist_freed *freed)
{
    if (head >= model->shape.heads) {
        return MM_INVALID_ARGUMENT;
    }
    if (unit >= model->shape.units) {
        return MM_OUT_OF_RANGE;
    }
    if (model->at[unit] != MODEL_USED) {
        return MM_WRONG_STATE;
    }
    freed->units = freelist_model_block_size(model, unit);
    const uint32_t right = unit + freed->units;
    if (right < model->shape.units && model->at[right] == MODEL_FREE &&
        !model->border[right]) {
        lists_remove(model, right);
        model->at[right] = MODEL_INSIDE;
    }
    uint32_t left = unit > 0 ? unit - 1 : 0;
    while (model->at[left] == MODEL_INSIDE) {
        left--; /* ends at unit 0: a block begins there */
    }
    if (left < unit && model->at[left] == MODEL_FREE && !model->border[unit]) {
        model->at[unit] = MODEL_INSIDE;
        resize(model, head, left, unit - left);
        unit = left;
    } else {
        model->at[unit] = MODEL_FREE;
        list_push(model, head, unit);
    }
    freed->merged.unit = unit;
    freed->merged.units = freelist_model_block_size(model, unit);
    return MM_OK;
}

enum mm_status freelist_model_grow(struct freelist_model *model, uint32_t head,
                                   uint32_t units)
{
    struct raw_memory_freelist_shape *shape = &model->shape;
    if (head >= shape->heads || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    const uint64_t grown = (uint64_t)shape->units + units;
    if (grown > shape->max_units) {
        return MM_NO_SPACE;
    }
    if (grown != shape->max_units && grown > shape->grain &&
        grown % shape->grain != 0) {
        return MM_INVALID_ARGUMENT;
    }
    const uint32_t old = shape->units;
    shape->units = (uint32_t)grown;
    add_units(model, head, old);
    return MM_OK;
}

enum mm_status freelist_model_set_border(struct freelist_model *model, uint32_t unit,
                                         bool border)
{
    if (unit > model->shape.units) {
        return MM_OUT_OF_RANGE;
    }
    model->border[unit] = border;
    return MM_OK;
}
