/* SPDX-License-Identifier: MIT */
/* Where anywhere and preferred put reservations. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/fixture.h"

static void foreign(struct fixture *f, size_t chunk, size_t count)
{
    const struct mm_mapping mapping = {.extent = fixture_extent(chunk, count),
                                       .access = MM_ACCESS_READ};
    EXPECT_EQ(sim_kernel_foreign_map(f->kernel, &mapping), 0);
}

static struct mm_extent anywhere(struct fixture *f, size_t chunks, size_t alignment)
{
    struct mm_extent extent;
    EXPECT_OK(mmapper_quarantine_anywhere(f->mapper, f->heap, chunks * FIXTURE_CHUNK,
                                          alignment, &extent, &f->error));
    EXPECT_EQ(extent.bytes, chunks * FIXTURE_CHUNK);
    EXPECT(mm_is_aligned(extent.start, alignment > 0 ? alignment : FIXTURE_CHUNK));
    EXPECT(mm_extent_contains(mmapper_window(f->mapper), extent));
    EXPECT_EQ(mmapper_lookup(f->mapper, extent.start).state, MM_QUARANTINED);
    return extent;
}

static void test_fills_the_window(void)
{
    struct fixture f;
    struct mm_extent extent = {1, 2};
    fixture_begin(&f, NULL);
    for (size_t i = 0; i < FIXTURE_CHUNKS; i++) {
        (void)anywhere(&f, 1, 0);
    }
    EXPECT_PICTURE(&f, "qqqqqqqqqqqqqq");
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.other, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    EXPECT_EQ(extent.start, 1); /* untouched */
    fixture_end(&f);
}

/* Holes between foreign mappings, excluded ranges and other owners are found, and
 * nothing is ever mapped in an excluded range, not even for a moment. */
static void test_finds_holes(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    foreign(&f, 13, 1);
    EXPECT_OK(mmapper_exclude(f.mapper, f.image, fixture_extent(9, 3), NULL));
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(5, 1), NULL));
    foreign(&f, 2, 1);
    EXPECT_EQ(anywhere(&f, 3, 0).start, fixture_extent(6, 1).start);
    EXPECT_EQ(anywhere(&f, 2, 0).start, fixture_extent(3, 1).start);
    EXPECT_EQ(anywhere(&f, 2, 0).start, fixture_extent(0, 1).start);
    EXPECT_EQ(anywhere(&f, 1, 0).start, fixture_extent(12, 1).start);
    EXPECT_PICTURE(&f, "qq.qqQqqqXXXq.");
    struct mm_extent extent;
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    fixture_end(&f);
}

static void test_alignment(void)
{
    struct fixture f;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    EXPECT_EQ(anywhere(&f, 1, 8 * (size_t)FIXTURE_CHUNK).start,
              fixture_extent(8, 1).start);
    EXPECT_EQ(anywhere(&f, 1, 8 * (size_t)FIXTURE_CHUNK).start,
              fixture_extent(0, 1).start);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK,
                                              8 * (size_t)FIXTURE_CHUNK, &extent,
                                              &f.error),
                  MM_NO_SPACE);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK, 12345,
                                              &extent, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(
        mmapper_quarantine_anywhere(f.mapper, f.heap, 0, 0, &extent, &f.error),
        MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_PAGE, 0,
                                              &extent, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap,
                                              mm_align_down(SIZE_MAX, FIXTURE_CHUNK), 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.image, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_WRONG_STATE);
    fixture_end(&f);
}

/* What is as large as a region goes to whole regions, where it costs a step each. */
static void test_large_ranges_take_whole_regions(void)
{
    struct fixture f;
    struct mm_statistics statistics;
    fixture_begin(&f, NULL);
    EXPECT_EQ(anywhere(&f, 8, 0).start, fixture_extent(4, 1).start);
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.regions_split, 0);
    EXPECT_EQ(statistics.os_calls[MM_OS_RESERVE], 1);
    /* Not at any price: what is left is not aligned. */
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(0, 1), NULL));
    EXPECT_EQ(anywhere(&f, 3, 0).start, fixture_extent(1, 1).start);
    fixture_end(&f);
    fixture_begin(&f, NULL);
    EXPECT_EQ(anywhere(&f, 4, 0).start, fixture_extent(8, 1).start);
    EXPECT_EQ(anywhere(&f, 3, 0).start, fixture_extent(5, 1).start);
    fixture_end(&f);
}

