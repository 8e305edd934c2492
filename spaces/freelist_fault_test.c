/* SPDX-License-Identifier: MIT */
/* Every OS call of the free list and of the free-list space fails once, and from then
 * on: nothing is lost, nothing is half there, and it goes on afterwards. */
#include <errno.h>

#include "mmapper/testing/expect.h"
#include "mmapper/testing/fault_decorator.h"
#include "spaces/freelist_space.h"
#include "spaces/raw_memory_freelist.h"
#include "spaces/test_fixture.h"

enum {
    PAGE = 4096,
    CHUNK_PAGES = FIXTURE_CHUNK / PAGE,
    CHUNKS = 8,
};

struct world {
    struct fault_decorator *faults;
    struct mmap_support support;
    struct mmapper *mapper;
    uint64_t failed; /* calls, up to the last repair */
    bool whole;      /* nothing may be left: creation succeeded, or could clean up */
};

/* Runs with the plan set; repairs, and gives back what it made. */
typedef void (*workload)(struct world *world);

static void repair(struct world *world)
{
    world->failed += fault_decorator_faults(world->faults);
    fault_decorator_plan(world->faults, NULL);
}

static void list_workload(struct world *world)
{
    const struct raw_memory_freelist_options options = {
        .name = "list",
        .strategy = {.huge_pages = MM_HUGE_PAGES_TRANSPARENT},
        .shape = {.max_units = 20000, .units = 20000, .grain = 20000, .heads = 1},
    };
    struct raw_memory_freelist *list = NULL;
    const enum mm_status status =
        raw_memory_freelist_create(world->mapper, &options, &list, NULL);
    EXPECT_EQ(status == MM_OK, list != NULL);
    if (status == MM_OK) {
        world->whole = true;
        uint32_t unit;
        EXPECT_OK(raw_memory_freelist_alloc(list, 0, 20000, &unit));
        if (raw_memory_freelist_destroy(list, NULL) != MM_OK) {
            repair(world);
            EXPECT_OK(raw_memory_freelist_destroy(list, NULL));
        }
    }
}

static size_t used_pages(struct freelist_space *space)
{
    EXPECT(freelist_space_verify(space));
    return freelist_space_usage(space).used_pages;
}

/* Allocates all pages of two chunks, by force if must be. */
static uintptr_t take_chunks(struct world *world, struct freelist_space *space)
{
    uintptr_t address = 1;
    if (freelist_space_alloc(space, 2 * CHUNK_PAGES, &address, NULL) != MM_OK) {
        EXPECT_EQ(address, 1);
        EXPECT_EQ(used_pages(space), 0);
        repair(world);
        EXPECT_OK(freelist_space_alloc(space, 2 * CHUNK_PAGES, &address, NULL));
    }
    EXPECT_EQ(used_pages(space), 2 * CHUNK_PAGES);
    return address;
}

static void use_space(struct world *world, struct freelist_space *space)
{
    const uintptr_t first = take_chunks(world, space);
    memset((void *)first, 0xA5, (size_t)2 * FIXTURE_CHUNK);
    EXPECT_OK(freelist_space_free(space, first, NULL, NULL));
    EXPECT_EQ(used_pages(space), 0);
    if (freelist_space_usage(space).decommit_left > 0) {
        repair(world);
        EXPECT_OK(freelist_space_trim(space, NULL));
    }
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 0);
    const uintptr_t second = take_chunks(world, space);
    EXPECT_EQ(second, first);
    for (size_t page = 0; page < 2 * CHUNK_PAGES; page++) {
        EXPECT_EQ(*(const volatile uint64_t *)(second + page * PAGE), 0);
    }
}

static void space_workload(struct world *world)
{
    const struct freelist_space_options options = {
        .name = "pages",
        .bytes = (size_t)CHUNKS * FIXTURE_CHUNK,
        .page_bytes = PAGE,
        .freed = FREELIST_SPACE_DECOMMIT,
    };
    struct freelist_space *space = NULL;
    const enum mm_status status =
        freelist_space_create(world->mapper, &options, &space, NULL);
    EXPECT_EQ(status == MM_OK, space != NULL);
    if (status == MM_OK) {
        world->whole = true;
        use_space(world, space);
        if (freelist_space_destroy(space, NULL) != MM_OK) {
            repair(world);
            EXPECT_OK(freelist_space_destroy(space, NULL));
        }
    }
}

static void begin(struct world *world)
{
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = (uintptr_t)FIXTURE_BASE,
        .limit = (uintptr_t)FIXTURE_BASE + 64 * FIXTURE_CHUNK,
        .log_region_chunks = 2,
    };
    const struct mmap_support inner = mmap_support_linux();
    world->faults = fault_decorator_create(&inner);
    world->support = fault_decorator_support(world->faults);
    EXPECT_OK(mmapper_create(&options, &world->support, &world->mapper, NULL));
}

