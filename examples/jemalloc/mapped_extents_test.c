/* SPDX-License-Identifier: MIT */
/*
 * The hooks by themselves, called as jemalloc calls them: what each does to the mapper's
 * table and to the kernel, what it refuses, and that a refusal changes nothing. Runs under
 * the sanitizers, since there is no other malloc in it.
 */
#include "examples/jemalloc/mapped_extents.h"

#include <errno.h>
#include <pthread.h>

#include "mmapper/testing/checked_decorator.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/fault_decorator.h"

enum { PAGE = 4096, CHUNKS = 4096, DECOMMIT_BYTES = 16 * PAGE };

/* A window that the sanitizers leave alone. */
#define BASE ((uintptr_t)0x7e8000000000)

/* The hooks of before, which only note that they were asked. */
struct others {
    extent_hooks_t hooks;
    unsigned calls;
};

struct world {
    struct address_map *oracle;
    struct checked_decorator *checked;
    struct fault_decorator *faults;
    struct mmap_support support;
    struct mmapper *mapper;
    struct others others;
    struct mapped_extents extents;
    struct mapped_extents rival;
};

static bool noted(extent_hooks_t *hooks)
{
    ((struct others *)hooks)->calls++;
    return false;
}

static bool noted_dalloc(extent_hooks_t *hooks, void *address, size_t bytes,
                         bool committed, unsigned arena)
{
    EXPECT(address != NULL && bytes == PAGE && committed && arena == 7);
    return noted(hooks);
}

static void noted_destroy(extent_hooks_t *hooks, void *address, size_t bytes,
                          bool committed, unsigned arena)
{
    (void)noted_dalloc(hooks, address, bytes, committed, arena);
}

static bool noted_piece(extent_hooks_t *hooks, void *address, size_t bytes,
                        size_t offset, size_t length, unsigned arena)
{
    EXPECT(address != NULL && bytes == PAGE && offset == 0 && length == PAGE &&
           arena == 7);
    return noted(hooks);
}

static bool noted_merge(extent_hooks_t *hooks, void *a, size_t bytes_a, void *b,
                        size_t bytes_b, bool committed, unsigned arena)
{
    EXPECT(a != NULL && b != NULL && bytes_a == PAGE && bytes_b == PAGE && committed &&
           arena == 7);
    return noted(hooks);
}

static void add_owner(struct world *world, struct mapped_extents *extents,
                      const char *name)
{
    const struct mm_owner_options owner = {.name = name, .kind = MM_KIND_SPACE};
    struct mm_owner *handle;
    EXPECT_OK(mmapper_register_owner(world->mapper, &owner, &handle, NULL));
    mapped_extents_init(extents, world->mapper, handle, false);
    extents->decommit_bytes = DECOMMIT_BYTES;
}

static void begin(struct world *world)
{
    const struct mmap_support system = mmap_support_linux();
    const struct mmapper_options options = {.chunk_bytes = PAGE,
                                            .base = BASE,
                                            .limit = BASE + (uintptr_t)CHUNKS * PAGE,
                                            .log_region_chunks = 6};
    memset(world, 0, sizeof(*world));
    world->oracle = address_map_create();
    world->checked = checked_decorator_create(&system, world->oracle, 1);
    const struct mmap_support checked = checked_decorator_support(world->checked);
    world->faults = fault_decorator_create(&checked);
    world->support = fault_decorator_support(world->faults);
    EXPECT_OK(mmapper_create(&options, &world->support, &world->mapper, NULL));
    world->others.hooks.dalloc = noted_dalloc;
    world->others.hooks.destroy = noted_destroy;
    world->others.hooks.commit = noted_piece;
    world->others.hooks.decommit = noted_piece;
    world->others.hooks.purge_forced = noted_piece;
    world->others.hooks.merge = noted_merge;
    add_owner(world, &world->extents, "arena 0");
    add_owner(world, &world->rival, "arena 1");
}

/* The table and the kernel agree, and nothing is left of anything. */
static void end(struct world *world)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(world->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_EQ(checked_decorator_reserved_bytes(world->checked), 0);
    EXPECT_OK(mmapper_destroy(world->mapper, NULL));
    EXPECT_STR(checked_decorator_violation_text(world->checked), "");
    EXPECT_EQ(address_map_bytes(world->oracle), 0);
    fault_decorator_destroy(world->faults);
    checked_decorator_destroy(world->checked);
    address_map_destroy(world->oracle);
}

