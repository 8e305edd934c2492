/* SPDX-License-Identifier: MIT */
/* Private to the model: what its files share. */
#ifndef STRESS_HISTORY_BUILD_H
#define STRESS_HISTORY_BUILD_H

#include "stress/history_model.h"

struct history_pid_table {
    uint32_t *pids;  /* 0: free */
    uint32_t *tasks; /* the newest task with that number */
    size_t count;
    size_t size; /* a power of two, or 0 */
};

struct history_build {
    struct history_model *model;
    bool *done;        /* of each event: taken already */
    uint64_t *pending; /* of each event: the first line of those from it on that may
                        * have to be taken early */
    struct history_pid_table pids;
    uint32_t nameless; /* the task of lines without a number, or HISTORY_NONE */
    size_t live_tasks;
};

/* history_tasks.c */
uint32_t history_add_task(struct history_build *build, uint32_t pid, uint32_t space,
                          uint32_t process, uint64_t line);
uint32_t history_add_space(struct history_build *build, uint32_t process,
                           uint32_t parent, uint64_t line);
void history_end_task(struct history_build *build, uint32_t task);
uint32_t history_find_task(const struct history_build *build, uint32_t pid);
void history_name_task(struct history_build *build, uint32_t pid, uint32_t task);
void history_clone(struct history_build *build, uint32_t task,
                   const struct history_event *event);
void history_execve(struct history_build *build, uint32_t task,
                    const struct history_event *event);

/* history_origins.c */
uint32_t history_add_origin(struct history_build *build, uint32_t space,
                            enum history_origin_kind kind, uint32_t task,
                            uint64_t line);
uint32_t history_image(struct history_build *build, uint32_t space, uint64_t line);
uint32_t history_heap(struct history_build *build, uint32_t space, uint64_t line);
uint32_t history_anonymous(struct history_build *build, uint32_t task, uint64_t line);
uint32_t history_origin_of_mmap(struct history_build *build, uint32_t task,
                                const struct history_event *event, uint64_t start,
                                uint64_t end);
void history_copy_space(struct history_build *build, uint32_t parent_task,
                        uint32_t child_task, uint32_t child_space, uint64_t line);
void history_give_stack(struct history_build *build, uint32_t parent, uint32_t child,
                        const struct history_event *event);

/* history_memory.c: one call each, of an event that succeeded. */
void history_mmap(struct history_build *build, uint32_t task,
                  const struct history_event *event);
void history_munmap(struct history_build *build, uint32_t task,
                    const struct history_event *event);
void history_mprotect(struct history_build *build, uint32_t task,
                      const struct history_event *event);
void history_madvise(struct history_build *build, uint32_t task,
                     const struct history_event *event);
void history_mremap(struct history_build *build, uint32_t task,
                    const struct history_event *event);
void history_brk(struct history_build *build, uint32_t task,
                 const struct history_event *event);

/* history_pages.c: what the calls are made of. */
struct history_run {
    uint64_t start, end;
    uint32_t origin;
    bool accessible; /* some of it */
};

struct history_place {
    uint32_t task;
    uint64_t start, end;
    uint64_t line;
};

bool history_next_run(const struct history_map *map, uint64_t at, uint64_t end,
                      struct history_run *run);
void history_step(struct history_build *build, enum history_step_kind kind,
                  const struct history_place *place, uint32_t origin, uint32_t other);
void history_release(struct history_build *build, const struct history_place *place);
void history_take(struct history_build *build, const struct history_place *place,
                  uint32_t origin, enum history_overwrite_kind how);
void history_put(struct history_build *build, const struct history_place *place,
                 struct history_piece piece);
void history_infer(struct history_build *build, const struct history_place *place);
void history_oddity(struct history_build *build, uint64_t line, const char *reason);

struct history_place history_pages(const struct history_build *build, uint32_t task,
                                   uint64_t line, uint64_t start, uint64_t bytes);
struct history_map *history_map_of(struct history_build *build, uint32_t task);

#endif /* STRESS_HISTORY_BUILD_H */
