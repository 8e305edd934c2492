/* SPDX-License-Identifier: MIT */
#include "stress/history_plan.h"

#include <string.h>

#include "mmapper/mmapper.h"
#include "stress/history_grow.h"

static void *zeroed(size_t count, size_t item_bytes)
{
    size_t capacity = 0;
    void *items = history_grow(NULL, &capacity, count + 1, item_bytes);
    memset(items, 0, (count + 1) * item_bytes);
    return items;
}

/* ----------------------------------------------------------------- who takes a step */

static void sort_by_task(struct history_plan *plan)
{
    const struct history_model *model = plan->model;
    plan->order = zeroed(model->step_count, sizeof(*plan->order));
    plan->task_first = zeroed(model->task_count + 1, sizeof(*plan->task_first));
    plan->root = zeroed(model->task_count, sizeof(*plan->root));
    plan->space_steps = zeroed(model->space_count, sizeof(*plan->space_steps));
    memset(plan->root, true, model->task_count);
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        plan->task_first[step->task + 1]++;
        plan->space_steps[step->space]++;
        if (step->kind == HISTORY_STEP_START) {
            plan->root[step->other] = false;
        }
    }
    for (size_t i = 0; i < model->task_count; i++) {
        plan->task_first[i + 1] += plan->task_first[i];
    }
    size_t *next = zeroed(model->task_count, sizeof(*next));
    memcpy(next, plan->task_first, model->task_count * sizeof(*next));
    for (size_t i = 0; i < model->step_count; i++) {
        plan->order[next[model->steps[i].task]++] = (uint32_t)i;
    }
    free(next);
}

/* ------------------------------------------------------------ what it comes after */

struct ordering {
    struct history_plan *plan;
    struct history_map
        *touched;     /* of each space: the last step on each page, as origin */
    uint64_t *taken;  /* of each task */
    uint64_t *number; /* of each step among its task's, from 1 */
    size_t after_count, after_capacity;
};

static void add_after(struct ordering *ordering, size_t first, uint32_t task,
                      uint64_t steps)
{
    struct history_plan *plan = ordering->plan;
    for (size_t i = first; i < ordering->after_count; i++) {
        if (plan->after[i].task == task) {
            plan->after[i].steps =
                plan->after[i].steps > steps ? plan->after[i].steps : steps;
            return;
        }
    }
    plan->after = history_grow(plan->after, &ordering->after_capacity,
                               ordering->after_count + 1, sizeof(*plan->after));
    plan->after[ordering->after_count++] = (struct history_after){task, steps};
}

/* After the last steps of other threads on any of its pages; all else may race. */
static void order_pages(struct ordering *ordering, size_t index)
{
    const struct history_step *steps = ordering->plan->model->steps;
    const struct history_step *step = &steps[index];
    struct history_map *touched = &ordering->touched[step->space];
    const size_t first = ordering->plan->after_first[index];
    for (size_t i = history_map_find(touched, step->start);
         i < touched->count && touched->pieces[i].start < step->end; i++) {
        const uint32_t last = touched->pieces[i].origin;
        if (steps[last].task != step->task) {
            add_after(ordering, first, steps[last].task, ordering->number[last]);
        }
    }
    const struct history_piece piece = {
        .start = step->start, .end = step->end, .origin = (uint32_t)index};
    history_map_remove(touched, step->start, step->end);
    history_map_add(touched, piece);
}

static void order_steps(struct history_plan *plan)
{
    const struct history_model *model = plan->model;
    struct ordering ordering = {.plan = plan};
    ordering.touched = zeroed(model->space_count, sizeof(*ordering.touched));
    ordering.taken = zeroed(model->task_count, sizeof(*ordering.taken));
    ordering.number = zeroed(model->step_count, sizeof(*ordering.number));
    plan->after_first = zeroed(model->step_count + 1, sizeof(*plan->after_first));
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        ordering.number[i] = ++ordering.taken[step->task];
        plan->after_first[i] = ordering.after_count;
        if (step->kind == HISTORY_STEP_WAIT) {
            add_after(&ordering, ordering.after_count, step->other, step->start);
        } else if (step->kind != HISTORY_STEP_START) {
            order_pages(&ordering, i);
        }
    }
    plan->after_first[model->step_count] = ordering.after_count;
    for (size_t i = 0; i < model->space_count; i++) {
        history_map_free(&ordering.touched[i]);
    }
    free(ordering.touched);
    free(ordering.taken);
    free(ordering.number);
}

/* -------------------------------------------------------------------------- owners */

