/* SPDX-License-Identifier: MIT */
/*
 * The real operations: with linux_pages.c the only file that asks Linux for mappings. Everything but the
 * probe for the end of user space goes through libc, so that sanitizers see it. Every
 * operation leaves errno as it was.
 */
#include "mmapper/mmap_support.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmapper/linux_maps.h"
#include "mmapper/linux_pages.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static void *pointer(uintptr_t address)
{
    return (void *)address;
}

/* The errno value of a call that returned `result`, with errno itself put back. */
static int outcome(int result, int saved_errno)
{
    const int error = result == 0 ? 0 : errno;
    errno = saved_errno;
    return error;
}

static int committed_protection(const struct mm_strategy *strategy)
{
    const int rw = PROT_READ | PROT_WRITE;
    return strategy->protection == MM_PROTECTION_RWX ? rw | PROT_EXEC : rw;
}

MM_CALLS_OS static int linux_reserve(void *context, struct mm_extent extent,
                                     const struct mm_strategy *strategy)
{
    (void)context;
    const int saved_errno = errno;
    /* A PROT_NONE mapping without NORESERVE costs no commit charge, but its later
     * mprotect does; one with NORESERVE is never charged. */
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE |
                      (strategy->accounting == MM_UNACCOUNTED ? MAP_NORESERVE : 0);
    void *wanted = pointer(extent.start);
    void *got = mmap(wanted, extent.bytes, PROT_NONE, flags, -1, 0);
    if (got == MAP_FAILED) {
        return outcome(-1, saved_errno);
    }
    if (got != wanted) {
        /* A kernel before 4.17 took the address for a hint: something is there. */
        (void)munmap(got, extent.bytes);
        errno = saved_errno;
        return EEXIST;
    }
    return 0;
}

MM_CALLS_OS static int linux_commit(void *context, struct mm_extent extent,
                                    const struct mm_strategy *strategy)
{
    (void)context;
    const int saved_errno = errno;
    return outcome(
        mprotect(pointer(extent.start), extent.bytes, committed_protection(strategy)),
        saved_errno);
}

MM_CALLS_OS static int linux_decommit(void *context, struct mm_extent extent,
                                      const struct mm_strategy *strategy)
{
    (void)context;
    (void)strategy;
    const int saved_errno = errno;
    /* This order: DONTNEED on a mapping that is still one piece is the cheaper. */
    int result = madvise(pointer(extent.start), extent.bytes, MADV_DONTNEED);
    if (result == 0) {
        result = mprotect(pointer(extent.start), extent.bytes, PROT_NONE);
    }
    return outcome(result, saved_errno);
}

MM_CALLS_OS static int linux_release(void *context, struct mm_extent extent)
{
    (void)context;
    const int saved_errno = errno;
    return outcome(munmap(pointer(extent.start), extent.bytes), saved_errno);
}

MM_CALLS_OS static int linux_annotate(void *context, struct mm_extent extent,
                                      const char *name)
{
    (void)context;
    const int saved_errno = errno;
    return outcome(
        prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, extent.start, extent.bytes, name),
        saved_errno);
}

/* open, read and close are cancellation points, and the lists are read while chunks are
 * claimed. */
static int disable_cancel(void)
{
    int old = PTHREAD_CANCEL_ENABLE;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    return old;
}

static void restore_cancel(int old)
{
    int ignored;
    (void)pthread_setcancelstate(old, &ignored);
}

static int linux_mappings(void *context, struct mm_extent range,
                          mm_mapping_visitor visit, void *argument)
{
    (void)context;
    const int saved_errno = errno;
    const int cancel = disable_cancel();
    const int error = mm_linux_each_mapping(range, visit, argument);
    restore_cancel(cancel);
    errno = saved_errno;
    return error;
}

static enum mm_memory_cause linux_explain(void *context, enum mm_os_call call,
                                          const struct mm_strategy *strategy,
                                          size_t bytes)
{
    (void)context;
    const int saved_errno = errno;
    const int cancel = disable_cancel();
    const enum mm_memory_cause cause =
        mm_linux_explain_no_memory(call, strategy, bytes);
    restore_cancel(cancel);
    errno = saved_errno;
    return cause;
}

MM_CALLS_OS static int linux_acquire_table(void *context, size_t bytes, void **table)
{
    (void)context;
    const int saved_errno = errno;
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return outcome(-1, saved_errno);
    }
    *table = memory;
    return 0;
}

MM_CALLS_OS static int linux_release_table(void *context, void *table, size_t bytes)
{
    (void)context;
    const int saved_errno = errno;
    return outcome(munmap(table, bytes), saved_errno);
}

static const struct mmap_operations linux_operations = {
    .reserve = linux_reserve,
    .commit = linux_commit,
    .decommit = linux_decommit,
    .release = linux_release,
    .advise = mm_linux_advise,
    .annotate = linux_annotate,
    .each_mapping = linux_mappings,
    .explain_no_memory = linux_explain,
    .acquire_table = linux_acquire_table,
    .release_table = linux_release_table,
    .protect = mm_linux_protect,
    .guard = mm_linux_guard,
    .unguard = mm_linux_unguard,
    .seal = mm_linux_seal,
    .is_sealed = mm_linux_is_sealed,
    .collapse = mm_linux_collapse,
    .residency = mm_linux_residency,
};

/* Whether a page can be mapped here, or is. Asks the kernel itself: ThreadSanitizer's
 * mmap ends the process for an address that it has no shadow for. Kernels that take the
 * address for a hint map elsewhere, which says no. */
MM_CALLS_OS static bool is_user_space(uintptr_t page, size_t page_bytes)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    const int saved_errno = errno;
    const long got = syscall(SYS_mmap, page, page_bytes, PROT_NONE, flags, -1, 0);
    const bool taken = got == -1 && errno == EEXIST;
    if (got != -1) {
        (void)syscall(SYS_munmap, got, page_bytes);
    }
    errno = saved_errno;
    return taken || (uintptr_t)got == page;
}

/* Where user space ends is nowhere to be read: it depends on the processor, the
 * kernel's page tables and, on 64-bit Arm, its configuration. So a page is tried below
 * each end that there is, the highest first; the very last page may be the kernel's
 * guard. `stack`, an address of the caller's, disproves an end below it, as a kernel
 * that takes addresses for hints may suggest. Where no end is found, the stack is what
 * the kernel put near it. */
static uintptr_t address_end(size_t page_bytes, uintptr_t stack)
{
    static const unsigned char bits[] = {57, 56, 52, 48, 47, 42, 39, 38, 36};
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
        const uintptr_t end = ((uintptr_t)1 << bits[i]) - page_bytes;
        if (end > stack && is_user_space(end - page_bytes, page_bytes)) {
            return end;
        }
    }
    const unsigned highest_bit = 63U - (unsigned)__builtin_clzll(stack);
    return ((uintptr_t)2 << highest_bit) - page_bytes;
}

struct mmap_support mmap_support_linux(void)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    const struct mmap_support support = {
        .operations = &linux_operations,
        .page_bytes = page_bytes,
        .address_end = address_end(page_bytes, (uintptr_t)&page_bytes),
        /* What one page of page-table entries maps. */
        .huge_page_bytes = page_bytes / sizeof(uint64_t) * page_bytes,
        .annotations = true,
        .count_calls = true,
    };
    return support;
}
