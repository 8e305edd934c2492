/* SPDX-License-Identifier: MIT */
#include "bench/bare.h"

#include <sys/mman.h>

#include "bench/fail.h"

enum {
    ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    ACCESS = PROT_READ | PROT_WRITE,
};

static void *pointer(struct mm_extent extent)
{
    return (void *)extent.start;
}

void bench_bare_reserve(struct mm_extent extent)
{
    const int flags = ANONYMOUS | MAP_FIXED_NOREPLACE;
    BENCH_CHECK(mmap(pointer(extent), extent.bytes, PROT_NONE, flags, -1, 0) ==
                pointer(extent));
}

void bench_bare_commit(struct mm_extent extent)
{
    BENCH_CHECK(mprotect(pointer(extent), extent.bytes, ACCESS) == 0);
}

void bench_bare_decommit(struct mm_extent extent)
{
    BENCH_CHECK(madvise(pointer(extent), extent.bytes, MADV_DONTNEED) == 0);
    BENCH_CHECK(mprotect(pointer(extent), extent.bytes, PROT_NONE) == 0);
}

void bench_bare_release(struct mm_extent extent)
{
    BENCH_CHECK(munmap(pointer(extent), extent.bytes) == 0);
}

void bench_bare_replace(struct mm_extent extent)
{
    BENCH_CHECK(mmap(pointer(extent), extent.bytes, ACCESS, ANONYMOUS | MAP_FIXED, -1,
                     0) == pointer(extent));
}

void *bench_bare_map_anywhere(size_t bytes)
{
    void *memory = mmap(NULL, bytes, ACCESS, ANONYMOUS, -1, 0);
    BENCH_CHECK(memory != MAP_FAILED);
    return memory;
}