/* Free places of the spaces, as linked lists through the places' last origins. */
struct slot_pool {
    uint32_t *last_step; /* of each origin, HISTORY_NONE: it holds pages to the end */
    uint32_t *next_free; /* of each origin whose place is free: the next one */
    uint32_t *free;      /* of each space: an origin whose place is free */
};

static void find_last_steps(const struct history_model *model, uint32_t *last_step)
{
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        if (step->origin != HISTORY_NONE) {
            last_step[step->origin] = (uint32_t)i;
        }
        if (step->other != HISTORY_NONE && step->kind != HISTORY_STEP_START &&
            step->kind != HISTORY_STEP_WAIT) {
            last_step[step->other] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < model->space_count; i++) {
        const struct history_map *map = &model->spaces[i].map;
        for (size_t k = 0; k < map->count; k++) {
            last_step[map->pieces[k].origin] = HISTORY_NONE;
        }
    }
}

static bool take_slot(struct history_plan *plan, struct slot_pool *pool,
                      uint32_t origin)
{
    const uint32_t space = plan->model->origins[origin].space;
    if (plan->slots[origin] != HISTORY_NONE) {
        return true;
    }
    if (plan->slot_counts[space] < MM_MAX_OWNERS) {
        plan->slots[origin] = plan->slot_counts[space]++;
        return true;
    }
    const uint32_t former = pool->free[space];
    if (former == HISTORY_NONE) {
        return false;
    }
    pool->free[space] = pool->next_free[former];
    plan->slots[origin] = plan->slots[former];
    plan->shared_slots = true;
    return true;
}

static void give_slot(const struct history_plan *plan, struct slot_pool *pool,
                      uint32_t origin, size_t step)
{
    if (origin != HISTORY_NONE && pool->last_step[origin] == step) {
        const uint32_t space = plan->model->origins[origin].space;
        pool->next_free[origin] = pool->free[space];
        pool->free[space] = origin;
    }
}

/* One owner per origin; with more origins than a mapper takes owners, one that holds
 * nothing any more hands its owner on. */
static bool assign_owners(struct history_plan *plan)
{
    const struct history_model *model = plan->model;
    struct slot_pool pool;
    bool good = true;
    pool.last_step = zeroed(model->origin_count, sizeof(uint32_t));
    pool.next_free = zeroed(model->origin_count, sizeof(uint32_t));
    pool.free = zeroed(model->space_count, sizeof(uint32_t));
    plan->slots = zeroed(model->origin_count, sizeof(uint32_t));
    plan->slot_counts = zeroed(model->space_count, sizeof(uint32_t));
    memset(plan->slots, 0xff, model->origin_count * sizeof(uint32_t));
    memset(pool.free, 0xff, model->space_count * sizeof(uint32_t));
    find_last_steps(model, pool.last_step);
    for (size_t i = 0; i < model->step_count && good; i++) {
        const struct history_step *step = &model->steps[i];
        const bool pages =
            step->kind != HISTORY_STEP_START && step->kind != HISTORY_STEP_WAIT;
        if (pages) {
            good = take_slot(plan, &pool, step->origin);
            give_slot(plan, &pool, step->other, i);
            give_slot(plan, &pool, step->origin, i);
        }
    }
    free(pool.last_step);
    free(pool.next_free);
    free(pool.free);
    return good;
}

/* -------------------------------------------------------------------------- public */

const char *history_plan_make(const struct history_model *model, uint64_t budget,
                              struct history_plan *plan)
{
    *plan = (struct history_plan){.model = model};
    if (model->step_count >= UINT32_MAX) {
        return "too many steps";
    }
    if (!history_layouts_make(model, budget, &plan->layouts, &plan->squeezed)) {
        return "its address spaces do not fit into the windows that are free";
    }
    plan->offsets = zeroed(model->space_count, sizeof(*plan->offsets));
    for (size_t i = 0; i < model->space_count; i++) {
        plan->offsets[i] = plan->bytes;
        plan->bytes += plan->layouts[i].bytes + HISTORY_CHUNK_BYTES;
    }
    sort_by_task(plan);
    order_steps(plan);
    if (!assign_owners(plan)) {
        return "more origins hold memory at once than a mapper takes owners";
    }
    return NULL;
}

void history_plan_free(struct history_plan *plan)
{
    if (plan->layouts != NULL) {
        history_layouts_free(plan->layouts, plan->model->space_count);
    }
    free(plan->offsets);
    free(plan->order);
    free(plan->task_first);
    free(plan->after_first);
    free(plan->after);
    free(plan->root);
    free(plan->space_steps);
    free(plan->slots);
    free(plan->slot_counts);
    *plan = (struct history_plan){0};
}
