/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_model.h"

#include <string.h>

static void list_push(struct model_list *list, uint32_t unit)
{
    memmove(&list->units[1], &list->units[0], list->count * sizeof(list->units[0]));
    list->units[0] = unit;
    list->count++;
}

/* Takes `unit` off whichever list it is on. */
static void lists_remove(struct freelist_model *model, uint32_t unit)
{
    for (uint32_t head = 0; head < model->shape.heads; head++) {
        struct model_list *list = &model->lists[head];
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
            list_push(&model->lists[head], unit - 1);
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
        list_push(&model->lists[head], unit + units);
    }
}

enum mm_status freelist_model_alloc(struct freelist_model *model, uint32_t head,
                                    uint32_t units, uint32_t *unit)
{
    if (head >= model->shape.heads || units == 0) {
        return MM_INVALID_ARGUMENT;
    }
    const struct model_list *list = &model->lists[head];
    for (uint32_t i = 0; i < list->count; i++) {
        if (freelist_model_block_size(model, list->units[i]) >= units) {
            *unit = list->units[i];
            take(model, head, *unit, units);
            return MM_OK;
        }
    }
    return MM_NO_SPACE;
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
        lists_remove(model, left);
        model->at[unit] = MODEL_INSIDE;
        unit = left;
    }
    model->at[unit] = MODEL_FREE;
    list_push(&model->lists[head], unit);
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
