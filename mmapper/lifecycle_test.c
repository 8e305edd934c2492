/* SPDX-License-Identifier: MIT */
/* The ends of lives: of a mapper and an owner while calls are under way, of the window,
 * and of what a split region can go back to. The linker puts this file before the
 * mapper's own calls to the system, so that each moment is reached every time. */
#include <pthread.h>
#include <sched.h>

#include "mmapper/os.h"
#include "mmapper/testing/fixture.h"

static struct {
    struct fixture f;
    void (*in_commit)(void);
    void (*in_reserve)(void);
} g;

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
int __real_mm_os_commit(struct mmapper *m, const struct mm_owner *o,
                        struct mm_extent e);
int __wrap_mm_os_commit(struct mmapper *m, const struct mm_owner *o,
                        struct mm_extent e);
int __wrap_mm_os_commit(struct mmapper *m, const struct mm_owner *o, struct mm_extent e)
{
    if (g.in_commit != NULL) {
        g.in_commit();
    }
    return __real_mm_os_commit(m, o, e);
}

int __real_mm_os_reserve(struct mmapper *m, const struct mm_owner *o,
                         struct mm_extent e);
int __wrap_mm_os_reserve(struct mmapper *m, const struct mm_owner *o,
                         struct mm_extent e);
int __wrap_mm_os_reserve(struct mmapper *m, const struct mm_owner *o,
                         struct mm_extent e)
{
    if (g.in_reserve != NULL) {
        g.in_reserve();
    }
    return __real_mm_os_reserve(m, o, e);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void refused(void)
{
    g.in_commit = NULL;
    g.in_reserve = NULL;
    EXPECT_STATUS(mmapper_destroy(g.f.mapper, &g.f.error), MM_BUSY);
    struct mm_statistics s;
    mmapper_statistics(g.f.mapper, &s);
    EXPECT(s.busy > 0);
    EXPECT_EQ(s.os_calls[MM_OS_RELEASE], 0);
}

static void refused_pinned(void)
{
    refused();
    EXPECT_STATUS(mmapper_unregister_owner(g.f.mapper, g.f.heap, &g.f.error), MM_BUSY);
    EXPECT_PICTURE(&g.f, "QQ..qq........");
}

static void refused_transient(void)
{
    refused();
    EXPECT_PICTURE(&g.f, "QQ..??........");
}

static void test_end_of_life(void)
{
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.other, fixture_extent(0, 2), NULL));
    g.in_reserve = refused_transient;
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(4, 2), NULL));
    g.in_commit = refused_pinned;
    EXPECT_OK(mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(4, 2), NULL));
    fixture_end(&g.f);
}

static void test_statistics(void)
{
    struct mm_statistics s;
    fixture_begin(&g.f, NULL);
    mmapper_statistics(g.f.mapper, &s);
    EXPECT_EQ(s.os_calls[MM_OS_ACQUIRE_TABLE], 1);
    for (int i = 0; i < 2; i++) { /* SPLIT never reverts */
        EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(1, 2), NULL));
        EXPECT_OK(mmapper_release(g.f.mapper, g.f.heap, fixture_extent(1, 2), NULL));
        mmapper_statistics(g.f.mapper, &s);
        EXPECT_EQ(s.regions_split, 1);
    }
    fixture_end(&g.f);
}

/* The last region is short, and uniform here: its word speaks for two chunks only. */
static void test_window_end(void)
{
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(12, 2), NULL));
    EXPECT(mmapper_is_mapped(g.f.mapper, fixture_extent(14, 0).start - 1));
    EXPECT(!mmapper_is_mapped(g.f.mapper, fixture_extent(14, 0).start));
    EXPECT_STATUS(
        mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(14, 1), &g.f.error),
        MM_OUT_OF_RANGE);
    fixture_end(&g.f);
}

/* A hole at the very end of what the list covers. */
static void test_verify_tail(void)
{
    struct mm_verify_result r;
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(2, 4), NULL));
    sim_kernel_foreign_unmap(g.f.kernel, fixture_extent(4, 2));
    EXPECT_OK(mmapper_verify(g.f.mapper, NULL, &r, NULL));
    EXPECT_EQ(r.differences, 1);
    EXPECT_OK(mmapper_destroy(g.f.mapper, NULL));
    sim_kernel_destroy(g.f.kernel);
}

/* Any part of a strategy that differs stands against a transfer. */
static void test_strategies(void)
{
    static const struct mm_strategy others[] = {
        {.protection = MM_PROTECTION_RWX},
        {.huge_pages = MM_HUGE_PAGES_TRANSPARENT},
        {.accounting = MM_UNACCOUNTED},
        {.backing = MM_BACKING_EXTERNAL},
    };
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(0, 4), NULL));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct mm_owner *to = fixture_owner(&g.f, "different", others[i]);
        EXPECT_STATUS(mmapper_transfer(g.f.mapper, g.f.heap, to, fixture_extent(0, 4),
                                       &g.f.error),
                      MM_INVALID_ARGUMENT);
    }
    fixture_end(&g.f);
}

/* A fellow thread that needs chunks being reserved waits for them, and says so. */
static void *need_chunk(void *argument)
{
    (void)argument;
    EXPECT_OK(mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(3, 1), NULL));
    return NULL;
}

static pthread_t fellow;

static void fellow_waits(void)
{
    struct mm_statistics statistics;
    g.in_reserve = NULL;
    EXPECT_EQ(pthread_create(&fellow, NULL, need_chunk, NULL), 0);
    /* For the log of a test that never ends. */
    (void)fprintf(stderr, "until the fellow's waiting is counted in waits\n");
    do {
        (void)sched_yield();
        mmapper_statistics(g.f.mapper, &statistics);
    } while (statistics.waits == 0);
    EXPECT_EQ(fixture_state(&g.f, 3), MM_RESERVING);
}

static void test_wait_for_a_fellow(void)
{
    fixture_begin(&g.f, NULL);
    g.in_reserve = fellow_waits;
    EXPECT_OK(
        mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(2, 4), &g.f.error));
    EXPECT_EQ(pthread_join(fellow, NULL), 0);
    EXPECT_PICTURE(&g.f, "..qmqq........");
    fixture_end(&g.f);
}

int main(void)
{
    test_end_of_life();
    test_statistics();
    test_window_end();
    test_verify_tail();
    test_strategies();
    test_wait_for_a_fellow();
    return 0;
}