static void test_preferred(void)
{
    struct fixture f;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine_preferred(f.mapper, f.heap, fixture_extent(3, 2), 0,
                                           &extent, &f.error));
    EXPECT_EQ(extent.start, fixture_extent(3, 1).start);
    /* Taken: somewhere else. */
    EXPECT_OK(mmapper_quarantine_preferred(f.mapper, f.other, fixture_extent(4, 2), 0,
                                           &extent, &f.error));
    EXPECT_EQ(extent.bytes, 2 * (size_t)FIXTURE_CHUNK);
    EXPECT_EQ(extent.start, fixture_extent(12, 1).start);
    /* Foreign, outside, and near the end of the address space. */
    foreign(&f, 0, 1);
    EXPECT_OK(mmapper_quarantine_preferred(f.mapper, f.heap, fixture_extent(0, 1), 0,
                                           &extent, &f.error));
    EXPECT(extent.start != fixture_extent(0, 1).start);
    EXPECT_OK(mmapper_quarantine_preferred(f.mapper, f.heap,
                                           mm_extent_of(FIXTURE_PAGE, FIXTURE_CHUNK), 0,
                                           &extent, &f.error));
    EXPECT_OK(mmapper_quarantine_preferred(f.mapper, f.heap,
                                           mm_extent_of(UINTPTR_MAX - 9, FIXTURE_CHUNK),
                                           0, &extent, &f.error));
    EXPECT(mm_extent_contains(mmapper_window(f.mapper), extent));
    fixture_end(&f);
}

/* An owner that fails to place leaves no trace, and a range given back is used again.
 */
static void test_reuse(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent first = anywhere(&f, 3, 0);
    EXPECT_OK(mmapper_release(f.mapper, f.heap, first, NULL));
    EXPECT_EQ(anywhere(&f, 3, 0).start, first.start);
    fixture_end(&f);
}

/* The search goes on below what it placed last, also when there is room above again. */
static void test_goes_down(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent first = anywhere(&f, 1, 0);
    EXPECT_EQ(first.start, fixture_extent(13, 1).start);
    EXPECT_EQ(anywhere(&f, 1, 0).start, fixture_extent(12, 1).start);
    EXPECT_OK(mmapper_release(f.mapper, f.heap, first, NULL));
    EXPECT_EQ(anywhere(&f, 1, 0).start, fixture_extent(11, 1).start);
    fixture_end(&f);
}

/* What the kernel refuses without a mapping that says why is passed in steps that
 * double: 11, 9, 6, 1 from the hint down, and then 13, 11, 8, 3. */
static void test_unexplained_refusals(void)
{
    struct fixture f;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    const struct mmap_support plain = f.support;
    struct fault_decorator *faults = fault_decorator_create(&plain);
    f.support = fault_decorator_support(faults);
    struct fault_plan plan = {.at = 1, .call = MM_OS_RESERVE, .os_error = EEXIST};
    fault_decorator_plan(faults, &plan);
    EXPECT_EQ(anywhere(&f, 1, 0).start, fixture_extent(11, 1).start);
    EXPECT_OK(mmapper_release(f.mapper, f.heap, fixture_extent(11, 1), NULL));
    plan.from_then_on = true;
    fault_decorator_plan(faults, &plan);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    EXPECT_EQ(fault_decorator_calls(faults, MM_OS_RESERVE), 8);
    EXPECT_PICTURE(&f, "..............");
    f.support = plain;
    fixture_end(&f);
    fault_decorator_destroy(faults);
}

/* Who finds only chunks that others are changing may try again; who finds none at all
 * need not. */
