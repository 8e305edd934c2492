/* SPDX-License-Identifier: MIT */
/* Guards, seals, huge pages and nodes on the kernel that runs this test. What it is too old
 * for, or the machine too small, the test says. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmapper/linux_pages.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"

enum { CHUNK = 4 << 20, CHUNKS = 8, RW = MM_ACCESS_READ | MM_ACCESS_WRITE };

struct world {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *heap;
    struct mm_extent extent; /* CHUNKS, mapped */
    size_t page;
    struct mm_error error;
};

static void begin(struct world *w, struct mm_strategy strategy)
{
    const struct mm_owner_options options = {.name = "heap", .strategy = strategy};
    memset(w, 0, sizeof *w);
    w->support = mmap_support_linux();
    w->page = w->support.page_bytes;
    EXPECT_OK(mmapper_create(NULL, &w->support, &w->mapper, NULL));
    EXPECT_OK(mmapper_register_owner(w->mapper, &options, &w->heap, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(w->mapper, w->heap, (size_t)CHUNKS * CHUNK, 0,
                                          &w->extent, NULL));
    EXPECT_OK(mmapper_ensure_mapped(w->mapper, w->heap, w->extent, NULL));
}

static void end(struct world *w)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(w->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(w->mapper, NULL));
}

static struct mm_extent page_at(const struct world *w, size_t index)
{
    return mm_extent_of(w->extent.start + index * w->page, w->page);
}

/* Whether the byte can be read, and written: what the kernel finds without a signal. */
static bool readable(uintptr_t address)
{
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const ssize_t done = write(ends[1], (void *)address, 1);
    EXPECT(done == 1 || errno == EFAULT);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return done == 1;
}

static bool writable(uintptr_t address)
{
    const int zero = open("/dev/zero", O_RDONLY);
    EXPECT(zero >= 0);
    const ssize_t done = read(zero, (void *)address, 1);
    EXPECT(done == 1 || errno == EFAULT);
    (void)close(zero);
    return done == 1;
}

static volatile char *byte_at(struct mm_extent page)
{
    return (volatile char *)page.start;
}

static void test_protect_and_guard(void)
{
    struct world w;
    begin(&w, (struct mm_strategy){0});
    const struct mm_extent first = page_at(&w, 1);
    const struct mm_extent second = page_at(&w, 2);
    *byte_at(first) = 1;
    *byte_at(second) = 2;
    errno = 4711;
    EXPECT_OK(mmapper_protect(w.mapper, w.heap, first, MM_ACCESS_READ, NULL));
    EXPECT_OK(mmapper_guard(w.mapper, w.heap, second, NULL));
    EXPECT_EQ(errno, 4711);
    EXPECT(readable(first.start) && !writable(first.start));
    EXPECT(!readable(second.start) && !writable(second.start));
    EXPECT(readable(page_at(&w, 3).start) && writable(page_at(&w, 3).start));
    EXPECT_EQ(*byte_at(first), 1);
    /* The guard outlives what does not mean it. */
    EXPECT_OK(mmapper_ensure_mapped(w.mapper, w.heap, w.extent, NULL));
    EXPECT(!readable(second.start));
    EXPECT_OK(mmapper_protect(w.mapper, w.heap, second, RW, NULL));
    EXPECT_EQ(*byte_at(second), 0);
    *byte_at(second) = 3;
    /* And not the chunk. */
    EXPECT_OK(mmapper_guard(w.mapper, w.heap, second, NULL));
    const struct mm_extent chunk = mm_extent_of(w.extent.start, CHUNK);
    EXPECT_OK(mmapper_decommit(w.mapper, w.heap, chunk, NULL));
    EXPECT_OK(mmapper_ensure_mapped(w.mapper, w.heap, chunk, NULL));
    EXPECT(writable(first.start) && writable(second.start));
    EXPECT_EQ(*byte_at(first), 0);
    end(&w);
}

static bool count_one(void *argument, const struct mm_mapping *mapping)
{
    (void)mapping;
    ++*(size_t *)argument;
    return true;
}

