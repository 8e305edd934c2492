/* SPDX-License-Identifier: MIT */
/*
 * quiet_demo: all that a program may do beside a mapper, with threads, signals and forks.
 * Nothing of it reaches managed address space, so the guard has nothing to say. Exit code
 * 0, or 1 and a line about what did not work.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/mmapper.h"

enum {
    RW = PROT_READ | PROT_WRITE,
    PLAIN = MAP_PRIVATE | MAP_ANONYMOUS,
    THREADS = 4,
    ROUNDS = 300,
    FORKS = 20,
    FOREIGN_BYTES = 1 << 20,
};

#define NEED(condition)                                                                \
    do {                                                                               \
        if (!(condition)) {                                                            \
            (void)dprintf(2, "quiet_demo:%d: not so: %s (%s)\n", __LINE__, #condition, \
                          strerrorname_np(errno));                                     \
            _exit(1);                                                                  \
        }                                                                              \
    } while (0)

struct quiet {
    struct mmapper *mapper;
    struct mm_owner *heap;
    struct mm_owner *outside; /* maps on its own */
    size_t chunk;
};

static struct mm_owner *add_owner(struct mmapper *mapper, const char *name,
                                  enum mm_backing backing)
{
    const struct mm_owner_options options = {
        .name = name, .kind = MM_KIND_SPACE, .strategy = {.backing = backing}};
    struct mm_owner *owner;
    NEED(mmapper_register_owner(mapper, &options, &owner, NULL) == MM_OK);
    return owner;
}

/* The owner has threads, some of which may be inside the mapper. */
static void release(const struct quiet *quiet, struct mm_owner *owner,
                    struct mm_extent extent)
{
    enum mm_status status;
    do {
        status = mmapper_release(quiet->mapper, owner, extent, NULL);
    } while (status == MM_BUSY);
    NEED(status == MM_OK);
}

/* What the mapper does with pages for the owner. */
static void use_pages(const struct quiet *quiet, struct mm_owner *owner,
                      struct mm_extent extent)
{
    const struct mm_extent page =
        mm_extent_of(extent.start, (size_t)sysconf(_SC_PAGESIZE));
    NEED(mmapper_protect(quiet->mapper, owner, page, MM_ACCESS_READ, NULL) == MM_OK);
    NEED(mmapper_guard(quiet->mapper, owner, page, NULL) == MM_OK);
    NEED(mmapper_protect(quiet->mapper, owner, page, MM_ACCESS_READ | MM_ACCESS_WRITE,
                         NULL) == MM_OK);
    (void)mmapper_collapse(quiet->mapper, owner, extent, NULL);
}

static void use_mapper(const struct quiet *quiet, struct mm_owner *owner)
{
    struct mm_extent extent;
    NEED(mmapper_quarantine_anywhere(quiet->mapper, owner, 2 * quiet->chunk, 0, &extent,
                                     NULL) == MM_OK);
    NEED(mmapper_ensure_mapped(quiet->mapper, owner, extent, NULL) == MM_OK);
    *(volatile char *)extent.start = 1;
    use_pages(quiet, owner, extent);
    release(quiet, owner, extent);
}

/* Memory of its own, in all the ways. */
static void use_kernel(void)
{
    char *memory = mmap(NULL, FOREIGN_BYTES, RW, PLAIN, -1, 0);
    NEED(memory != MAP_FAILED);
    NEED(mprotect(memory, FOREIGN_BYTES / 2, PROT_READ) == 0);
    NEED(madvise(memory, FOREIGN_BYTES, MADV_DONTNEED) == 0);
    NEED(mmap(memory, FOREIGN_BYTES / 2, RW, PLAIN | MAP_FIXED, -1, 0) == memory);
    memory = mremap(memory, FOREIGN_BYTES / 2, FOREIGN_BYTES, MREMAP_MAYMOVE);
    if (memory != MAP_FAILED) {
        NEED(syscall(SYS_munmap, memory, FOREIGN_BYTES) == 0);
    }
}

static void on_signal(int number)
{
    (void)number;
    const int saved_errno = errno;
    void *page = mmap(NULL, 1, RW, PLAIN, -1, 0);
    NEED(page != MAP_FAILED && munmap(page, 1) == 0);
    errno = saved_errno;
}

/* An owner has one thread here, so that it is never busy for long. */
static void *work(void *argument)
{
    const struct quiet *quiet = argument;
    struct mm_owner *owner =
        add_owner(quiet->mapper, "a thread's", MM_BACKING_RESERVED);
    for (int round = 0; round < ROUNDS; round++) {
        use_mapper(quiet, owner);
        use_kernel();
        (void)raise(SIGUSR1);
    }
    return NULL;
}

