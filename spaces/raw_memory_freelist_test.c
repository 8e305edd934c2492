/* SPDX-License-Identifier: MIT */
/* The free list on plain memory: what each operation does. The first cases are those of
 * MMTk's RawMemoryFreeList, with the states that they check for. */
#include "spaces/raw_memory_freelist.h"

#include "spaces/freelist_expect.h"

static void test_new_grain1(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 5, 1);
    EXPECT_LIST(list, 0, 0, 1, 2, 3, 4);
    for (uint32_t unit = 0; unit < 5; unit++) {
        expect_block(list, unit, 1, true, unit == 0 ? NONE : unit - 1);
    }
    EXPECT_EQ(raw_memory_freelist_left(list, 5), 4);
    freelist_end(&lists);
}

static void test_new_grain2(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_LIST(list, 0, 0, 2, 4);
    expect_block(list, 0, 2, true, NONE);
    expect_block(list, 2, 2, true, 0);
    expect_block(list, 4, 2, true, 2);
    /* Inside of a block there is no block. */
    EXPECT_EQ(raw_memory_freelist_block_size(list, 1), 0);
    EXPECT(!raw_memory_freelist_is_free(list, 1));
    EXPECT_EQ(raw_memory_freelist_left(list, 1), NONE);
    freelist_end(&lists);
}

static void test_new_remainder(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 3);
    EXPECT_LIST(list, 0, 0, 3, 6);
    expect_block(list, 6, 2, true, 3);
    freelist_end(&lists);
    /* A grain that is larger than the list. */
    list = freelist_begin(&lists, 5, 100);
    EXPECT_LIST(list, 0, 0);
    expect_block(list, 0, 5, true, NONE);
    freelist_end(&lists);
}

static void test_out_of_bounds(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 5, 1);
    static const uint32_t beyond[] = {5, 6, 4096, UINT32_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        const uint32_t unit = beyond[i];
        EXPECT_EQ(raw_memory_freelist_block_size(list, unit), 0);
        EXPECT(!raw_memory_freelist_is_free(list, unit));
        EXPECT_STATUS(raw_memory_freelist_free(list, 0, unit, NULL), MM_OUT_OF_RANGE);
        EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 0, 1, unit),
                      MM_OUT_OF_RANGE);
        if (unit > 5) {
            EXPECT(!raw_memory_freelist_is_coalescable(list, unit));
            EXPECT_EQ(raw_memory_freelist_left(list, unit), NONE);
            EXPECT_STATUS(raw_memory_freelist_set_uncoalescable(list, unit),
                          MM_OUT_OF_RANGE);
            EXPECT_STATUS(raw_memory_freelist_clear_uncoalescable(list, unit),
                          MM_OUT_OF_RANGE);
        }
    }
    EXPECT_LIST(list, 0, 0, 1, 2, 3, 4);
    freelist_end(&lists);
}

static void test_alloc_fit(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_LIST(list, 0, 2, 4);
    expect_block(list, 0, 2, false, NONE);
    expect_block(list, 2, 2, true, 0);
    freelist_end(&lists);
}

static void test_alloc_split(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 1), 0);
    EXPECT_LIST(list, 0, 1, 2, 4);
    expect_block(list, 0, 1, false, NONE);
    expect_block(list, 1, 1, true, 0);
    expect_block(list, 2, 2, true, 1);
    /* Again: the rest of the first split comes first. */
    EXPECT_EQ(alloc(list, 1), 1);
    EXPECT_LIST(list, 0, 2, 4);
    freelist_end(&lists);
}

static void test_alloc_skip(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 1), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    EXPECT_LIST(list, 0, 1, 4);
    freelist_end(&lists);
}

static void test_alloc_exhaust(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 3), NONE);
    EXPECT_EQ(alloc(list, 1), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    EXPECT_EQ(alloc(list, 2), 4);
    EXPECT_EQ(alloc(list, 2), NONE);
    EXPECT_EQ(alloc(list, 1), 1);
    EXPECT_EQ(alloc(list, 1), NONE);
    expect_list(list, 0, NULL, 0);
    freelist_end(&lists);
}

static void test_free_unit(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    struct raw_memory_freelist_freed freed;
    EXPECT_OK(raw_memory_freelist_free(list, 0, 2, &freed));
    EXPECT_EQ(freed.units, 2);
    EXPECT_EQ(freed.merged.unit, 2);
    EXPECT_EQ(freed.merged.units, 4);
    EXPECT_LIST(list, 0, 2);
    freelist_end(&lists);
}

static void test_coalesce(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    EXPECT_EQ(alloc(list, 2), 4);
    EXPECT_EQ(give(list, 0), 2);
    EXPECT_EQ(give(list, 4), 2);
    EXPECT_LIST(list, 0, 4, 0);
    struct raw_memory_freelist_freed freed;
    EXPECT_OK(raw_memory_freelist_free(list, 0, 2, &freed));
    EXPECT_EQ(freed.units, 2);
    EXPECT_EQ(freed.merged.unit, 0);
    EXPECT_EQ(freed.merged.units, 6);
    EXPECT_LIST(list, 0, 0);
    EXPECT_EQ(alloc(list, 6), 0);
    freelist_end(&lists);
}

