/* SPDX-License-Identifier: MIT */
/*
 * The functions that stand in for libc's. They are called from anywhere: inside malloc,
 * before constructors, in signal handlers, between fork and exec.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guard/guard.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define INTERPOSE __attribute__((visibility("default")))

/* The address that the function in which it stands returns to. */
#define CALLER ((uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0)))

/* As libc's functions end. */
static long ended(long result)
{
    if (guard_failed(result)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

#define MAKE(number, ...)                                                              \
    ended(guard_make(&(const struct guard_call){(number), {__VA_ARGS__}}, CALLER))

/* libc's headers have other names for the parameters. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
INTERPOSE void *mmap(void *address, size_t bytes, int protection, int flags, int file,
                     off_t offset)
{
    return (void *)MAKE(SYS_mmap, (long)address, (long)bytes, protection, flags, file,
                        offset);
}

INTERPOSE void *mmap64(void *address, size_t bytes, int protection, int flags, int file,
                       off64_t offset)
{
    return (void *)MAKE(SYS_mmap, (long)address, (long)bytes, protection, flags, file,
                        offset);
}

INTERPOSE int munmap(void *address, size_t bytes)
{
    return (int)MAKE(SYS_munmap, (long)address, (long)bytes);
}

INTERPOSE void *mremap(void *address, size_t bytes, size_t new_bytes, int flags, ...)
{
    long target = 0;
    if ((flags & MREMAP_FIXED) != 0) {
        va_list more;
        va_start(more, flags);
        target = (long)va_arg(more, void *);
        va_end(more);
    }
    return (void *)MAKE(SYS_mremap, (long)address, (long)bytes, (long)new_bytes, flags,
                        target);
}

INTERPOSE int mprotect(void *address, size_t bytes, int protection)
{
    return (int)MAKE(SYS_mprotect, (long)address, (long)bytes, protection);
}

/* Without a key it is mprotect, which kernels without keys know too. */
INTERPOSE int pkey_mprotect(void *address, size_t bytes, int protection, int key)
{
    return (int)MAKE(key == -1 ? SYS_mprotect : SYS_pkey_mprotect, (long)address,
                     (long)bytes, protection, key);
}

INTERPOSE int madvise(void *address, size_t bytes, int advice)
{
    return (int)MAKE(SYS_madvise, (long)address, (long)bytes, advice);
}

INTERPOSE ssize_t process_madvise(int process, const struct iovec *parts, size_t count,
                                  int advice, unsigned flags)
{
    return MAKE(SYS_process_madvise, process, (long)parts, (long)count, advice,
                (long)flags);
}

INTERPOSE int remap_file_pages(void *address, size_t bytes, int protection, size_t page,
                               int flags)
{
    return (int)MAKE(SYS_remap_file_pages, (long)address, (long)bytes, protection,
                     (long)page, flags);
}

INTERPOSE void *shmat(int segment, const void *address, int flags)
{
    return (void *)MAKE(SYS_shmat, segment, (long)address, flags);
}

/* libc keeps the break in a variable of its own, from which its sbrk counts: only its own
 * functions may move it. */
INTERPOSE int brk(void *address)
{
    int (*const next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "brk");
    const struct guard_call call = {SYS_brk, {(long)address}};
    struct guard_visit visit;
    const bool allowed = guard_begin(&visit, &call, CALLER);
    const int result = allowed ? next(address) : -1;
    visit.saved_errno = result == 0 ? visit.saved_errno : allowed ? errno : EPERM;
    guard_end(&visit);
    return result;
}

INTERPOSE void *sbrk(intptr_t bytes)
{
    void *(*const next)(intptr_t) = (void *(*)(intptr_t))dlsym(RTLD_NEXT, "sbrk");
    struct guard_call call = {SYS_brk, {0}};
    struct guard_visit visit;
    if (bytes < 0) {
        call.arguments[0] = guard_kernel(SYS_brk, 0, 0, 0, 0) + bytes;
    }
    const bool allowed = guard_begin(&visit, &call, CALLER);
    void *const result = allowed ? next(bytes) : (void *)-1;
    visit.saved_errno = result != (void *)-1 ? visit.saved_errno
                        : allowed            ? errno
                                             : EPERM;
    guard_end(&visit);
    return result;
}

/* Not watched, but it tells whose what is. */
INTERPOSE int prctl(int option, ...)
{
    long arguments[GUARD_ARGUMENTS] = {option};
    va_list more;
    va_start(more, option);
    for (size_t i = 1; i <= 4; i++) {
        arguments[i] = va_arg(more, long);
    }
    va_end(more);
    if (option == PR_SET_VMA && arguments[1] == PR_SET_VMA_ANON_NAME &&
        arguments[4] != 0) {
        const uintptr_t start = (uintptr_t)arguments[2];
        guard_note_name((struct guard_range){start, start + (uintptr_t)arguments[3]},
                        (const char *)arguments[4], CALLER);
    }
    return (int)ended(guard_kernel6(SYS_prctl, arguments));
}

INTERPOSE long syscall(long number, ...)
{
    struct guard_call call = {.number = number};
    va_list more;
    va_start(more, number);
    for (size_t i = 0; i < GUARD_ARGUMENTS; i++) {
        call.arguments[i] = va_arg(more, long);
    }
    va_end(more);
    if (!guard_watches(number)) {
        return ended(guard_kernel6(number, call.arguments));
    }
    return ended(guard_make(&call, CALLER));
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
