/* SPDX-License-Identifier: MIT */
/* The sizes of the cells that blocks are cut into: four or more for each power of two, all
 * multiples of a grain. */
#ifndef EXAMPLES_COLLECTOR_CELL_CLASS_H
#define EXAMPLES_COLLECTOR_CELL_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "examples/collector/heap_memory.h"

enum {
    CELL_CLASS_COUNT = 29,
    CELL_CLASS_STEPS = 8, /* the first ones are a grain apart */
    CELL_CLASS_LARGEST = BLOCK_BYTES / 4,
};

static inline size_t cell_class_bytes(unsigned cell_class)
{
    static const uint16_t sizes[CELL_CLASS_COUNT] = {
        16,
        32,
        48,
        64,
        80,
        96,
        112,
        128,
        160,
        192,
        224,
        256,
        320,
        384,
        448,
        512,
        640,
        768,
        896,
        1024,
        1280,
        1536,
        1792,
        2048,
        2560,
        3264,
        4096,
        5456,
        CELL_CLASS_LARGEST,
    };
    return sizes[cell_class];
}

static inline uint32_t cell_class_cells(unsigned cell_class)
{
    return (uint32_t)(BLOCK_BYTES / cell_class_bytes(cell_class));
}

/* The least class for `bytes`, 1 to CELL_CLASS_LARGEST. */
static inline unsigned cell_class_of(size_t bytes)
{
    unsigned cell_class = (unsigned)((bytes - 1) / GRAIN_BYTES);
    if (cell_class >= CELL_CLASS_STEPS) {
        cell_class = CELL_CLASS_STEPS;
        while (cell_class_bytes(cell_class) < bytes) {
            cell_class++;
        }
    }
    return cell_class;
}

#endif /* EXAMPLES_COLLECTOR_CELL_CLASS_H */