static size_t mappings(const struct world *w)
{
    size_t count = 0;
    EXPECT_EQ(w->support.operations->each_mapping(w->support.context, w->extent,
                                                  count_one, &count),
              0);
    return count;
}

/* What MADV_GUARD_INSTALL is for: a guard in every other page, and one mapping. */
static void test_guards_cost_no_mapping(void)
{
    enum { ADVICE_GUARD_REMOVE = 103, GUARDS = 200 };
    struct world w;
    begin(&w, (struct mm_strategy){0});
    if (madvise((void *)w.extent.start, w.page, ADVICE_GUARD_REMOVE) != 0) {
        (void)puts("SKIPPED: this kernel has no MADV_GUARD_INSTALL");
        end(&w);
        return;
    }
    const size_t before = mappings(&w);
    for (size_t i = 0; i < GUARDS; i++) {
        EXPECT_OK(mmapper_guard(w.mapper, w.heap, page_at(&w, 2 * i), NULL));
    }
    EXPECT_EQ(mappings(&w), before);
    EXPECT(!readable(page_at(&w, 2 * (GUARDS - 1)).start));
    end(&w);
}

/* Locked memory takes no guard of that kind, nor the other: an error, nothing else. */
static void test_locked(void)
{
    struct world w;
    begin(&w, (struct mm_strategy){0});
    const struct mm_extent page = page_at(&w, 0);
    if (mlock((void *)page.start, page.bytes) != 0) {
        (void)puts("SKIPPED: no memory may be locked");
    } else {
        EXPECT_STATUS(mmapper_guard(w.mapper, w.heap, page, &w.error), MM_OS_ERROR);
        EXPECT_EQ(w.error.os_error, EINVAL);
        EXPECT(writable(page.start));
    }
    end(&w);
}

static void expect_refused(long result)
{
    EXPECT_EQ(result, -1);
    EXPECT_EQ(errno, EPERM);
}

/* No bypass changes what is sealed: not even the calls that the design forbids. */
static void test_seal(void)
{
    struct world w;
    begin(&w, (struct mm_strategy){0});
    void *start = (void *)w.extent.start;
    const struct mm_extent sealed = mm_extent_of(w.extent.start, 2 * (size_t)CHUNK);
    *byte_at(sealed) = 42;
    errno = 4711;
    const enum mm_status status = mmapper_seal(w.mapper, w.heap, sealed, &w.error);
    EXPECT_EQ(errno, 4711);
    if (status == MM_OS_ERROR && w.error.os_error == ENOSYS) {
        (void)puts("SKIPPED: this kernel has no mseal");
        end(&w);
        return;
    }
    EXPECT_OK(status);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    expect_refused((long)mmap(start, w.page, PROT_READ, flags, -1, 0));
    expect_refused(munmap(start, w.page));
    expect_refused(munmap(start, w.extent.bytes));
    expect_refused(mprotect(start, w.page, PROT_READ));
    expect_refused((long)mremap(start, w.page, 2 * w.page, MREMAP_MAYMOVE));
    EXPECT_EQ(*byte_at(sealed), 42);
    *byte_at(sealed) = 43;
    EXPECT_EQ(mmapper_lookup(w.mapper, sealed.start).state, MM_SEALED);
    bool is_sealed;
    EXPECT_EQ(mm_linux_is_sealed(NULL, sealed, RW, &is_sealed), 0);
    EXPECT(is_sealed);
    const struct mm_extent open = mm_extent_of(mm_extent_end(sealed), CHUNK);
    EXPECT_EQ(mm_linux_is_sealed(NULL, open, RW, &is_sealed), 0);
    EXPECT(!is_sealed);
    end(&w); /* and after it is still there */
    EXPECT_EQ(*byte_at(sealed), 43);
    expect_refused(munmap(start, w.page));
}

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
    test_protect_and_guard();
    test_guards_cost_no_mapping();
    test_locked();
    test_seal();
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
