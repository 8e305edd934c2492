/* SPDX-License-Identifier: MIT */
/* Bad input gets a status and a record, and changes nothing. */
#include <errno.h>

#include "mmapper/testing/fixture.h"

typedef enum mm_status (*range_operation)(struct mmapper *, struct mm_owner *,
                                          struct mm_extent, struct mm_error *);

static enum mm_status transfer_to_self_never(struct mmapper *mapper,
                                             struct mm_owner *owner,
                                             struct mm_extent extent,
                                             struct mm_error *error)
{
    /* The recipient is valid and another one, so that only the extent can be wrong. */
    static const struct mm_owner_options options = {.name = "recipient"};
    struct mm_owner *to;
    EXPECT_OK(mmapper_register_owner(mapper, &options, &to, NULL));
    const enum mm_status status = mmapper_transfer(mapper, owner, to, extent, error);
    EXPECT_OK(mmapper_unregister_owner(mapper, to, NULL));
    return status;
}

static const struct {
    range_operation call;
    enum mm_operation operation;
    bool external;
    bool rounds; /* takes any bytes */
} operations[] = {
    {mmapper_quarantine, MM_OPERATION_QUARANTINE, false, false},
    {mmapper_ensure_mapped, MM_OPERATION_ENSURE_MAPPED, false, true},
    {mmapper_decommit, MM_OPERATION_DECOMMIT, false, false},
    {mmapper_release, MM_OPERATION_RELEASE, false, false},
    {transfer_to_self_never, MM_OPERATION_TRANSFER, false, false},
    {mmapper_adopt, MM_OPERATION_ADOPT, true, false},
    {mmapper_exclude, MM_OPERATION_EXCLUDE, true, false},
};

static void expect_refused(struct fixture *f, size_t index, struct mm_extent extent,
                           enum mm_status expected)
{
    struct mm_owner *owner = operations[index].external ? f->image : f->heap;
    memset(&f->error, 0xAA, sizeof f->error);
    errno = 12345;
    EXPECT_STATUS(operations[index].call(f->mapper, owner, extent, &f->error),
                  expected);
    EXPECT_EQ(errno, 12345);
    EXPECT_EQ(f->error.status, expected);
    EXPECT_EQ(f->error.operation, operations[index].operation);
    EXPECT_EQ(f->error.request.start, extent.start);
    EXPECT_EQ(f->error.request.bytes, extent.bytes);
    EXPECT(f->error.detail != NULL && f->error.detail[0] != '\0');
    EXPECT_STATUS(operations[index].call(f->mapper, owner, extent, NULL), expected);
    EXPECT_PICTURE(f, "..qm..........");
}

static void test_extents(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(2, 2), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(3, 1), NULL));
    const uintptr_t start = fixture_extent(8, 1).start;
    const uintptr_t limit = fixture_extent(FIXTURE_CHUNKS, 1).start;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        expect_refused(&f, i, mm_extent_of(start, 0), MM_INVALID_ARGUMENT);
        expect_refused(&f, i,
                       mm_extent_of(start, mm_align_down(SIZE_MAX, FIXTURE_CHUNK)),
                       MM_INVALID_ARGUMENT);
        expect_refused(&f, i, fixture_extent(12, 3), MM_OUT_OF_RANGE);
        expect_refused(&f, i, mm_extent_of(FIXTURE_BASE - FIXTURE_CHUNK, FIXTURE_CHUNK),
                       MM_OUT_OF_RANGE);
        expect_refused(
            &f, i,
            mm_extent_of(FIXTURE_BASE - FIXTURE_CHUNK, 2 * (size_t)FIXTURE_CHUNK),
            MM_OUT_OF_RANGE);
        expect_refused(&f, i, mm_extent_of(limit, FIXTURE_CHUNK), MM_OUT_OF_RANGE);
        if (!operations[i].rounds) {
            expect_refused(&f, i, mm_extent_of(start + FIXTURE_PAGE, FIXTURE_CHUNK),
                           MM_INVALID_ARGUMENT);
            expect_refused(&f, i, mm_extent_of(start, FIXTURE_CHUNK - 1),
                           MM_INVALID_ARGUMENT);
        }
    }
    fixture_end(&f);
}

static void test_owners(void)
{
    struct fixture f;
    struct fixture g;
    fixture_begin(&f, NULL);
    fixture_begin(&g, NULL);
    struct mm_owner *gone = fixture_owner(&f, "gone", (struct mm_strategy){0});
    EXPECT_OK(mmapper_unregister_owner(f.mapper, gone, NULL));
    struct mm_owner *const strangers[] = {NULL,
                                          gone,
                                          g.heap,
                                          (struct mm_owner *)((uintptr_t)f.heap + 8),
                                          (struct mm_owner *)(uintptr_t)&f,
                                          (struct mm_owner *)UINTPTR_MAX};
    for (size_t s = 0; s < sizeof strangers / sizeof *strangers; s++) {
        for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
            EXPECT_STATUS(operations[i].call(f.mapper, strangers[s],
                                             fixture_extent(1, 1), &f.error),
                          MM_UNKNOWN_OWNER);
        }
        uint64_t chunks[MM_STATE_COUNT];
        EXPECT_STATUS(mmapper_owner_chunks(f.mapper, strangers[s], chunks, &f.error),
                      MM_UNKNOWN_OWNER);
        EXPECT_STATUS(mmapper_unregister_owner(f.mapper, strangers[s], &f.error),
                      MM_UNKNOWN_OWNER);
    }
    EXPECT_PICTURE(&f, "..............");
    fixture_end(&f);
    fixture_end(&g);
}

