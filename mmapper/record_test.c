/* SPDX-License-Identifier: MIT */
/* G7: the whole record of each kind of failure, field by field, over a record that is
 * full of something else. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/fixture.h"

static void expect_extent(struct mm_extent actual, struct mm_extent expected)
{
    EXPECT_EQ(actual.start, expected.start);
    EXPECT_EQ(actual.bytes, expected.bytes);
}

static void expect_mapping(const struct mm_mapping *actual,
                           const struct mm_mapping *expected)
{
    expect_extent(actual->extent, expected->extent);
    EXPECT_EQ(actual->access, expected->access);
    EXPECT_EQ(actual->shared, expected->shared);
    EXPECT_EQ(actual->file, expected->file);
    EXPECT_STR(actual->name, expected->name);
}

static void expect_record(const struct mm_error *actual,
                          const struct mm_error *expected)
{
    EXPECT_STR(actual->detail, expected->detail);
    EXPECT_STATUS(actual->status, expected->status);
    EXPECT_EQ(actual->operation, expected->operation);
    expect_extent(actual->request, expected->request);
    EXPECT_EQ(actual->address, expected->address);
    EXPECT_EQ(actual->holder.state, expected->holder.state);
    EXPECT(actual->holder.owner == expected->holder.owner);
    EXPECT_EQ(actual->holder.kind, expected->holder.kind);
    EXPECT_STR(actual->holder.name, expected->holder.name);
    expect_mapping(&actual->foreign, &expected->foreign);
    EXPECT_EQ(actual->os_call, expected->os_call);
    EXPECT_EQ(actual->os_error, expected->os_error);
    EXPECT_EQ(actual->cause, expected->cause);
}

static struct mm_error *fresh(struct fixture *f)
{
    memset(&f->error, 0xAA, sizeof f->error);
    return &f->error;
}

/* The record of a call that no chunk and no kernel stood against. */
static struct mm_error refused(enum mm_status status, enum mm_operation operation,
                               struct mm_extent request, uintptr_t address,
                               const char *detail)
{
    const struct mm_error error = {.status = status,
                                   .operation = operation,
                                   .detail = detail,
                                   .request = request,
                                   .address = address,
                                   .os_call = MM_OS_NONE};
    return error;
}

/* ensure_mapped of a bad extent, at fault at `address`. */
static void expect_bad_extent(struct fixture *f, struct mm_extent extent,
                              enum mm_status status, uintptr_t address,
                              const char *detail)
{
    const struct mm_error expected =
        refused(status, MM_OPERATION_ENSURE_MAPPED, extent, address, detail);
    EXPECT_STATUS(mmapper_ensure_mapped(f->mapper, f->heap, extent, fresh(f)), status);
    expect_record(&f->error, &expected);
}

static void test_extents(void)
{
    const uintptr_t limit = FIXTURE_BASE + (uintptr_t)FIXTURE_CHUNKS * FIXTURE_CHUNK;
    const char *outside = "the range is not inside the mapper's window";
    struct fixture f;
    fixture_begin(&f, NULL);
    expect_bad_extent(&f, mm_extent_of(FIXTURE_BASE, 0), MM_INVALID_ARGUMENT,
                      FIXTURE_BASE, "the range is empty");
    expect_bad_extent(&f, mm_extent_of(FIXTURE_BASE, SIZE_MAX), MM_INVALID_ARGUMENT,
                      FIXTURE_BASE, "the range passes the end of memory");
    expect_bad_extent(&f, mm_extent_of(FIXTURE_BASE - 1, 1), MM_OUT_OF_RANGE,
                      FIXTURE_BASE - 1, outside);
    expect_bad_extent(&f, fixture_extent(0, FIXTURE_CHUNKS + 1), MM_OUT_OF_RANGE, limit,
                      outside);
    expect_bad_extent(&f, mm_extent_of(limit - 1, 2), MM_OUT_OF_RANGE, limit, outside);
    fixture_end(&f);
}

typedef enum mm_status (*range_operation)(struct mmapper *, struct mm_owner *,
                                          struct mm_extent, struct mm_error *);

static void expect_refused(struct fixture *f, range_operation call,
                           struct mm_owner *owner, struct mm_extent extent,
                           const struct mm_error *expected)
{
    EXPECT_STATUS(call(f->mapper, owner, extent, fresh(f)), expected->status);
    expect_record(&f->error, expected);
}

