/* SPDX-License-Identifier: MIT */
#include "guard/reach.h"

#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* Advice that leaves contents, access and what fork does as they are. Newer than some C
 * libraries: by number. */
enum {
    ADVICE_MERGEABLE = 12,
    ADVICE_UNMERGEABLE = 13,
    ADVICE_HUGEPAGE = 14,
    ADVICE_NOHUGEPAGE = 15,
    ADVICE_DONTDUMP = 16,
    ADVICE_DODUMP = 17,
    ADVICE_COLD = 20,
    ADVICE_PAGEOUT = 21,
    ADVICE_POPULATE_READ = 22,
    ADVICE_POPULATE_WRITE = 23,
    ADVICE_DONTNEED_LOCKED = 24,
    ADVICE_COLLAPSE = 25,
};

static bool is_hint(long advice)
{
    switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case ADVICE_MERGEABLE:
    case ADVICE_UNMERGEABLE:
    case ADVICE_HUGEPAGE:
    case ADVICE_NOHUGEPAGE:
    case ADVICE_DONTDUMP:
    case ADVICE_DODUMP:
    case ADVICE_COLD:
    case ADVICE_PAGEOUT:
    case ADVICE_POPULATE_READ:
    case ADVICE_POPULATE_WRITE:
    case ADVICE_COLLAPSE:
        return true;
    default:
        /* What is not known here may do anything. */
        return false;
    }
}

/* The pages of `bytes` bytes from `start` on; nothing where the kernel refuses to look. */
static struct guard_range pages(long start, long bytes, size_t page_bytes)
{
    const uintptr_t from = (uintptr_t)start;
    const size_t length = ((size_t)bytes + page_bytes - 1) & ~(page_bytes - 1);
    if (from % page_bytes != 0 || length < (size_t)bytes || from + length < from) {
        return (struct guard_range){0, 0};
    }
    return (struct guard_range){from, from + length};
}

static struct guard_reach on(const char *how, struct guard_range range)
{
    return (struct guard_reach){range, how};
}

static bool replaces(const struct guard_call *call)
{
    return (call->arguments[3] & MAP_FIXED) != 0 &&
           (call->arguments[3] & MAP_FIXED_NOREPLACE) == 0;
}

/* The unit that lengths are rounded up to: with MAP_HUGETLB a huge page, whose log2 the
 * flags hold, or the default. */
static size_t unit_of_mmap(const struct guard_call *call, size_t page_bytes)
{
    enum { SHIFT = 26, MASK = 0x3f, DEFAULT = 21, MOST = 40 };
    const long flags = call->arguments[3];
    const unsigned log = (unsigned)(flags >> SHIFT) & MASK;
    if ((flags & MAP_HUGETLB) == 0) {
        return page_bytes;
    }
    return (size_t)1 << (log == 0 || log > MOST ? DEFAULT : log);
}

static struct guard_reach of_mmap(const struct guard_call *call, size_t page_bytes)
{
    const long bytes = replaces(call) ? call->arguments[1] : 0;
    const size_t unit = unit_of_mmap(call, page_bytes);
    return on("replaces", pages(call->arguments[0], bytes, unit));
}

static struct guard_reach of_madvise(const struct guard_call *call,
                                     struct guard_range range)
{
    switch (call->arguments[2]) {
    case MADV_DONTNEED:
    case MADV_FREE:
    case MADV_REMOVE:
    case ADVICE_DONTNEED_LOCKED:
        return on("discards", range);
    default:
        return on("changes",
                  is_hint(call->arguments[2]) ? (struct guard_range){0, 0} : range);
    }
}

static bool of_mremap(const struct guard_call *call, size_t page_bytes, size_t index,
                      struct guard_reach *reach)
{
    const long *arguments = call->arguments;
    if (index == 0) {
        const bool shrinks = (arguments[3] & MREMAP_FIXED) == 0 &&
                             (size_t)arguments[2] < (size_t)arguments[1];
        const struct guard_range old = pages(arguments[0], arguments[1], page_bytes);
        *reach = on("moves", old);
        if (shrinks) {
            const struct guard_range kept =
                pages(arguments[0], arguments[2], page_bytes);
            *reach = on("unmaps", (struct guard_range){kept.end, old.end});
        }
        return true;
    }
    const bool fixed = (arguments[3] & MREMAP_FIXED) != 0;
    *reach = on("replaces", pages(arguments[4], fixed ? arguments[2] : 0, page_bytes));
    return index == 1;
}

