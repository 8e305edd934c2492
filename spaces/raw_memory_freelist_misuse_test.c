/* SPDX-License-Identifier: MIT */
/* The free list on plain memory: growth, and what it refuses. */
#include "spaces/raw_memory_freelist.h"

#include "spaces/freelist_expect.h"

static void test_grow(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_shape(
        &lists, (struct raw_memory_freelist_shape){
                    .max_units = 11, .units = 0, .grain = 3, .heads = 2});
    EXPECT_EQ(raw_memory_freelist_size(list), 0);
    EXPECT_EQ(raw_memory_freelist_max_units(list), 11);
    EXPECT_EQ(alloc(list, 1), NONE);
    /* Up to one grain any number will do. */
    EXPECT_OK(raw_memory_freelist_grow(list, 0, 2));
    EXPECT_LIST(list, 0, 0);
    EXPECT_EQ(alloc(list, 2), 0);
    /* The top's border stays when the top moves, and the blocks keep to the grain. */
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 2));
    EXPECT_STATUS(raw_memory_freelist_grow(list, 0, 3), MM_INVALID_ARGUMENT);
    EXPECT_OK(raw_memory_freelist_grow(list, 0, 4));
    EXPECT_LIST(list, 0, 2, 3);
    expect_block(list, 3, 3, true, 2);
    EXPECT(!raw_memory_freelist_is_coalescable(list, 2));
    EXPECT_EQ(give(list, 0), 2);
    EXPECT_LIST(list, 0, 0, 2, 3);
    /* The last block is partial. */
    EXPECT_STATUS(raw_memory_freelist_grow(list, 1, 6), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 1, UINT32_MAX), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 1, 4), MM_INVALID_ARGUMENT);
    EXPECT_OK(raw_memory_freelist_grow(list, 1, 5));
    EXPECT_LIST(list, 1, 6, 9);
    expect_block(list, 9, 2, true, 6);
    EXPECT_EQ(raw_memory_freelist_size(list), 11);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 0, 1), MM_NO_SPACE);
    freelist_end(&lists);
}

/* What was added merges with what was there, as soon as it is freed. */
static void test_grow_and_merge(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_shape(
        &lists, (struct raw_memory_freelist_shape){
                    .max_units = 8, .units = 4, .grain = 4, .heads = 1});
    EXPECT_EQ(alloc(list, 1), 0);
    EXPECT_OK(raw_memory_freelist_grow(list, 0, 4));
    EXPECT_LIST(list, 0, 4, 1);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 4, 4));
    EXPECT_EQ(give(list, 4), 7);
    EXPECT_EQ(alloc(list, 7), 1);
    freelist_end(&lists);
}

static void test_misuse(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 12, 4);
    uint32_t unit = 77;
    EXPECT_STATUS(raw_memory_freelist_free(list, 0, 0, NULL), MM_WRONG_STATE);
    EXPECT_EQ(alloc(list, 4), 0);
    EXPECT_EQ(alloc(list, 2), 4);
    for (uint32_t inside = 1; inside < 4; inside++) {
        EXPECT_STATUS(raw_memory_freelist_free(list, 0, inside, NULL), MM_WRONG_STATE);
    }
    EXPECT_EQ(give(list, 0), 4);
    EXPECT_STATUS(raw_memory_freelist_free(list, 0, 0, NULL), MM_WRONG_STATE);
    EXPECT_EQ(give(list, 4), 8);
    /* Freed, and merged away with its neighbours. */
    EXPECT_STATUS(raw_memory_freelist_free(list, 0, 4, NULL), MM_WRONG_STATE);
    EXPECT_STATUS(raw_memory_freelist_free(list, 0, 6, NULL), MM_WRONG_STATE);
    EXPECT_STATUS(raw_memory_freelist_free(list, 1, 0, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, 0, &unit), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 1, 1, &unit), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, 13, &unit), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, UINT32_MAX, &unit), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 0, 0, 0),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 1, 1, 0),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 0, 0), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 1, 1), MM_INVALID_ARGUMENT);
    EXPECT_EQ(unit, 77);
    EXPECT_EQ(raw_memory_freelist_next(list, 1, NONE), NONE);
    EXPECT_EQ(raw_memory_freelist_next(list, 0, 1), NONE);
    EXPECT_EQ(raw_memory_freelist_previous(list, 1, NONE), NONE);
    struct raw_memory_freelist_census census;
    EXPECT(raw_memory_freelist_verify(list, &census));
    /* Blocks that were free beside each other from the start stay apart. */
    EXPECT_EQ(census.blocks, 2);
    EXPECT_EQ(census.free_units, 12);
    freelist_end(&lists);
}

