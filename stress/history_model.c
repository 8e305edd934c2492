/* SPDX-License-Identifier: MIT */
#include "stress/history_model.h"

#include <stdlib.h>
#include <string.h>

#include "stress/history_build.h"
#include "stress/history_grow.h"

/* How far ahead of an event a call that had begun before it is looked for. */
enum { LOOK_AHEAD = 4096 };

static void take_event(struct history_build *build, size_t index);

/* ------------------------------------------------------- who makes the next call */

/* The call that made process `pid`, of which only the beginning is recorded yet. */
static size_t find_creator(const struct history_build *build, size_t index,
                           uint32_t pid)
{
    const struct history *history = build->model->history;
    const uint64_t line = history->events[index].line;
    for (size_t i = index + 1; i < history->count && i - index <= LOOK_AHEAD; i++) {
        const struct history_event *event = &history->events[i];
        if (build->pending[i] >= line) {
            break;
        }
        if (!build->done[i] && event->kind == HISTORY_CLONE && event->known &&
            !event->failed && event->result == pid && event->first_line < line) {
            return i;
        }
    }
    return index;
}

static uint32_t add_root(struct history_build *build, uint32_t pid, uint64_t line)
{
    const uint32_t space = history_add_space(build, (uint32_t)build->model->task_count,
                                             HISTORY_NONE, line);
    const uint32_t task = history_add_task(build, pid, space, HISTORY_NONE, line);
    if (pid == 0) {
        build->nameless = task;
    }
    return task;
}

/* A line without a number: of the one thread that there is. */
static uint32_t nameless_task(struct history_build *build, uint64_t line)
{
    const struct history_model *model = build->model;
    if (build->nameless != HISTORY_NONE && model->tasks[build->nameless].alive) {
        return build->nameless;
    }
    for (uint32_t i = (uint32_t)model->task_count; i-- > 0 && build->live_tasks == 1;) {
        if (model->tasks[i].alive) {
            return i;
        }
    }
    return add_root(build, 0, line);
}

static uint32_t task_of(struct history_build *build, size_t index)
{
    const struct history_event *event = &build->model->history->events[index];
    if (event->pid == 0) {
        return nameless_task(build, event->line);
    }
    uint32_t task = history_find_task(build, event->pid);
    if (task != HISTORY_NONE && build->model->tasks[task].alive) {
        return task;
    }
    const size_t creator = find_creator(build, index, event->pid);
    if (creator != index) {
        build->model->reordered++;
        take_event(build, creator);
        task = history_find_task(build, event->pid);
        if (task != HISTORY_NONE && build->model->tasks[task].alive) {
            return task;
        }
    }
    /* The first process gets its number when there is a second one. */
    if (build->nameless != HISTORY_NONE && build->model->tasks[build->nameless].alive &&
        build->model->tasks[build->nameless].pid == 0) {
        history_name_task(build, event->pid, build->nameless);
        return build->nameless;
    }
    return add_root(build, event->pid, event->line);
}

/* ------------------------------------------------------------ calls that overlap */

static bool gives_back(const struct history_event *event, uint64_t start, uint64_t end)
{
    const bool moves = event->kind == HISTORY_MREMAP && event->result != event->start;
    return (event->kind == HISTORY_MUNMAP || moves) && event->known && !event->failed &&
           event->start < end && start < event->start + event->bytes;
}

/* The pages of event `index` may have been given back by a call that had begun and that
 * is recorded as ending later. */
static void settle(struct history_build *build, size_t index, uint32_t task)
{
    const struct history_model *model = build->model;
    const struct history *history = model->history;
    const struct history_event event = history->events[index];
    const uint64_t bytes = event.kind == HISTORY_MREMAP ? event.new_bytes : event.bytes;
    for (size_t i = index + 1; i < history->count && i - index <= LOOK_AHEAD; i++) {
        const struct history_event *other = &history->events[i];
        if (build->pending[i] >= event.line) {
            break;
        }
        if (build->done[i] || other->first_line >= event.line ||
            !gives_back(other, event.result, event.result + bytes)) {
            continue;
        }
        const uint32_t by = history_find_task(build, other->pid);
        if (by != HISTORY_NONE && by != task && model->tasks[by].alive &&
            model->tasks[by].space == model->tasks[task].space) {
            build->model->reordered++;
            take_event(build, i);
        }
    }
}

/* ------------------------------------------------------------------------- events */

