/* SPDX-License-Identifier: MIT */
/* protect and guard where the system refuses, or has not got, what they need; and what
 * others tell of pages: verify, residency, strategies. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/pages_fixture.h"

static int refuse(void *context, struct mm_extent extent)
{
    (void)context;
    (void)extent;
    return EAGAIN;
}

/* Guards that the kernel keeps: both calls say so, and what was to follow does not. */
static void test_no_unguard(void)
{
    struct fixture f;
    begin(&f, NULL);
    struct mmap_operations few = *f.support.operations;
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(4, 1), NULL));
    write_page(&f, 5, 42);
    few.unguard = refuse;
    f.support.operations = &few;
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(4, 1), RO, &f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(f.error.os_call, MM_OS_UNGUARD);
    EXPECT_EQ(f.error.os_error, EAGAIN);
    EXPECT(sim_kernel_view(f.kernel, pages(4, 1).start).guarded);
    EXPECT_STATUS(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), &f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(f.error.os_call, MM_OS_UNGUARD);
    EXPECT_EQ(fixture_state(&f, 1), MM_QUARANTINED);
    EXPECT_EQ(read_page(&f, 5), 42);
    few.unguard = sim_kernel_support(f.kernel, 0).operations->unguard;
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    fixture_end(&f);
}

static int no_protect(void *context, struct mm_extent extent, unsigned access)
{
    (void)context;
    (void)extent;
    (void)access;
    return ENOMEM;
}

/* A guard whose page cannot be given its access stays one. */
static void test_guard_stays_when_protect_fails(void)
{
    struct fixture f;
    uint64_t token;
    begin(&f, NULL);
    struct mmap_operations few = *f.support.operations;
    few.protect = no_protect;
    f.support.operations = &few;
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(4, 1), NULL));
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(4, 1), RO, &f.error),
                  MM_NO_MEMORY);
    EXPECT_EQ(sim_kernel_read(f.kernel, pages(4, 1).start, &token), EFAULT);
    fixture_end(&f);
}

/* NUMA is a part of the strategy: checked, and compared. */
static void test_nodes(void)
{
    static const struct mm_strategy wrong[] = {
        {.numa = MM_NUMA_PREFER},
        {.numa_nodes = 1},
        {.numa = (enum mm_numa)(MM_NUMA_INTERLEAVE + 1), .numa_nodes = 1},
    };
    struct fixture f;
    begin(&f, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct mm_owner_options options = {.name = "wrong", .strategy = wrong[i]};
        struct mm_owner *owner;
        EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                      MM_INVALID_ARGUMENT);
    }
    const struct mm_strategy one = {.numa = MM_NUMA_PREFER, .numa_nodes = 1};
    struct mm_strategy two = one;
    struct mm_owner *giver = fixture_owner(&f, "giver", one);
    EXPECT_OK(mmapper_quarantine(f.mapper, giver, fixture_extent(5, 1), NULL));
    two.numa_nodes = 2;
    EXPECT_STATUS(mmapper_transfer(f.mapper, giver, fixture_owner(&f, "nodes", two),
                                   fixture_extent(5, 1), &f.error),
                  MM_INVALID_ARGUMENT);
    two = one;
    two.numa = MM_NUMA_INTERLEAVE;
    EXPECT_STATUS(mmapper_transfer(f.mapper, giver, fixture_owner(&f, "rule", two),
                                   fixture_extent(5, 1), &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_OK(mmapper_transfer(f.mapper, giver, fixture_owner(&f, "same", one),
                               fixture_extent(5, 1), NULL));
    EXPECT_EQ(mm_owner_strategy(giver).numa_nodes, 1);
    fixture_end(&f);
}

/* A support without the operations: ENOSYS, and nothing else is worse for it. */
static void test_no_operations(void)
{
    struct fixture f;
    struct mmap_operations few;
    begin(&f, NULL);
    few = *f.support.operations;
    few.protect = NULL;
    few.guard = NULL;
    few.unguard = NULL;
    f.support.operations = &few;
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(4, 1), RO, &f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(f.error.os_call, MM_OS_PROTECT);
    EXPECT_EQ(f.error.os_error, ENOSYS);
    EXPECT_STATUS(mmapper_guard(f.mapper, f.heap, pages(4, 1), &f.error), MM_OS_ERROR);
    EXPECT_EQ(f.error.os_call, MM_OS_GUARD);
    EXPECT_STATUS(mmapper_collapse(f.mapper, f.heap, pages(4, 1), &f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(f.error.os_call, MM_OS_COLLAPSE);
    EXPECT(!mm_owner_is_pinned(f.heap));
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    fixture_end(&f);
}

/* vm.max_map_count: the call says so and may be made again. */
static void test_no_room_for_a_split(void)
{
    const struct sim_kernel_options full = {.max_map_count = 2};
    struct fixture f;
    begin(&f, &full);
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(7, 1), RO, &f.error),
                  MM_NO_MEMORY);
    EXPECT_EQ(f.error.cause, MM_CAUSE_MAP_COUNT);
    EXPECT_EQ(f.error.os_call, MM_OS_PROTECT);
    EXPECT_EQ(access_of(&f, 7), RW);
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(7, 1), NULL)); /* costs none */
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(4, 12), RO, NULL));
    fixture_end(&f);
}