static void fork_and_work(const struct quiet *quiet)
{
    int status = 0;
    const pid_t child = fork();
    NEED(child != -1);
    if (child == 0) {
        NEED(mmapper_after_fork_in_child(quiet->mapper, NULL, NULL) == MM_OK);
        use_mapper(quiet, quiet->heap);
        use_kernel();
        _exit(0);
    }
    NEED(waitpid(child, &status, 0) == child && status == 0);
}

/* What looks like reaching it and is not. */
static void come_close(const struct quiet *quiet, struct mm_extent managed)
{
    void *const there = (void *)managed.start;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *got = mmap(there, page, RW, PLAIN, -1, 0);
    NEED(got != MAP_FAILED && got != there && munmap(got, page) == 0);
    NEED(mmap(there, page, RW, PLAIN | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
    NEED(munmap((char *)there + 1, page) == -1);
    NEED(madvise(there, quiet->chunk, MADV_WILLNEED) == 0);
    NEED(posix_madvise(there, quiet->chunk, POSIX_MADV_DONTNEED) == 0);
    (void)madvise(there, quiet->chunk, MADV_HUGEPAGE);
    char *const old_break = sbrk(FOREIGN_BYTES);
    NEED(old_break != (void *)-1 && brk(old_break) == 0);
}

/* What its owner maps itself is its owner's business. */
static void use_outside(const struct quiet *quiet, struct mm_extent extent)
{
    void *const there = (void *)extent.start;
    NEED(mmapper_exclude(quiet->mapper, quiet->outside, extent, NULL) == MM_OK);
    NEED(mmap(there, extent.bytes, RW, PLAIN | MAP_FIXED, -1, 0) == there);
    NEED(mmap(there, extent.bytes, RW, PLAIN | MAP_FIXED, -1, 0) == there);
    NEED(mmapper_release(quiet->mapper, quiet->outside, extent, NULL) == MM_OK);
    NEED(mmapper_adopt(quiet->mapper, quiet->outside, extent, NULL) == MM_OK);
    NEED(munmap(there, extent.bytes) == 0);
    NEED(mmapper_release(quiet->mapper, quiet->outside, extent, NULL) == MM_OK);
}

/* For good, so that it is verified, and left when the mapper goes. */
static void seal_some(const struct quiet *quiet)
{
    struct mm_extent extent;
    struct mm_verify_result result;
    struct mm_owner *owner = add_owner(quiet->mapper, "sealed", MM_BACKING_RESERVED);
    NEED(mmapper_quarantine_anywhere(quiet->mapper, owner, quiet->chunk, 0, &extent,
                                     NULL) == MM_OK);
    NEED(mmapper_ensure_mapped(quiet->mapper, owner, extent, NULL) == MM_OK);
    (void)mmapper_seal(quiet->mapper, owner, extent, NULL); /* if the kernel can */
    NEED(mmapper_verify(quiet->mapper, NULL, &result, NULL) == MM_OK);
    NEED(result.differences == 0);
}

int main(void)
{
    const struct mmap_support system = mmap_support_linux();
    const struct sigaction action = {.sa_handler = on_signal};
    struct quiet quiet = {0};
    pthread_t threads[THREADS];
    struct mm_extent managed;
    NEED(sigaction(SIGUSR1, &action, NULL) == 0);
    NEED(mmapper_create(NULL, &system, &quiet.mapper, NULL) == MM_OK);
    quiet.chunk = mmapper_chunk_bytes(quiet.mapper);
    quiet.heap = add_owner(quiet.mapper, "heap", MM_BACKING_RESERVED);
    quiet.outside = add_owner(quiet.mapper, "outside", MM_BACKING_EXTERNAL);
    NEED(mmapper_quarantine_anywhere(quiet.mapper, quiet.heap, 4 * quiet.chunk, 0,
                                     &managed, NULL) == MM_OK);
    NEED(mmapper_ensure_mapped(quiet.mapper, quiet.heap, managed, NULL) == MM_OK);
    come_close(&quiet, managed);
    release(&quiet, quiet.heap, managed);
    use_outside(&quiet, managed);
    seal_some(&quiet);
    for (int i = 0; i < THREADS; i++) {
        NEED(pthread_create(&threads[i], NULL, work, &quiet) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        fork_and_work(&quiet);
    }
    for (int i = 0; i < THREADS; i++) {
        NEED(pthread_join(threads[i], NULL) == 0);
    }
    NEED(mmapper_destroy(quiet.mapper, NULL) == MM_OK);
    return 0;
}
