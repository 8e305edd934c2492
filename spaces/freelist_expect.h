/* SPDX-License-Identifier: MIT */
/* What the tests of the free list share: a list on plain memory, and expectations. */
#ifndef SPACES_FREELIST_EXPECT_H
#define SPACES_FREELIST_EXPECT_H

#include <stdlib.h>

#include "mmapper/testing/expect.h"
#include "spaces/raw_memory_freelist.h"

#define NONE RAW_MEMORY_FREELIST_NONE

struct lists {
    struct raw_memory_freelist *list;
    void *table;
};

static inline struct raw_memory_freelist *
freelist_begin_shape(struct lists *lists, struct raw_memory_freelist_shape shape)
{
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    lists->table = calloc(1, bytes);
    EXPECT(lists->table != NULL);
    EXPECT_OK(
        raw_memory_freelist_create_on(lists->table, bytes, &shape, &lists->list, NULL));
    return lists->list;
}

static inline struct raw_memory_freelist *
freelist_begin_binned(struct lists *lists, uint32_t units, uint32_t grain)
{
    return freelist_begin_shape(lists, (struct raw_memory_freelist_shape){
                                           .max_units = units,
                                           .units = units,
                                           .grain = grain,
                                           .heads = 1,
                                           .policy = RAW_MEMORY_FREELIST_BINNED,
                                       });
}

static inline struct raw_memory_freelist *freelist_begin(struct lists *lists,
                                                         uint32_t units, uint32_t grain)
{
    return freelist_begin_shape(lists, (struct raw_memory_freelist_shape){
                                           .max_units = units,
                                           .units = units,
                                           .grain = grain,
                                           .heads = 1,
                                       });
}

static inline void freelist_end(struct lists *lists)
{
    EXPECT(raw_memory_freelist_verify(lists->list, NULL));
    EXPECT_OK(raw_memory_freelist_destroy(lists->list, NULL));
    free(lists->table);
}

static inline uint32_t alloc(struct raw_memory_freelist *list, uint32_t units)
{
    uint32_t unit = NONE;
    const enum mm_status status = raw_memory_freelist_alloc(list, 0, units, &unit);
    EXPECT(status == MM_OK || (status == MM_NO_SPACE && unit == NONE));
    return unit;
}

/* Frees, and returns the size of the free block that the units are part of now. */
static inline uint32_t give(struct raw_memory_freelist *list, uint32_t unit)
{
    struct raw_memory_freelist_freed freed;
    EXPECT_OK(raw_memory_freelist_free(list, 0, unit, &freed));
    return freed.merged.units;
}

/* The list of `head` is exactly the `count` blocks that begin at `units`, both ways. */
static inline void expect_list(const struct raw_memory_freelist *list, uint32_t head,
                               const uint32_t *units, uint32_t count)
{
    uint32_t unit = NONE;
    for (uint32_t i = 0; i < count; i++) {
        unit = raw_memory_freelist_next(list, head, unit);
        EXPECT_EQ(unit, units[i]);
    }
    EXPECT_EQ(raw_memory_freelist_next(list, head, unit), NONE);
    unit = NONE;
    for (uint32_t i = count; i > 0; i--) {
        unit = raw_memory_freelist_previous(list, head, unit);
        EXPECT_EQ(unit, units[i - 1]);
    }
    EXPECT_EQ(raw_memory_freelist_previous(list, head, unit), NONE);
}

#define EXPECT_LIST(list, head, ...)                                                   \
    expect_list(list, head, (const uint32_t[]){__VA_ARGS__},                           \
                sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static inline void expect_block(const struct raw_memory_freelist *list, uint32_t unit,
                                uint32_t size, bool is_free, uint32_t left)
{
    EXPECT_EQ(raw_memory_freelist_block_size(list, unit), size);
    EXPECT_EQ(raw_memory_freelist_is_free(list, unit), is_free);
    EXPECT_EQ(raw_memory_freelist_left(list, unit), left);
    EXPECT(raw_memory_freelist_is_coalescable(list, unit));
}

#endif /* SPACES_FREELIST_EXPECT_H */