static void wait_for(struct history_build *build, uint32_t task,
                     const struct history_event *event)
{
    const uint32_t other = event->result <= UINT32_MAX
                               ? history_find_task(build, (uint32_t)event->result)
                               : HISTORY_NONE;
    if (other == HISTORY_NONE || other == task || build->model->tasks[other].alive) {
        return;
    }
    const struct history_place place = {
        .task = task, .start = build->model->tasks[other].steps, .line = event->line};
    history_step(build, HISTORY_STEP_WAIT, &place, HISTORY_NONE, other);
}

/* mprotect and madvise change something also when they fail half way. */
static bool has_effect(const struct history_event *event)
{
    return event->known && (!event->failed || event->kind == HISTORY_MPROTECT ||
                            event->kind == HISTORY_MADVISE);
}

static void apply(struct history_build *build, size_t index, uint32_t task)
{
    const struct history_event *event = &build->model->history->events[index];
    switch ((enum history_kind)event->kind) {
    case HISTORY_MMAP:
    case HISTORY_SHADOW_STACK:
        settle(build, index, task);
        history_mmap(build, task, event);
        break;
    case HISTORY_MREMAP:
        settle(build, index, task);
        history_mremap(build, task, event);
        break;
    case HISTORY_MUNMAP:
        history_munmap(build, task, event);
        break;
    case HISTORY_MPROTECT:
        history_mprotect(build, task, event);
        break;
    case HISTORY_MADVISE:
        history_madvise(build, task, event);
        break;
    case HISTORY_BRK:
        history_brk(build, task, event);
        break;
    case HISTORY_CLONE:
        history_clone(build, task, event);
        break;
    case HISTORY_EXECVE:
        history_execve(build, task, event);
        break;
    case HISTORY_WAIT:
        wait_for(build, task, event);
        break;
    case HISTORY_GONE:
        history_end_task(build, task);
        break;
    default:
        break;
    }
}

static void take_event(struct history_build *build, size_t index)
{
    const struct history_event *event = &build->model->history->events[index];
    build->done[index] = true;
    const uint32_t task = task_of(build, index);
    if (has_effect(event)) {
        apply(build, index, task);
    }
}

/* For every event: the earliest beginning among the calls from it on that another event
 * may have to be taken after although they end later. */
static void find_pending(struct history_build *build)
{
    const struct history *history = build->model->history;
    uint64_t earliest = UINT64_MAX;
    for (size_t i = history->count; i-- > 0;) {
        const struct history_event *event = &history->events[i];
        const bool matters = event->kind == HISTORY_MUNMAP ||
                             event->kind == HISTORY_MREMAP ||
                             event->kind == HISTORY_CLONE;
        if (matters && event->first_line < event->line &&
            event->first_line < earliest) {
            earliest = event->first_line;
        }
        build->pending[i] = earliest;
    }
}

struct history_model *history_model_build(const struct history *history)
{
    struct history_build build = {.nameless = HISTORY_NONE};
    size_t capacity = 0;
    build.model = history_grow(NULL, &capacity, 1, sizeof(*build.model));
    memset(build.model, 0, sizeof(*build.model));
    build.model->history = history;
    capacity = 0;
    build.done = history_grow(NULL, &capacity, history->count + 1, sizeof(bool));
    memset(build.done, 0, history->count);
    capacity = 0;
    build.pending =
        history_grow(NULL, &capacity, history->count + 1, sizeof(*build.pending));
    find_pending(&build);
    for (size_t i = 0; i < history->count; i++) {
        if (!build.done[i]) {
            take_event(&build, i);
        }
    }
    free(build.done);
    free(build.pending);
    free(build.pids.pids);
    free(build.pids.tasks);
    return build.model;
}

void history_model_free(struct history_model *model)
{
    if (model == NULL) {
        return;
    }
    for (size_t i = 0; i < model->space_count; i++) {
        history_map_free(&model->spaces[i].map);
    }
    free(model->spaces);
    free(model->tasks);
    free(model->origins);
    free(model->steps);
    free(model->overwrites);
    free(model);
}

const char *history_overwrite_name(enum history_overwrite_kind kind)
{
    static const char *const names[HISTORY_OVERWRITE_KIND_COUNT] = {
        [HISTORY_OVERWRITE_MAPPED] = "mapped over",
        [HISTORY_OVERWRITE_MOVED] = "moved over",
        [HISTORY_OVERWRITE_UNMAPPED] = "unmapped",
    };
    return (unsigned)kind < HISTORY_OVERWRITE_KIND_COUNT ? names[kind] : "?";
}
