/* SPDX-License-Identifier: MIT */
/* Huge pages, nodes and residency on the kernel that runs this test. What it is too old for,
 * or the machine too small, the test says. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmapper/linux_pages.h"
#include "mmapper/testing/emulated.h"
#include "mmapper/testing/real_world.h"

static struct mm_residency residency_of(struct world *w)
{
    struct mm_residency residency = {0};
    const enum mm_status status =
        mmapper_residency(w->mapper, w->heap, &residency, &w->error);
    if (status == MM_OS_ERROR && w->error.os_error == ENOTTY) {
        (void)puts("SKIPPED: this kernel has no PAGEMAP_SCAN");
        residency.huge = SIZE_MAX;
        return residency;
    }
    EXPECT_OK(status);
    return residency;
}

/* More pieces than one call takes, in both kinds of ranges. */
static void test_residency(void)
{
    enum { TOUCHED = 150 };
    struct world w;
    begin(&w, (struct mm_strategy){0});
    (void)madvise((void *)w.extent.start, w.extent.bytes, MADV_NOHUGEPAGE);
    if (residency_of(&w).huge != SIZE_MAX) {
        errno = 4711;
        EXPECT_EQ(residency_of(&w).resident, 0);
        EXPECT_EQ(errno, 4711);
        for (size_t i = 0; i < TOUCHED; i++) {
            *byte_at(page_at(&w, 2 * i)) = 1;
        }
        EXPECT_EQ(residency_of(&w).resident, TOUCHED * w.page);
        EXPECT_EQ(residency_of(&w).huge, 0);
        EXPECT_OK(mmapper_decommit(w.mapper, w.heap, w.extent, NULL));
        EXPECT_EQ(residency_of(&w).resident, 0);
    }
    end(&w);
}

static void test_collapse(void)
{
    struct world w;
    begin(&w, (struct mm_strategy){0});
    const size_t huge = w.support.huge_page_bytes;
    EXPECT(huge > w.page && (huge & (huge - 1)) == 0);
    uintptr_t start;
    EXPECT(mm_align_up(w.extent.start, huge, &start));
    const struct mm_extent one = mm_extent_of(start, huge);
    *byte_at(one) = 1;
    if (residency_of(&w).huge != 0) {
        (void)puts("SKIPPED: the kernel makes huge pages unasked, or does not tell");
        end(&w);
        return;
    }
    const enum mm_status status = mmapper_collapse(w.mapper, w.heap, one, &w.error);
    const struct mm_residency got = residency_of(&w);
    if (status != MM_OK) {
        EXPECT_EQ(w.error.os_call, MM_OS_COLLAPSE);
        (void)printf("SKIPPED: no huge page to be had: %s\n",
                     strerror(w.error.os_error));
    } else if (got.huge != SIZE_MAX) {
        EXPECT_EQ(got.huge, huge);
        EXPECT(got.resident >= huge);
        EXPECT_EQ(*byte_at(one), 1);
    }
    end(&w);
}

/* Small chunks too: where a huge page fits, the place is one. */
static void test_placement(void)
{
    const struct mmap_support support = mmap_support_linux();
    const size_t huge = support.huge_page_bytes;
    const struct mmapper_options options = {.chunk_bytes = support.page_bytes};
    const struct mm_owner_options owner = {
        .name = "huge", .strategy = {.huge_pages = MM_HUGE_PAGES_TRANSPARENT}};
    struct mmapper *mapper;
    struct mm_owner *heap;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmapper_register_owner(mapper, &owner, &heap, NULL));
    for (size_t i = 0; i < 4; i++) {
        struct mm_extent small;
        struct mm_extent large;
        EXPECT_OK(mmapper_quarantine_anywhere(mapper, heap, support.page_bytes, 0,
                                              &small, NULL));
        EXPECT(i == 0 || small.start % huge != 0); /* one page wants no more room */
        EXPECT_OK(mmapper_quarantine_anywhere(mapper, heap, huge + support.page_bytes,
                                              0, &large, NULL));
        EXPECT_EQ(large.start % huge, 0);
    }
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

