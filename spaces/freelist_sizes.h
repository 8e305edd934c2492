/* SPDX-License-Identifier: MIT */
/*
 * Which sizes the free blocks of a table have: a number for each class of sizes, and a
 * bit for each class that has any. It answers "is there a block of n units?" without a
 * look at a block. Private to freelist_table.
 *
 *     class      1 ... 63     64       65  ...   71        72  ...   255
 *     units      1 ... 63   64-71    72-79     120-127  128-143   to 2^30 - 1
 *                 exact     eight classes for each power of two
 *
 * In the classes that are not exact a block may be smaller than a request of the same
 * class. `largest` bounds them: a block that is added raises it, and who looked at all
 * blocks of a class in vain lowers it, so as not to look again.
 */
#ifndef SPACES_FREELIST_SIZES_H
#define SPACES_FREELIST_SIZES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    FREELIST_CLASSES = 256, /* class 0 is always empty */
    FREELIST_EXACT = 64,    /* sizes below have a class each */
    FREELIST_EXACT_LOG = 6,
    FREELIST_STEPS_LOG = 3, /* of the classes for each power of two */
};

struct freelist_class {
    uint32_t blocks;
    uint32_t largest; /* no block has more units; 0: there is none */
};

/* Zero memory is that of a table without free blocks. */
struct freelist_sizes {
    uint64_t present[FREELIST_CLASSES / 64]; /* the classes that have blocks */
    struct freelist_class classes[FREELIST_CLASSES];
};

/* The class of blocks of `size` units, 1 to 2^30 - 1. */
static inline unsigned freelist_class_of(uint32_t size)
{
    if (size < FREELIST_EXACT) {
        return size;
    }
    /* The last bit's number, but in a way that compilers see through; then `size >> log`
     * is 8 to 15: the first of the eight classes of its power of two, or which. */
    const unsigned log = ((unsigned)__builtin_clz(size) ^ 31U) - FREELIST_STEPS_LOG;
    return FREELIST_EXACT - (FREELIST_EXACT_LOG - FREELIST_STEPS_LOG + 1) * 8 +
           log * 8 + (size >> log);
}

/* The least class in which every block has `size` units or more. */
static inline unsigned freelist_class_for(uint32_t size)
{
    return freelist_class_of(size - 1) + 1;
}

/* The first class that has blocks, from `class` on; FREELIST_CLASSES if none. */
static inline unsigned freelist_sizes_next(const struct freelist_sizes *sizes,
                                           unsigned class)
{
    if (class >= FREELIST_CLASSES) {
        return FREELIST_CLASSES;
    }
    unsigned word = class / 64;
    uint64_t left = sizes->present[word] & (~UINT64_C(0) << class % 64);
    while (left == 0) {
        if (++word == FREELIST_CLASSES / 64) {
            return FREELIST_CLASSES;
        }
        left = sizes->present[word];
    }
    return word * 64 + (unsigned)__builtin_ctzll(left);
}

/* The last class that has blocks, below `class`, which is positive; 0 if none. */
static inline unsigned freelist_sizes_previous(const struct freelist_sizes *sizes,
                                               unsigned class)
{
    do {
        class --;
    } while (class > 0 && (sizes->present[class / 64] >> class % 64 & 1) == 0);
    return class;
}

/* A block of `size` units, whose class is `class`, is there. */
static inline void freelist_sizes_add(struct freelist_sizes *sizes, unsigned class,
                                      uint32_t size)
{
    struct freelist_class *of = &sizes->classes[class];
    sizes->present[class / 64] |= UINT64_C(1) << class % 64;
    of->blocks++;
    of->largest = size > of->largest ? size : of->largest;
}

/* A block of this class is not there any more. */
static inline void freelist_sizes_remove(struct freelist_sizes *sizes, unsigned class)
{
    struct freelist_class *of = &sizes->classes[class];
    of->blocks--;
    if (of->blocks == 0) {
        sizes->present[class / 64] &= ~(UINT64_C(1) << class % 64);
        of->largest = 0;
    }
}

/* A block of class `old` is one of `size` units and class `class` now. */
static inline void freelist_sizes_change(struct freelist_sizes *sizes, unsigned old,
                                         unsigned class, uint32_t size)
{
    struct freelist_class *of = &sizes->classes[class];
    if (class != old) {
        freelist_sizes_remove(sizes, old);
        freelist_sizes_add(sizes, class, size);
    } else if (size > of->largest) {
        of->largest = size;
    }
}

/* Whether `sizes` is right when `counted` is what there is. */
bool freelist_sizes_agree(const struct freelist_sizes *sizes,
                          const struct freelist_sizes *counted);

#endif /* SPACES_FREELIST_SIZES_H */
