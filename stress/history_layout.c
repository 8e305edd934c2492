/* SPDX-License-Identifier: MIT */
#include "stress/history_layout.h"

#include <string.h>

#include "stress/history_grow.h"

static bool has_pages(const struct history_step *step)
{
    return step->kind != HISTORY_STEP_START && step->kind != HISTORY_STEP_WAIT;
}

static void *zeroed(size_t count, size_t item_bytes)
{
    size_t capacity = 0;
    void *items = history_grow(NULL, &capacity, count + 1, item_bytes);
    memset(items, 0, (count + 1) * item_bytes);
    return items;
}

static int compare_addresses(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_out(struct history_layout *layout)
{
    size_t kept = 0;
    if (layout->count > 0) {
        qsort(layout->from, layout->count, sizeof(*layout->from), compare_addresses);
    }
    for (size_t i = 0; i < layout->count; i++) {
        if (i == 0 || layout->from[i] != layout->from[kept - 1]) {
            layout->from[kept++] = layout->from[i];
        }
    }
    layout->count = kept;
}

static void collect(const struct history_model *model, struct history_layout *layouts)
{
    for (size_t i = 0; i < model->step_count; i++) {
        if (has_pages(&model->steps[i])) {
            layouts[model->steps[i].space].count += 2;
        }
    }
    for (size_t i = 0; i < model->space_count; i++) {
        layouts[i].from = zeroed(layouts[i].count, sizeof(uint64_t));
        layouts[i].to = zeroed(layouts[i].count, sizeof(uint64_t));
        layouts[i].count = 0;
    }
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        if (has_pages(step)) {
            struct history_layout *layout = &layouts[step->space];
            layout->from[layout->count++] = step->start;
            layout->from[layout->count++] = step->end;
        }
    }
    for (size_t i = 0; i < model->space_count; i++) {
        sort_out(&layouts[i]);
    }
}

static size_t index_of(const struct history_layout *layout, uint64_t address)
{
    size_t low = 0;
    size_t high = layout->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (layout->from[middle] < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* For each stretch of each space, how often it is reserved: into `to`, as a number. */
static void count_uses(const struct history_model *model,
                       struct history_layout *layouts)
{
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        if (step->kind == HISTORY_STEP_RESERVE) {
            struct history_layout *layout = &layouts[step->space];
            layout->to[index_of(layout, step->start)]++;
            layout->to[index_of(layout, step->end)]--;
        }
    }
    for (size_t i = 0; i < model->space_count; i++) {
        uint64_t uses = 0;
        for (size_t k = 0; k < layouts[i].count; k++) {
            uses += layouts[i].to[k];
            layouts[i].to[k] = uses;
        }
    }
}

static uint64_t stretch_bytes(const struct history_layout *layout, size_t i,
                              uint64_t longest)
{
    if (i + 1 >= layout->count) {
        return 0;
    }
    const uint64_t bytes = layout->from[i + 1] - layout->from[i];
    const uint64_t wanted = layout->to[i] > 0 ? bytes : HISTORY_CHUNK_BYTES;
    return wanted < longest ? wanted : longest;
}

/* False when they do not fit into `budget`. */
static bool fits(const struct history_model *model,
                 const struct history_layout *layouts, uint64_t longest,
                 uint64_t budget)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < model->space_count; i++) {
        for (size_t k = 0; k < layouts[i].count; k++) {
            sum += stretch_bytes(&layouts[i], k, longest);
            if (sum > budget) {
                return false;
            }
        }
        sum += HISTORY_CHUNK_BYTES;
    }
    return sum <= budget;
}

static void place(struct history_layout *layout, uint64_t longest)
{
    uint64_t at = 0;
    for (size_t k = 0; k < layout->count; k++) {
        const uint64_t bytes = stretch_bytes(layout, k, longest);
        layout->to[k] = at;
        at += bytes;
    }
    layout->bytes = at;
}

bool history_layouts_make(const struct history_model *model, uint64_t budget,
                          struct history_layout **result, bool *squeezed)
{
    struct history_layout *layouts = zeroed(model->space_count, sizeof(*layouts));
    uint64_t longest = UINT64_C(1) << 62;
    collect(model, layouts);
    count_uses(model, layouts);
    while (longest > HISTORY_CHUNK_BYTES && !fits(model, layouts, longest, budget)) {
        longest /= 2;
    }
    if (!fits(model, layouts, longest, budget)) {
        history_layouts_free(layouts, model->space_count);
        return false;
    }
    for (size_t i = 0; i < model->space_count; i++) {
        place(&layouts[i], longest);
    }
    *squeezed = longest != UINT64_C(1) << 62;
    *result = layouts;
    return true;
}

void history_layouts_free(struct history_layout *layouts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(layouts[i].from);
        free(layouts[i].to);
    }
    free(layouts);
}

uint64_t history_layout_offset(const struct history_layout *layout, uint64_t address)
{
    return layout->to[index_of(layout, address)];
}
