/* SPDX-License-Identifier: MIT */
/*
 * Roots: where the collector looks for references first.
 *
 * A thread's are in frames, which it keeps as a stack beside its own, the way a compiler
 * would emit them: a frame says where a function has its references, is pushed when the
 * function begins and popped when it ends. A reference that is in no frame while the
 * thread polls, blocks or allocates is one the collector does not see.
 *
 *     struct object *here[2] = {NULL};
 *     struct root_frame frame = {.slots = here, .count = 2};
 *     roots_push(mutator, &frame);  ...  roots_pop(mutator, &frame);
 *
 * What all threads share hangs on global roots.
 */
#ifndef EXAMPLES_COLLECTOR_ROOTS_H
#define EXAMPLES_COLLECTOR_ROOTS_H

#include <stdatomic.h>
#include <stddef.h>

#include "examples/collector/mark.h"

struct root_frame {
    struct root_frame *below; /* roots_push's */
    struct object **slots;
    size_t count;
};

struct root_global {
    struct root_global *next; /* collector_add_global's */
    _Atomic(struct object *) object;
};

static inline void roots_mark_frames(struct marker *marker,
                                     const struct root_frame *frame)
{
    for (; frame != NULL; frame = frame->below) {
        for (size_t i = 0; i < frame->count; i++) {
            marker_mark(marker, frame->slots[i]);
        }
    }
}

static inline void roots_mark_globals(struct marker *marker, struct root_global *root)
{
    for (; root != NULL; root = root->next) {
        marker_mark(marker, atomic_load_explicit(&root->object, memory_order_relaxed));
    }
}

#endif /* EXAMPLES_COLLECTOR_ROOTS_H */
