/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/fault_decorator.h"

#include <errno.h>

#include "mmapper/testing/expect.h"
#include "mmapper/testing/sim_kernel.h"

enum { PAGE = 4096, RW = MM_ACCESS_READ | MM_ACCESS_WRITE };
#define BASE ((uintptr_t)0x7e8000000000)

static const struct mm_strategy plain = {0};

struct fixture {
    struct sim_kernel *kernel;
    struct fault_decorator *faults;
    struct mmap_support support;
};

static struct fixture set_up(void)
{
    struct fixture f;
    f.kernel = sim_kernel_create(NULL);
    const struct mmap_support inner = sim_kernel_support(f.kernel, 0);
    f.faults = fault_decorator_create(&inner);
    f.support = fault_decorator_support(f.faults);
    return f;
}

static void tear_down(struct fixture f)
{
    EXPECT_EQ(sim_kernel_violations(f.kernel), 0);
    fault_decorator_destroy(f.faults);
    sim_kernel_destroy(f.kernel);
}

static struct mm_extent pages(size_t first, size_t count)
{
    return mm_extent_of(BASE + first * PAGE, count * PAGE);
}

static int reserve(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->reserve(f.support.context, pages(first, count),
                                         &plain);
}

static int commit(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->commit(f.support.context, pages(first, count), &plain);
}

static unsigned access_of(struct fixture f, size_t page)
{
    return sim_kernel_view(f.kernel, BASE + page * PAGE).mapping.access;
}

static void test_passes_on_without_a_plan(void)
{
    const struct fixture f = set_up();
    EXPECT_EQ(f.support.page_bytes, PAGE);
    EXPECT(f.support.annotations);
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(reserve(f, 0, 1), EEXIST); /* the kernel's own */
    EXPECT_EQ(commit(f, 0, 4), 0);
    EXPECT_EQ(f.support.operations->decommit(f.support.context, pages(0, 1), &plain),
              0);
    EXPECT_EQ(f.support.operations->release(f.support.context, pages(0, 4)), 0);
    EXPECT_EQ(fault_decorator_calls(f.faults, MM_OS_RESERVE), 2);
    EXPECT_EQ(fault_decorator_calls(f.faults, MM_OS_NONE), 5);
    EXPECT_EQ(fault_decorator_faults(f.faults), 0);
    tear_down(f);
}

static void test_fails_one_call_of_a_kind(void)
{
    const struct fixture f = set_up();
    const struct fault_plan plan = {.at = 2, .call = MM_OS_RESERVE, .os_error = EAGAIN};
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(reserve(f, 0, 1), 0);
    EXPECT_EQ(commit(f, 0, 1), 0);
    EXPECT_EQ(reserve(f, 1, 1), EAGAIN);
    EXPECT(!sim_kernel_view(f.kernel, BASE + PAGE).mapped);
    EXPECT_EQ(reserve(f, 1, 1), 0);
    EXPECT_EQ(fault_decorator_faults(f.faults), 1);
    tear_down(f);
}

static void test_fails_from_then_on(void)
{
    const struct fixture f = set_up();
    const struct fault_plan plan = {
        .at = 2, .call = MM_OS_NONE, .from_then_on = true, .os_error = EPERM};
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(reserve(f, 0, 1), 0);
    EXPECT_EQ(commit(f, 0, 1), EPERM);
    EXPECT_EQ(reserve(f, 1, 1), EPERM);
    void *table = NULL;
    EXPECT_EQ(f.support.operations->acquire_table(f.support.context, PAGE, &table),
              EPERM);
    fault_decorator_plan(f.faults, NULL);
    EXPECT_EQ(commit(f, 0, 1), 0);
    tear_down(f);
}

