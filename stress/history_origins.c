/* SPDX-License-Identifier: MIT */
/* Whose pages they are. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "stress/history_build.h"
#include "stress/history_grow.h"

uint32_t history_add_origin(struct history_build *build, uint32_t space,
                            enum history_origin_kind kind, uint32_t task, uint64_t line)
{
    struct history_model *model = build->model;
    const uint32_t index = (uint32_t)model->origin_count;
    model->origins = history_grow(model->origins, &model->origin_capacity,
                                  model->origin_count + 1, sizeof(*model->origins));
    model->origins[model->origin_count++] =
        (struct history_origin){.kind = kind,
                                .space = space,
                                .task = task,
                                .fd = -1,
                                .line = line,
                                .next = model->spaces[space].origins,
                                .copy = HISTORY_NONE,
                                .copy_space = HISTORY_NONE};
    model->spaces[space].origins = index;
    model->spaces[space].origin_count++;
    return index;
}

uint32_t history_image(struct history_build *build, uint32_t space, uint64_t line)
{
    if (build->model->spaces[space].image == HISTORY_NONE) {
        const uint32_t image =
            history_add_origin(build, space, HISTORY_ORIGIN_IMAGE, HISTORY_NONE, line);
        build->model->spaces[space].image = image;
    }
    return build->model->spaces[space].image;
}

uint32_t history_heap(struct history_build *build, uint32_t space, uint64_t line)
{
    if (build->model->spaces[space].heap == HISTORY_NONE) {
        const uint32_t heap =
            history_add_origin(build, space, HISTORY_ORIGIN_HEAP, HISTORY_NONE, line);
        build->model->spaces[space].heap = heap;
    }
    return build->model->spaces[space].heap;
}

uint32_t history_anonymous(struct history_build *build, uint32_t task, uint64_t line)
{
    struct history_model *model = build->model;
    if (model->tasks[task].anonymous == HISTORY_NONE) {
        const uint32_t origin = history_add_origin(
            build, model->tasks[task].space, HISTORY_ORIGIN_ANONYMOUS, task, line);
        model->tasks[task].anonymous = origin;
    }
    return model->tasks[task].anonymous;
}

/* The origin that all of the pages held in [start, end) belong to, if there is one. */
static uint32_t only_origin(const struct history_map *map, uint64_t start, uint64_t end)
{
    struct history_run run;
    uint32_t origin = HISTORY_NONE;
    for (uint64_t at = start; history_next_run(map, at, end, &run); at = run.end) {
        if (origin != HISTORY_NONE && origin != run.origin) {
            return HISTORY_NONE;
        }
        origin = run.origin;
    }
    return origin;
}

static bool spans(const struct history_origin *origin, uint64_t start, uint64_t end)
{
    return origin->start <= start && end <= origin->end;
}

/* With strace -y the path tells which file it is. */
static uint32_t file_by_path(const struct history_build *build, uint32_t space,
                             uint32_t path)
{
    const struct history_model *model = build->model;
    const char *name = history_path(model->history, path);
    for (uint32_t i = model->spaces[space].origins; i != HISTORY_NONE;
         i = model->origins[i].next) {
        const struct history_origin *origin = &model->origins[i];
        if (origin->kind == HISTORY_ORIGIN_FILE && origin->path != 0 &&
            strcmp(history_path(model->history, origin->path), name) == 0) {
            return i;
        }
    }
    return HISTORY_NONE;
}

/* Without paths, descriptors are all there is, and they are used again: a file's
 * segments are the mappings put with MAP_FIXED and the same descriptor into the span of
 * its first mapping. */
static uint32_t origin_of_file(struct history_build *build, uint32_t task,
                               const struct history_event *event, uint64_t start,
                               uint64_t end)
{
    struct history_model *model = build->model;
    const uint32_t space = model->tasks[task].space;
    const uint32_t held = only_origin(&model->spaces[space].map, start, end);
    uint32_t origin = HISTORY_NONE;
    if (event->path != 0) {
        origin = file_by_path(build, space, event->path);
    } else if ((event->flags & HISTORY_MAP_FIXED) != 0 && held != HISTORY_NONE &&
               model->origins[held].kind == HISTORY_ORIGIN_FILE &&
               model->origins[held].fd == event->fd &&
               spans(&model->origins[held], start, end)) {
        origin = held;
    }
    if (origin == HISTORY_NONE) {
        origin =
            history_add_origin(build, space, HISTORY_ORIGIN_FILE, task, event->line);
        model->origins[origin].path = event->path;
        model->origins[origin].fd = event->fd;
        model->origins[origin].start = start;
        model->origins[origin].end = end;
    }
    if (event->path != 0 && (event->flags & HISTORY_MAP_FIXED) == 0) {
        /* Mapped once more, elsewhere: its segments follow there. */
        model->origins[origin].start = start;
        model->origins[origin].end = end;
    }
    return origin;
}