static void test_full(void)
{
    struct fixture f;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(0, 14), NULL));
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    EXPECT_STR(f.error.detail,
               "no free range of that size and alignment in the window");
    struct chunk_table *table = &f.mapper->table;
    const struct chunk_range last = {12, 14};
    struct chunk_unit unit = chunk_unit_load(table, last);
    const map_value held = unit.value;
    const map_value changing = map_make(MAP_RELEASING_Q, map_owner_of(held));
    EXPECT_EQ(mm_chunk_claim(table, 12, &unit, changing), CHUNK_SWAPPED);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_BUSY);
    EXPECT_STR(f.error.detail, "the only ranges that might fit are being changed");
    unit = chunk_unit_load(table, last);
    EXPECT_EQ(mm_chunk_publish(table, 12, &unit, held), CHUNK_SWAPPED);
    fixture_end(&f);
}

/* More than there is below any place, in a window that begins at zero. */
static void test_larger_than_everything(void)
{
    struct fixture f;
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent;
    const size_t chunk = (size_t)1 << 22;
    const struct mmapper_options options = {.chunk_bytes = chunk, .limit = 16 * chunk};
    const struct mm_owner_options name = {.name = "large"};
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_create(&options, &f.support, &mapper, NULL));
    EXPECT_OK(mmapper_register_owner(mapper, &name, &owner, NULL));
    EXPECT_STATUS(mmapper_quarantine_anywhere(mapper, owner, SIZE_MAX - chunk + 1, 0,
                                              &extent, NULL),
                  MM_NO_SPACE);
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, 15 * chunk, 0, &extent, NULL));
    EXPECT_EQ(extent.start, chunk); /* the lowest place is never handed out */
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    fixture_end(&f);
}

/* From the smallest to the largest space that there is: the mapper takes its very top, and
 * what it took at any place is what the kernel has there. */
static void test_spaces(void)
{
    static const unsigned spaces[] = {36, 39, 42, 47, 48, 52, 56};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        const size_t chunk = (size_t)1 << (spaces[i] > 48 ? 30 : 22);
        const uintptr_t end = ((uintptr_t)1 << spaces[i]) - FIXTURE_PAGE;
        struct sim_kernel *kernel = sim_kernel_create(&(struct sim_kernel_options){
            .page_bytes = FIXTURE_PAGE, .address_bits = spaces[i]});
        struct mmap_support support = sim_kernel_support(kernel, 0);
        support.address_end = end;
        const struct mmapper_options options = {
            .chunk_bytes = chunk,
            .log_space = spaces[i],
            .base = mm_align_down(end, chunk) - 4 * chunk,
        };
        struct mmapper *mapper;
        struct mm_owner *owner;
        struct mm_extent extent;
        EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
        EXPECT_OK(mmapper_register_owner(
            mapper, &(struct mm_owner_options){.name = "high"}, &owner, NULL));
        /* The last chunk has no last page; the four before it are all there is. */
        for (unsigned left = 4; left > 0; left--) {
            EXPECT_OK(
                mmapper_quarantine_anywhere(mapper, owner, chunk, 0, &extent, NULL));
            EXPECT_EQ(extent.start, options.base + (left - 1) * chunk);
            EXPECT_OK(mmapper_ensure_mapped(mapper, owner, extent, NULL));
            EXPECT_EQ(sim_kernel_view(kernel, extent.start + chunk - 1).mapping.access,
                      MM_ACCESS_READ | MM_ACCESS_WRITE);
        }
        EXPECT_STATUS(
            mmapper_quarantine_anywhere(mapper, owner, chunk, 0, &extent, NULL),
            MM_NO_SPACE);
        EXPECT_OK(mmapper_destroy(mapper, NULL));
        sim_kernel_destroy(kernel);
    }
}

