/* SPDX-License-Identifier: MIT */
/* protect and guard: what they do to pages, what they leave alone, what they refuse. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/pages_fixture.h"

static uint64_t calls(const struct fixture *f)
{
    struct mm_statistics statistics;
    uint64_t sum = 0;
    mmapper_statistics(f->mapper, &statistics);
    for (unsigned i = 0; i < MM_OS_CALL_COUNT; i++) {
        sum += statistics.os_calls[i];
    }
    return sum;
}

static void test_protect(void)
{
    struct fixture f;
    begin(&f, NULL);
    write_page(&f, 7, 42);
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(7, 2), RO, NULL));
    for (size_t page = 4; page < 16; page++) {
        EXPECT_EQ(access_of(&f, page), page == 7 || page == 8 ? RO : RW);
    }
    EXPECT_EQ(read_page(&f, 7), 42);
    EXPECT_PICTURE(&f, ".mmm..........");
    const uint64_t before = calls(&f);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(1, 3), NULL));
    EXPECT_EQ(calls(&f), before);
    EXPECT_EQ(access_of(&f, 7), RO);
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(7, 1), 0, NULL));
    EXPECT_EQ(access_of(&f, 7), 0);
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(7, 2), RW, NULL));
    EXPECT_EQ(access_of(&f, 8), RW);
    EXPECT_EQ(read_page(&f, 7), 42);
    fixture_end(&f);
}

/* Code is written and then made executable, never both. */
static void test_protect_code(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    struct mm_owner *code = fixture_owner(
        &f, "code", (struct mm_strategy){.protection = MM_PROTECTION_RWX});
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, code, fixture_extent(0, 1), NULL));
    EXPECT_OK(mmapper_protect(f.mapper, code, pages(0, 4), RW, NULL));
    write_page(&f, 0, 1);
    EXPECT_OK(mmapper_protect(f.mapper, code, pages(0, 4), RX, NULL));
    EXPECT_EQ(access_of(&f, 0), RX);
    EXPECT_EQ(sim_kernel_write(f.kernel, pages(0, 1).start, 2), EFAULT);
    fixture_end(&f);
}

static void test_guard(const struct sim_kernel_options *kernel)
{
    struct fixture f;
    begin(&f, kernel);
    write_page(&f, 5, 41);
    write_page(&f, 6, 42);
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(6, 1), NULL));
    uint64_t token;
    EXPECT_EQ(sim_kernel_read(f.kernel, pages(6, 1).start, &token), EFAULT);
    EXPECT_EQ(sim_kernel_write(f.kernel, pages(6, 1).start, 1), EFAULT);
    EXPECT_EQ(read_page(&f, 5), 41);
    EXPECT(mmapper_is_mapped(f.mapper, pages(6, 1).start));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, pages(6, 1), NULL));
    EXPECT_EQ(sim_kernel_read(f.kernel, pages(6, 1).start, &token), EFAULT);
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(6, 1), NULL));
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(6, 1), RW, NULL));
    EXPECT_EQ(read_page(&f, 6), 0);
    write_page(&f, 6, 43);
    EXPECT_EQ(access_of(&f, 6), RW);
    fixture_end(&f);
}

/* A chunk that is mapped again has no guard, whoever has it by then. */
static void test_guard_ends_with_decommit(void)
{
    struct fixture f;
    begin(&f, NULL);
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(4, 1), NULL));
    EXPECT_OK(mmapper_guard(f.mapper, f.heap, pages(8, 1), NULL));
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    EXPECT_EQ(read_page(&f, 4), 0);
    EXPECT_OK(mmapper_transfer(f.mapper, f.heap, f.other, fixture_extent(2, 1), NULL));
    EXPECT(sim_kernel_view(f.kernel, pages(8, 1).start).guarded);
    EXPECT_OK(mmapper_decommit(f.mapper, f.other, fixture_extent(2, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(2, 1), NULL));
    EXPECT_EQ(read_page(&f, 8), 0);
    fixture_end(&f);
}

/* An owner that never did it pays nothing for it. */
static void test_decommit_costs_what_it_did(void)
{
    struct fixture f;
    struct mm_statistics statistics;
    begin(&f, NULL);
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_UNGUARD], 0);
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(8, 1), RO, NULL));
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(2, 1), NULL));
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_PROTECT], 1);
    EXPECT_EQ(statistics.os_calls[MM_OS_UNGUARD], 1);
    /* The entry's next owner has no odd pages. */
    EXPECT_OK(mmapper_release(f.mapper, f.heap, fixture_extent(1, 3), NULL));
    EXPECT_OK(mmapper_unregister_owner(f.mapper, f.heap, NULL));
    do {
        EXPECT_OK(mmapper_register_owner(
            f.mapper, &(struct mm_owner_options){.name = "next"}, &f.image, NULL));
    } while (f.image != f.heap);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), NULL));
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_UNGUARD], 1);
    fixture_end(&f);
}