/* A used block is on no walk, although its links still say where it was. */
static void test_walks_need_free_blocks(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 12, 4);
    EXPECT_LIST(list, 0, 0, 4, 8);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 4, 4));
    EXPECT_EQ(raw_memory_freelist_next(list, 0, 4), NONE);
    EXPECT_EQ(raw_memory_freelist_previous(list, 0, 4), NONE);
    EXPECT_LIST(list, 0, 0, 8);
    freelist_end(&lists);
}

static void expect_refused(void *memory, size_t bytes,
                           struct raw_memory_freelist_shape shape)
{
    struct raw_memory_freelist *list = NULL;
    struct mm_error error;
    EXPECT_STATUS(raw_memory_freelist_create_on(memory, bytes, &shape, &list, &error),
                  MM_INVALID_ARGUMENT);
    EXPECT(list == NULL);
    EXPECT_EQ(error.status, MM_INVALID_ARGUMENT);
    EXPECT(error.detail != NULL);
}

static size_t table_bytes(uint32_t max_units, uint32_t heads,
                          enum raw_memory_freelist_policy policy)
{
    const struct raw_memory_freelist_shape shape = {
        .max_units = max_units, .grain = 1, .heads = heads, .policy = policy};
    return raw_memory_freelist_table_bytes(&shape);
}

static void test_table_bytes(void)
{
    enum {
        FIRST_FIT = RAW_MEMORY_FREELIST_FIRST_FIT,
        BINNED = RAW_MEMORY_FREELIST_BINNED,
        MOST = RAW_MEMORY_FREELIST_MAX_UNITS,
        MOST_BINNED = RAW_MEMORY_FREELIST_MAX_BINNED_UNITS,
    };
    EXPECT_EQ(table_bytes(10, 5, FIRST_FIT), 16 * 8);
    EXPECT_EQ(table_bytes(MOST, 128, FIRST_FIT), UINT64_C(8) * ((1 << 30) - 1));
    EXPECT_EQ(table_bytes(MOST + 1, 1, FIRST_FIT), 0);
    EXPECT_EQ(table_bytes(1, 129, FIRST_FIT), 0);
    EXPECT_EQ(table_bytes(1, 0, FIRST_FIT), 0);
    EXPECT_EQ(table_bytes(10, 1, BINNED), (10 + 256 + 1) * 8);
    EXPECT_EQ(table_bytes(MOST_BINNED, 1, BINNED), UINT64_C(8) * ((1 << 30) - 1));
    EXPECT_EQ(table_bytes(MOST_BINNED + 1, 1, BINNED), 0);
    EXPECT_EQ(table_bytes(10, 2, BINNED), 0);
    EXPECT_EQ(table_bytes(10, 0, BINNED), 0);
    EXPECT_EQ(table_bytes(0, 1, BINNED), 0);
    EXPECT_EQ(table_bytes(10, 1, (enum raw_memory_freelist_policy)2), 0);
}

