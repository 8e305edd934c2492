/* SPDX-License-Identifier: MIT */
/* What the policies have of their own: which block serves a request, in bins, and that
 * neither looks through blocks in vain again and again. */
#include "spaces/raw_memory_freelist.h"

#include "spaces/freelist_expect.h"

/* Free blocks of the given sizes, a used unit behind each, from unit 0 on, where all is
 * one free block. */
static void make_holes(struct raw_memory_freelist *list, const uint32_t *sizes,
                       uint32_t count)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, sizes[i], end));
        EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 1, end + sizes[i]));
        end += sizes[i] + 1;
    }
    for (uint32_t i = 0, unit = 0; i < count; i++) {
        EXPECT_EQ(give(list, unit), sizes[i]);
        unit += sizes[i] + 1;
    }
}

#define MAKE_HOLES(list, ...)                                                          \
    make_holes(list, (const uint32_t[]){__VA_ARGS__},                                  \
               sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void test_good_fit(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_binned(&lists, 1000, 1000);
    EXPECT_EQ(raw_memory_freelist_heads(list), 1);
    EXPECT_LIST(list, 0, 0);
    /* Units 0-6, 8-10, 12-23, 25-27; the rest from 29 on. */
    MAKE_HOLES(list, 7, 3, 12, 3);
    EXPECT_LIST(list, 0, 25, 8, 0, 12, 29);
    /* The least that is enough; of two the last one freed. */
    EXPECT_EQ(alloc(list, 3), 25);
    EXPECT_EQ(alloc(list, 2), 9);
    EXPECT_LIST(list, 0, 8, 0, 12, 29);
    EXPECT_EQ(alloc(list, 8), 16);
    EXPECT_LIST(list, 0, 8, 12, 0, 29);
    EXPECT_EQ(alloc(list, 13), 987);
    /* Freed, it merges with both sides, and changes its bin. */
    EXPECT_EQ(give(list, 16), 12);
    EXPECT_EQ(give(list, 9), 3);
    EXPECT_EQ(give(list, 25), 3);
    EXPECT_EQ(give(list, 987), 971);
    EXPECT_LIST(list, 0, 25, 8, 0, 12, 29);
    freelist_end(&lists);
}

/* From 64 units on bins have several sizes. */
static void test_shared_bins(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_binned(&lists, 1000, 1000);
    /* Units 0-99 and 101-196, 198-300, one bin: 96 to 103; 302-401. */
    MAKE_HOLES(list, 100, 96, 103, 100);
    EXPECT_LIST(list, 0, 302, 198, 101, 0, 403);
    /* Bins in which all are large enough come first, even where one here would do. The
     * rest, if it stays in its bin, stays where it is there, and so it does when what
     * was taken comes back. */
    EXPECT_EQ(alloc(list, 100), 900);
    EXPECT_LIST(list, 0, 302, 198, 101, 0, 403);
    EXPECT_EQ(alloc(list, 397), 503);
    EXPECT_LIST(list, 0, 403, 302, 198, 101, 0);
    EXPECT_EQ(alloc(list, 100), 403);
    EXPECT_EQ(alloc(list, 96), 306);
    EXPECT_LIST(list, 0, 302, 198, 101, 0);
    /* There is none for 101, so this bin is looked through: 198 is the first. */
    EXPECT_EQ(alloc(list, 101), 200);
    EXPECT_LIST(list, 0, 198, 302, 101, 0);
    EXPECT_EQ(alloc(list, 101), NONE);
    EXPECT_EQ(alloc(list, 101), NONE);
    EXPECT_EQ(alloc(list, 100), 0);
    EXPECT_EQ(alloc(list, 97), NONE);
    EXPECT_EQ(alloc(list, 96), 101);
    EXPECT_LIST(list, 0, 198, 302);
    /* What comes back is seen. */
    EXPECT_EQ(give(list, 0), 100);
    EXPECT_EQ(alloc(list, 97), 3);
    freelist_end(&lists);
}

static void test_bounds(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_binned(&lists, 1000, 64);
    uint32_t unit = 77;
    /* 15 blocks of 64, then 40. */
    EXPECT_EQ(raw_memory_freelist_next(list, 0, NONE), 960);
    EXPECT_EQ(raw_memory_freelist_previous(list, 0, NONE), 896);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, 65, &unit), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, 1 << 30, &unit), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 0, UINT32_MAX, &unit), MM_NO_SPACE);
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 1, 1, &unit), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_free(list, 1, 0, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(raw_memory_freelist_grow(list, 1, 1), MM_INVALID_ARGUMENT);
    EXPECT_EQ(raw_memory_freelist_next(list, 1, NONE), NONE);
    EXPECT_EQ(unit, 77);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 60, 128));
    EXPECT_EQ(alloc(list, 4), 188);
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 188));
    EXPECT_EQ(give(list, 188), 68);
    EXPECT_EQ(give(list, 128), 124); /* with the block below, which begins at 64 */
    freelist_end(&lists);
}