static void test_half_and_all_done(void)
{
    const struct fixture f = set_up();
    struct fault_plan plan = {
        .at = 1, .call = MM_OS_COMMIT, .os_error = ENOMEM, .done = FAULT_HALF};
    EXPECT_EQ(reserve(f, 0, 5), 0);
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(commit(f, 0, 5), ENOMEM);
    EXPECT_EQ(access_of(f, 1), RW);
    EXPECT_EQ(access_of(f, 2), 0);
    plan.done = FAULT_ALL;
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(commit(f, 0, 5), ENOMEM);
    EXPECT_EQ(access_of(f, 4), RW);
    plan = (struct fault_plan){
        .at = 1, .call = MM_OS_RELEASE, .os_error = ENOMEM, .done = FAULT_ALL};
    fault_decorator_plan(f.faults, &plan); /* release is all or nothing */
    EXPECT_EQ(f.support.operations->release(f.support.context, pages(0, 5)), ENOMEM);
    EXPECT(sim_kernel_view(f.kernel, BASE).mapped);
    tear_down(f);
}

static bool count_mapping(void *argument, const struct mm_mapping *mapping)
{
    EXPECT(mapping->extent.bytes > 0);
    (*(size_t *)argument)++;
    return true;
}

static void test_listing_that_breaks_off(void)
{
    const struct fixture f = set_up();
    const struct fault_plan plan = {
        .at = 1, .call = MM_OS_EACH_MAPPING, .os_error = EPERM, .done = FAULT_HALF};
    size_t seen = 0;
    EXPECT_EQ(reserve(f, 0, 1), 0);
    EXPECT_EQ(reserve(f, 2, 1), 0);
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(f.support.operations->each_mapping(f.support.context, pages(0, 4),
                                                 count_mapping, &seen),
              EPERM);
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(f.support.operations->each_mapping(f.support.context, pages(0, 4),
                                                 count_mapping, &seen),
              0);
    EXPECT_EQ(seen, 3);
    tear_down(f);
}

static void test_explains_its_own_faults(void)
{
    const struct fixture f = set_up();
    const struct fault_plan plan = {.at = 1,
                                    .call = MM_OS_RESERVE,
                                    .os_error = ENOMEM,
                                    .cause = MM_CAUSE_MAP_COUNT};
    const struct mmap_operations *call = f.support.operations;
    fault_decorator_plan(f.faults, &plan);
    EXPECT_EQ(call->explain_no_memory(f.support.context, MM_OS_COMMIT, NULL, PAGE),
              MM_CAUSE_UNKNOWN);
    EXPECT_EQ(reserve(f, 0, 1), ENOMEM);
    EXPECT_EQ(call->explain_no_memory(f.support.context, MM_OS_COMMIT, NULL, PAGE),
              MM_CAUSE_MAP_COUNT);
    tear_down(f);
}

/* Maps a foreign page into the extent of call number `at`, just before it. */
struct intruder {
    struct sim_kernel *kernel;
    uint64_t at;
    enum mm_os_call seen;
};

static void intrude(void *argument, enum mm_os_call call, uint64_t index,
                    struct mm_extent extent)
{
    struct intruder *intruder = argument;
    if (index == intruder->at) {
        const struct mm_mapping mapping = {.extent = {extent.start, PAGE}};
        intruder->seen = call;
        EXPECT_EQ(sim_kernel_foreign_map(intruder->kernel, &mapping), 0);
    }
}

static void test_foreign_mapping_in_between(void)
{
    const struct fixture f = set_up();
    struct intruder intruder = {f.kernel, 2, MM_OS_NONE};
    fault_decorator_observe(f.faults, intrude, &intruder);
    EXPECT_EQ(reserve(f, 0, 2), 0);
    EXPECT_EQ(reserve(f, 2, 2), EEXIST);
    EXPECT_EQ(intruder.seen, MM_OS_RESERVE);
    EXPECT_EQ(reserve(f, 3, 2), 0);
    tear_down(f);
}

int main(void)
{
    test_passes_on_without_a_plan();
    test_fails_one_call_of_a_kind();
    test_fails_from_then_on();
    test_half_and_all_done();
    test_listing_that_breaks_off();
    test_explains_its_own_faults();
    test_foreign_mapping_in_between();
    return 0;
}
