/* SPDX-License-Identifier: MIT */
/*
 * Sweeping: what is not marked is no object any more. With the world stopped, after
 * marking, and with no allocator holding a block.
 *
 * What the next cycle will allocate anyway stays with the heap, as free cells and spare
 * blocks; the blocks beyond that go back to the memory, and from there to the system.
 */
#ifndef EXAMPLES_COLLECTOR_SWEEP_H
#define EXAMPLES_COLLECTOR_SWEEP_H

#include "examples/collector/heap.h"

struct sweep_result {
    size_t objects; /* that live */
    size_t bytes;   /* of their cells and runs */
    size_t given;   /* blocks that went back */
};

struct sweep_result heap_sweep(struct heap *heap);

#endif /* EXAMPLES_COLLECTOR_SWEEP_H */
