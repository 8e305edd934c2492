/* SPDX-License-Identifier: MIT */
/*
 * Size classes: what a page of a Lua heap is cut into.
 *
 * Steps of 16 bytes up to 256, where most of Lua's objects are, then larger ones of which
 * a whole number nearly fills a page. All are multiples of 16, and a page begins at one:
 * every block is aligned as malloc's are.
 */
#ifndef EXAMPLES_LUA_SIZE_CLASS_H
#define EXAMPLES_LUA_SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

enum {
    SIZE_CLASS_PAGE = 16 * 1024,
    SIZE_CLASS_GRAIN = 16,
    SIZE_CLASS_STEPS = 16, /* the classes of 16, 32, ... 256 bytes */
    SIZE_CLASS_COUNT = 32,
    SIZE_CLASS_LARGEST = SIZE_CLASS_PAGE / 2, /* what is larger has pages of its own */
};

static inline size_t size_class_bytes(unsigned size_class)
{
    static const uint16_t above[SIZE_CLASS_COUNT - SIZE_CLASS_STEPS] = {
        320,  384,  448,  512,  640,  768,  896,  1024,
        1168, 1360, 1632, 2048, 2720, 4096, 5456, SIZE_CLASS_LARGEST,
    };
    return size_class < SIZE_CLASS_STEPS ? (size_class + 1UL) * SIZE_CLASS_GRAIN
                                         : above[size_class - SIZE_CLASS_STEPS];
}

/* How many blocks a page has. */
static inline unsigned size_class_blocks(unsigned size_class)
{
    return (unsigned)(SIZE_CLASS_PAGE / size_class_bytes(size_class));
}

/* The class for a block of `bytes`, 1 to SIZE_CLASS_LARGEST. */
static inline unsigned size_class_of(size_t bytes)
{
    unsigned size_class = (unsigned)((bytes - 1) / SIZE_CLASS_GRAIN);
    if (size_class >= SIZE_CLASS_STEPS) {
        size_class = SIZE_CLASS_STEPS;
        while (size_class_bytes(size_class) < bytes) {
            size_class++;
        }
    }
    return size_class;
}

#endif /* EXAMPLES_LUA_SIZE_CLASS_H */
