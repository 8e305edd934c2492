/* SPDX-License-Identifier: MIT */
#include "guard/bypass.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guard/kernel.h"

enum {
    RW = PROT_READ | PROT_WRITE,
    PLAIN = MAP_PRIVATE | MAP_ANONYMOUS,
    SINK_BYTES = 12 << 20, /* past the chunk that bypass_demo.c puts below the break */
};

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static void *victim(const struct bypass_stage *stage)
{
    return (void *)stage->victim;
}

static int errno_of(bool good)
{
    return good ? 0 : errno;
}

/* A page of the caller's own, which is none of the mapper's business. */
static void *own_page(const struct bypass_stage *stage)
{
    return mmap(NULL, stage->page_bytes, RW, PLAIN, -1, 0);
}

static int by_mmap(struct bypass_stage *stage)
{
    return errno_of(mmap(victim(stage), stage->page_bytes, RW, PLAIN | MAP_FIXED, -1,
                         0) != MAP_FAILED);
}

static int by_mmap64(struct bypass_stage *stage)
{
    return errno_of(mmap64(victim(stage), stage->page_bytes, RW, PLAIN | MAP_FIXED, -1,
                           0) != MAP_FAILED);
}

static int by_munmap(struct bypass_stage *stage)
{
    return errno_of(munmap(victim(stage), stage->page_bytes) == 0);
}

/* A page below and the first managed one. */
static int by_munmap_partly(struct bypass_stage *stage)
{
    return errno_of(
        munmap((char *)victim(stage) - stage->page_bytes, 2 * stage->page_bytes) == 0);
}

/* The mapper's pages move away. */
static int by_mremap_from(struct bypass_stage *stage)
{
    void *page = own_page(stage);
    return errno_of(mremap(victim(stage), stage->page_bytes, stage->page_bytes,
                           MREMAP_MAYMOVE | MREMAP_FIXED, page) != MAP_FAILED);
}

/* Own pages move onto the mapper's. */
static int by_mremap_onto(struct bypass_stage *stage)
{
    void *page = own_page(stage);
    return errno_of(mremap(page, stage->page_bytes, stage->page_bytes,
                           MREMAP_MAYMOVE | MREMAP_FIXED, victim(stage)) != MAP_FAILED);
}

/* Gives all but the first page back. */
static int by_mremap_shrinking(struct bypass_stage *stage)
{
    return errno_of(mremap(victim(stage), 2 * stage->page_bytes, stage->page_bytes,
                           0) != MAP_FAILED);
}

static int by_mprotect(struct bypass_stage *stage)
{
    return errno_of(mprotect(victim(stage), stage->page_bytes, PROT_READ) == 0);
}

static int by_pkey_mprotect(struct bypass_stage *stage)
{
    return errno_of(pkey_mprotect(victim(stage), stage->page_bytes, PROT_READ, 0) == 0);
}

static int by_madvise_dontneed(struct bypass_stage *stage)
{
    return errno_of(madvise(victim(stage), stage->page_bytes, MADV_DONTNEED) == 0);
}

static int by_madvise_dontfork(struct bypass_stage *stage)
{
    return errno_of(madvise(victim(stage), stage->page_bytes, MADV_DONTFORK) == 0);
}

/* Kernels before 6.13 allow hints only. */
static int by_process_madvise(struct bypass_stage *stage)
{
    const struct iovec part = {victim(stage), stage->page_bytes};
    const int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    const bool good = process_madvise(self, &part, 1, MADV_DONTNEED, 0) != -1;
    const int result = errno_of(good);
    (void)close(self);
    return result;
}

/* Only shared files can be remapped: the kernel says no. */
static int by_remap_file_pages(struct bypass_stage *stage)
{
    return errno_of(remap_file_pages(victim(stage), stage->page_bytes, 0, 0, 0) == 0);
}

static int by_shmat(struct bypass_stage *stage)
{
    const int segment = shmget(IPC_PRIVATE, stage->page_bytes, IPC_CREAT | 0600);
    if (segment == -1) {
        return errno;
    }
    const bool good = shmat(segment, victim(stage), SHM_REMAP) != (void *)-1;
    const int result = errno_of(good);
    (void)shmctl(segment, IPC_RMID, NULL);
    return result;
}

static int by_brk(struct bypass_stage *stage)
{
    (void)stage;
    return errno_of(brk((char *)sbrk(0) - SINK_BYTES) == 0);
}

static int by_sbrk(struct bypass_stage *stage)
{
    (void)stage;
    return errno_of(sbrk(-SINK_BYTES) != (void *)-1);
}

