/* SPDX-License-Identifier: MIT */
/* The calls of the trait, each by its contract. */
#include <errno.h>

#include "bindings/mmtk/test_fixture.h"

static void test_units(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_EQ(mmtk_mmapper_granularity(f.binding), CHUNK);
    EXPECT_EQ(1U << mmtk_mmapper_log_granularity(f.binding), CHUNK);
    EXPECT_EQ(mmtk_mmapper_log_mappable_bytes(f.binding), 47);
    fixture_end(&f);
}

static void test_quarantine(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    /* Two pages about a border are two chunks. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(2) - PAGE, 2,
                                                    &read_write, &f.a, NULL));
    EXPECT_PICTURE(&f, ".aa...........");
    EXPECT(!mmtk_mmapper_is_mapped_address(f.binding, at(1)));
    EXPECT_EQ(sim_kernel_write(f.kernel, at(1), 1), EFAULT);
    /* Again, and more on both sides: three parts, of which one is there. */
    EXPECT_OK(quarantine(&f, 1, 2, &f.a));
    EXPECT_OK(quarantine(&f, 0, 6, &f.a));
    EXPECT_PICTURE(&f, "aaaaaa........");
    EXPECT_EQ(sim_kernel_statistics(f.kernel).calls[MM_OS_RESERVE], 3);
    /* What is mapped already stays so. */
    EXPECT_OK(ensure(&f, 3, 1, &f.a));
    EXPECT_OK(quarantine(&f, 2, 5, &f.a));
    EXPECT_PICTURE(&f, "aaaAaaa.......");
    fixture_end(&f);
}

static void test_nothing(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(1) + 1, 0, NULL, NULL,
                                                    NULL));
    EXPECT_OK(
        mmtk_mmapper_ensure_mapped(f.binding, at(1) + 1, 0, &read_write, &f.a, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, UINTPTR_MAX, 0, NULL, NULL, NULL));
    EXPECT_OK(mmtk_mmapper_mark_as_mapped(f.binding, at(1) + 1, 0, NULL));
    EXPECT_PICTURE(&f, "..............");
    EXPECT(mmtk_mmapper_owner(f.binding, &f.a) == NULL);
    fixture_end(&f);
}

static void test_conflicts(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(quarantine(&f, 2, 2, &f.a));
    EXPECT_OK(ensure(&f, 4, 1, &f.b));
    /* The lowest obstacle is named, and what is free before it stays free. */
    EXPECT_STATUS(quarantine(&f, 1, 5, &f.b), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is quarantined for space \"a\"");
    EXPECT_EQ(f.error.address, at(2));
    EXPECT_EQ(f.error.request.start, at(1));
    EXPECT_EQ(f.error.request.bytes, (size_t)5 * CHUNK);
    EXPECT_STATUS(quarantine(&f, 1, 5, &f.a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is mapped for space \"b\"");
    EXPECT_STATUS(ensure(&f, 1, 2, &f.b), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is quarantined for space \"a\"");
    EXPECT_PICTURE(&f, "..aaB.........");
    /* A foreign mapping is named by the kernel. */
    const struct mm_mapping foreign = {
        .extent = {at(6), PAGE}, .access = MM_ACCESS_READ, .name = "libfoo"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &foreign), 0);
    EXPECT_STATUS(quarantine(&f, 5, 3, &f.a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "libfoo");
    EXPECT_PICTURE(&f, "..aaB.........");
    fixture_end(&f);
}

/* When the system refuses one of several free parts, the ones before it are the
 * annotation's, and calling again goes on from there. */
static void test_quarantine_in_parts(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_mapping foreign = {.extent = {at(5), PAGE}, .name = "libfoo"};
    EXPECT_OK(quarantine(&f, 2, 2, &f.a));
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &foreign), 0);
    EXPECT_STATUS(quarantine(&f, 1, 6, &f.a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "libfoo");
    EXPECT_PICTURE(&f, ".aaa..........");
    sim_kernel_foreign_unmap(f.kernel, foreign.extent);
    EXPECT_OK(quarantine(&f, 1, 6, &f.a));
    EXPECT_PICTURE(&f, ".aaaaaa.......");
    fixture_end(&f);
}

