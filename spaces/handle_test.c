/* SPDX-License-Identifier: MIT */
/* The spaces' own memory: every handle is freed, however its making ends, and where there
 * is none the error says so. The linker puts this file in place of the allocator. */
#include <errno.h>
#include <pthread.h>

#include "mmapper/testing/expect.h"
#include "mmapper/testing/fault_decorator.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_space.h"
#include "spaces/raw_memory_freelist.h"
#include "spaces/side_metadata.h"
#include "spaces/space_map.h"
#include "spaces/test_fixture.h"

enum { CHUNKS = 8 };

static struct {
    struct fault_decorator *faults;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_error error;
    const char *name; /* of the owner that is registered */
    bool counting;
    unsigned fails_at; /* the allocation that fails; 0: none does */
    bool no_mutex;
    bool no_transfer;
    bool no_unregister; /* once */
    unsigned allocations;
    int live;
} g;

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    if (!g.counting) {
        return __real_calloc(count, bytes);
    }
    if (++g.allocations == g.fails_at) {
        return NULL;
    }
    g.live++;
    return __real_calloc(count, bytes);
}

void __real_free(void *memory);
void __wrap_free(void *memory);
void __wrap_free(void *memory)
{
    if (g.counting && memory != NULL) {
        g.live--;
    }
    __real_free(memory);
}

int __real_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex,
                              const pthread_mutexattr_t *attributes)
{
    return g.no_mutex ? EAGAIN : __real_pthread_mutex_init(mutex, attributes);
}

enum mm_status __real_mmapper_transfer(struct mmapper *mapper, struct mm_owner *from,
                                       struct mm_owner *to, struct mm_extent extent,
                                       struct mm_error *error);
enum mm_status __wrap_mmapper_transfer(struct mmapper *mapper, struct mm_owner *from,
                                       struct mm_owner *to, struct mm_extent extent,
                                       struct mm_error *error);
enum mm_status __wrap_mmapper_transfer(struct mmapper *mapper, struct mm_owner *from,
                                       struct mm_owner *to, struct mm_extent extent,
                                       struct mm_error *error)
{
    return g.no_transfer ? MM_BUSY
                         : __real_mmapper_transfer(mapper, from, to, extent, error);
}

enum mm_status __real_mmapper_unregister_owner(struct mmapper *mapper,
                                               struct mm_owner *owner,
                                               struct mm_error *error);
enum mm_status __wrap_mmapper_unregister_owner(struct mmapper *mapper,
                                               struct mm_owner *owner,
                                               struct mm_error *error);
