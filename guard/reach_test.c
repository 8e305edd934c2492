/* SPDX-License-Identifier: MIT */
/* Which ranges each call reaches. */
#include "guard/reach.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mmapper/testing/expect.h"

enum {
    PAGE = 4096,
    PLAIN = MAP_PRIVATE | MAP_ANONYMOUS,
    ADVICE_OF_TOMORROW = 999,
    SEGMENT_BYTES = 3 * PAGE,
};

#define AT 0x700000000000
#define TO 0x710000000000

/* The call reaches just [start, end), as its range number `index`. */
static void expect_reach(const struct guard_call *call, size_t index, const char *how,
                         uintptr_t start, uintptr_t end)
{
    struct guard_reach reach;
    EXPECT(guard_reach(call, PAGE, index, &reach));
    EXPECT_STR(reach.how, how);
    EXPECT_EQ(reach.range.start, start);
    EXPECT_EQ(reach.range.end, end);
}

static void expect_nothing(const struct guard_call *call)
{
    struct guard_reach reach;
    for (size_t i = 0; guard_reach(call, PAGE, i, &reach); i++) {
        EXPECT(reach.range.start >= reach.range.end);
    }
}

#define CALL(...) (&(const struct guard_call){__VA_ARGS__})

static void test_mmap(void)
{
    const int fixed = PLAIN | MAP_FIXED;
    expect_reach(CALL(SYS_mmap, {AT, 5000, 0, fixed, -1, 0}), 0, "replaces", AT,
                 AT + 2 * PAGE);
    expect_nothing(CALL(SYS_mmap, {AT, 5000, 0, PLAIN, -1, 0}));
    expect_nothing(CALL(SYS_mmap, {AT, PAGE, 0, PLAIN | MAP_FIXED_NOREPLACE, -1, 0}));
    expect_nothing(CALL(SYS_mmap, {AT, PAGE, 0, fixed | MAP_FIXED_NOREPLACE, -1, 0}));
    expect_nothing(CALL(SYS_mmap, {AT + 1, PAGE, 0, fixed, -1, 0}));
    expect_reach(CALL(SYS_mmap, {AT, 1, 0, fixed | MAP_HUGETLB, -1, 0}), 0, "replaces",
                 AT, AT + (2 << 20));
    expect_reach(CALL(SYS_mmap, {AT, 1, 0, fixed | MAP_HUGETLB | 16 << 26, -1, 0}), 0,
                 "replaces", AT, AT + (64 << 10));
}

static void test_munmap(void)
{
    expect_reach(CALL(SYS_munmap, {AT, 1}), 0, "unmaps", AT, AT + PAGE);
    expect_nothing(CALL(SYS_munmap, {AT, 0}));
    expect_nothing(CALL(SYS_munmap, {AT + 8, PAGE}));
    expect_nothing(CALL(SYS_munmap, {AT, -1}));
    expect_nothing(CALL(SYS_munmap, {-PAGE, 2L * PAGE}));
}

static void test_mremap(void)
{
    const int may = MREMAP_MAYMOVE;
    const int fixed = may | MREMAP_FIXED;
    expect_reach(CALL(SYS_mremap, {AT, PAGE, 2L * PAGE, may}), 0, "moves", AT,
                 AT + PAGE);
    expect_reach(CALL(SYS_mremap, {AT, 4L * PAGE, PAGE, may}), 0, "unmaps", AT + PAGE,
                 AT + 4 * PAGE);
    expect_reach(CALL(SYS_mremap, {AT, 4L * PAGE, PAGE, fixed, TO}), 0, "moves", AT,
                 AT + 4 * PAGE);
    expect_reach(CALL(SYS_mremap, {AT, 4L * PAGE, PAGE, fixed, TO}), 1, "replaces", TO,
                 TO + PAGE);
    expect_reach(CALL(SYS_mremap, {AT, 4L * PAGE, PAGE, may, TO}), 1, "replaces", TO,
                 TO);
}

static void test_access(void)
{
    expect_reach(CALL(SYS_mprotect, {AT, PAGE, 0}), 0, "protects", AT, AT + PAGE);
    expect_reach(CALL(SYS_pkey_mprotect, {AT, PAGE, 0, 1}), 0, "protects", AT,
                 AT + PAGE);
    expect_reach(CALL(462, {AT, PAGE, 0}), 0, "seals", AT, AT + PAGE);
    expect_reach(CALL(SYS_remap_file_pages, {AT, PAGE}), 0, "replaces", AT, AT + PAGE);
}

