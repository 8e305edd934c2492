/* SPDX-License-Identifier: MIT */
/*
 * What an implementation of the trait with a state a chunk and no owners gets wrong: each
 * of its known failures played, to see it absent.
 */
#include <errno.h>

#include "bindings/mmtk/test_fixture.h"

/* A second user of a mapped or quarantined chunk is told that all is well. */
static void test_second_user(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(ensure(&f, 1, 1, &f.a));
    EXPECT_STATUS(ensure(&f, 1, 1, &f.b), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is mapped for space \"a\"");
    EXPECT_STATUS(quarantine(&f, 1, 1, &f.b), MM_CONFLICT);
    EXPECT_STATUS(quarantine(&f, 1, 1, &f.meta), MM_CONFLICT);
    EXPECT_OK(quarantine(&f, 2, 1, &f.a));
    EXPECT_STATUS(ensure(&f, 2, 1, &f.b), MM_CONFLICT);
    EXPECT_STATUS(quarantine(&f, 2, 1, &f.b), MM_CONFLICT);
    EXPECT_PICTURE(&f, ".Aa...........");
    fixture_end(&f);
}

/* Marking quarantined memory as mapped makes is_mapped true where every access faults. */
static void test_marked_quarantine(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(quarantine(&f, 1, 2, &f.a));
    EXPECT_STATUS(mark(&f, 1, 2), MM_CONFLICT);
    EXPECT(!mmtk_mmapper_is_mapped_address(f.binding, at(1)));
    EXPECT_OK(ensure(&f, 1, 2, &f.a));
    EXPECT_EQ(sim_kernel_write(f.kernel, at(1), 1), 0);
    EXPECT_STATUS(mark(&f, 0, 2), MM_CONFLICT);
    EXPECT_PICTURE(&f, ".AA...........");
    fixture_end(&f);
}

/* A refused call, or an address past what can be mapped, ends the process or leaves a lock
 * behind that nobody opens again: here the next call goes on. */
static void test_after_a_refusal(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(quarantine(&f, 1, 1, &f.a));
    EXPECT_OK(quarantine(&f, 1, 1, &f.a));
    EXPECT_STATUS(quarantine(&f, 1, 1, &f.b), MM_CONFLICT);
    for (unsigned bits = 47; bits < 64; bits++) {
        const uintptr_t start = (uintptr_t)1 << bits;
        EXPECT_STATUS(mmtk_mmapper_ensure_mapped(f.binding, start, 1, &read_write, &f.a,
                                                 &f.error),
                      MM_OUT_OF_RANGE);
        EXPECT_STATUS(mmtk_mmapper_mark_as_mapped(f.binding, start, 1, &f.error),
                      MM_OUT_OF_RANGE);
        EXPECT(!mmtk_mmapper_is_mapped_address(f.binding, start));
    }
    EXPECT_OK(ensure(&f, 1, 1, &f.a));
    EXPECT_OK(ensure(&f, 2, 1, &f.b));
    EXPECT_PICTURE(&f, ".AB...........");
    fixture_end(&f);
}

/* A range of several states that fails half way stays half done. */
static void test_half_way(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(ensure(&f, 1, 1, &f.a));
    EXPECT_OK(quarantine(&f, 3, 1, &f.a));
    EXPECT_OK(ensure(&f, 5, 1, &f.b));
    EXPECT_PICTURE(&f, ".A.a.B........");
    const struct sim_statistics before = sim_kernel_statistics(f.kernel);
    EXPECT_STATUS(ensure(&f, 0, 7, &f.a), MM_CONFLICT);
    EXPECT_STATUS(quarantine(&f, 0, 7, &f.a), MM_CONFLICT);
    EXPECT_STATUS(mark(&f, 0, 2), MM_CONFLICT);
    EXPECT_PICTURE(&f, ".A.a.B........");
    const struct sim_statistics after = sim_kernel_statistics(f.kernel);
    EXPECT_EQ(after.calls[MM_OS_RESERVE], before.calls[MM_OS_RESERVE]);
    EXPECT_EQ(after.calls[MM_OS_COMMIT], before.calls[MM_OS_COMMIT]);
    fixture_end(&f);
}

/* A start inside a chunk with no pages maps that chunk. */
static void test_no_pages(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, at(1) + PAGE, 0, &read_write, &f.a,
                                         NULL));
    EXPECT_PICTURE(&f, "..............");
    fixture_end(&f);
}

static int refuse_advice(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    (void)context;
    (void)extent;
    (void)strategy;
    return EINVAL;
}

/* Advice about huge pages that the system refuses ends the process, the memory mapped. */
static void test_refused_advice(void)
{
    struct sim_kernel *kernel = sim_kernel_create(NULL);
    struct mmap_support support = sim_kernel_support(kernel, 0);
    struct mmap_operations operations = *support.operations;
    const struct mmapper_options options = {
        .chunk_bytes = CHUNK, .base = BASE, .limit = BASE + (uintptr_t)CHUNKS * CHUNK};
    struct mmapper *mapper;
    struct mmtk_mmapper *binding;
    struct mm_statistics statistics;
    const struct mmtk_annotation a = space("a");
    operations.advise = refuse_advice;
    support.operations = &operations;
    support.count_calls = true;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmtk_mmapper_create(mapper, NULL, &binding, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(binding, at(1), 1, &huge, &a, NULL));
    EXPECT_EQ(sim_kernel_write(kernel, at(1), 1), 0);
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_failures[MM_OS_ADVISE], 1);
    EXPECT_OK(mmtk_mmapper_destroy(binding, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    sim_kernel_destroy(kernel);
}

/* Mapping what is mapped again zeroes it: memory that an immortal space or a free list
 * lives in is lost to the next ensure_mapped of its chunk. */
static void test_contents_survive(void)
{
    struct fixture f;
    uint64_t token;
    fixture_begin(&f, NULL);
    struct mmtk_annotation list = misc("freelist of a");
    EXPECT_OK(quarantine(&f, 0, 8, &f.a));
    EXPECT_OK(mmtk_mmapper_share(f.binding, &list, &f.a, NULL));
    EXPECT_OK(ensure(&f, 0, 1, &list)); /* the table, at the head of the space */
    EXPECT_EQ(sim_kernel_write(f.kernel, at(0) + PAGE, 42), 0);
    EXPECT_OK(ensure(&f, 0, 8, &f.a));
    EXPECT_OK(quarantine(&f, 0, 8, &f.a));
    EXPECT_EQ(sim_kernel_read(f.kernel, at(0) + PAGE, &token), 0);
    EXPECT_EQ(token, 42);
    EXPECT_PICTURE(&f, "AAAAAAAA......");
    fixture_end(&f);
}

/* Two instances in one process share a table that is global. */
static void test_two_instances(void)
{
    struct fixture one;
    struct fixture two;
    fixture_begin(&one, NULL);
    fixture_begin(&two, NULL); /* the same window, of another simulated kernel */
    EXPECT_OK(ensure(&one, 1, 1, &one.a));
    EXPECT_PICTURE(&two, "..............");
    EXPECT_OK(ensure(&two, 1, 2, &two.b));
    EXPECT_PICTURE(&one, ".A............");
    fixture_end(&two);
    fixture_end(&one);
}

int main(void)
{
    test_second_user();
    test_marked_quarantine();
    test_after_a_refusal();
    test_half_way();
    test_no_pages();
    test_refused_advice();
    test_contents_survive();
    test_two_instances();
    return 0;
}
