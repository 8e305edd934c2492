/* SPDX-License-Identifier: MIT */
/* What verify makes of lists that no kernel would give, and of a table that changes
 * while it walks. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fixture.h"

enum { RW = MM_ACCESS_READ | MM_ACCESS_WRITE };

/* The simulated kernel, but for its list. */
static struct {
    struct fixture f;
    struct mmap_operations operations;
    const struct mmap_operations *inner;
    struct mm_mapping list[4];
    size_t count;
    void (*before_second)(void);
    int error;
    struct mm_verify_result result;
    unsigned reports;
} g;

static int list_all(void *context, struct mm_extent range, mm_mapping_visitor visit,
                    void *argument)
{
    (void)context;
    EXPECT_EQ(range.start, mmapper_window(g.f.mapper).start);
    EXPECT_EQ(range.bytes, mmapper_window(g.f.mapper).bytes);
    for (size_t i = 0; i < g.count; i++) {
        if (i == 1 && g.before_second != NULL) {
            g.before_second();
        }
        EXPECT(visit(argument, &g.list[i]));
    }
    return g.error;
}

/* [2,6) is heap's and mapped, [8,10) heap's and quarantined. */
static void begin(void)
{
    memset(&g, 0, sizeof g);
    fixture_begin(&g.f, NULL);
    g.inner = g.f.support.operations;
    g.operations = *g.inner;
    g.operations.each_mapping = list_all;
    g.f.support.operations = &g.operations;
    EXPECT_OK(mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(2, 4), NULL));
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(8, 2), NULL));
}

static void end(void)
{
    g.f.support.operations = g.inner;
    fixture_end(&g.f);
}

static void add(struct mm_extent extent, unsigned access)
{
    g.list[g.count++] = (struct mm_mapping){.extent = extent, .access = access};
}

static void count_report(void *argument, const struct mm_difference *difference)
{
    EXPECT(argument == &g);
    EXPECT(difference->extent.bytes > 0);
    g.reports++;
}

static void expect_result(bool sole, uint64_t differences, uint64_t notes,
                          uint64_t unsettled)
{
    const struct mm_verify_options options = {
        .sole = sole, .report = count_report, .argument = &g};
    g.reports = 0;
    EXPECT_OK(mmapper_verify(g.f.mapper, &options, &g.result, NULL));
    EXPECT_EQ(g.result.mappings, g.count);
    EXPECT_EQ(g.result.differences, differences);
    EXPECT_EQ(g.result.notes, notes);
    EXPECT_EQ(g.result.unsettled, unsettled);
    EXPECT_EQ(g.reports, differences + notes);
}

static void test_counts(void)
{
    begin();
    expect_result(true, 2, 0, 0); /* two runs that the kernel has nothing of */
    add(fixture_extent(2, 2), RW);
    add(fixture_extent(4, 2), MM_ACCESS_READ);
    add(fixture_extent(8, 1), MM_ACCESS_READ);
    add(fixture_extent(9, 1), 0);
    expect_result(true, 1, 1, 0);
    EXPECT_OK(mmapper_verify(g.f.mapper, NULL, NULL, NULL));
    end();
}

/* A mapping may begin before the window, end behind it, and cover all of it. */
static void test_window(void)
{
    begin();
    add(mm_extent_of(FIXTURE_BASE - FIXTURE_PAGE, FIXTURE_PAGE), RW);
    add(fixture_extent(2, 4), RW);
    add(fixture_extent(8, 2), 0);
    add(fixture_extent(FIXTURE_CHUNKS, 1), RW);
    expect_result(true, 0, 0, 0);
    g.count = 0;
    add(mm_extent_of(FIXTURE_BASE - FIXTURE_PAGE, (size_t)1 << 30), RW);
    expect_result(true, 3, 1, 0); /* [0,2), [6,8), [10,14) are nobody's */
    expect_result(false, 0, 1, 0);
    end();
}

static void transferred(void)
{
    EXPECT_OK(
        mmapper_transfer(g.f.mapper, g.f.heap, g.f.other, fixture_extent(4, 2), NULL));
}

static void decommitted(void)
{
    EXPECT_OK(mmapper_decommit(g.f.mapper, g.f.heap, fixture_extent(4, 2), NULL));
}

/* What was heap's and mapped when the walk looked is not any more: it says nothing. */
static void test_changes(void)
{
    void (*const changes[])(void) = {transferred, decommitted};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        begin();
        g.before_second = changes[i];
        add(fixture_extent(2, 2), RW);
        add(fixture_extent(4, 2), 0);
        add(fixture_extent(8, 2), 0);
        expect_result(false, 0, 0, 1);
        end();
    }
}

static void test_transient(void)
{
    begin();
    add(fixture_extent(2, 4), RW);
    add(fixture_extent(8, 2), 0);
    struct chunk_table *table = &g.f.mapper->table;
    struct chunk_unit unit = chunk_unit_load(table, (struct chunk_range){9, 10});
    const map_value held = unit.value;
    EXPECT_EQ(
        mm_chunk_claim(table, 9, &unit, map_make(MAP_RELEASING_Q, map_owner_of(held))),
        CHUNK_SWAPPED);
    expect_result(true, 0, 0, 1);
    unit = chunk_unit_load(table, (struct chunk_range){9, 10});
    EXPECT_EQ(mm_chunk_publish(table, 9, &unit, held), CHUNK_SWAPPED);
    end();
}

static void test_unreadable(void)
{
    begin();
    g.error = EACCES;
    EXPECT_STATUS(mmapper_verify(g.f.mapper, NULL, &g.result, &g.f.error), MM_OS_ERROR);
    EXPECT_EQ(g.f.error.operation, MM_OPERATION_VERIFY);
    EXPECT_EQ(g.f.error.os_call, MM_OS_EACH_MAPPING);
    EXPECT_EQ(g.f.error.os_error, EACCES);
    EXPECT_EQ(g.f.error.address, FIXTURE_BASE);
    EXPECT_EQ(g.result.differences, 0); /* not: that all is missing */
    end();
}

int main(void)
{
    test_counts();
    test_window();
    test_changes();
    test_transient();
    test_unreadable();
    return 0;
}
