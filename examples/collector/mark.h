/* SPDX-License-Identifier: MIT */
/*
 * Marking: every object that can be reached from the roots gets its mark bit. With the
 * world stopped, by one thread.
 *
 * Objects whose references are still to be looked at are on a stack in memory of its own.
 * The address space is there for the worst case, memory is mapped as the stack grows. When
 * the system has none for it, marking does not fail: what could not be pushed is marked,
 * and found again by looking at all marked objects, as often as needed.
 */
#ifndef EXAMPLES_COLLECTOR_MARK_H
#define EXAMPLES_COLLECTOR_MARK_H

#include "examples/collector/heap.h"

struct marker {
    struct heap *heap;
    struct object **stack;
    size_t count;
    size_t mapped;   /* entries */
    bool overflowed; /* something was marked and not pushed */
    uint64_t rescans;
};

/* An empty stack. */
void marker_init(struct marker *marker, struct heap *heap);

/* Marks one object and what it refers to, later; NULL is fine. A reference to anything
 * but an object ends the process: a mutator broke the rules. */
void marker_mark(struct marker *marker, struct object *object);

/* Marks all that can be reached from what was marked. */
void marker_finish(struct marker *marker);

#endif /* EXAMPLES_COLLECTOR_MARK_H */