static void fail_call(struct world *world, enum mm_os_call call, enum fault_extent done)
{
    const struct fault_plan plan = {
        .at = 1, .call = call, .os_error = ENOMEM, .done = done};
    fault_decorator_plan(world->faults, &plan);
}

static char *allocate(struct mapped_extents *extents, void *wanted, size_t bytes,
                      size_t alignment)
{
    bool zero = false;
    bool commit = false;
    char *given = extents->hooks.alloc(&extents->hooks, wanted, bytes, alignment, &zero,
                                       &commit, 7);
    EXPECT(given == NULL || (zero && commit));
    return given;
}

/* Through the hook: that what cannot be released says so is a case of its own. */
static void deallocate(struct mapped_extents *extents, char *address, size_t bytes)
{
    EXPECT(!extents->hooks.dalloc(&extents->hooks, address, bytes, true, 7));
}

static void expect_state(const struct world *world, const char *address, size_t bytes,
                         enum mm_state state, const struct mm_owner *owner)
{
    for (size_t at = 0; at < bytes; at += PAGE) {
        const struct mm_lookup found =
            mmapper_lookup(world->mapper, (uintptr_t)address + at);
        EXPECT_EQ(found.state, state);
        EXPECT_EQ((uintptr_t)found.owner, (uintptr_t)owner);
    }
}

static bool is_filled(const char *address, size_t bytes, char with)
{
    for (size_t i = 0; i < bytes; i++) {
        if (address[i] != with) {
            return false;
        }
    }
    return true;
}

static void test_alloc_gives_mapped_zeroes(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    const size_t bytes = 5 * (size_t)PAGE;
    char *plain = allocate(extents, NULL, bytes, PAGE);
    EXPECT(plain != NULL && is_filled(plain, bytes, 0));
    expect_state(world, plain, bytes, MM_MAPPED, extents->owner);
    char *aligned = allocate(extents, NULL, PAGE, 32 * (size_t)PAGE);
    EXPECT_EQ((uintptr_t)aligned % (32 * (size_t)PAGE), 0);
    /* What is taken is not given again; what is free is. */
    EXPECT(allocate(&world->rival, plain + PAGE, PAGE, PAGE) == NULL);
    expect_state(world, plain, bytes, MM_MAPPED, extents->owner);
    deallocate(extents, plain, bytes);
    expect_state(world, plain, bytes, MM_UNMAPPED, NULL);
    EXPECT_EQ((uintptr_t)allocate(&world->rival, plain + PAGE, PAGE, PAGE),
              (uintptr_t)plain + PAGE);
    deallocate(&world->rival, plain + PAGE, PAGE);
    deallocate(extents, aligned, PAGE);
}

static void test_no_room_and_no_memory_are_null(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    EXPECT(allocate(extents, NULL, (size_t)(CHUNKS + 1) * PAGE, PAGE) == NULL);
    fail_call(world, MM_OS_RESERVE, FAULT_NOTHING);
    EXPECT(allocate(extents, NULL, PAGE, PAGE) == NULL);
    fail_call(world, MM_OS_COMMIT, FAULT_HALF);
    EXPECT(allocate(extents, NULL, 4 * (size_t)PAGE, PAGE) == NULL);
    EXPECT_EQ(fault_decorator_faults(world->faults), 1);
    EXPECT_EQ(checked_decorator_reserved_bytes(world->checked), 0);
    fault_decorator_plan(world->faults, NULL);
    char *all = allocate(extents, NULL, (size_t)CHUNKS * PAGE, PAGE);
    EXPECT(all != NULL);
    EXPECT(allocate(extents, NULL, PAGE, PAGE) == NULL);
    deallocate(extents, all, (size_t)CHUNKS * PAGE);
}

static void test_pieces_are_extents(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    extent_hooks_t *hooks = &extents->hooks;
    const size_t half = 3 * (size_t)PAGE;
    char *whole = allocate(extents, NULL, 2 * half, PAGE);
    EXPECT(!hooks->split(hooks, whole, 2 * half, half, half, true, 7));
    memset(whole + half, 'b', half);
    deallocate(extents, whole, half);
    expect_state(world, whole, half, MM_UNMAPPED, NULL);
    EXPECT(is_filled(whole + half, half, 'b'));
    /* Made of two allocations, and given back as one. */
    EXPECT_EQ((uintptr_t)allocate(extents, whole, half, PAGE), (uintptr_t)whole);
    EXPECT(!hooks->merge(hooks, whole, half, whole + half, half, true, 7));
    EXPECT(is_filled(whole + half, half, 'b'));
    deallocate(extents, whole, 2 * half);
    expect_state(world, whole, 2 * half, MM_UNMAPPED, NULL);
}