static void test_cannot_coalesce(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 2));
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 4));
    EXPECT(!raw_memory_freelist_is_coalescable(list, 2));
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    EXPECT_EQ(alloc(list, 2), 4);
    EXPECT_EQ(give(list, 0), 2);
    EXPECT_EQ(give(list, 4), 2);
    EXPECT_EQ(give(list, 2), 2);
    EXPECT_LIST(list, 0, 2, 4, 0);
    EXPECT_EQ(alloc(list, 3), NONE);
    /* Cleared, the next free merges again, with the left and with the right one. */
    EXPECT_OK(raw_memory_freelist_clear_uncoalescable(list, 2));
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 2, 2));
    EXPECT_EQ(give(list, 2), 4);
    EXPECT_OK(raw_memory_freelist_clear_uncoalescable(list, 4));
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 4, 0));
    EXPECT_EQ(give(list, 0), 6);
    freelist_end(&lists);
}

/* A border belongs to the address, not to the block that happens to begin there. */
static void test_border_stays(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 8);
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 4));
    EXPECT_EQ(alloc(list, 4), 0);
    EXPECT_EQ(alloc(list, 4), 4);
    EXPECT_EQ(give(list, 0), 4);
    EXPECT_EQ(give(list, 4), 4);
    EXPECT(!raw_memory_freelist_is_coalescable(list, 4));
    EXPECT_LIST(list, 0, 4, 0);
    freelist_end(&lists);
}

static void test_realloc(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 6, 2);
    EXPECT_EQ(alloc(list, 2), 0);
    EXPECT_EQ(alloc(list, 2), 2);
    EXPECT_EQ(give(list, 0), 2);
    EXPECT_EQ(give(list, 2), 6);
    EXPECT_EQ(alloc(list, 4), 0);
    EXPECT_EQ(alloc(list, 1), 4);
    EXPECT_EQ(give(list, 0), 4);
    EXPECT_EQ(alloc(list, 3), 0);
    EXPECT_LIST(list, 0, 3, 5);
    freelist_end(&lists);
}

static void test_alloc_from_unit(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 4);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 3, 4));
    EXPECT_LIST(list, 0, 7, 0);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 0, 1, 4), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 0, 1, 1), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(list, 0, 5, 0), MM_NO_SPACE);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 4, 0));
    EXPECT_LIST(list, 0, 7);
    freelist_end(&lists);
}

/* In the predecessor's own words, lists share the table: what one list frees may have
 * come from another, and every end of a list is the end of that list. */
static void test_several_heads(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_shape(
        &lists, (struct raw_memory_freelist_shape){
                    .max_units = 12, .units = 12, .grain = 4, .heads = 128});
    uint32_t unit;
    EXPECT_EQ(raw_memory_freelist_heads(list), 128);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 1, 1, &unit), MM_NO_SPACE);
    for (uint32_t border = 0; border <= 12; border += 4) {
        EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, border));
    }
    /* A region each for lists 1 and 127. */
    EXPECT_EQ(alloc(list, 4), 0);
    EXPECT_EQ(alloc(list, 4), 4);
    EXPECT_OK(raw_memory_freelist_free(list, 1, 0, NULL));
    EXPECT_OK(raw_memory_freelist_free(list, 127, 4, NULL));
    EXPECT_LIST(list, 0, 8);
    EXPECT_LIST(list, 1, 0);
    EXPECT_LIST(list, 127, 4);
    EXPECT_OK(raw_memory_freelist_alloc(list, 127, 1, &unit));
    EXPECT_EQ(unit, 4);
    EXPECT_OK(raw_memory_freelist_alloc(list, 1, 4, &unit));
    EXPECT_EQ(unit, 0);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 1, 1, &unit), MM_NO_SPACE);
    EXPECT_LIST(list, 127, 5);
    /* Merging takes a neighbour off its own list. */
    EXPECT_OK(raw_memory_freelist_free(list, 2, 4, NULL));
    EXPECT_LIST(list, 2, 4);
    expect_list(list, 127, NULL, 0);
    /* A walk from a block of another list ends, too, where that list ends. */
    EXPECT_EQ(raw_memory_freelist_next(list, 1, 4), NONE);
    freelist_end(&lists);
}

int main(void)
{
    test_new_grain1();
    test_new_grain2();
    test_new_remainder();
    test_out_of_bounds();
    test_alloc_fit();
    test_alloc_split();
    test_alloc_skip();
    test_alloc_exhaust();
    test_free_unit();
    test_coalesce();
    test_cannot_coalesce();
    test_border_stays();
    test_realloc();
    test_alloc_from_unit();
    test_several_heads();
    return 0;
}
