/* SPDX-License-Identifier: MIT */
/* What must not happen inside the free-list space traps: the linker puts this file
 * before the list and the lock, and makes it happen, in children. And every call takes
 * the lock. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/testing/expect.h"
#include "spaces/freelist_space_expect.h"
#include "spaces/raw_memory_freelist.h"
#include "spaces/test_fixture.h"

enum part { NOTHING, LOCK, TRYLOCK, HOLD, UNLOCK, ALLOC, ALLOC_FROM_UNIT, FREE, GROW };

/* Of HOLD: another thread holds the lock, as long as nobody waits for it. */
static struct {
    struct fixture fixture;
    struct freelist_space *space;
    uintptr_t address;
    enum part broken;
    unsigned successes; /* before it breaks */
    unsigned locks;
    unsigned held;
} g;

static bool breaks(enum part part)
{
    if (g.broken != part) {
        return false;
    }
    if (g.successes > 0) {
        g.successes--;
        return false;
    }
    return true;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    g.locks++;
    g.held++;
    return breaks(LOCK) ? EINVAL : __real_pthread_mutex_lock(mutex);
}

int __real_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    g.locks++;
    if (breaks(TRYLOCK)) {
        return EINVAL;
    }
    if (breaks(HOLD)) {
        return EBUSY;
    }
    g.held++;
    return __real_pthread_mutex_trylock(mutex);
}

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    g.held--;
    return breaks(UNLOCK) ? EPERM : __real_pthread_mutex_unlock(mutex);
}

enum mm_status __real_raw_memory_freelist_alloc(struct raw_memory_freelist *list,
                                                uint32_t head, uint32_t units,
                                                uint32_t *unit);
enum mm_status __wrap_raw_memory_freelist_alloc(struct raw_memory_freelist *list,
                                                uint32_t head, uint32_t units,
                                                uint32_t *unit);
enum mm_status __wrap_raw_memory_freelist_alloc(struct raw_memory_freelist *list,
                                                uint32_t head, uint32_t units,
                                                uint32_t *unit)
{
    const enum mm_status status =
        __real_raw_memory_freelist_alloc(list, head, units, unit);
    return breaks(ALLOC) ? MM_WRONG_STATE : status;
}

enum mm_status __real_raw_memory_freelist_alloc_from_unit(
    struct raw_memory_freelist *list, uint32_t head, uint32_t units, uint32_t unit);
enum mm_status __wrap_raw_memory_freelist_alloc_from_unit(
    struct raw_memory_freelist *list, uint32_t head, uint32_t units, uint32_t unit);
enum mm_status
__wrap_raw_memory_freelist_alloc_from_unit(struct raw_memory_freelist *list,
                                           uint32_t head, uint32_t units, uint32_t unit)
{
    const enum mm_status status =
        __real_raw_memory_freelist_alloc_from_unit(list, head, units, unit);
    return breaks(ALLOC_FROM_UNIT) ? MM_WRONG_STATE : status;
}

enum mm_status __real_raw_memory_freelist_free(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t unit,
                                               struct raw_memory_freelist_freed *freed);
enum mm_status __wrap_raw_memory_freelist_free(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t unit,
                                               struct raw_memory_freelist_freed *freed);
enum mm_status __wrap_raw_memory_freelist_free(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t unit,
                                               struct raw_memory_freelist_freed *freed)
{
    const enum mm_status status =
        __real_raw_memory_freelist_free(list, head, unit, freed);
    return breaks(FREE) ? MM_WRONG_STATE : status;
}

enum mm_status __real_raw_memory_freelist_grow(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t units);
enum mm_status __wrap_raw_memory_freelist_grow(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t units);
enum mm_status __wrap_raw_memory_freelist_grow(struct raw_memory_freelist *list,
                                               uint32_t head, uint32_t units)
{
    const enum mm_status status = __real_raw_memory_freelist_grow(list, head, units);
    return breaks(GROW) ? MM_WRONG_STATE : status;
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* More than is free, so that the list grows. */
static void allocate(void)
{
    (void)freelist_space_alloc(g.space, 2 * CHUNK_PAGES, &g.address, NULL);
}

/* The same, and what was taken has to be given back. */
static void allocate_without_memory(void)
{
    fixture_fail_commits(&g.fixture, 0);
    allocate();
}

static void free_pages(void)
{
    (void)freelist_space_free(g.space, g.address, NULL, NULL);
}

static void expect_trap(void (*call)(void), enum part broken, unsigned successes)
{
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        g.broken = broken;
        g.successes = successes;
        call();
        _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status));
    EXPECT(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void expect_locks(unsigned locks)
{
    EXPECT_EQ(g.locks, locks);
    EXPECT_EQ(g.held, 0);
    g.locks = 0;
}

static void test_locks(void)
{
    g.locks = 0;
    (void)freelist_space_usage(g.space);
    expect_locks(1);
    EXPECT(freelist_space_verify(g.space));
    expect_locks(1);
    EXPECT_OK(freelist_space_trim(g.space, NULL));
    expect_locks(1);
    EXPECT_OK(freelist_space_free(g.space, space_alloc(g.space, 1), NULL, NULL));
    expect_locks(2);
    freelist_space_fork_prepare(g.space);
    EXPECT_EQ(g.held, 1);
    freelist_space_fork_done(g.space);
    expect_locks(1);
    /* A lock that is held is waited for, in the end. */
    g.broken = HOLD;
    EXPECT_OK(freelist_space_free(g.space, space_alloc(g.space, 1), NULL, NULL));
    g.broken = NOTHING;
    expect_locks(3);
}

int main(void)
{
    g.space = space_begin(&g.fixture, 8, FREELIST_SPACE_KEEP);
    g.address = space_alloc(g.space, 3);
    test_locks();
    expect_trap(free_pages, LOCK, 0);
    expect_trap(free_pages, UNLOCK, 0);
    expect_trap(allocate, TRYLOCK, 0);
    expect_trap(allocate, GROW, 0);
    expect_trap(allocate, ALLOC_FROM_UNIT, 0);
    expect_trap(allocate, FREE, 0);
    expect_trap(allocate, ALLOC, 1);
    expect_trap(allocate_without_memory, FREE, 1);
    space_end(&g.fixture, g.space);
    return 0;
}
