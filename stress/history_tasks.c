/* SPDX-License-Identifier: MIT */
/* Threads, processes and their address spaces. */
#include <stdlib.h>
#include <string.h>

#include "stress/history_build.h"
#include "stress/history_grow.h"

/* ------------------------------------------------------------- numbers to threads */

static size_t slot_of(const struct history_pid_table *table, uint32_t pid)
{
    size_t slot = pid * UINT32_C(2654435761) & (table->size - 1);
    while (table->pids[slot] != 0 && table->pids[slot] != pid) {
        slot = (slot + 1) & (table->size - 1);
    }
    return slot;
}

static void grow_table(struct history_pid_table *table)
{
    const struct history_pid_table old = *table;
    size_t capacity = 0;
    table->size = old.size == 0 ? 64 : old.size * 2;
    table->pids = history_grow(NULL, &capacity, table->size, sizeof(*table->pids));
    capacity = 0;
    table->tasks = history_grow(NULL, &capacity, table->size, sizeof(*table->tasks));
    memset(table->pids, 0, table->size * sizeof(*table->pids));
    for (size_t i = 0; i < old.size; i++) {
        if (old.pids[i] != 0) {
            const size_t slot = slot_of(table, old.pids[i]);
            table->pids[slot] = old.pids[i];
            table->tasks[slot] = old.tasks[i];
        }
    }
    free(old.pids);
    free(old.tasks);
}

uint32_t history_find_task(const struct history_build *build, uint32_t pid)
{
    if (pid == 0 || build->pids.size == 0) {
        return HISTORY_NONE;
    }
    const size_t slot = slot_of(&build->pids, pid);
    return build->pids.pids[slot] == pid ? build->pids.tasks[slot] : HISTORY_NONE;
}

void history_name_task(struct history_build *build, uint32_t pid, uint32_t task)
{
    struct history_pid_table *table = &build->pids;
    if (pid == 0) {
        return;
    }
    if (2 * (table->count + 1) > table->size) {
        grow_table(table);
    }
    const size_t slot = slot_of(table, pid);
    table->count += table->pids[slot] == 0 ? 1 : 0;
    table->pids[slot] = pid;
    table->tasks[slot] = task;
    build->model->tasks[task].pid = pid;
}

/* ------------------------------------------------------------- threads and spaces */

uint32_t history_add_space(struct history_build *build, uint32_t process,
                           uint32_t parent, uint64_t line)
{
    struct history_model *model = build->model;
    model->spaces = history_grow(model->spaces, &model->space_capacity,
                                 model->space_count + 1, sizeof(*model->spaces));
    model->spaces[model->space_count] = (struct history_space){.process = process,
                                                               .parent = parent,
                                                               .origins = HISTORY_NONE,
                                                               .image = HISTORY_NONE,
                                                               .heap = HISTORY_NONE,
                                                               .line = line};
    return (uint32_t)model->space_count++;
}

uint32_t history_add_task(struct history_build *build, uint32_t pid, uint32_t space,
                          uint32_t process, uint64_t line)
{
    struct history_model *model = build->model;
    const uint32_t task = (uint32_t)model->task_count;
    model->tasks = history_grow(model->tasks, &model->task_capacity,
                                model->task_count + 1, sizeof(*model->tasks));
    model->tasks[model->task_count++] =
        (struct history_task){.pid = pid,
                              .process = process == HISTORY_NONE ? task : process,
                              .space = space,
                              .anonymous = HISTORY_NONE,
                              .line = line,
                              .alive = true};
    model->spaces[space].tasks++;
    build->live_tasks++;
    history_name_task(build, pid, task);
    return task;
}

void history_end_task(struct history_build *build, uint32_t task)
{
    struct history_model *model = build->model;
    if (model->tasks[task].alive) {
        model->tasks[task].alive = false;
        model->spaces[model->tasks[task].space].tasks--;
        build->live_tasks--;
    }
}

void history_clone(struct history_build *build, uint32_t task,
                   const struct history_event *event)
{
    struct history_model *model = build->model;
    const uint32_t pid = (uint32_t)event->result;
    const uint32_t previous = history_find_task(build, pid);
    const bool shares = (event->flags & HISTORY_CLONE_VM) != 0;
    const bool thread = (event->flags & HISTORY_CLONE_THREAD) != 0;
    if (previous == task) {
        history_oddity(build, event->line, "a process that made itself");
        return;
    }
    if (previous != HISTORY_NONE) {
        history_end_task(build, previous); /* its end was not recorded */
    }
    const uint32_t parent_space = model->tasks[task].space;
    const uint32_t space = shares
                               ? parent_space
                               : history_add_space(build, (uint32_t)model->task_count,
                                                   parent_space, event->line);
    const uint32_t child = history_add_task(
        build, pid, space, thread ? model->tasks[task].process : HISTORY_NONE,
        event->line);
    const struct history_place nowhere = {.task = task, .line = event->line};
    if (shares) {
        history_give_stack(build, task, child, event);
    }
    history_step(build, HISTORY_STEP_START, &nowhere, HISTORY_NONE, child);
    if (!shares) {
        history_copy_space(build, task, child, space, event->line);
    }
}

void history_execve(struct history_build *build, uint32_t task,
                    const struct history_event *event)
{
    struct history_model *model = build->model;
    for (uint32_t i = 0; i < model->task_count; i++) {
        if (i != task && model->tasks[i].process == model->tasks[task].process) {
            history_end_task(build, i);
        }
    }
    const uint32_t space = history_add_space(build, task, HISTORY_NONE, event->line);
    model->spaces[model->tasks[task].space].tasks--;
    model->spaces[space].tasks++;
    model->tasks[task].space = space;
    model->tasks[task].process = task;
    model->tasks[task].anonymous = HISTORY_NONE;
}