static void tell(void *argument, const struct mm_difference *difference)
{
    unsigned *of = argument;
    of[difference->kind]++;
}

/* Less access is noted where the owner may have wanted it, and a difference elsewhere. */
static void test_verify(void)
{
    struct fixture f;
    unsigned of[MM_DIFFERENCE_KIND_COUNT] = {0};
    const struct mm_verify_options options = {.report = tell, .argument = of};
    begin(&f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(5, 1), NULL));
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(5, 1), RO, NULL));
    EXPECT_OK(mmapper_verify(f.mapper, &options, NULL, NULL));
    EXPECT_EQ(of[MM_NOTE_PROTECTED], 1);
    EXPECT_EQ(of[MM_DIFFERENCE_PROTECTION], 0);
    sim_kernel_foreign_protect(f.kernel, pages(20, 1), RO);
    sim_kernel_foreign_protect(f.kernel, pages(5, 1), RX);
    EXPECT_OK(mmapper_verify(f.mapper, &options, NULL, NULL));
    EXPECT_EQ(of[MM_NOTE_PROTECTED], 1);
    EXPECT_EQ(of[MM_DIFFERENCE_PROTECTION], 2);
    sim_kernel_foreign_protect(f.kernel, pages(20, 1), RW);
    sim_kernel_foreign_protect(f.kernel, pages(5, 1), RW);
    fixture_end(&f);
}

static void test_residency(void)
{
    struct fixture f;
    struct mm_residency residency;
    begin(&f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(6, 1), NULL));
    EXPECT_OK(mmapper_exclude(f.mapper, f.image, fixture_extent(7, 1), NULL));
    write_page(&f, 4, 1);
    write_page(&f, 15, 1);
    write_page(&f, 24, 1);
    EXPECT_OK(mmapper_residency(f.mapper, NULL, &residency, NULL));
    EXPECT_EQ(residency.resident, 3 * PAGE);
    EXPECT_EQ(residency.huge, 0);
    EXPECT_OK(mmapper_residency(f.mapper, f.heap, &residency, NULL));
    EXPECT_EQ(residency.resident, 2 * PAGE);
    EXPECT_STATUS(
        mmapper_residency(f.mapper, (struct mm_owner *)&f, &residency, &f.error),
        MM_UNKNOWN_OWNER);
    EXPECT_EQ(f.error.operation, MM_OPERATION_RESIDENCY);
    struct mmap_operations few = *f.support.operations;
    few.residency = NULL;
    f.support.operations = &few;
    EXPECT_STATUS(mmapper_residency(f.mapper, NULL, &residency, &f.error), MM_OS_ERROR);
    EXPECT_EQ(f.error.os_error, ENOSYS);
    EXPECT_EQ(residency.resident, 2 * PAGE); /* as it was */
    fixture_end(&f);
}

int main(void)
{
    test_no_operations();
    test_no_unguard();
    test_guard_stays_when_protect_fails();
    test_no_room_for_a_split();
    test_nodes();
    test_verify();
    test_residency();
    return 0;
}