static void test_owners_do_not_merge(struct world *world)
{
    extent_hooks_t *hooks = &world->extents.hooks;
    char *mine = allocate(&world->extents, NULL, 2 * (size_t)PAGE, PAGE);
    deallocate(&world->extents, mine + PAGE, PAGE);
    char *other = allocate(&world->rival, mine + PAGE, PAGE, PAGE);
    EXPECT(other == mine + PAGE);
    EXPECT(hooks->merge(hooks, mine, PAGE, other, PAGE, true, 7));
    EXPECT(hooks->merge(hooks, other, PAGE, mine, PAGE, true, 7));
    deallocate(&world->extents, mine, PAGE);
    deallocate(&world->rival, other, PAGE);
}

static void test_purge_keeps_access(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    extent_hooks_t *hooks = &extents->hooks;
    const size_t bytes = 6 * (size_t)PAGE;
    char *memory = allocate(extents, NULL, bytes, PAGE);
    memset(memory, 'x', bytes);
    EXPECT(!hooks->purge_forced(hooks, memory, bytes, PAGE, 2 * (size_t)PAGE, 7));
    expect_state(world, memory, bytes, MM_MAPPED, extents->owner);
    EXPECT(is_filled(memory, PAGE, 'x'));
    EXPECT(is_filled(memory + PAGE, 2 * (size_t)PAGE, 0));
    EXPECT(is_filled(memory + 3 * (size_t)PAGE, 3 * (size_t)PAGE, 'x'));
    EXPECT(hooks->purge_lazy == NULL);
    deallocate(extents, memory, bytes);
}

static void test_decommit_and_commit(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    extent_hooks_t *hooks = &extents->hooks;
    const size_t bytes = 2 * (size_t)DECOMMIT_BYTES;
    char *memory = allocate(extents, NULL, bytes, PAGE);
    char *rest = memory + DECOMMIT_BYTES;
    memset(memory, 'x', bytes);
    /* Too small: nothing is lost. */
    EXPECT(hooks->decommit(hooks, memory, bytes, 0, DECOMMIT_BYTES - PAGE, 7));
    EXPECT(is_filled(memory, bytes, 'x'));
    EXPECT(!hooks->decommit(hooks, memory, bytes, 0, DECOMMIT_BYTES, 7));
    expect_state(world, memory, DECOMMIT_BYTES, MM_QUARANTINED, extents->owner);
    expect_state(world, rest, DECOMMIT_BYTES, MM_MAPPED, extents->owner);
    EXPECT(!hooks->commit(hooks, memory, bytes, PAGE, PAGE, 7));
    expect_state(world, memory, PAGE, MM_QUARANTINED, extents->owner);
    expect_state(world, memory + PAGE, PAGE, MM_MAPPED, extents->owner);
    EXPECT(is_filled(memory + PAGE, PAGE, 0));
    EXPECT(is_filled(rest, DECOMMIT_BYTES, 'x'));
    fail_call(world, MM_OS_COMMIT, FAULT_NOTHING);
    EXPECT(hooks->commit(hooks, memory, bytes, 0, DECOMMIT_BYTES, 7));
    EXPECT(!hooks->commit(hooks, memory, bytes, 0, DECOMMIT_BYTES, 7));
    EXPECT(is_filled(memory, DECOMMIT_BYTES, 0));
    deallocate(extents, memory, bytes);
}

static void test_memory_is_usable_after_a_failed_decommit(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    extent_hooks_t *hooks = &extents->hooks;
    char *memory = allocate(extents, NULL, DECOMMIT_BYTES, PAGE);
    fail_call(world, MM_OS_DECOMMIT, FAULT_HALF);
    EXPECT(hooks->decommit(hooks, memory, DECOMMIT_BYTES, 0, DECOMMIT_BYTES, 7));
    expect_state(world, memory, DECOMMIT_BYTES, MM_MAPPED, extents->owner);
    memset(memory, 'x', DECOMMIT_BYTES);
    fail_call(world, MM_OS_DECOMMIT, FAULT_HALF);
    EXPECT(hooks->purge_forced(hooks, memory, DECOMMIT_BYTES, 0, DECOMMIT_BYTES, 7));
    expect_state(world, memory, DECOMMIT_BYTES, MM_MAPPED, extents->owner);
    memset(memory, 'y', DECOMMIT_BYTES);
    deallocate(extents, memory, DECOMMIT_BYTES);
}

