/* SPDX-License-Identifier: MIT */
/*
 * A history made ready for replay: which thread takes which steps, what each step has
 * to come after, and which owner of a mapper stands for which origin.
 */
#ifndef STRESS_HISTORY_PLAN_H
#define STRESS_HISTORY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/history_layout.h"
#include "stress/history_model.h"

/* A step comes after the first `steps` steps of `task`. */
struct history_after {
    uint32_t task;
    uint64_t steps;
};

struct history_plan {
    const struct history_model *model;
    struct history_layout *layouts; /* of each space */
    uint64_t *offsets;              /* of each space's window, from the first one's */
    uint64_t bytes;                 /* of all windows */
    bool squeezed;
    uint32_t *order;     /* steps by task, in their order */
    size_t *task_first;  /* where a task's begin in `order`; one more at the end */
    size_t *after_first; /* where a step's begin in `after`; one more at the end */
    struct history_after *after;
    bool *root;            /* of each task: no other task starts it */
    uint64_t *space_steps; /* of each space */
    uint32_t *slots;       /* of each origin: its owner's place in its space */
    uint32_t *slot_counts; /* of each space */
    bool shared_slots;     /* more origins than owners: some share one, in turn */
};

/* NULL, or why the history cannot be replayed. The model is borrowed. */
const char *history_plan_make(const struct history_model *model, uint64_t budget,
                              struct history_plan *plan);
void history_plan_free(struct history_plan *plan);

#endif /* STRESS_HISTORY_PLAN_H */