/* Both calls refuse it, and no page has another access afterwards. */
static void expect_refused(struct fixture *f, struct mm_owner *owner,
                           struct mm_extent extent, enum mm_status status,
                           uintptr_t address)
{
    const uint64_t before = calls(f);
    EXPECT_STATUS(mmapper_protect(f->mapper, owner, extent, RO, &f->error), status);
    EXPECT_EQ(f->error.operation, MM_OPERATION_PROTECT);
    EXPECT_EQ(f->error.address, address);
    EXPECT_STATUS(mmapper_guard(f->mapper, owner, extent, &f->error), status);
    EXPECT_EQ(f->error.operation, MM_OPERATION_GUARD);
    EXPECT_EQ(f->error.address, address);
    EXPECT_STATUS(mmapper_collapse(f->mapper, owner, extent, &f->error), status);
    EXPECT_EQ(f->error.operation, MM_OPERATION_COLLAPSE);
    EXPECT_EQ(calls(f), before);
    EXPECT(!mm_owner_is_pinned(f->heap));
}

static void test_refusals(void)
{
    struct fixture f;
    begin(&f, NULL);
    struct mm_owner *nobody = NULL;
    const uintptr_t start = pages(4, 1).start;
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(4, 1), NULL));
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(5, 1), NULL));
    EXPECT_OK(mmapper_exclude(f.mapper, f.image, fixture_extent(6, 1), NULL));
    expect_refused(&f, f.heap, mm_extent_of(start + 1, PAGE), MM_INVALID_ARGUMENT,
                   start + 1);
    expect_refused(&f, f.heap, mm_extent_of(start, PAGE - 1), MM_INVALID_ARGUMENT,
                   start);
    expect_refused(&f, f.heap, mm_extent_of(start, 0), MM_INVALID_ARGUMENT, start);
    expect_refused(&f, f.heap, pages(4 * FIXTURE_CHUNKS - 1, 2), MM_OUT_OF_RANGE,
                   FIXTURE_BASE + FIXTURE_CHUNKS * (uintptr_t)FIXTURE_CHUNK);
    expect_refused(&f, nobody, pages(4, 1), MM_UNKNOWN_OWNER, start);
    expect_refused(&f, f.image, pages(24, 1), MM_WRONG_STATE, pages(24, 1).start);
    expect_refused(&f, f.heap, pages(0, 8), MM_WRONG_STATE, FIXTURE_BASE);
    expect_refused(&f, f.heap, pages(20, 1), MM_WRONG_STATE,
                   fixture_extent(5, 1).start);
    expect_refused(&f, f.heap, pages(14, 8), MM_CONFLICT, fixture_extent(4, 1).start);
    EXPECT_STR(f.error.holder.name, "other");
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(4, 1), RX, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_CONTAINS(f.error.detail, "strategy");
    /* Said first, whatever else is wrong. */
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(16, 1), RX, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT(!mm_owner_is_pinned(f.heap));
    fixture_end(&f);
}

/* Who may still commit would undo it; who may be unmapping sees the pin. */
static void test_busy(void)
{
    struct fixture f;
    begin(&f, NULL);
    struct owner_pin *pin = mm_owner_pin(f.heap, OWNER_PIN_COMMIT);
    EXPECT_STATUS(mmapper_protect(f.mapper, f.heap, pages(4, 1), RO, &f.error),
                  MM_BUSY);
    EXPECT_STATUS(mmapper_guard(f.mapper, f.heap, pages(4, 1), &f.error), MM_BUSY);
    EXPECT_CONTAINS(f.error.detail, "ensure_mapped");
    EXPECT_EQ(access_of(&f, 4), RW);
    mm_owner_unpin(pin, OWNER_PIN_COMMIT);
    pin = mm_owner_pin(f.heap, OWNER_PIN_PAGES);
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, pages(4, 1), RO, NULL));
    EXPECT_STATUS(mmapper_decommit(f.mapper, f.heap, fixture_extent(1, 1), &f.error),
                  MM_BUSY);
    EXPECT_CONTAINS(f.error.detail, "changing pages");
    EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, fixture_extent(1, 1), &f.error),
                  MM_BUSY);
    mm_owner_unpin(pin, OWNER_PIN_PAGES);
    struct chunk_table *table = &f.mapper->table;
    const struct chunk_range range = {1, 2};
    const map_owner id = owner_id(&f.mapper->owners, f.heap);
    struct chunk_unit unit = chunk_unit_load(table, range);
    EXPECT_EQ(mm_chunk_claim(table, 1, &unit, map_make(MAP_DECOMMITTING_M, id)),
              CHUNK_SWAPPED);
    expect_refused(&f, f.heap, pages(4, 8), MM_BUSY, pages(4, 1).start);
    unit = chunk_unit_load(table, range);
    EXPECT_EQ(mm_chunk_publish(table, 1, &unit, map_make(MAP_MAPPED, id)),
              CHUNK_SWAPPED);
    fixture_end(&f);
}

int main(void)
{
    const struct sim_kernel_options old = {.no_guards = true};
    test_protect();
    test_protect_code();
    test_guard(NULL);
    test_guard(&old);
    test_guard_ends_with_decommit();
    test_decommit_costs_what_it_did();
    test_refusals();
    test_busy();
    return 0;
}