static int by_syscall_mmap(struct bypass_stage *stage)
{
    return errno_of(syscall(SYS_mmap, victim(stage), stage->page_bytes, RW,
                            PLAIN | MAP_FIXED, -1, 0) != -1);
}

static int by_syscall_munmap(struct bypass_stage *stage)
{
    return errno_of(syscall(SYS_munmap, victim(stage), stage->page_bytes) == 0);
}

static int by_syscall_mremap(struct bypass_stage *stage)
{
    return errno_of(syscall(SYS_mremap, own_page(stage), stage->page_bytes,
                            stage->page_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
                            victim(stage)) != -1);
}

static int by_syscall_mprotect(struct bypass_stage *stage)
{
    return errno_of(
        syscall(SYS_mprotect, victim(stage), stage->page_bytes, PROT_NONE) == 0);
}

static int by_syscall_madvise(struct bypass_stage *stage)
{
    return errno_of(
        syscall(SYS_madvise, victim(stage), stage->page_bytes, MADV_DONTNEED) == 0);
}

static int by_syscall_brk(struct bypass_stage *stage)
{
    (void)stage;
    const long wanted = (long)sbrk(0) - SINK_BYTES;
    return errno_of(syscall(SYS_brk, wanted) == wanted);
}

static int by_syscall_mseal(struct bypass_stage *stage)
{
    return errno_of(syscall(SYS_mseal, victim(stage), stage->page_bytes, 0) == 0);
}

/* The mapper itself lies in its table. */
static int by_mprotect_of_table(struct bypass_stage *stage)
{
    const uintptr_t table = (uintptr_t)stage->mapper & ~(stage->page_bytes - 1);
    return errno_of(mprotect((void *)table, stage->page_bytes, RW) == 0);
}

/* The instruction itself is not seen, but the next mapping that lands there is. */
static int by_instruction(struct bypass_stage *stage)
{
    (void)guard_kernel(SYS_munmap, (long)stage->victim, (long)stage->page_bytes, 0, 0);
    return errno_of(mmap(victim(stage), stage->page_bytes, RW, PLAIN, -1, 0) !=
                    MAP_FAILED);
}

/* Its handler has no other way to know where. */
static struct bypass_stage *stage_of_handler;
static int result_of_handler;

static void on_signal(int number)
{
    (void)number;
    result_of_handler = by_munmap(stage_of_handler);
}

static int by_signal_handler(struct bypass_stage *stage)
{
    const struct sigaction action = {.sa_handler = on_signal};
    stage_of_handler = stage;
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)raise(SIGUSR1);
    return result_of_handler;
}

static void *intrude(void *argument)
{
    (void)pthread_setname_np(pthread_self(), "intruder");
    return (void *)(intptr_t)by_munmap(argument);
}

static int by_thread(struct bypass_stage *stage)
{
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, intrude, stage) == 0) {
        (void)pthread_join(thread, &result);
    }
    return (int)(intptr_t)result;
}

const struct bypass_kind bypass_kinds[] = {
    {"mmap", by_mmap, false},
    {"mmap64", by_mmap64, false},
    {"munmap", by_munmap, false},
    {"munmap-partly", by_munmap_partly, false},
    {"mremap-from", by_mremap_from, false},
    {"mremap-onto", by_mremap_onto, false},
    {"mremap-shrinking", by_mremap_shrinking, false},
    {"mprotect", by_mprotect, false},
    {"pkey_mprotect", by_pkey_mprotect, false},
    {"madvise-dontneed", by_madvise_dontneed, false},
    {"madvise-dontfork", by_madvise_dontfork, false},
    {"process_madvise", by_process_madvise, false},
    {"remap_file_pages", by_remap_file_pages, false},
    {"shmat", by_shmat, false},
    {"brk", by_brk, true},
    {"sbrk", by_sbrk, true},
    {"syscall-mmap", by_syscall_mmap, false},
    {"syscall-munmap", by_syscall_munmap, false},
    {"syscall-mremap", by_syscall_mremap, false},
    {"syscall-mprotect", by_syscall_mprotect, false},
    {"syscall-madvise", by_syscall_madvise, false},
    {"syscall-mseal", by_syscall_mseal, false},
    {"syscall-brk", by_syscall_brk, true},
    {"table", by_mprotect_of_table, false},
    {"signal-handler", by_signal_handler, false},
    {"thread", by_thread, false},
    {"instruction", by_instruction, false},
    {NULL, NULL, false},
};