static void test_anywhere(void)
{
    struct fixture f;
    uintptr_t first = 0;
    uintptr_t second = 0;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_anywhere(
        f.binding, CHUNK_PAGES + 1, 0, &read_write, &f.a, &first, NULL));
    EXPECT(mm_is_aligned(first, CHUNK));
    EXPECT_EQ(mmapper_lookup(f.mapper, first + CHUNK).state, MM_QUARANTINED);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_anywhere(
        f.binding, 1, (size_t)4 * CHUNK, &read_write, &f.b, &second, NULL));
    EXPECT(mm_is_aligned(second, (size_t)4 * CHUNK));
    const uintptr_t kept = second;
    EXPECT_STATUS(mmtk_mmapper_quarantine_address_range_anywhere(
                      f.binding, (size_t)CHUNKS * CHUNK_PAGES, 0, &read_write, &f.a,
                      &second, &f.error),
                  MM_NO_SPACE);
    EXPECT_ERROR(&f, MM_NO_SPACE, ENOMEM, "no free range");
    EXPECT_STATUS(mmtk_mmapper_quarantine_address_range_anywhere(
                      f.binding, 0, 0, &read_write, &f.a, &second, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "empty");
    EXPECT_STATUS(mmtk_mmapper_quarantine_address_range_anywhere(
                      f.binding, 1, 3, &read_write, &f.a, &second, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "power of two");
    EXPECT_STATUS(mmtk_mmapper_quarantine_address_range_anywhere(
                      f.binding, 1, 0, &read_write, &f.a, NULL, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_EQ(second, kept);
    fixture_end(&f);
}

static void test_preferred(void)
{
    struct fixture f;
    uintptr_t address = 0;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
        f.binding, at(5), CHUNK_PAGES, 0, &read_write, &f.a, &address, NULL));
    EXPECT_EQ(address, at(5));
    /* A start inside a chunk: the chunk's start is told, and all pages are behind it. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
        f.binding, at(7) + PAGE, CHUNK_PAGES, 0, &read_write, &f.a, &address, NULL));
    EXPECT_EQ(address, at(7));
    EXPECT_PICTURE(&f, ".....a.aa.....");
    /* Taken, by itself or by another, or not in the window: anywhere. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
        f.binding, at(5), CHUNK_PAGES, 0, &read_write, &f.a, &address, NULL));
    EXPECT(address != at(5));
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
        f.binding, at(5), CHUNK_PAGES, 0, &read_write, &f.b, &address, NULL));
    EXPECT_STR(mm_owner_name(mmapper_lookup(f.mapper, address).owner), "b");
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
        f.binding, PAGE, 1, 0, &read_write, &f.b, &address, NULL));
    EXPECT_EQ(mmapper_lookup(f.mapper, address).state, MM_QUARANTINED);
    EXPECT_STATUS(mmtk_mmapper_quarantine_address_range_preferred(
                      f.binding, at(1), 0, 0, &read_write, &f.b, &address, NULL),
                  MM_INVALID_ARGUMENT);
    fixture_end(&f);
}

static void test_ensure(void)
{
    struct fixture f;
    uint64_t token;
    fixture_begin(&f, NULL);
    EXPECT_OK(quarantine(&f, 2, 4, &f.a));
    /* One page of quarantined memory, and a range that begins before it. */
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, at(4) + PAGE, 1, &read_write, &f.a,
                                         NULL));
    EXPECT_PICTURE(&f, "..aaAa........");
    EXPECT(mmtk_mmapper_is_mapped_address(f.binding, at(5) - 1));
    EXPECT(!mmtk_mmapper_is_mapped_address(f.binding, at(5)));
    EXPECT_EQ(sim_kernel_read(f.kernel, at(4), &token), 0);
    EXPECT_EQ(token, 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, at(4), 42), 0);
    EXPECT_OK(ensure(&f, 1, 5, &f.a));
    EXPECT_PICTURE(&f, ".AAAAA........");
    EXPECT_EQ(sim_kernel_read(f.kernel, at(4), &token), 0);
    EXPECT_EQ(token, 42);
    /* All of it mapped: no call of the system. */
    const uint64_t commits = sim_kernel_statistics(f.kernel).calls[MM_OS_COMMIT];
    EXPECT_OK(ensure(&f, 1, 5, &f.a));
    EXPECT_EQ(sim_kernel_statistics(f.kernel).calls[MM_OS_COMMIT], commits);
    fixture_end(&f);
}

static void test_no_memory(void)
{
    struct fixture f;
    const struct sim_kernel_options kernel = {.commit_bytes = (size_t)2 * CHUNK};
    fixture_begin(&f, &kernel);
    EXPECT_STATUS(ensure(&f, 1, 3, &f.a), MM_NO_MEMORY);
    EXPECT_ERROR(&f, MM_NO_MEMORY, ENOMEM, "commit limit");
    EXPECT_PICTURE(&f, ".aaa..........");
    EXPECT_OK(ensure(&f, 1, 2, &f.a));
    fixture_end(&f);
}

static void test_mark(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_mapping image = {
        .extent = {at(0), 4 * CHUNK}, .access = MM_ACCESS_READ, .name = "image"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &image), 0);
    EXPECT_OK(
        mmtk_mmapper_mark_as_mapped(f.binding, at(1) + PAGE, (size_t)2 * CHUNK, NULL));
    EXPECT_PICTURE(&f, ".VVV..........");
    EXPECT(mmtk_mmapper_is_mapped_address(f.binding, at(3)));
    EXPECT_OK(mark(&f, 0, 3)); /* again, and more */
    EXPECT_PICTURE(&f, "VVVV..........");
    EXPECT_STATUS(ensure(&f, 2, 1, &f.a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is mapped for runtime-image \"vm\"");
    EXPECT_STATUS(quarantine(&f, 2, 4, &f.a), MM_CONFLICT);
    EXPECT_OK(quarantine(&f, 5, 1, &f.a));
    EXPECT_STATUS(mark(&f, 4, 3), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is quarantined for space \"a\"");
    EXPECT_PICTURE(&f, "VVVV.a........");
    /* What the owner maps in by other means is not mapped for having been excluded. */
    struct mm_owner *vm = mmtk_mmapper_vm_owner(f.binding);
    EXPECT_OK(mmapper_exclude(f.mapper, vm, mm_extent_of(at(8), CHUNK), NULL));
    EXPECT_STATUS(mark(&f, 7, 2), MM_WRONG_STATE);
    EXPECT_ERROR(&f, MM_WRONG_STATE, EPERM, "is excluded");
    EXPECT_OK(mmapper_release(f.mapper, vm, mm_extent_of(at(8), CHUNK), NULL));
    fixture_end(&f);
}

