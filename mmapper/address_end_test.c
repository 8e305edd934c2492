/* SPDX-License-Identifier: MIT */
/* Where user space ends on machines that this is not: the linker puts this file in place
 * of libc's syscall, by which the support asks. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* AddressSanitizer keeps variables elsewhere than on the stack that a thread is given. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FAKE_STACKS true
#endif
#endif
#ifndef FAKE_STACKS
#define FAKE_STACKS false
#endif

/* The ends that there are, and which of them lie above a stack near 2^47. */
static const unsigned ends[] = {57, 56, 52, 48, 47, 42, 39, 38, 36};
enum { ENDS = 9, HIGH_ENDS = 5, ELSEWHERE = 1 << 20, LOW_STACK = 1 << 29 };

static struct {
    uintptr_t end;
    bool taken; /* the last pages of user space */
    bool hints; /* an address that will not do is ignored, as before Linux 4.17 */
    unsigned asked;
    uintptr_t mapped; /* and not unmapped yet */
} world;

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static long map(uintptr_t page, size_t bytes)
{
    bool known = false;
    for (unsigned i = 0; i < ENDS; i++) {
        known = known || page == ((uintptr_t)1 << ends[i]) - 2 * page_bytes();
    }
    EXPECT(known);
    EXPECT_EQ(bytes, page_bytes());
    EXPECT_EQ(world.mapped, 0);
    world.asked++;
    if (page >= world.end && !world.hints) {
        errno = ENOMEM;
        return -1;
    }
    if (page < world.end && world.taken) {
        errno = EEXIST;
        return -1;
    }
    world.mapped = page < world.end ? page : ELSEWHERE;
    return (long)world.mapped;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the name is the linker's (--wrap). */
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    const uintptr_t address = va_arg(arguments, uintptr_t);
    const size_t bytes = va_arg(arguments, size_t);
    va_end(arguments);
    if (number == SYS_mmap) {
        return map(address, bytes);
    }
    EXPECT_EQ(number, SYS_munmap);
    EXPECT_EQ(address, world.mapped);
    EXPECT_EQ(bytes, page_bytes());
    world.mapped = 0;
    errno = 4712; /* whatever it leaves there */
    return 0;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static uintptr_t address_end(void)
{
    world.asked = 0;
    errno = 4711;
    const struct mmap_support support = mmap_support_linux();
    EXPECT_EQ(errno, 4711);
    EXPECT_EQ(world.mapped, 0);
    EXPECT_EQ(support.page_bytes, page_bytes());
    return support.address_end;
}

/* The end that a stack suggests where the kernel gives none. */
static uintptr_t end_above(const void *stack)
{
    uintptr_t end = 1;
    while (end <= (uintptr_t)stack) {
        end *= 2;
    }
    return end - page_bytes();
}

static void expect_ends(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        world.end = (uintptr_t)1 << ends[i];
        EXPECT_EQ(address_end(), world.end - page_bytes());
        EXPECT_EQ(world.asked, i + 1);
    }
    world.end = 0;
    EXPECT_EQ(address_end(), end_above(&count));
    EXPECT_EQ(world.asked, count);
}

static void expect_ends_of_all_kernels(unsigned count)
{
    memset(&world, 0, sizeof world);
    expect_ends(count);
    world.taken = true;
    expect_ends(count);
    world.hints = true;
    expect_ends(count);
    world.taken = false;
    expect_ends(count);
}

/* An end below the stack is none, whatever the kernel says. */
static void test_high_stack(void)
{
    uintptr_t here;
    expect_ends_of_all_kernels(HIGH_ENDS);
    world.end = (uintptr_t)1 << ends[HIGH_ENDS];
    EXPECT_EQ(address_end(), end_above(&here));
    EXPECT_EQ(world.asked, HIGH_ENDS);
}

static void *on_low_stack(void *argument)
{
    if (!FAKE_STACKS) {
        expect_ends_of_all_kernels(ENDS);
    }
    return argument;
}

/* A stack as machines with less address space have it. */
static void test_low_stack(void)
{
    const size_t bytes = 1 << 20;
    pthread_attr_t attributes;
    pthread_t thread;
    void *stack = mmap((void *)(uintptr_t)LOW_STACK, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    EXPECT_EQ((uintptr_t)stack, LOW_STACK);
    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    EXPECT_EQ(pthread_attr_setstack(&attributes, stack, bytes), 0);
    EXPECT_EQ(pthread_create(&thread, &attributes, on_low_stack, NULL), 0);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    EXPECT_EQ(pthread_attr_destroy(&attributes), 0);
    EXPECT_EQ(munmap(stack, bytes), 0);
}

int main(void)
{
    const int here = 0;
    if ((uintptr_t)&here >> 46 == 1) { /* near 2^47: else it is another machine */
        test_high_stack();
    }
    test_low_stack();
    return 0;
}