static void end(struct world *world)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(world->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    if (world->whole) {
        struct mm_statistics statistics;
        mmapper_statistics(world->mapper, &statistics);
        EXPECT_EQ(statistics.runs, 0);
        EXPECT_EQ(statistics.owners, 0);
    }
    EXPECT_OK(mmapper_destroy(world->mapper, NULL));
    fault_decorator_destroy(world->faults);
}

static void run(workload work, uint64_t at, enum fault_extent done, bool from_then_on)
{
    struct world world = {.whole = !from_then_on};
    begin(&world);
    const struct fault_plan plan = {
        .at = at,
        .call = MM_OS_NONE,
        .from_then_on = from_then_on,
        .os_error = ENOMEM,
        .done = done,
    };
    fault_decorator_plan(world.faults, &plan);
    work(&world);
    repair(&world);
    EXPECT(world.failed > 0);
    end(&world);
}

/* Counts the OS calls that a workload makes when nothing fails. */
static uint64_t count_calls(workload work)
{
    struct world world = {0};
    begin(&world);
    fault_decorator_plan(world.faults, NULL);
    work(&world);
    const uint64_t calls = fault_decorator_calls(world.faults, MM_OS_NONE);
    end(&world);
    return calls;
}

static void test_every_call(workload work, uint64_t least)
{
    const uint64_t calls = count_calls(work);
    EXPECT(calls >= least);
    for (uint64_t at = 1; at <= calls; at++) {
        for (int done = FAULT_NOTHING; done <= FAULT_ALL; done++) {
            run(work, at, (enum fault_extent)done, false);
            run(work, at, (enum fault_extent)done, true);
        }
    }
}

static void fail_decommits(struct world *world)
{
    const struct fault_plan plan = {
        .at = 1, .call = MM_OS_DECOMMIT, .from_then_on = true, .os_error = ENOMEM};
    fault_decorator_plan(world->faults, &plan);
}

static struct freelist_space *begin_decommitting(struct world *world)
{
    const struct freelist_space_options options = {
        .name = "pages",
        .bytes = (size_t)CHUNKS * FIXTURE_CHUNK,
        .page_bytes = PAGE,
        .freed = FREELIST_SPACE_DECOMMIT,
    };
    struct freelist_space *space;
    begin(world);
    EXPECT_OK(freelist_space_create(world->mapper, &options, &space, NULL));
    return space;
}

static uintptr_t alloc(struct freelist_space *space, size_t pages)
{
    uintptr_t address = 0;
    EXPECT_OK(freelist_space_alloc(space, pages, &address, NULL));
    return address;
}

/* What a decommit had to leave is decommitted later, except for the very chunks that
 * have used pages again. */
static void test_left_chunks_are_used_again(void)
{
    struct world world = {.whole = true};
    struct freelist_space *space = begin_decommitting(&world);
    const uintptr_t all = alloc(space, 3 * CHUNK_PAGES);
    fail_decommits(&world);
    EXPECT_OK(freelist_space_free(space, all, NULL, NULL));
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 3);
    /* To the last page of the first chunk, and to the last but one of the second. */
    const uintptr_t first = alloc(space, CHUNK_PAGES);
    EXPECT_EQ(first, all);
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 2);
    const uintptr_t second = alloc(space, CHUNK_PAGES - 1);
    EXPECT_EQ(second, all + FIXTURE_CHUNK);
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 1);
    repair(&world);
    EXPECT_OK(freelist_space_trim(space, NULL));
    EXPECT(mmapper_is_mapped(world.mapper, first));
    EXPECT(mmapper_is_mapped(world.mapper, second));
    EXPECT(!mmapper_is_mapped(world.mapper, all + 2 * FIXTURE_CHUNK));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    end(&world);
}

/* All runs of them, not only the first. */
static void test_all_left_runs_are_tried_again(void)
{
    struct world world = {.whole = true};
    struct freelist_space *space = begin_decommitting(&world);
    const uintptr_t first = alloc(space, CHUNK_PAGES);
    const uintptr_t second = alloc(space, CHUNK_PAGES);
    const uintptr_t third = alloc(space, CHUNK_PAGES);
    fail_decommits(&world);
    EXPECT_OK(freelist_space_free(space, first, NULL, NULL));
    EXPECT_OK(freelist_space_free(space, third, NULL, NULL));
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 2);
    repair(&world);
    EXPECT_OK(freelist_space_trim(space, NULL));
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 0);
    EXPECT(!mmapper_is_mapped(world.mapper, first));
    EXPECT(mmapper_is_mapped(world.mapper, second));
    EXPECT(!mmapper_is_mapped(world.mapper, third));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    end(&world);
}

int main(void)
{
    test_left_chunks_are_used_again();
    test_all_left_runs_are_tried_again();
    test_every_call(list_workload, 3);  /* reserve, commit, release */
    test_every_call(space_workload, 6); /* and commit, decommit, commit of pages */
    return 0;
}