static void test_retained_until_destroyed(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    extent_hooks_t *hooks = &extents->hooks;
    char *memory = allocate(extents, NULL, 2 * (size_t)PAGE, PAGE);
    extents->retain = true;
    EXPECT(hooks->dalloc(hooks, memory, PAGE, true, 7));
    expect_state(world, memory, 2 * (size_t)PAGE, MM_MAPPED, extents->owner);
    hooks->destroy(hooks, memory, PAGE, true, 7);
    expect_state(world, memory, PAGE, MM_UNMAPPED, NULL);
    expect_state(world, memory + PAGE, PAGE, MM_MAPPED, extents->owner);
    hooks->destroy(hooks, memory + PAGE, PAGE, true, 7);
    extents->retain = false;
}

/* Makes every call that there is about memory that is not the owner's; the number of those
 * that were not refused. */
static unsigned ask_about(extent_hooks_t *hooks, char *a, char *b)
{
    unsigned taken = 0;
    hooks->destroy(hooks, a, PAGE, true, 7);
    taken += !hooks->dalloc(hooks, a, PAGE, true, 7);
    taken += !hooks->commit(hooks, a, PAGE, 0, PAGE, 7);
    taken += !hooks->decommit(hooks, a, PAGE, 0, PAGE, 7);
    taken += !hooks->purge_forced(hooks, a, PAGE, 0, PAGE, 7);
    taken += !hooks->merge(hooks, a, PAGE, b, PAGE, true, 7);
    return taken;
}

/* What the arena had before, and what another owner has: never touched. */
static void test_foreign_extents(struct world *world)
{
    struct mapped_extents *extents = &world->extents;
    char *foreign = allocate(&world->rival, NULL, 2 * (size_t)PAGE, PAGE);
    memset(foreign, 'f', 2 * (size_t)PAGE);
    EXPECT_EQ(ask_about(&extents->hooks, foreign, foreign + PAGE), 0);
    extents->others = &world->others.hooks;
    EXPECT_EQ(ask_about(&extents->hooks, foreign, foreign + PAGE), 5);
    EXPECT_EQ(world->others.calls, 6); /* destroy, too */
    memset(&world->others.hooks, 0, sizeof(world->others.hooks));
    EXPECT_EQ(ask_about(&extents->hooks, foreign, foreign + PAGE), 0);
    extents->others = NULL;
    EXPECT(is_filled(foreign, 2 * (size_t)PAGE, 'f'));
    expect_state(world, foreign, 2 * (size_t)PAGE, MM_MAPPED, world->rival.owner);
    deallocate(&world->rival, foreign, 2 * (size_t)PAGE);
}

enum { THREADS = 4, ROUNDS = 100 };

/* Threads of one arena: no decommit or release may be refused because another thread maps. */
static void *churn(void *argument)
{
    struct mapped_extents *extents = argument;
    extent_hooks_t *hooks = &extents->hooks;
    const size_t bytes = DECOMMIT_BYTES;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char *memory = allocate(extents, NULL, bytes, PAGE);
        EXPECT(memory != NULL && is_filled(memory, PAGE, 0));
        memset(memory, 'x', bytes);
        EXPECT(!hooks->purge_forced(hooks, memory, bytes, 0, bytes, 7));
        EXPECT(is_filled(memory, bytes, 0));
        EXPECT(!hooks->decommit(hooks, memory, bytes, 0, bytes, 7));
        EXPECT(!hooks->commit(hooks, memory, bytes, 0, PAGE, 7));
        memset(memory, 'y', PAGE);
        deallocate(extents, memory, bytes);
    }
    return NULL;
}

static void test_threads(struct world *world)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_create(&threads[i], NULL, churn, &world->extents), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    static void (*const cases[])(struct world *) = {
        test_alloc_gives_mapped_zeroes,
        test_no_room_and_no_memory_are_null,
        test_pieces_are_extents,
        test_owners_do_not_merge,
        test_purge_keeps_access,
        test_decommit_and_commit,
        test_memory_is_usable_after_a_failed_decommit,
        test_retained_until_destroyed,
        test_foreign_extents,
        test_threads,
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct world world;
        begin(&world);
        cases[i](&world);
        end(&world);
    }
    return 0;
}