static void test_shape_and_backing(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent whole = fixture_extent(1, 1);
    const struct mm_extent moved = mm_extent_of(whole.start + 1, whole.bytes);
    const struct mm_extent cut = mm_extent_of(whole.start, whole.bytes - 1);
    struct mm_error expected =
        refused(MM_INVALID_ARGUMENT, MM_OPERATION_QUARANTINE, moved, moved.start,
                "the start is not a multiple of the chunk size");
    expect_refused(&f, mmapper_quarantine, f.heap, moved, &expected);
    expected = refused(MM_INVALID_ARGUMENT, MM_OPERATION_RELEASE, cut, cut.start,
                       "the size is not a multiple of the chunk size");
    expect_refused(&f, mmapper_release, f.heap, cut, &expected);
    expected = refused(MM_WRONG_STATE, MM_OPERATION_QUARANTINE, whole, whole.start,
                       "the owner's backing is external: the mapper maps nothing "
                       "for it");
    expect_refused(&f, mmapper_quarantine, f.image, whole, &expected);
    expected = refused(MM_WRONG_STATE, MM_OPERATION_ADOPT, whole, whole.start,
                       "the owner's backing is not external");
    expect_refused(&f, mmapper_adopt, f.heap, whole, &expected);
    expected = refused(MM_UNKNOWN_OWNER, MM_OPERATION_DECOMMIT, whole, whole.start,
                       "the owner is not registered with this mapper");
    expect_refused(&f, mmapper_decommit, NULL, whole, &expected);
    fixture_end(&f);
}

/* Sets a chunk that is alone in what the table says of it. */
static void set_chunk(struct fixture *f, size_t chunk, enum map_state state,
                      const struct mm_owner *owner)
{
    struct chunk_table *table = &f->mapper->table;
    const struct chunk_range range = {chunk, chunk + 1};
    const map_value value = map_make(state, owner_id(&f->mapper->owners, owner));
    enum chunk_swap swap;
    do {
        struct chunk_unit unit = chunk_unit_load(table, range);
        swap = mm_chunk_claim(table, chunk, &unit, value);
    } while (swap != CHUNK_SWAPPED);
}

static void test_holders(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(3, 1), NULL));
    const struct mm_extent request = fixture_extent(1, 5);
    const uintptr_t at = fixture_extent(3, 1).start;
    struct mm_error expected = refused(MM_CONFLICT, MM_OPERATION_QUARANTINE, request,
                                       at, "another owner holds the chunk");
    expected.holder =
        (struct mm_holder){MM_QUARANTINED, f.other, MM_KIND_TEST, "other"};
    expect_refused(&f, mmapper_quarantine, f.heap, request, &expected);
    expected.status = MM_WRONG_STATE;
    expected.detail = "the chunk's state does not allow this";
    expect_refused(&f, mmapper_quarantine, f.other, request, &expected);
    set_chunk(&f, 3, MAP_DECOMMITTING_Q, f.other);
    expected.status = MM_BUSY;
    expected.detail = "another call of the owner is changing the chunk";
    expected.holder.state = MM_DECOMMITTING;
    expect_refused(&f, mmapper_quarantine, f.other, request, &expected);
    set_chunk(&f, 3, MAP_QUARANTINED, f.other);
    fixture_end(&f);
}

/* A pin that nobody takes back, until the test does. */
static void test_pins(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent extent = fixture_extent(2, 2);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, extent, NULL));
    struct owner_pin *pin = mm_owner_pin(f.heap, OWNER_PIN_COMMIT);
    struct mm_error expected =
        refused(MM_BUSY, MM_OPERATION_RELEASE, extent, extent.start,
                "a thread of the owner is inside ensure_mapped, or changing pages");
    expect_refused(&f, mmapper_release, f.heap, extent, &expected);
    expected.operation = MM_OPERATION_UNREGISTER_OWNER;
    expected.request = mmapper_window(f.mapper);
    expected.address = 0;
    EXPECT_STATUS(mmapper_unregister_owner(f.mapper, f.heap, fresh(&f)), MM_BUSY);
    expect_record(&f.error, &expected);
    expected.operation = MM_OPERATION_DESTROY;
    expected.address = extent.start;
    expected.detail = "another call of the owner is changing the chunk";
    expected.holder = (struct mm_holder){MM_QUARANTINED, f.heap, MM_KIND_TEST, "heap"};
    EXPECT_STATUS(mmapper_destroy(f.mapper, fresh(&f)), MM_BUSY);
    expect_record(&f.error, &expected);
    mm_owner_unpin(pin, OWNER_PIN_COMMIT);
    fixture_end(&f);
}

