/* SPDX-License-Identifier: MIT */
#include "mmapper/linux_pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the C library's headers may be; the same on all architectures. */
enum {
    ADVICE_COLLAPSE = 25,
    ADVICE_GUARD_INSTALL = 102,
    ADVICE_GUARD_REMOVE = 103,
    CALL_MSEAL = 462,
    POLICY_PREFERRED = 1,
    POLICY_INTERLEAVE = 3,
    POLICY_PREFERRED_MANY = 5, /* Linux 5.15 */
};

static void *pointer(struct mm_extent extent)
{
    return (void *)extent.start;
}

/* The errno value of a call that returned `result`, with errno itself put back. */
static int outcome(long result, int saved_errno)
{
    const int error = result == 0 ? 0 : errno;
    errno = saved_errno;
    return error;
}

MM_CALLS_OS static int advise(struct mm_extent extent, int advice)
{
    const int saved_errno = errno;
    return outcome(madvise(pointer(extent), extent.bytes, advice), saved_errno);
}

MM_CALLS_OS int mm_linux_protect(void *context, struct mm_extent extent,
                                 unsigned access)
{
    (void)context;
    const int saved_errno = errno;
    const int protection = ((access & MM_ACCESS_READ) != 0 ? PROT_READ : 0) |
                           ((access & MM_ACCESS_WRITE) != 0 ? PROT_WRITE : 0) |
                           ((access & MM_ACCESS_EXECUTE) != 0 ? PROT_EXEC : 0);
    return outcome(mprotect(pointer(extent), extent.bytes, protection), saved_errno);
}

int mm_linux_guard(void *context, struct mm_extent extent)
{
    int error = advise(extent, ADVICE_GUARD_INSTALL);
    if (error != EINVAL) {
        return error;
    }
    /* A kernel before 6.13; what is locked takes neither. */
    error = advise(extent, MADV_DONTNEED);
    return error == 0 ? mm_linux_protect(context, extent, 0) : error;
}

int mm_linux_unguard(void *context, struct mm_extent extent)
{
    (void)context;
    const int error = advise(extent, ADVICE_GUARD_REMOVE);
    return error == EINVAL ? 0 : error; /* there are none: see mm_linux_guard */
}

MM_CALLS_OS int mm_linux_seal(void *context, struct mm_extent extent)
{
    (void)context;
    const int saved_errno = errno;
    return outcome(syscall(CALL_MSEAL, extent.start, extent.bytes, 0UL), saved_errno);
}

/* No call tells. But mprotect with the access that is there already changes nothing, and
 * is refused where it would not be allowed to change anything. */
int mm_linux_is_sealed(void *context, struct mm_extent extent, unsigned access,
                       bool *sealed)
{
    const int error = mm_linux_protect(context, extent, access);
    *sealed = error == EPERM;
    return error == EPERM ? 0 : error;
}

int mm_linux_collapse(void *context, struct mm_extent extent)
{
    (void)context;
    return advise(extent, ADVICE_COLLAPSE);
}

MM_CALLS_OS static int bind_to(struct mm_extent extent, int policy, uint64_t nodes)
{
    const int saved_errno = errno;
    const unsigned long node_bits = 64 + 1; /* the kernel takes one off */
    return outcome(syscall(SYS_mbind, extent.start, extent.bytes, (unsigned long)policy,
                           &nodes, node_bits, 0UL),
                   saved_errno);
}

static int bind_nodes(struct mm_extent extent, const struct mm_strategy *strategy)
{
    switch (strategy->numa) {
    case MM_NUMA_INTERLEAVE:
        return bind_to(extent, POLICY_INTERLEAVE, strategy->numa_nodes);
    case MM_NUMA_PREFER: {
        const int error = bind_to(extent, POLICY_PREFERRED_MANY, strategy->numa_nodes);
        /* Before 5.15 the lowest node has to do. */
        return error == EINVAL ? bind_to(extent, POLICY_PREFERRED, strategy->numa_nodes)
                               : error;
    }
    default:
        return 0;
    }
}

int mm_linux_advise(void *context, struct mm_extent extent,
                    const struct mm_strategy *strategy)
{
    (void)context;
    const int nodes = bind_nodes(extent, strategy);
    const int huge = strategy->huge_pages == MM_HUGE_PAGES_TRANSPARENT
                         ? advise(extent, MADV_HUGEPAGE)
                         : 0;
    return nodes != 0 ? nodes : huge;
}