/* Anonymous memory put into a file's span by the thread that mapped the file is the
 * file's tail of zeroes (.bss); put onto a thread's own stack it is still that stack.
 */
static uint32_t origin_of_fixed_anonymous(const struct history_build *build,
                                          uint32_t task, uint64_t start, uint64_t end)
{
    const struct history_model *model = build->model;
    const struct history_map *map = &model->spaces[model->tasks[task].space].map;
    const uint32_t held = only_origin(map, start, end);
    if (held == HISTORY_NONE || model->origins[held].task != task) {
        return HISTORY_NONE;
    }
    const struct history_origin *origin = &model->origins[held];
    const bool tail = origin->kind == HISTORY_ORIGIN_FILE && spans(origin, start, end);
    const bool stack = origin->kind == HISTORY_ORIGIN_STACK &&
                       history_map_hole(map, start, end) == end;
    return tail || stack ? held : HISTORY_NONE;
}

uint32_t history_origin_of_mmap(struct history_build *build, uint32_t task,
                                const struct history_event *event, uint64_t start,
                                uint64_t end)
{
    if ((event->flags & HISTORY_MAP_ANONYMOUS) == 0) {
        return origin_of_file(build, task, event, start, end);
    }
    if ((event->flags & (HISTORY_MAP_STACK | HISTORY_MAP_GROWSDOWN)) != 0) {
        return history_add_origin(build, build->model->tasks[task].space,
                                  HISTORY_ORIGIN_STACK, task, event->line);
    }
    if ((event->flags & HISTORY_MAP_FIXED) != 0) {
        const uint32_t held = origin_of_fixed_anonymous(build, task, start, end);
        if (held != HISTORY_NONE) {
            return held;
        }
    }
    return history_anonymous(build, task, event->line);
}

/* -------------------------------------------------------------------------- stacks */

/* The pieces of one mapping call around index `i`. */
static void whole_mapping(const struct history_map *map, size_t i, uint64_t *start,
                          uint64_t *end)
{
    size_t low = i;
    size_t high = i;
    while (low > 0 && map->pieces[low - 1].end == map->pieces[low].start &&
           map->pieces[low - 1].line == map->pieces[i].line) {
        low--;
    }
    while (high + 1 < map->count &&
           map->pieces[high].end == map->pieces[high + 1].start &&
           map->pieces[high + 1].line == map->pieces[i].line) {
        high++;
    }
    *start = map->pieces[low].start;
    *end = map->pieces[high].end;
}

/* A stack from plain anonymous memory (MAP_STACK says so, but not all programs use it):
 * the pages go over from the parent's memory to the new origin. */
static void make_stack(struct history_build *build, uint32_t parent, uint32_t child,
                       const struct history_event *event, size_t index)
{
    struct history_model *model = build->model;
    const uint32_t space = model->tasks[parent].space;
    struct history_map *map = &model->spaces[space].map;
    const uint32_t from = map->pieces[index].origin;
    struct history_place place = {.task = parent, .line = event->line};
    whole_mapping(map, index, &place.start, &place.end);
    const uint32_t stack =
        history_add_origin(build, space, HISTORY_ORIGIN_STACK, child, event->line);
    history_step(build, HISTORY_STEP_TRANSFER, &place, stack, from);
    for (size_t i = history_map_find(map, place.start);
         i < map->count && map->pieces[i].start < place.end; i++) {
        map->pieces[i].origin = stack;
    }
    history_map_merge(map, place.start, place.end);
}