enum mm_status __wrap_mmapper_unregister_owner(struct mmapper *mapper,
                                               struct mm_owner *owner,
                                               struct mm_error *error)
{
    if (g.no_unregister) {
        g.no_unregister = false;
        return MM_BUSY;
    }
    return __real_mmapper_unregister_owner(mapper, owner, error);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* ------------------------------------------------------------- what is made */

static enum mm_status make_freelist_space(void **made)
{
    const struct freelist_space_options options = {
        .name = g.name, .bytes = (size_t)CHUNKS * FIXTURE_CHUNK};
    return freelist_space_create(g.mapper, &options, (struct freelist_space **)made,
                                 &g.error);
}

static enum mm_status end_freelist_space(void *made)
{
    return freelist_space_destroy(made, NULL);
}

static enum mm_status make_list(void **made)
{
    const struct raw_memory_freelist_options options = {
        .name = g.name, .shape = {.max_units = 99, .units = 9, .grain = 9, .heads = 1}};
    return raw_memory_freelist_create(g.mapper, &options,
                                      (struct raw_memory_freelist **)made, &g.error);
}

static enum mm_status end_list(void *made)
{
    return raw_memory_freelist_destroy(made, NULL);
}

static enum mm_status make_list_on(void **made)
{
    static uint64_t memory[20];
    const struct raw_memory_freelist_shape shape = {
        .max_units = 18, .units = 9, .grain = 9, .heads = 1};
    memset(memory, 0, sizeof memory);
    return raw_memory_freelist_create_on(memory, sizeof memory, &shape,
                                         (struct raw_memory_freelist **)made, &g.error);
}

static enum mm_status make_immortal_space(void **made)
{
    const struct immortal_space_options options = {
        .name = g.name, .bytes = (size_t)CHUNKS * FIXTURE_CHUNK};
    return immortal_space_create(g.mapper, &options, (struct immortal_space **)made,
                                 &g.error);
}

static enum mm_status end_immortal_space(void *made)
{
    return immortal_space_destroy(made, NULL);
}

static enum mm_status make_side_metadata(void **made)
{
    static const struct side_metadata_table table = {.log_data_bytes = 12};
    const struct side_metadata_options options = {
        .name = g.name, .data = {1 << 20, 1 << 20}, .tables = &table, .table_count = 1};
    return side_metadata_create(g.mapper, &options, (struct side_metadata **)made,
                                &g.error);
}

static enum mm_status end_side_metadata(void *made)
{
    return side_metadata_destroy(made, NULL);
}

static enum mm_status make_space_map(void **made)
{
    const struct space_map_options options = {.log_slot_bytes = 18, .slots = 4};
    return space_map_create(g.mapper, &options, (struct space_map **)made, &g.error);
}

static enum mm_status end_space_map(void *made)
{
    return space_map_destroy(made, NULL);
}

static const struct kind {
    enum mm_status (*make)(void **made);
    enum mm_status (*end)(void *made);
    unsigned allocations;
} kinds[] = {
    {make_freelist_space, end_freelist_space, 2}, /* its list has a handle as well */
    {make_list, end_list, 1},
    {make_list_on, end_list, 1},
    {make_immortal_space, end_immortal_space, 1},
    {make_side_metadata, end_side_metadata, 1},
    {make_space_map, end_space_map, 1},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* -------------------------------------------------------------------- tests */

static void begin_with_owners(unsigned max_owners)
{
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .max_owners = max_owners,
        .base = (uintptr_t)FIXTURE_BASE,
        .limit = (uintptr_t)FIXTURE_BASE + 64 * FIXTURE_CHUNK,
        .log_region_chunks = 2,
    };
    const struct mmap_support inner = mmap_support_linux();
    memset(&g, 0, sizeof g);
    g.faults = fault_decorator_create(&inner);
    g.support = fault_decorator_support(g.faults);
    EXPECT_OK(mmapper_create(&options, &g.support, &g.mapper, NULL));
    g.name = "owner";
    g.counting = true;
}

static void begin(void)
{
    begin_with_owners(0);
}

static void expect_nothing_left(void)
{
    struct mm_statistics statistics;
    mmapper_statistics(g.mapper, &statistics);
    EXPECT_EQ(statistics.owners, 0);
    EXPECT_EQ(statistics.runs, 0);
    EXPECT_EQ(g.live, 0);
}

static void end(void)
{
    expect_nothing_left();
    g.counting = false;
    EXPECT_OK(mmapper_destroy(g.mapper, NULL));
    fault_decorator_destroy(g.faults);
}

static void expect_no_memory(const struct kind *kind)
{
    void *made = NULL;
    memset(&g.error, 0xAA, sizeof g.error);
    EXPECT_STATUS(kind->make(&made), MM_NO_MEMORY);
    EXPECT(made == NULL);
    EXPECT_EQ(g.error.status, MM_NO_MEMORY);
    EXPECT_EQ(g.error.operation, MM_OPERATION_CREATE);
    EXPECT_EQ(g.error.os_call, MM_OS_NONE);
    EXPECT_CONTAINS(g.error.detail, "no memory for the");
    expect_nothing_left();
}

static void test_no_memory(const struct kind *kind)
{
    void *made = NULL;
    begin();
    for (unsigned at = 1; at <= kind->allocations; at++) {
        g.allocations = 0;
        g.fails_at = at;
        expect_no_memory(kind);
    }
    g.allocations = 0;
    g.fails_at = 0;
    EXPECT_OK(kind->make(&made));
    EXPECT_EQ(g.allocations, kind->allocations);
    EXPECT_EQ(g.live, kind->allocations);
    EXPECT_OK(kind->end(made));
    end();
}

/* Each call to the system fails once, until the making needs no more of them. */
static void test_failures(const struct kind *kind)
{
    enum mm_status status;
    uint64_t at = 0;
    do {
        void *made = NULL;
        begin();
        const struct fault_plan plan = {
            .at = ++at, .call = MM_OS_NONE, .os_error = EACCES};
        fault_decorator_plan(g.faults, &plan);
        status = kind->make(&made);
        const bool failed = fault_decorator_faults(g.faults) > 0;
        fault_decorator_plan(g.faults, NULL);
        if (status == MM_OK) {
            EXPECT_OK(kind->end(made));
            status = failed ? MM_OS_ERROR : MM_OK; /* it did without: once more */
        }
        if (kind->make == make_space_map && status == MM_OS_ERROR) {
            /* The range that it reserved to find it may be with its owner still. */
            EXPECT_EQ(g.live, 0);
            g.counting = false;
            EXPECT_OK(mmapper_destroy(g.mapper, NULL));
            fault_decorator_destroy(g.faults);
            continue;
        }
        end();
    } while (status != MM_OK);
}

/* An owner that is not registered, and for the space with a list the second one. */
static void test_no_owner(void)
{
    static const enum mm_status expected[KINDS] = {
        MM_INVALID_ARGUMENT, MM_INVALID_ARGUMENT, MM_OK,
        MM_INVALID_ARGUMENT, MM_INVALID_ARGUMENT, MM_OK,
    };
    void *made = NULL;
    begin();
    g.name = "";
    for (size_t i = 0; i < KINDS; i++) {
        EXPECT_STATUS(kinds[i].make(&made), expected[i]);
        EXPECT_EQ(g.live, expected[i] == MM_OK);
        EXPECT_OK(expected[i] == MM_OK ? kinds[i].end(made) : MM_OK);
        expect_nothing_left();
    }
    end();
    begin_with_owners(1);
    EXPECT_STATUS(make_freelist_space(&made), MM_LIMIT);
    end();
}

/* An owner that cannot be unregistered yet: what was given back before is not again. */
static void test_second_end(const struct kind *kind)
{
    void *made = NULL;
    begin();
    EXPECT_OK(kind->make(&made));
    g.no_unregister = true;
    if (kind->end(made) == MM_BUSY) {
        EXPECT_OK(kind->end(made));
    }
    end();
}

/* A reservation that the system does not take back yet. */
static void test_refused_end(const struct kind *kind)
{
    const struct fault_plan plan = {.at = 1, .call = MM_OS_RELEASE, .os_error = ENOMEM};
    void *made = NULL;
    begin();
    EXPECT_OK(kind->make(&made));
    fault_decorator_plan(g.faults, &plan);
    if (kind->end(made) == MM_NO_MEMORY) {
        EXPECT_OK(kind->end(made));
    }
    end();
}

static void test_no_mutex(void)
{
    begin();
    g.no_mutex = true;
    expect_no_memory(&kinds[0]);
    end();
}

/* The table's chunks cannot be handed over: all is as before. */
static void test_no_transfer(void)
{
    const struct mm_owner_options name = {.name = "slot"};
    const struct freelist_space_options options = {.name = "pages"};
    struct mm_owner *owner;
    struct mm_extent extent;
    struct freelist_space *space = NULL;
    void *made = NULL;
    begin();
    g.no_transfer = true;
    EXPECT_STATUS(make_freelist_space(&made), MM_BUSY);
    EXPECT(made == NULL);
    expect_nothing_left();
    EXPECT_OK(mmapper_register_owner(g.mapper, &name, &owner, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(g.mapper, owner, CHUNKS * FIXTURE_CHUNK, 0,
                                          &extent, NULL));
    EXPECT_STATUS(
        freelist_space_create_at(g.mapper, owner, extent, &options, &space, NULL),
        MM_BUSY);
    EXPECT(space == NULL);
    g.no_transfer = false;
    g.allocations = 0;
    g.fails_at = 1;
    EXPECT_STATUS(
        freelist_space_create_at(g.mapper, owner, extent, &options, &space, &g.error),
        MM_NO_MEMORY);
    expect_chunks(g.mapper, extent, MM_QUARANTINED, owner);
    EXPECT_OK(mmapper_release(g.mapper, owner, extent, NULL));
    EXPECT_OK(mmapper_unregister_owner(g.mapper, owner, NULL));
    end();
}

int main(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        test_no_memory(&kinds[i]);
        test_failures(&kinds[i]);
        test_second_end(&kinds[i]);
        test_refused_end(&kinds[i]);
    }
    test_no_owner();
    test_no_mutex();
    test_no_transfer();
    return 0;
}
