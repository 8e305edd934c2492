/* SPDX-License-Identifier: MIT */
/* What another thread does or sees between two steps of a call where no system call
 * lies: the linker puts this file between the mapper's own parts, so that each moment
 * is reached every time, on one thread. */
#include "mmapper/chunk_table.h"
#include "mmapper/owner_table.h"
#include "mmapper/testing/fixture.h"

static struct {
    struct fixture f;
    void (*before_pin)(void);
    void (*before_look)(void);
    void (*before_claim)(void);
    unsigned times;
} g;

static void arrive(void (**moment)(void))
{
    if (*moment != NULL) {
        g.times++;
        (*moment)();
    }
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
struct owner_pin *__real_mm_owner_pin(struct mm_owner *owner, uint64_t kind);
struct owner_pin *__wrap_mm_owner_pin(struct mm_owner *owner, uint64_t kind);
struct owner_pin *__wrap_mm_owner_pin(struct mm_owner *owner, uint64_t kind)
{
    arrive(&g.before_pin);
    return __real_mm_owner_pin(owner, kind);
}

bool __real_mm_owner_is_pinned(const struct mm_owner *owner);
bool __wrap_mm_owner_is_pinned(const struct mm_owner *owner);
bool __wrap_mm_owner_is_pinned(const struct mm_owner *owner)
{
    arrive(&g.before_look);
    return __real_mm_owner_is_pinned(owner);
}

enum chunk_swap __real_mm_chunk_claim(struct chunk_table *table, size_t first,
                                      struct chunk_unit *unit, map_value value);
enum chunk_swap __wrap_mm_chunk_claim(struct chunk_table *table, size_t first,
                                      struct chunk_unit *unit, map_value value);
enum chunk_swap __wrap_mm_chunk_claim(struct chunk_table *table, size_t first,
                                      struct chunk_unit *unit, map_value value)
{
    arrive(&g.before_claim);
    return __real_mm_chunk_claim(table, first, unit, value);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* A fellow thread gives the range back and another owner takes it. */
static void taken_over(void)
{
    g.before_pin = NULL;
    EXPECT_OK(mmapper_release(g.f.mapper, g.f.heap, fixture_extent(2, 2), &g.f.error));
    EXPECT_OK(
        mmapper_quarantine(g.f.mapper, g.f.other, fixture_extent(2, 2), &g.f.error));
}

/* G5: no call touches another owner's memory. */
static void test_slots_are_read_after_the_pin(void)
{
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(2, 2), NULL));
    g.before_pin = taken_over;
    g.times = 0;
    EXPECT_STATUS(
        mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(2, 2), &g.f.error),
        MM_CONFLICT);
    EXPECT_EQ(g.times, 1);
    struct mm_statistics statistics;
    mmapper_statistics(g.f.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_COMMIT], 0);
    EXPECT_PICTURE(&g.f, "..QQ..........");
    fixture_end(&g.f);
}

static void all_claimed(void)
{
    EXPECT_PICTURE(&g.f, ".?????........");
}

/* PIN-CLAIM: claim all, then look at the pins. */
static void test_pins_are_read_after_the_claim(void)
{
    fixture_begin(&g.f, NULL);
    EXPECT_OK(
        mmapper_ensure_mapped(g.f.mapper, g.f.heap, fixture_extent(1, 5), &g.f.error));
    g.before_look = all_claimed;
    g.times = 0;
    EXPECT_OK(mmapper_decommit(g.f.mapper, g.f.heap, fixture_extent(1, 5), &g.f.error));
    EXPECT_OK(mmapper_transfer(g.f.mapper, g.f.heap, g.f.other, fixture_extent(1, 5),
                               &g.f.error));
    EXPECT_OK(mmapper_release(g.f.mapper, g.f.other, fixture_extent(1, 5), &g.f.error));
    EXPECT_EQ(g.times, 3);
    g.before_look = NULL;
    fixture_end(&g.f);
}

/* While a call may still fail nobody sees what it would leave. */
static void nothing_final(void)
{
    for (size_t chunk = 1; chunk < 6; chunk++) {
        const enum mm_state state = fixture_state(&g.f, chunk);
        EXPECT(state == MM_UNMAPPED || state == MM_RESERVING);
    }
}

static void test_external_claims_all_first(void)
{
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(6, 1), NULL));
    g.before_claim = nothing_final;
    g.times = 0;
    EXPECT_STATUS(
        mmapper_adopt(g.f.mapper, g.f.image, fixture_extent(1, 6), &g.f.error),
        MM_CONFLICT);
    EXPECT_STATUS(
        mmapper_exclude(g.f.mapper, g.f.image, fixture_extent(1, 6), &g.f.error),
        MM_CONFLICT);
    EXPECT(g.times >= 10);
    g.before_claim = NULL;
    fixture_end(&g.f);
}

/* Another owner is faster between the look at a chunk and the swap. */
static void other_is_faster(void)
{
    g.before_claim = NULL;
    EXPECT_OK(
        mmapper_quarantine(g.f.mapper, g.f.other, fixture_extent(5, 1), &g.f.error));
}

static void test_lost_races_are_counted(void)
{
    struct mm_statistics statistics;
    fixture_begin(&g.f, NULL);
    EXPECT_OK(mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(4, 1), NULL));
    g.before_claim = other_is_faster;
    EXPECT_STATUS(
        mmapper_quarantine(g.f.mapper, g.f.heap, fixture_extent(5, 1), &g.f.error),
        MM_CONFLICT);
    EXPECT_STR(g.f.error.holder.name, "other");
    mmapper_statistics(g.f.mapper, &statistics);
    EXPECT_EQ(statistics.races_lost, 1);
    EXPECT_PICTURE(&g.f, "....qQ........");
    fixture_end(&g.f);
}

int main(void)
{
    test_slots_are_read_after_the_pin();
    test_pins_are_read_after_the_claim();
    test_external_claims_all_first();
    test_lost_races_are_counted();
    return 0;
}