static void test_registration(void)
{
    struct fixture f;
    struct mm_owner *owner;
    fixture_begin(&f, NULL);
    struct mm_owner_options options = {.name = ""};
    EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                  MM_INVALID_ARGUMENT);
    options.name = NULL;
    EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmapper_register_owner(f.mapper, NULL, &owner, &f.error),
                  MM_INVALID_ARGUMENT);
    options.name = "kind";
    options.kind = MM_KIND_COUNT;
    EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                  MM_INVALID_ARGUMENT);
    options.kind = MM_KIND_MISC;
    options.strategy.protection = (enum mm_protection)9;
    EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                  MM_INVALID_ARGUMENT);
    options.strategy.protection = MM_PROTECTION_RW;
    char long_name[200];
    memset(long_name, 'n', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    options.name = long_name;
    EXPECT_OK(mmapper_register_owner(f.mapper, &options, &owner, &f.error));
    EXPECT_EQ(strlen(mm_owner_name(owner)), MM_NAME_BYTES - 1);
    EXPECT_EQ(mm_owner_kind(owner), MM_KIND_MISC);
    /* Not while it holds something. */
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, owner, fixture_extent(5, 1), NULL));
    EXPECT_STATUS(mmapper_unregister_owner(f.mapper, owner, &f.error), MM_WRONG_STATE);
    EXPECT_EQ(f.error.address, fixture_extent(5, 1).start);
    EXPECT_OK(mmapper_release(f.mapper, owner, fixture_extent(5, 1), NULL));
    EXPECT_OK(mmapper_unregister_owner(f.mapper, owner, &f.error));
    fixture_end(&f);
}

/* An entry given back is not used again at once while others are free. */
static void test_owner_reuse(void)
{
    struct fixture f;
    const struct mm_owner_options options = {.name = "short-lived"};
    struct mm_owner *first;
    struct mm_owner *second;
    fixture_begin(&f, NULL);
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_OK(mmapper_register_owner(f.mapper, &options, &first, NULL));
        EXPECT_OK(mmapper_unregister_owner(f.mapper, first, NULL));
        EXPECT_OK(mmapper_register_owner(f.mapper, &options, &second, NULL));
        EXPECT(first != second);
        EXPECT_OK(mmapper_unregister_owner(f.mapper, second, NULL));
    }
    fixture_end(&f);
}

static void test_owner_limit(void)
{
    struct fixture f;
    struct mm_owner *owner = NULL;
    const struct mm_owner_options options = {.name = "many"};
    fixture_begin(&f, NULL);
    for (unsigned i = 3; i < MM_MAX_OWNERS; i++) {
        EXPECT_OK(mmapper_register_owner(f.mapper, &options, &owner, &f.error));
    }
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, owner, fixture_extent(0, 1), NULL));
    EXPECT_STATUS(mmapper_register_owner(f.mapper, &options, &owner, &f.error),
                  MM_LIMIT);
    struct mm_statistics statistics;
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.owners, MM_MAX_OWNERS);
    EXPECT_OK(mmapper_unregister_owner(f.mapper, f.other, &f.error));
    EXPECT_OK(mmapper_register_owner(f.mapper, &options, &owner, &f.error));
    fixture_end(&f);
}

static void expect_no_mapper(struct mmapper_options options, const char *detail)
{
    struct fixture f;
    struct mmapper *mapper = NULL;
    fixture_begin(&f, NULL);
    EXPECT_STATUS(mmapper_create(&options, &f.support, &mapper, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_CONTAINS(f.error.detail, detail);
    EXPECT(mapper == NULL);
    EXPECT_EQ(f.error.operation, MM_OPERATION_CREATE);
    fixture_end(&f);
}

static void test_options(void)
{
    expect_no_mapper((struct mmapper_options){.chunk_bytes = 3 << 20}, "chunk_bytes");
    expect_no_mapper((struct mmapper_options){.chunk_bytes = 2048}, "chunk_bytes");
    expect_no_mapper((struct mmapper_options){.chunk_bytes = (size_t)2 << 30},
                     "chunk_bytes");
    expect_no_mapper((struct mmapper_options){.log_space = 58}, "log_space");
    expect_no_mapper((struct mmapper_options){.log_space = 21}, "log_space");
    expect_no_mapper((struct mmapper_options){.log_region_chunks = 21}, "log_region");
    expect_no_mapper((struct mmapper_options){.max_owners = MM_MAX_OWNERS + 1},
                     "max_owners");
    expect_no_mapper((struct mmapper_options){.limit = (uintptr_t)1 << 49}, "limit");
    expect_no_mapper((struct mmapper_options){.base = 4096, .limit = 1 << 22},
                     "multiple");
    expect_no_mapper((struct mmapper_options){.base = 4096}, "multiple");
    expect_no_mapper((struct mmapper_options){.base = 1 << 23, .limit = 1 << 23},
                     "empty");
    struct mmapper *mapper;
    EXPECT_STATUS(mmapper_create(NULL, NULL, &mapper, NULL), MM_INVALID_ARGUMENT);
}

int main(void)
{
    test_extents();
    test_owners();
    test_registration();
    test_owner_reuse();
    test_owner_limit();
    test_options();
    return 0;
}
