/* SPDX-License-Identifier: MIT */
/* Commit-ahead: how far it goes, what ends it, and that it makes no call fail. */
#include <errno.h>

#include "mmapper/commit_ahead.h"
#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/fixture.h"

/* The fixture with an owner who commits ahead (upper case in pictures), and faults. */
struct trial {
    struct fixture f;
    struct mmap_support inner;
    struct fault_decorator *faults;
    struct mm_owner *eager;
};

static void begin(struct trial *t, uint16_t ahead)
{
    fixture_begin(&t->f, NULL);
    t->inner = t->f.support;
    t->faults = fault_decorator_create(&t->inner);
    t->f.support = fault_decorator_support(t->faults);
    t->eager =
        fixture_owner(&t->f, "eager", (struct mm_strategy){.commit_ahead = ahead});
}

static void end(struct trial *t)
{
    t->f.support = t->inner;
    fixture_end(&t->f);
    fault_decorator_destroy(t->faults);
}

#define CALL(operation, t, owner, first, count)                                        \
    mmapper_##operation((t)->f.mapper, owner, fixture_extent(first, count),            \
                        &(t)->f.error)

static void expect_commits(struct trial *t, uint64_t commits)
{
    EXPECT_EQ(fault_decorator_calls(t->faults, MM_OS_COMMIT), commits);
}

static void test_hint(void)
{
    struct owner_pin pin = {0};
    EXPECT_EQ(commit_ahead_window(&pin, 0, 8), 0);
    commit_ahead_note(&pin, 5, 0);
    EXPECT_EQ(commit_ahead_window(&pin, 4, 8), 0);
    EXPECT_EQ(commit_ahead_window(&pin, 6, 8), 0);
    EXPECT_EQ(commit_ahead_window(&pin, 5, 8), 1);
    commit_ahead_note(&pin, 7, 3);
    EXPECT_EQ(commit_ahead_window(&pin, 7, 8), 6);
    EXPECT_EQ(commit_ahead_window(&pin, 7, 5), 5);
    /* The largest chunk index there is, and the largest window. */
    const size_t last = (size_t)1 << 45;
    commit_ahead_note(&pin, last, UINT16_MAX);
    EXPECT_EQ(commit_ahead_window(&pin, last, UINT16_MAX), UINT16_MAX);
    EXPECT_EQ(commit_ahead_window(&pin, 0, UINT16_MAX), 0);
}

static void test_grows_while_sequential(void)
{
    struct trial t;
    begin(&t, 4);
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 14));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 0, 1));
    EXPECT_PICTURE(&t.f, "MQQQQQQQQQQQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 1, 1));
    EXPECT_PICTURE(&t.f, "MMMQQQQQQQQQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 2, 1)); /* is mapped */
    expect_commits(&t, 2);
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 3, 1));
    EXPECT_PICTURE(&t.f, "MMMMMMQQQQQQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 6, 1));
    EXPECT_PICTURE(&t.f, "MMMMMMMMMMMQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 11, 1)); /* up to the window's end */
    EXPECT_PICTURE(&t.f, "MMMMMMMMMMMMMM");
    expect_commits(&t, 5);
    end(&t);
}

static void test_other_places_begin_anew(void)
{
    struct trial t;
    begin(&t, 4);
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 14));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 0, 2));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 2, 1));
    EXPECT_PICTURE(&t.f, "MMMMQQQQQQQQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 8, 1));
    EXPECT_PICTURE(&t.f, "MMMMQQQQMQQQQQ");
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 4, 1)); /* no longer where it ended */
    EXPECT_PICTURE(&t.f, "MMMMMQQQMQQQQQ");
    /* A request of several chunks is committed whole, and its end is what counts. */
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 5, 2));
    EXPECT_PICTURE(&t.f, "MMMMMMMMMQQQQQ");
    end(&t);
}

static void test_none_without_the_strategy(void)
{
    struct trial t;
    begin(&t, 0);
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 8));
    for (size_t chunk = 0; chunk < 4; chunk++) {
        EXPECT_OK(CALL(ensure_mapped, &t, t.eager, chunk, 1));
    }
    EXPECT_PICTURE(&t.f, "MMMMQQQQ......");
    end(&t);
}