static void test_advice(void)
{
    const int discards[] = {MADV_DONTNEED, MADV_FREE, MADV_REMOVE, 24};
    const int changes[] = {MADV_DONTFORK,     MADV_DOFORK, MADV_WIPEONFORK,
                           MADV_KEEPONFORK,   102,         103,
                           ADVICE_OF_TOMORROW};
    const int hints[] = {MADV_NORMAL,
                         MADV_RANDOM,
                         MADV_SEQUENTIAL,
                         MADV_WILLNEED,
                         12,
                         13,
                         MADV_HUGEPAGE,
                         MADV_NOHUGEPAGE,
                         MADV_DONTDUMP,
                         MADV_DODUMP,
                         20,
                         21,
                         22,
                         23,
                         25};
    for (size_t i = 0; i < sizeof(discards) / sizeof(*discards); i++) {
        expect_reach(CALL(SYS_madvise, {AT, PAGE, discards[i]}), 0, "discards", AT,
                     AT + PAGE);
    }
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        expect_reach(CALL(SYS_madvise, {AT, PAGE, changes[i]}), 0, "changes", AT,
                     AT + PAGE);
    }
    for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
        expect_nothing(CALL(SYS_madvise, {AT, PAGE, hints[i]}));
    }
}

static void test_process_madvise(void)
{
    const struct iovec parts[2] = {{(void *)AT, PAGE}, {(void *)TO, 2L * PAGE}};
    struct guard_reach reach;
    const struct guard_call *call =
        CALL(SYS_process_madvise, {-1, (long)parts, 2, MADV_DONTNEED});
    expect_reach(call, 0, "discards", AT, AT + PAGE);
    expect_reach(call, 1, "discards", TO, TO + 2 * PAGE);
    EXPECT(!guard_reach(call, PAGE, 2, &reach));
    expect_nothing(CALL(SYS_process_madvise, {-1, (long)parts, 2, MADV_WILLNEED}));
    expect_nothing(CALL(SYS_process_madvise, {-1, 8, 2, MADV_DONTNEED}));
}

static void test_brk(void)
{
    const uintptr_t now = (uintptr_t)guard_kernel(SYS_brk, 0, 0, 0, 0);
    const uintptr_t end = (now + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
    expect_nothing(CALL(SYS_brk, {0}));
    expect_nothing(CALL(SYS_brk, {(long)now}));
    expect_nothing(CALL(SYS_brk, {(long)now + PAGE}));
    expect_reach(CALL(SYS_brk, {(long)end - 3 * PAGE}), 0, "unmaps", end - 3 * PAGE,
                 end);
    expect_reach(CALL(SYS_brk, {(long)end - 3 * PAGE + 1}), 0, "unmaps", end - 2 * PAGE,
                 end);
}

static void test_shmat(void)
{
    const int segment = shmget(IPC_PRIVATE, SEGMENT_BYTES, IPC_CREAT | 0600);
    EXPECT(segment != -1);
    expect_reach(CALL(SYS_shmat, {segment, AT, SHM_REMAP}), 0, "replaces", AT,
                 AT + SEGMENT_BYTES);
    expect_reach(CALL(SYS_shmat, {segment, AT + 5, SHM_REMAP | SHM_RND}), 0, "replaces",
                 AT, AT + SEGMENT_BYTES);
    expect_nothing(CALL(SYS_shmat, {segment, AT, 0}));
    struct guard_range range;
    EXPECT(guard_placed(CALL(SYS_shmat, {segment, 0, 0}), PAGE, AT, &range));
    EXPECT_EQ(range.end, AT + SEGMENT_BYTES);
    EXPECT_EQ(shmctl(segment, IPC_RMID, NULL), 0);
    expect_nothing(CALL(SYS_shmat, {segment, AT, SHM_REMAP}));
}

static void test_placed(void)
{
    struct guard_range range;
    EXPECT(guard_placed(CALL(SYS_mmap, {0, 1, 0, PLAIN, -1, 0}), PAGE, AT, &range));
    EXPECT_EQ(range.start, AT);
    EXPECT_EQ(range.end, AT + PAGE);
    EXPECT(!guard_placed(CALL(SYS_mmap, {0, 1, 0, PLAIN, -1, 0}), PAGE, -12, &range));
    EXPECT(!guard_placed(CALL(SYS_mmap, {AT, 1, 0, PLAIN | MAP_FIXED, -1, 0}), PAGE, AT,
                         &range));
    EXPECT(guard_placed(CALL(SYS_mremap, {AT, PAGE, 2L * PAGE, MREMAP_MAYMOVE}), PAGE,
                        TO, &range));
    EXPECT_EQ(range.end, TO + 2 * PAGE);
    EXPECT(!guard_placed(CALL(SYS_mremap, {AT, PAGE, 2L * PAGE, MREMAP_MAYMOVE}), PAGE,
                         AT, &range));
    EXPECT(!guard_placed(CALL(SYS_munmap, {AT, PAGE}), PAGE, 0, &range));
}

static void test_unwatched(void)
{
    EXPECT(!guard_watches(SYS_getpid));
    EXPECT(!guard_watches(SYS_mlock));
    EXPECT(guard_watches(SYS_munmap));
    expect_nothing(CALL(SYS_getpid, {AT, PAGE}));
}

int main(void)
{
    test_mmap();
    test_munmap();
    test_mremap();
    test_access();
    test_advice();
    test_process_madvise();
    test_brk();
    test_shmat();
    test_placed();
    test_unwatched();
    return 0;
}