/* Only a wish: where no huge page fits, or somebody wants it elsewhere, it is not one. */
static void test_placement_is_a_wish(void)
{
    const struct mmap_support support = mmap_support_linux();
    const size_t huge = support.huge_page_bytes;
    const size_t chunk = huge / 32;
    const uintptr_t base = (uintptr_t)0x7e8000000000 + chunk;
    const struct mmapper_options options = {
        .chunk_bytes = chunk, .base = base, .limit = base + huge + huge / 2};
    const struct mm_owner_options owner = {
        .name = "huge", .strategy = {.huge_pages = MM_HUGE_PAGES_TRANSPARENT}};
    struct mmapper *mapper;
    struct mm_owner *heap;
    struct mm_extent extent;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmapper_register_owner(mapper, &owner, &heap, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, heap, huge, 0, &extent, NULL));
    EXPECT_OK(mmapper_release(mapper, heap, extent, NULL));
    const struct mm_extent wish = mm_extent_of(base + 3 * chunk, huge);
    EXPECT_OK(mmapper_quarantine_preferred(mapper, heap, wish, 0, &extent, NULL));
    EXPECT_EQ(extent.start, wish.start);
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

/* The policy of the memory at an address, as get_mempolicy tells it. */
static int policy_at(uintptr_t address, uint64_t *nodes)
{
    enum { OF_ADDRESS = 2, NODE_BITS = 64 + 1 };
    uint64_t words[17] = {0}; /* the kernel may know of 1,024 nodes */
    int policy = -1;
    EXPECT_EQ(
        syscall(SYS_get_mempolicy, &policy, words, 64 * 16 + 1, address, OF_ADDRESS),
        0);
    *nodes = words[0];
    return policy;
}

static void test_nodes(enum mm_numa numa, int policy, int old_policy)
{
    struct world w;
    struct mm_statistics statistics;
    uint64_t nodes;
    begin(&w, (struct mm_strategy){.numa = numa, .numa_nodes = 1});
    mmapper_statistics(w.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_ADVISE], 1);
    if (statistics.os_failures[MM_OS_ADVISE] != 0) {
        (void)puts("SKIPPED: mbind is not allowed or not there");
        end(&w);
        return;
    }
    const int got = policy_at(w.extent.start, &nodes);
    EXPECT(got == policy || got == old_policy);
    EXPECT_EQ(nodes, 1);
    /* It outlives a decommit. */
    EXPECT_OK(mmapper_decommit(w.mapper, w.heap, w.extent, NULL));
    EXPECT_EQ(policy_at(w.extent.start, &nodes), got);
    end(&w);
}

/* Pages from two nodes in turn. */
static void test_interleaving(void)
{
    enum { PAGES = 64, WHERE_IT_IS = 3 /* MPOL_F_NODE | MPOL_F_ADDR */ };
    struct world w;
    if (access("/sys/devices/system/node/node1", F_OK) != 0) {
        (void)puts("SKIPPED: one NUMA node: nothing to interleave over");
        return;
    }
    begin(&w, (struct mm_strategy){.numa = MM_NUMA_INTERLEAVE, .numa_nodes = 3});
    unsigned on[2] = {0};
    for (size_t i = 0; i < PAGES; i++) {
        int node = -1;
        *byte_at(page_at(&w, i)) = 1;
        EXPECT_EQ(syscall(SYS_get_mempolicy, &node, NULL, 0, page_at(&w, i).start,
                          WHERE_IT_IS),
                  0);
        EXPECT(node == 0 || node == 1);
        on[node]++;
    }
    EXPECT(on[0] > 0 && on[1] > 0);
    end(&w);
}

/* A node that is not there: counted, and the memory is there all the same. */
static void test_no_such_node(void)
{
    struct world w;
    struct mm_statistics statistics;
    begin(&w, (struct mm_strategy){.numa = MM_NUMA_INTERLEAVE,
                                   .numa_nodes = UINT64_C(1) << 63});
    mmapper_statistics(w.mapper, &statistics);
    EXPECT_EQ(statistics.os_failures[MM_OS_ADVISE], 1);
    *byte_at(w.extent) = 1;
    end(&w);
}

int main(void)
{
    if (left_out_if_emulated("pages", "qemu forgets most of what madvise asks for")) {
        return 0;
    }
    test_residency();
    test_collapse();
    test_placement();
    test_placement_is_a_wish();
    test_nodes(MM_NUMA_PREFER, 5, 1);
    test_nodes(MM_NUMA_INTERLEAVE, 3, 3);
    test_interleaving();
    test_no_such_node();
    return 0;
}