static void test_bad_shapes(void)
{
    uint64_t memory[16] = {0};
    struct raw_memory_freelist *list = NULL;
    const struct raw_memory_freelist_shape good = {10, 10, 1, 5, 0};
    expect_refused(memory, sizeof(memory) - 1, good);
    expect_refused((char *)memory + 4, sizeof(memory), good);
    expect_refused(NULL, sizeof(memory), good);
    expect_refused(memory, sizeof(memory),
                   (struct raw_memory_freelist_shape){0, 0, 1, 1, 0});
    expect_refused(memory, sizeof(memory),
                   (struct raw_memory_freelist_shape){9, 10, 1, 1, 0});
    expect_refused(memory, sizeof(memory),
                   (struct raw_memory_freelist_shape){9, 9, 0, 1, 0});
    expect_refused(memory, sizeof(memory),
                   (struct raw_memory_freelist_shape){9, 9, 1, 0, 0});
    expect_refused(memory, SIZE_MAX,
                   (struct raw_memory_freelist_shape){9, 9, 1, 129, 0});
    expect_refused(memory, SIZE_MAX, (struct raw_memory_freelist_shape){9, 9, 1, 2, 1});
    expect_refused(memory, SIZE_MAX, (struct raw_memory_freelist_shape){9, 9, 1, 1, 2});
    expect_refused(memory, SIZE_MAX,
                   (struct raw_memory_freelist_shape){UINT32_MAX, 9, 1, 1, 0});
    EXPECT_STATUS(
        raw_memory_freelist_create_on(memory, sizeof(memory), NULL, &list, NULL),
        MM_INVALID_ARGUMENT);
    for (size_t i = 0; i < 16; i++) {
        EXPECT_EQ(memory[i], 0);
    }
    EXPECT_OK(
        raw_memory_freelist_create_on(memory, sizeof(memory), &good, &list, NULL));
    EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
}

/* Somebody writes over the table: verify says so for every word that means something.
 */
static void test_verify_sees_damage(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 4);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 1), 2);
    /* Units 0-1 used, 2 used, 3 free, 4-7 free. Entry 0 is the sentinel of the list,
     * unit u is entry u + 1, words are 2 * entry, and one more for the high one. */
    const struct {
        size_t word;
        uint32_t flip;
    } damages[] = {
        {0, 1},         /* the list's last */
        {1, 1},         /* and first block */
        {2, 1U << 31},  /* units 0-1: free */
        {3, 1U << 31},  /* no start */
        {3, 1U << 30},  /* a single unit */
        {5, 1},         /* the size */
        {7, 1U << 31},  /* unit 2: no start */
        {8, 1},         /* unit 3: previous */
        {8, 1U << 31},  /* used, but on the list */
        {9, 1},         /* next */
        {9, 1U << 29},  /* far behind the table */
        {10, 1},        /* units 4-7: previous */
        {11, 1},        /* next */
        {13, 1},        /* the size, low copy */
        {13, 1U << 29}, /* far too large */
        {17, 1},        /* the size, high copy */
        {19, 1},        /* the bottom sentinel */
        {19, 1U << 31},
    };
    uint32_t *words = lists.table;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        words[damages[i].word] ^= damages[i].flip;
        EXPECT(!raw_memory_freelist_verify(list, NULL));
        words[damages[i].word] ^= damages[i].flip;
        EXPECT(raw_memory_freelist_verify(list, NULL));
    }
    freelist_end(&lists);
}

/* A used block took the place of a free one on the list: all links and numbers agree. */
static void test_verify_sees_used_block_on_list(void)
{
    const uint32_t free_bit = 1U << 31;
    const uint32_t start = 1U << 31;
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 4);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 1), 2);
    uint32_t before[2 * 10];
    uint32_t *words = lists.table;
    memcpy(before, words, sizeof before);
    words[0] = 3; /* the list: entry 4, which is free, and 3, which is not */
    words[1] = start | 4;
    words[8] = free_bit | 0;
    words[9] = start | 3;
    words[6] = 4;
    words[7] = start | 0;
    EXPECT(!raw_memory_freelist_verify(list, NULL));
    words[6] |= free_bit; /* and so it is right, but for entry 5 */
    EXPECT(!raw_memory_freelist_verify(list, NULL));
    memcpy(words, before, sizeof before);
    freelist_end(&lists);
}

int main(void)
{
    test_grow();
    test_grow_and_merge();
    test_misuse();
    test_walks_need_free_blocks();
    test_table_bytes();
    test_bad_shapes();
    test_verify_sees_damage();
    test_verify_sees_used_block_on_list();
    return 0;
}