/* Two policies over the same holes of one size, and a request for one unit more. */
static void test_no_search_twice(bool binned)
{
    enum { HOLES = 30000, SIZE = 100, STEP = SIZE + 1, FAILURES = 30000 };
    struct lists lists;
    struct raw_memory_freelist *list =
        binned ? freelist_begin_binned(&lists, HOLES * STEP, HOLES * STEP)
               : freelist_begin(&lists, HOLES * STEP, HOLES * STEP);
    for (uint32_t unit = 0; unit < HOLES * STEP; unit += STEP) {
        EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, SIZE, unit));
        EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 0, 1, unit + SIZE));
    }
    for (uint32_t unit = 0; unit < HOLES * STEP; unit += STEP) {
        EXPECT_EQ(give(list, unit), SIZE);
    }
    /* Each one a search, these were 900 million steps, and the test would not end. */
    for (uint32_t i = 0; i < FAILURES; i++) {
        EXPECT_EQ(alloc(list, SIZE + 1), NONE);
        EXPECT_EQ(alloc(list, 4 * SIZE), NONE);
        const uint32_t unit = alloc(list, SIZE);
        EXPECT(unit != NONE);
        EXPECT_EQ(give(list, unit), SIZE);
    }
    /* Once a large enough one is there, it is found. */
    EXPECT_EQ(give(list, 5 * STEP + SIZE), STEP + SIZE);
    EXPECT_EQ(alloc(list, STEP), binned ? 5 * STEP + SIZE : 5 * STEP);
    freelist_end(&lists);
}

/* Several heads: what one list has not, another one may have. */
static void test_heads_do_not_speak_for_each_other(void)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin_shape(
        &lists, (struct raw_memory_freelist_shape){
                    .max_units = 400, .units = 400, .grain = 100, .heads = 2});
    uint32_t unit;
    EXPECT_OK(raw_memory_freelist_set_uncoalescable(list, 100));
    EXPECT_EQ(alloc(list, 96), 0);
    EXPECT_OK(raw_memory_freelist_free(list, 1, 0, NULL));
    EXPECT_LIST(list, 1, 0);
    EXPECT_OK(raw_memory_freelist_alloc_from_unit(list, 1, 1, 0));
    /* List 1 has 99 units, list 0 blocks of 100, of the same class. */
    EXPECT_STATUS(raw_memory_freelist_alloc(list, 1, 100, &unit), MM_NO_SPACE);
    EXPECT_EQ(alloc(list, 100), 100);
    EXPECT_OK(raw_memory_freelist_alloc(list, 1, 99, &unit));
    EXPECT_EQ(unit, 1);
    freelist_end(&lists);
}

int main(void)
{
    test_good_fit();
    test_shared_bins();
    test_bounds();
    test_no_search_twice(false);
    test_no_search_twice(true);
    test_heads_do_not_speak_for_each_other();
    return 0;
}