static void test_bad_ranges(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    /* Past 2^48, past the window, before it, past the end of memory. */
    const struct {
        uintptr_t start;
        size_t pages;
        enum mm_status status;
        int os_error;
        uintptr_t address;
    } cases[] = {
        {UINT64_C(1) << 48, 1, MM_OUT_OF_RANGE, ERANGE, UINT64_C(1) << 48},
        {at(CHUNKS - 1), CHUNK_PAGES + 1, MM_OUT_OF_RANGE, ERANGE, at(CHUNKS)},
        {at(0) - PAGE, 2, MM_OUT_OF_RANGE, ERANGE, at(0) - CHUNK},
        {at(0), SIZE_MAX, MM_INVALID_ARGUMENT, EINVAL, at(0)},
        {at(0), SIZE_MAX / PAGE + 2, MM_INVALID_ARGUMENT, EINVAL, at(0)}, /* a page */
        {at(0), SIZE_MAX / PAGE, MM_INVALID_ARGUMENT, EINVAL, at(0)},
        {UINTPTR_MAX - PAGE, 1, MM_INVALID_ARGUMENT, EINVAL, UINTPTR_MAX - PAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_STATUS(mmtk_mmapper_quarantine_address_range(f.binding, cases[i].start,
                                                            cases[i].pages, &read_write,
                                                            &f.a, &f.error),
                      cases[i].status);
        EXPECT_STATUS(mmtk_mmapper_ensure_mapped(f.binding, cases[i].start,
                                                 cases[i].pages, &read_write, &f.a,
                                                 &f.error),
                      cases[i].status);
        EXPECT_EQ(mmtk_mmapper_errno(&f.error), cases[i].os_error);
        EXPECT_EQ(f.error.address, cases[i].address);
        EXPECT(!mmtk_mmapper_is_mapped_address(f.binding, cases[i].start));
    }
    EXPECT_STATUS(mmtk_mmapper_mark_as_mapped(f.binding, at(0), SIZE_MAX, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmtk_mmapper_mark_as_mapped(f.binding, 0, 1, &f.error),
                  MM_OUT_OF_RANGE);
    /* Nobody became known by it. */
    EXPECT(mmtk_mmapper_owner(f.binding, &f.a) == NULL);
    EXPECT_PICTURE(&f, "..............");
    fixture_end(&f);
}

static void test_bad_arguments(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    struct mmtk_annotation annotations[] = {space(""), space("a"), space("a")};
    annotations[1].kind = (enum mmtk_annotation_kind)(MMTK_MISC + 1);
    annotations[2].name.text = NULL;
    for (size_t i = 0; i < 3; i++) {
        EXPECT_STATUS(ensure(&f, 1, 1, &annotations[i]), MM_INVALID_ARGUMENT);
        EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "annotation");
        EXPECT(mmtk_mmapper_owner(f.binding, &annotations[i]) == NULL);
    }
    EXPECT_STATUS(ensure(&f, 1, 1, NULL), MM_INVALID_ARGUMENT);
    const struct mmtk_strategy strategies[] = {
        {.protection = (enum mmtk_protection)(MMTK_NO_ACCESS + 1)},
        {.huge_pages = (enum mmtk_huge_pages)(MMTK_HUGE_PAGES_TRANSPARENT + 1)},
        {.protection = MMTK_NO_ACCESS},
    };
    for (size_t i = 0; i < 3; i++) {
        EXPECT_STATUS(mmtk_mmapper_ensure_mapped(f.binding, at(1), 1, &strategies[i],
                                                 &f.a, &f.error),
                      MM_INVALID_ARGUMENT);
    }
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "without access");
    EXPECT_STATUS(mmtk_mmapper_ensure_mapped(f.binding, at(1), 1, NULL, &f.a, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT(mmtk_mmapper_owner(f.binding, &f.a) == NULL);
    EXPECT_PICTURE(&f, "..............");
    fixture_end(&f);
}

int main(void)
{
    test_units();
    test_quarantine();
    test_nothing();
    test_conflicts();
    test_quarantine_in_parts();
    test_anywhere();
    test_preferred();
    test_ensure();
    test_no_memory();
    test_mark();
    test_bad_ranges();
    test_bad_arguments();
    return 0;
}
