/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/checked_decorator.h"

#include <errno.h>

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/sim_kernel.h"

enum { PAGE = 4096, CHUNK = 65536 };
#define BASE ((uintptr_t)0x7e8000000000)

static const struct mm_strategy plain = {0};

static struct mm_extent pages(size_t first, size_t count)
{
    return mm_extent_of(BASE + first * PAGE, count * PAGE);
}

/* On the simulated kernel, so that wrong calls harm nobody. */
static void test_records_what_is_not_held(void)
{
    struct sim_kernel *kernel = sim_kernel_create(NULL);
    struct address_map *oracle = address_map_create();
    const struct mmap_support inner = sim_kernel_support(kernel, 0);
    struct checked_decorator *mine = checked_decorator_create(&inner, oracle, 1);
    struct checked_decorator *other = checked_decorator_create(&inner, oracle, 2);
    const struct mmap_support a = checked_decorator_support(mine);
    const struct mmap_support b = checked_decorator_support(other);
    EXPECT_EQ(a.operations->reserve(a.context, pages(0, 4), &plain), 0);
    EXPECT_EQ(b.operations->reserve(b.context, pages(4, 4), &plain), 0);
    EXPECT_EQ(b.operations->reserve(b.context, pages(3, 1), &plain), EEXIST);
    EXPECT_EQ(a.operations->commit(a.context, pages(0, 4), &plain), 0);
    EXPECT_EQ(checked_decorator_violations(mine), 0);
    EXPECT_EQ(checked_decorator_violations(other), 0);
    EXPECT_EQ(a.operations->commit(a.context, pages(2, 4), &plain), 0);
    EXPECT_EQ(checked_decorator_violations(mine), 2); /* at its begin and its end */
    EXPECT_CONTAINS(checked_decorator_violation_text(mine),
                    "commit of 0x7e8000002000+0x4000 meets 0x7e8000004000+0x4000 of "
                    "token 0x2");
    EXPECT_EQ(b.operations->release(b.context, pages(0, 1)), 0);
    EXPECT_EQ(checked_decorator_violations(other), 1);
    EXPECT_EQ(b.operations->annotate(b.context, pages(8, 1), "x"), ENOMEM);
    EXPECT_EQ(checked_decorator_violations(other), 2);
    /* The kernel lets it have page 0 again; by the oracle it is still held. */
    EXPECT_EQ(b.operations->reserve(b.context, pages(0, 1), &plain), 0);
    EXPECT_EQ(checked_decorator_violations(other), 3);
    EXPECT_EQ(a.operations->release(a.context, pages(1, 3)), 0);
    EXPECT_EQ(checked_decorator_reserved_bytes(mine), PAGE);
    checked_decorator_destroy(mine);
    checked_decorator_destroy(other);
    address_map_destroy(oracle);
    sim_kernel_destroy(kernel);
}

static void test_a_failed_release_is_still_held(void)
{
    const struct sim_kernel_options tight = {.max_map_count = 1};
    struct sim_kernel *kernel = sim_kernel_create(&tight);
    struct address_map *oracle = address_map_create();
    const struct mmap_support inner = sim_kernel_support(kernel, 0);
    struct checked_decorator *mine = checked_decorator_create(&inner, oracle, 1);
    const struct mmap_support a = checked_decorator_support(mine);
    EXPECT_EQ(a.operations->reserve(a.context, pages(0, 3), &plain), 0);
    EXPECT_EQ(a.operations->release(a.context, pages(1, 1)), ENOMEM);
    EXPECT_EQ(checked_decorator_reserved_bytes(mine), 3 * PAGE);
    EXPECT_EQ(a.operations->release(a.context, pages(0, 3)), 0);
    EXPECT_EQ(checked_decorator_reserved_bytes(mine), 0);
    EXPECT_EQ(checked_decorator_violations(mine), 0);
    checked_decorator_destroy(mine);
    address_map_destroy(oracle);
    sim_kernel_destroy(kernel);
}

/* Two mappers over the real kernel, one oracle. */
static void test_mappers_on_the_real_kernel(void)
{
    struct address_map *oracle = address_map_create();
    const struct mmap_support inner = mmap_support_linux();
    struct checked_decorator *checks[2];
    struct mmap_support supports[2];
    struct mmapper *mappers[2];
    struct mm_owner *owners[2];
    const struct mmapper_options options = {.chunk_bytes = CHUNK};
    const struct mm_owner_options owner = {.name = "checked", .kind = MM_KIND_TEST};
    for (size_t i = 0; i < 2; i++) {
        checks[i] = checked_decorator_create(&inner, oracle, 1 + i);
        supports[i] = checked_decorator_support(checks[i]);
        EXPECT_OK(mmapper_create(&options, &supports[i], &mappers[i], NULL));
        EXPECT_OK(mmapper_register_owner(mappers[i], &owner, &owners[i], NULL));
        EXPECT(checked_decorator_table_bytes(checks[i]) > 0);
    }
    struct mm_extent extent;
    EXPECT_OK(mmapper_quarantine_anywhere(mappers[0], owners[0], (size_t)8 * CHUNK, 0,
                                          &extent, NULL));
    EXPECT_STATUS(mmapper_quarantine(mappers[1], owners[1], extent, NULL), MM_CONFLICT);
    EXPECT_OK(mmapper_ensure_mapped(mappers[0], owners[0], extent, NULL));
    *(volatile char *)extent.start = 1;
    const struct mm_extent half = mm_extent_of(extent.start, extent.bytes / 2);
    EXPECT_OK(mmapper_decommit(mappers[0], owners[0], half, NULL));
    EXPECT_OK(mmapper_release(mappers[0], owners[0], half, NULL));
    EXPECT_EQ(checked_decorator_reserved_bytes(checks[0]), extent.bytes / 2);
    EXPECT_OK(mmapper_quarantine(mappers[1], owners[1], half, NULL));
    EXPECT_EQ(checked_decorator_reserved_bytes(checks[1]), half.bytes);
    for (size_t i = 0; i < 2; i++) {
        EXPECT_OK(mmapper_destroy(mappers[i], NULL));
        EXPECT_EQ(checked_decorator_reserved_bytes(checks[i]), 0);
        EXPECT_EQ(checked_decorator_table_bytes(checks[i]), 0);
        EXPECT_STR(checked_decorator_violation_text(checks[i]), "");
        checked_decorator_destroy(checks[i]);
    }
    EXPECT_EQ(address_map_count(oracle), 0);
    address_map_destroy(oracle);
}

int main(void)
{
    test_records_what_is_not_held();
    test_a_failed_release_is_still_held();
    test_mappers_on_the_real_kernel();
    return 0;
}