/* The address is where the foreign mapping begins to be in the way. */
static void test_foreign(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent request = fixture_extent(4, 2);
    const size_t starts[] = {3, 4, 5};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        const struct mm_mapping library = {.extent = fixture_extent(starts[i], 2),
                                           .access = MM_ACCESS_READ,
                                           .shared = true,
                                           .file = true,
                                           .name = "libother.so"};
        struct mm_error expected =
            refused(MM_CONFLICT, MM_OPERATION_QUARANTINE, request,
                    starts[i] > 4 ? library.extent.start : request.start,
                    "a foreign mapping is in the way");
        expected.foreign = library;
        expected.os_call = MM_OS_RESERVE;
        expected.os_error = EEXIST;
        EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &library), 0);
        expect_refused(&f, mmapper_quarantine, f.heap, request, &expected);
        EXPECT_STATUS(mmapper_quarantine(f.mapper, f.heap, request, NULL), MM_CONFLICT);
        sim_kernel_foreign_unmap(f.kernel, library.extent);
    }
    fixture_end(&f);
}

/* What the system refuses, for want of memory and otherwise; the mapper borrows its
 * support, so that it follows when that changes. */
static void test_system(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mmap_support plain = f.support;
    struct fault_decorator *faults = fault_decorator_create(&plain);
    const struct mm_extent request = fixture_extent(4, 2);
    struct fault_plan plan = {.at = 1,
                              .call = MM_OS_RESERVE,
                              .os_error = ENOMEM,
                              .cause = MM_CAUSE_MAP_COUNT};
    struct mm_error expected =
        refused(MM_NO_MEMORY, MM_OPERATION_QUARANTINE, request, request.start,
                "the system has no memory for this");
    f.support = fault_decorator_support(faults);
    fault_decorator_plan(faults, &plan);
    expected.os_call = MM_OS_RESERVE;
    expected.os_error = ENOMEM;
    expected.cause = MM_CAUSE_MAP_COUNT;
    expect_refused(&f, mmapper_quarantine, f.heap, request, &expected);
    plan.os_error = EACCES;
    fault_decorator_plan(faults, &plan);
    expected.status = MM_OS_ERROR;
    expected.detail = "the system refused this";
    expected.os_error = EACCES;
    expected.cause = MM_CAUSE_NONE;
    expect_refused(&f, mmapper_quarantine, f.heap, request, &expected);
    /* What destroy was refused is destroy's, and keeps the run. */
    plan.call = MM_OS_RELEASE;
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, request, NULL));
    fault_decorator_plan(faults, &plan);
    EXPECT_STATUS(mmapper_destroy(f.mapper, NULL), MM_OS_ERROR);
    fault_decorator_plan(faults, &plan);
    expected.operation = MM_OPERATION_DESTROY;
    expected.os_call = MM_OS_RELEASE;
    EXPECT_STATUS(mmapper_destroy(f.mapper, fresh(&f)), MM_OS_ERROR);
    expect_record(&f.error, &expected);
    f.support = plain;
    fixture_end(&f);
    fault_decorator_destroy(faults);
}

