/* SPDX-License-Identifier: MIT */
/* The arithmetic of extents, up to the end of the address space. */
#include "mmapper/extent.h"

#include "mmapper/testing/expect.h"

static void test_valid(void)
{
    EXPECT(!mm_extent_valid(mm_extent_of(4096, 0)));
    EXPECT(mm_extent_valid(mm_extent_of(4096, 1)));
    EXPECT(mm_extent_valid(mm_extent_of(0, UINTPTR_MAX)));
    EXPECT(mm_extent_valid(mm_extent_of(4096, UINTPTR_MAX - 4096)));
    EXPECT(!mm_extent_valid(mm_extent_of(4096, UINTPTR_MAX - 4095)));
    EXPECT(mm_extent_valid(mm_extent_of(UINTPTR_MAX - 1, 1)));
    EXPECT(!mm_extent_valid(mm_extent_of(UINTPTR_MAX, 1)));
    EXPECT_EQ(mm_extent_end(mm_extent_of(UINTPTR_MAX - 1, 1)), UINTPTR_MAX);
}

static void test_overlaps(void)
{
    const struct mm_extent extent = mm_extent_of(100, 10);
    static const struct {
        uintptr_t start;
        size_t bytes;
        bool overlaps;
        bool contained;
    } others[] = {
        {90, 10, false, false}, {90, 11, true, false},  {90, 40, true, false},
        {100, 1, true, true},   {100, 10, true, true},  {100, 11, true, false},
        {109, 1, true, true},   {110, 1, false, false}, {99, 11, true, false},
        {105, 5, true, true},   {109, 2, true, false},  {1, 1, false, false},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct mm_extent other = mm_extent_of(others[i].start, others[i].bytes);
        EXPECT_EQ(mm_extent_overlaps(extent, other), others[i].overlaps);
        EXPECT_EQ(mm_extent_overlaps(other, extent), others[i].overlaps);
        EXPECT_EQ(mm_extent_contains(extent, other), others[i].contained);
    }
    EXPECT(!mm_extent_contains_address(extent, 99));
    EXPECT(mm_extent_contains_address(extent, 100));
    EXPECT(mm_extent_contains_address(extent, 109));
    EXPECT(!mm_extent_contains_address(extent, 110));
    EXPECT(!mm_extent_contains_address(mm_extent_of(100, 0), 100));
}

static void test_alignment(void)
{
    uintptr_t up = 1;
    EXPECT(mm_is_aligned(0, 64) && mm_is_aligned(64, 64) && mm_is_aligned(3, 1));
    EXPECT(!mm_is_aligned(63, 64) && !mm_is_aligned(65, 64));
    EXPECT(mm_is_power_of_two(1) && mm_is_power_of_two((size_t)1 << 63));
    EXPECT(!mm_is_power_of_two(0) && !mm_is_power_of_two(6));
    EXPECT_EQ(mm_align_down(63, 64), 0);
    EXPECT_EQ(mm_align_down(64, 64), 64);
    EXPECT(mm_align_up(64, 64, &up));
    EXPECT_EQ(up, 64);
    EXPECT(mm_align_up(65, 64, &up));
    EXPECT_EQ(up, 128);
    EXPECT(mm_align_up(UINTPTR_MAX - 63, 64, &up));
    EXPECT_EQ(up, UINTPTR_MAX - 63);
    EXPECT(!mm_align_up(UINTPTR_MAX - 62, 64, &up));
    EXPECT_EQ(up, UINTPTR_MAX - 63); /* unchanged */
}

int main(void)
{
    test_valid();
    test_overlaps();
    test_alignment();
    return 0;
}