/* What is not the owner's own QUARANTINED chunk ends the run. */
static void test_ends_at_the_owners_run(void)
{
    struct trial t;
    begin(&t, 8);
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 3));
    EXPECT_OK(CALL(quarantine, &t, t.f.heap, 3, 2));
    EXPECT_OK(CALL(quarantine, &t, t.eager, 5, 3));
    EXPECT_OK(CALL(quarantine, &t, t.eager, 9, 3));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 0, 1));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 1, 1));
    EXPECT_PICTURE(&t.f, "MMMqqQQQ.QQQ..");
    EXPECT_STATUS(CALL(ensure_mapped, &t, t.eager, 2, 3), MM_CONFLICT);
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 5, 1));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 6, 1));
    EXPECT_PICTURE(&t.f, "MMMqqMMM.QQQ..");
    end(&t);
}

static void commit_twice(struct trial *t)
{
    EXPECT_OK(CALL(quarantine, t, t->eager, 0, 8));
    EXPECT_OK(CALL(ensure_mapped, t, t->eager, 0, 1));
}

/* The kernel refuses the larger commit: then the one that was asked for. */
static void test_refused(void)
{
    const struct fault_plan once = {
        .at = 1, .call = MM_OS_COMMIT, .os_error = ENOMEM, .done = FAULT_HALF};
    struct fault_plan always = once;
    always.from_then_on = true;
    struct trial t;
    begin(&t, 4);
    commit_twice(&t);
    fault_decorator_plan(t.faults, &once);
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 1, 1));
    EXPECT_PICTURE(&t.f, "MMQQQQQQ......");
    expect_commits(&t, 2);
    /* What follows does not try at once again. */
    fault_decorator_plan(t.faults, NULL);
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 2, 1));
    EXPECT_PICTURE(&t.f, "MMMQQQQQ......");
    fault_decorator_plan(t.faults, &always);
    EXPECT_STATUS(CALL(ensure_mapped, &t, t.eager, 3, 1), MM_NO_MEMORY);
    EXPECT_EQ(t.f.error.address, fixture_extent(3, 1).start);
    EXPECT_EQ(t.f.error.request.bytes, FIXTURE_CHUNK);
    EXPECT_PICTURE(&t.f, "MMMQQQQQ......");
    expect_commits(&t, 2);
    fault_decorator_plan(t.faults, NULL);
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 3, 1));
    end(&t);
}

/* What was decommitted may be mapped again by an ensure_mapped before it, as zeroes. */
static void test_maps_decommitted_chunks_again(void)
{
    struct trial t;
    uint64_t token = 0;
    begin(&t, 4);
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 8));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 2, 2));
    const uintptr_t page = fixture_extent(2, 1).start;
    EXPECT_EQ(sim_kernel_write(t.f.kernel, page, 7), 0);
    EXPECT_OK(CALL(decommit, &t, t.eager, 2, 2));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 0, 1));
    EXPECT_OK(CALL(ensure_mapped, &t, t.eager, 1, 1));
    EXPECT_PICTURE(&t.f, "MMMQQQQQ......");
    EXPECT_EQ(sim_kernel_read(t.f.kernel, page, &token), 0);
    EXPECT_EQ(token, 0);
    end(&t);
}

static void test_strategy(void)
{
    struct trial t;
    begin(&t, UINT16_MAX);
    EXPECT_EQ(mm_owner_strategy(t.eager).commit_ahead, UINT16_MAX);
    EXPECT_EQ(mm_owner_strategy(t.f.heap).commit_ahead, 0);
    /* It is no part of how memory is mapped: a transfer does not ask for it. */
    EXPECT_OK(CALL(quarantine, &t, t.eager, 0, 4));
    EXPECT_OK(mmapper_transfer(t.f.mapper, t.eager, t.f.heap, fixture_extent(2, 2),
                               &t.f.error));
    /* External owners have nothing that could be committed. */
    struct mm_owner *guest = fixture_owner(
        &t.f, "guest",
        (struct mm_strategy){.backing = MM_BACKING_EXTERNAL, .commit_ahead = 4});
    const struct mm_mapping mapping = {.extent = fixture_extent(6, 1)};
    EXPECT_EQ(sim_kernel_foreign_map(t.f.kernel, &mapping), 0);
    EXPECT_OK(CALL(adopt, &t, guest, 6, 1));
    EXPECT_OK(CALL(ensure_mapped, &t, guest, 6, 1));
    EXPECT_PICTURE(&t.f, "QQqq..M.......");
    end(&t);
}

int main(void)
{
    test_hint();
    test_grows_while_sequential();
    test_other_places_begin_anew();
    test_none_without_the_strategy();
    test_ends_at_the_owners_run();
    test_refused();
    test_maps_decommitted_chunks_again();
    test_strategy();
    return 0;
}
