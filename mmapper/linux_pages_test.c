/* SPDX-License-Identifier: MIT */
/* Guards and seals on the kernel that runs this test. What it is too old for, the test says. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmapper/linux_pages.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/emulated.h"
#include "mmapper/testing/real_world.h"

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
    /* Not mlock: the sanitizers' does nothing. */
    if (syscall(SYS_mlock, page.start, page.bytes) != 0) {
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

int main(void)
{
    if (left_out_if_emulated("pages", "qemu forgets most of what madvise asks for")) {
        return 0;
    }
    test_protect_and_guard();
    test_guards_cost_no_mapping();
    test_locked();
    test_seal();
    return 0;
}