/* A break that sinks unmaps whatever lies there by now; one that rises replaces nothing. */
static struct guard_reach of_brk(const struct guard_call *call, size_t page_bytes)
{
    const uintptr_t now = (uintptr_t)guard_kernel(SYS_brk, 0, 0, 0, 0);
    const uintptr_t mask = ~(uintptr_t)(page_bytes - 1);
    const uintptr_t wanted = (uintptr_t)call->arguments[0];
    const struct guard_range range = {(wanted + page_bytes - 1) & mask,
                                      (now + page_bytes - 1) & mask};
    return on("unmaps",
              wanted == 0 || wanted >= now ? (struct guard_range){0, 0} : range);
}

static size_t segment_bytes(long segment)
{
    struct shmid_ds about = {0};
    const long got = guard_kernel(SYS_shmctl, segment, IPC_STAT, (long)&about, 0);
    return guard_failed(got) ? 0 : about.shm_segsz;
}

static struct guard_reach of_shmat(const struct guard_call *call, size_t page_bytes)
{
    const long flags = call->arguments[2];
    const long unit = SHMLBA;
    const long down = (flags & SHM_RND) != 0 ? call->arguments[1] % unit : 0;
    const size_t bytes =
        (flags & SHM_REMAP) != 0 ? segment_bytes(call->arguments[0]) : 0;
    return on("replaces", pages(call->arguments[1] - down, (long)bytes, page_bytes));
}

/* Only to itself may a process give advice that is more than a hint. The vector is read by
 * the kernel, so that a bad pointer stays an error. */
static bool of_process_madvise(const struct guard_call *call, size_t page_bytes,
                               size_t index, struct guard_reach *reach)
{
    struct iovec part = {0};
    const struct iovec to = {&part, sizeof(part)};
    const struct iovec from = {(char *)call->arguments[1] + index * sizeof(part),
                               sizeof(part)};
    const long arguments[GUARD_ARGUMENTS] = {
        guard_kernel(SYS_getpid, 0, 0, 0, 0), (long)&to, 1, (long)&from, 1, 0};
    if (index >= (size_t)call->arguments[2] || is_hint(call->arguments[3]) ||
        guard_kernel6(SYS_process_vm_readv, arguments) != (long)sizeof(part)) {
        return false;
    }
    *reach = on("discards", pages((long)part.iov_base, (long)part.iov_len, page_bytes));
    return true;
}

bool guard_watches(long number)
{
    return guard_call_name(number) != NULL;
}

const char *guard_call_name(long number)
{
    switch (number) {
    case SYS_mmap:
        return "mmap";
    case SYS_munmap:
        return "munmap";
    case SYS_mremap:
        return "mremap";
    case SYS_mprotect:
        return "mprotect";
    case SYS_pkey_mprotect:
        return "pkey_mprotect";
    case SYS_madvise:
        return "madvise";
    case SYS_process_madvise:
        return "process_madvise";
    case SYS_brk:
        return "brk";
    case SYS_shmat:
        return "shmat";
    case SYS_remap_file_pages:
        return "remap_file_pages";
    case SYS_mseal:
        return "mseal";
    default:
        return NULL;
    }
}

bool guard_reach(const struct guard_call *call, size_t page_bytes, size_t index,
                 struct guard_reach *reach)
{
    const struct guard_range range =
        pages(call->arguments[0], call->arguments[1], page_bytes);
    switch (call->number) {
    case SYS_mremap:
        return of_mremap(call, page_bytes, index, reach);
    case SYS_process_madvise:
        return of_process_madvise(call, page_bytes, index, reach);
    case SYS_mmap:
        *reach = of_mmap(call, page_bytes);
        break;
    case SYS_munmap:
        *reach = on("unmaps", range);
        break;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
        *reach = on("protects", range);
        break;
    case SYS_madvise:
        *reach = of_madvise(call, range);
        break;
    case SYS_brk:
        *reach = of_brk(call, page_bytes);
        break;
    case SYS_shmat:
        *reach = of_shmat(call, page_bytes);
        break;
    case SYS_remap_file_pages:
        *reach = on("replaces", range);
        break;
    case SYS_mseal:
        *reach = on("seals", range);
        break;
    default:
        return false;
    }
    return index == 0;
}

bool guard_placed(const struct guard_call *call, size_t page_bytes, long result,
                  struct guard_range *range)
{
    if (guard_failed(result)) {
        return false;
    }
    switch (call->number) {
    case SYS_mmap:
        *range = pages(result, call->arguments[1], page_bytes);
        return (call->arguments[3] & MAP_FIXED) == 0;
    case SYS_mremap:
        *range = pages(result, call->arguments[2], page_bytes);
        return result != call->arguments[0] && (call->arguments[3] & MREMAP_FIXED) == 0;
    case SYS_shmat:
        *range = pages(result, (long)segment_bytes(call->arguments[0]), page_bytes);
        return (call->arguments[2] & SHM_REMAP) == 0;
    default:
        return false;
    }
}