void history_give_stack(struct history_build *build, uint32_t parent, uint32_t child,
                        const struct history_event *event)
{
    struct history_model *model = build->model;
    const struct history_map *map = history_map_of(build, parent);
    /* clone3 tells the lowest byte and the size, clone the top: NULL shares the
     * parent's. */
    const uint64_t inside =
        event->bytes != 0 ? event->start + event->bytes - 1 : event->start - 1;
    const size_t i = history_map_find(map, inside);
    if (event->start == 0 || i == map->count || map->pieces[i].start > inside) {
        return;
    }
    struct history_origin *held = &model->origins[map->pieces[i].origin];
    if (held->kind == HISTORY_ORIGIN_STACK) {
        held->task = child;
    } else if (held->kind == HISTORY_ORIGIN_ANONYMOUS) {
        make_stack(build, parent, child, event, i);
    }
}

/* ---------------------------------------------------------------------------- fork */

/* The child's copy of an origin. The child is the parent's forking thread, in another
 * process: what was that thread's is the child's. */
static uint32_t copy_origin(struct history_build *build, uint32_t index,
                            uint32_t parent_task, uint32_t child_task,
                            uint32_t child_space)
{
    struct history_model *model = build->model;
    if (model->origins[index].copy_space == child_space) {
        return model->origins[index].copy;
    }
    const uint32_t copy = history_add_origin(build, child_space, HISTORY_ORIGIN_IMAGE,
                                             HISTORY_NONE, model->origins[index].line);
    struct history_origin *from = &model->origins[index];
    struct history_origin *to = &model->origins[copy];
    const uint32_t next = to->next;
    *to = *from;
    to->space = child_space;
    to->next = next;
    to->copy = to->copy_space = HISTORY_NONE;
    to->task = from->task == parent_task ? child_task : from->task;
    from->copy = copy;
    from->copy_space = child_space;
    return copy;
}

void history_copy_space(struct history_build *build, uint32_t parent_task,
                        uint32_t child_task, uint32_t child_space, uint64_t line)
{
    struct history_model *model = build->model;
    const uint32_t parent_space = model->tasks[parent_task].space;
    for (size_t i = 0; i < model->spaces[parent_space].map.count; i++) {
        struct history_piece piece = model->spaces[parent_space].map.pieces[i];
        if (piece.no_fork) {
            continue;
        }
        const struct history_place place = {child_task, piece.start, piece.end, line};
        piece.origin =
            copy_origin(build, piece.origin, parent_task, child_task, child_space);
        history_step(build, HISTORY_STEP_RESERVE, &place, piece.origin, HISTORY_NONE);
        history_put(build, &place, piece);
    }
    const struct history_space *from = &model->spaces[parent_space];
    struct history_space *to = &model->spaces[child_space];
    to->break_end = from->break_end;
    to->break_known = from->break_known;
    for (uint32_t i = to->origins; i != HISTORY_NONE; i = model->origins[i].next) {
        const struct history_origin *origin = &model->origins[i];
        if (origin->kind == HISTORY_ORIGIN_IMAGE) {
            to->image = i;
        } else if (origin->kind == HISTORY_ORIGIN_HEAP) {
            to->heap = i;
        } else if (origin->kind == HISTORY_ORIGIN_ANONYMOUS &&
                   origin->task == child_task) {
            model->tasks[child_task].anonymous = i;
        }
    }
}

/* --------------------------------------------------------------------------- names */

void history_origin_name(const struct history_model *model, uint32_t index, char *text,
                         size_t bytes)
{
    if (index >= model->origin_count) {
        (void)snprintf(text, bytes, "nobody");
        return;
    }
    const struct history_origin *origin = &model->origins[index];
    const uint32_t pid =
        origin->task < model->task_count ? model->tasks[origin->task].pid : 0;
    switch (origin->kind) {
    case HISTORY_ORIGIN_IMAGE:
        (void)snprintf(text, bytes, "program image");
        break;
    case HISTORY_ORIGIN_FILE:
        if (origin->path != 0) {
            (void)snprintf(text, bytes, "file %s",
                           history_path(model->history, origin->path));
        } else {
            (void)snprintf(text, bytes, "file %" PRId32 " of line %" PRIu64, origin->fd,
                           origin->line);
        }
        break;
    case HISTORY_ORIGIN_STACK:
        (void)snprintf(text, bytes, "stack of %" PRIu32, pid);
        break;
    case HISTORY_ORIGIN_HEAP:
        (void)snprintf(text, bytes, "brk heap");
        break;
    case HISTORY_ORIGIN_ANONYMOUS:
        (void)snprintf(text, bytes, "anonymous memory of %" PRIu32, pid);
        break;
    }
}
