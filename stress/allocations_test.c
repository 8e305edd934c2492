/* SPDX-License-Identifier: MIT */
#include "stress/allocations.h"

#include "mmapper/testing/expect.h"

static void add(struct allocations *list, uintptr_t start, size_t bytes,
                size_t alignment)
{
    const struct allocation allocation = {.extent = {start, bytes},
                                          .alignment = alignment};
    allocations_add(list, &allocation);
}

static void test_overlap_is_noticed(void)
{
    struct allocations list = {0};
    struct allocation first;
    struct allocation second;
    add(&list, 300, 10, 1);
    add(&list, 100, 100, 1);
    add(&list, 200, 100, 1);
    EXPECT(allocations_disjoint(&list, &first, &second));
    add(&list, 309, 1, 1); /* the last byte of another */
    EXPECT(!allocations_disjoint(&list, &first, &second));
    EXPECT_EQ(first.extent.start, 300);
    EXPECT_EQ(second.extent.start, 309);
    allocations_clear(&list);
}

static void test_a_moved_cursor_is_noticed(void)
{
    struct allocations list = {0};
    struct allocation odd;
    size_t used = 0;
    add(&list, 1000, 10, 1);
    add(&list, 1024, 6, 64);
    add(&list, 1030, 70, 2);
    EXPECT(allocations_by_cursor(&list, 1000, &used, &odd));
    EXPECT_EQ(used, 100);
    add(&list, 1101, 9, 1); /* a byte that no allocation and no padding explains */
    EXPECT(!allocations_by_cursor(&list, 1000, &used, &odd));
    EXPECT_EQ(odd.extent.start, 1101);
    allocations_clear(&list);
}

int main(void)
{
    test_overlap_is_noticed();
    test_a_moved_cursor_is_noticed();
    return 0;
}
