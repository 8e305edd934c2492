/* SPDX-License-Identifier: MIT */
/*
 * Where the pages of a history's address space lie in a mapper's window: what was used
 * is put side by side in the order it had, with a chunk between areas that did not
 * touch. Offsets are from the window's base.
 */
#ifndef STRESS_HISTORY_LAYOUT_H
#define STRESS_HISTORY_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/history_model.h"

enum { HISTORY_CHUNK_BYTES = 4096 };

struct history_layout {
    uint64_t *from; /* addresses at which any step begins or ends, ascending */
    uint64_t *to;   /* their offsets, ascending */
    size_t count;
    uint64_t bytes; /* of the window */
};

/*
 * Lays out every address space of the model into windows of `budget` bytes in all.
 * When they need more, the longest stretches within which no step begins or ends are
 * cut short, all to the same length: such pages are always treated alike. False, and
 * nothing laid out, when even one chunk for each does not fit.
 */
bool history_layouts_make(const struct history_model *model, uint64_t budget,
                          struct history_layout **layouts, bool *squeezed);
void history_layouts_free(struct history_layout *layouts, size_t count);

/* The offset of an address at which a step begins or ends. */
uint64_t history_layout_offset(const struct history_layout *layout, uint64_t address);

#endif /* STRESS_HISTORY_LAYOUT_H */