/* A mapper that was never made. */
static void test_creation(void)
{
    const struct mmapper_options bad = {.log_region_chunks = 21};
    const struct mmapper_options one_chunk = {.chunk_bytes = FIXTURE_PAGE,
                                              .limit = FIXTURE_PAGE};
    const struct mm_extent nowhere = {0, 0};
    struct fixture f;
    struct mmapper *mapper;
    fixture_begin(&f, NULL);
    struct mm_error expected = refused(MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                                       nowhere, 0, "log_region_chunks is more than 20");
    EXPECT_STATUS(mmapper_create(&bad, &f.support, &mapper, fresh(&f)),
                  MM_INVALID_ARGUMENT);
    expect_record(&f.error, &expected);
    struct fault_decorator *faults = fault_decorator_create(&f.support);
    const struct mmap_support failing = fault_decorator_support(faults);
    struct fault_plan plan = {.at = 1,
                              .call = MM_OS_ACQUIRE_TABLE,
                              .os_error = ENOMEM,
                              .cause = MM_CAUSE_ADDRESS_SPACE};
    fault_decorator_plan(faults, &plan);
    EXPECT_STATUS(mmapper_create(&one_chunk, &failing, &mapper, fresh(&f)),
                  MM_NO_MEMORY);
    EXPECT(f.error.request.bytes > (size_t)MM_MAX_OWNERS << 10);
    expected = refused(MM_NO_MEMORY, MM_OPERATION_CREATE,
                       mm_extent_of(0, f.error.request.bytes), 0,
                       "no address space for the mapper's tables: a smaller window or "
                       "larger chunks need less");
    expected.os_call = MM_OS_ACQUIRE_TABLE;
    expected.os_error = ENOMEM;
    expected.cause = MM_CAUSE_ADDRESS_SPACE;
    expect_record(&f.error, &expected);
    plan.os_error = EPERM;
    fault_decorator_plan(faults, &plan);
    expected.status = MM_OS_ERROR;
    expected.os_error = EPERM;
    expected.cause = MM_CAUSE_NONE;
    EXPECT_STATUS(mmapper_create(&one_chunk, &failing, &mapper, fresh(&f)),
                  MM_OS_ERROR);
    expect_record(&f.error, &expected);
    fault_decorator_plan(faults, &plan);
    EXPECT_STATUS(mmapper_create(&one_chunk, &failing, &mapper, NULL), MM_OS_ERROR);
    fault_decorator_destroy(faults);
    fixture_end(&f);
}

/* Owners: registered, transferred to, given back, counted. */
static void test_owners(void)
{
    struct fixture f;
    uint64_t chunks[MM_STATE_COUNT];
    fixture_begin(&f, NULL);
    const struct mm_extent window = mmapper_window(f.mapper);
    const struct mm_extent one = fixture_extent(5, 1);
    struct mm_error expected = refused(MM_INVALID_ARGUMENT, MM_OPERATION_REGISTER_OWNER,
                                       window, 0, "an owner needs a name");
    EXPECT_STATUS(mmapper_register_owner(f.mapper, NULL, &f.other, fresh(&f)),
                  MM_INVALID_ARGUMENT);
    expect_record(&f.error, &expected);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, one, NULL));
    expected = refused(MM_UNKNOWN_OWNER, MM_OPERATION_TRANSFER, one, one.start,
                       "the recipient is not registered with this mapper");
    EXPECT_STATUS(mmapper_transfer(f.mapper, f.heap, NULL, one, fresh(&f)),
                  MM_UNKNOWN_OWNER);
    expect_record(&f.error, &expected);
    expected = refused(MM_INVALID_ARGUMENT, MM_OPERATION_TRANSFER, one, one.start,
                       "the recipient is the giver");
    EXPECT_STATUS(mmapper_transfer(f.mapper, f.heap, f.heap, one, fresh(&f)),
                  MM_INVALID_ARGUMENT);
    expect_record(&f.error, &expected);
    expected = refused(MM_WRONG_STATE, MM_OPERATION_UNREGISTER_OWNER, window, one.start,
                       "the chunk's state does not allow this");
    expected.holder = (struct mm_holder){MM_MAPPED, f.heap, MM_KIND_TEST, "heap"};
    EXPECT_STATUS(mmapper_unregister_owner(f.mapper, f.heap, fresh(&f)),
                  MM_WRONG_STATE);
    expect_record(&f.error, &expected);
    expected = refused(MM_UNKNOWN_OWNER, MM_OPERATION_OWNER_CHUNKS, mm_extent_of(0, 0),
                       0, "the owner is not registered with this mapper");
    EXPECT_STATUS(mmapper_owner_chunks(f.mapper, NULL, chunks, fresh(&f)),
                  MM_UNKNOWN_OWNER);
    expect_record(&f.error, &expected);
    EXPECT_STATUS(mmapper_owner_chunks(f.mapper, NULL, chunks, NULL), MM_UNKNOWN_OWNER);
    fixture_end(&f);
}

int main(void)
{
    test_extents();
    test_shape_and_backing();
    test_holders();
    test_pins();
    test_foreign();
    test_system();
    test_creation();
    test_owners();
    return 0;
}