/* A window that reaches beyond what can be mapped: what is left below is found. */
static void test_end_of_address_space(void)
{
    const uintptr_t end = (uintptr_t)1 << 47;
    struct fixture f;
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    f.support.address_end = end - FIXTURE_PAGE;
    const struct mmapper_options options = {.chunk_bytes = 1 << 30,
                                            .log_space = 57,
                                            .base = end - ((uintptr_t)8 << 30),
                                            .limit = end + ((uintptr_t)8 << 30)};
    const struct mm_owner_options name = {.name = "top"};
    EXPECT_OK(mmapper_create(&options, &f.support, &mapper, NULL));
    EXPECT_OK(mmapper_register_owner(mapper, &name, &owner, NULL));
    /* A wish that the kernel refuses, for whatever reason, is only a wish. */
    EXPECT_STATUS(
        mmapper_quarantine(mapper, owner, mm_extent_of(end, (size_t)7 << 30), &f.error),
        MM_NO_MEMORY);
    EXPECT_STATUS(mmapper_quarantine_preferred(mapper, owner,
                                               mm_extent_of(end, (size_t)7 << 30), 0,
                                               NULL, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_OK(mmapper_quarantine_preferred(
        mapper, owner, mm_extent_of(end, (size_t)7 << 30), 0, &extent, &f.error));
    EXPECT_EQ(extent.start, end - ((uintptr_t)8 << 30));
    EXPECT_STATUS(mmapper_quarantine_anywhere(mapper, owner, (size_t)1 << 30, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    fixture_end(&f);
}

/* A request that does not fit claims nothing on its way, and steps over whole regions.
 */
static void test_search_leaves_no_trace(void)
{
    struct fixture f;
    struct mm_statistics before;
    struct mm_statistics after;
    struct mm_extent extent;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(4, 4), NULL));
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(12, 2), NULL));
    mmapper_statistics(f.mapper, &before);
    EXPECT_STATUS(mmapper_quarantine_anywhere(f.mapper, f.heap, 5 * FIXTURE_CHUNK, 0,
                                              &extent, &f.error),
                  MM_NO_SPACE);
    mmapper_statistics(f.mapper, &after);
    EXPECT_EQ(after.regions_split, before.regions_split);
    EXPECT_EQ(after.os_calls[MM_OS_RESERVE], before.os_calls[MM_OS_RESERVE]);
    fixture_end(&f);
}

static struct mm_extent first_place(const struct mmapper_options *options,
                                    struct mmapper **mapper)
{
    struct sim_kernel *kernel = sim_kernel_create(NULL);
    const struct mmap_support support = sim_kernel_support(kernel, 0);
    const struct mm_owner_options heap = {.name = "heap"};
    struct mm_owner *owner;
    struct mm_extent extent;
    EXPECT_OK(mmapper_create(options, &support, mapper, NULL));
    EXPECT_OK(mmapper_register_owner(*mapper, &heap, &owner, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(*mapper, owner, mmapper_chunk_bytes(*mapper),
                                          0, &extent, NULL));
    EXPECT_OK(mmapper_destroy(*mapper, NULL));
    sim_kernel_destroy(kernel);
    return extent;
}

/* The first search begins where the kernel put the mapper's own memory, or at the end of
 * a window that this is not in. */
static void test_begins_at_the_table(void)
{
    const struct mmapper_options away = {.base = 1 << 30, .limit = UINT64_C(2) << 30};
    struct mmapper *mapper;
    struct mm_extent extent = first_place(NULL, &mapper);
    EXPECT(mm_extent_end(extent) <= (uintptr_t)mapper);
    EXPECT((uintptr_t)mapper - extent.start < 2 * extent.bytes);
    extent = first_place(&away, &mapper);
    EXPECT_EQ(mm_extent_end(extent), away.limit);
}

int main(void)
{
    test_begins_at_the_table();
    test_fills_the_window();
    test_finds_holes();
    test_alignment();
    test_large_ranges_take_whole_regions();
    test_preferred();
    test_reuse();
    test_goes_down();
    test_unexplained_refusals();
    test_full();
    test_larger_than_everything();
    test_spaces();
    test_end_of_address_space();
    test_search_leaves_no_trace();
    return 0;
}
