/* SPDX-License-Identifier: MIT */
/* The table of owners alone: reuse of an entry is seen by who still has the old one. */
#include "mmapper/owner_table.h"

#include <signal.h>
#include <sys/mman.h>

#include "mmapper/testing/expect.h"

static const struct mm_owner_options first = {.name = "first", .kind = MM_KIND_SPACE};
static const struct mm_owner_options second = {
    .name = "second",
    .kind = MM_KIND_MISC,
    .strategy = {.backing = MM_BACKING_EXTERNAL,
                 .protection = MM_PROTECTION_RWX,
                 .huge_pages = MM_HUGE_PAGES_TRANSPARENT,
                 .accounting = MM_UNACCOUNTED}};

static struct owner_table new_table(unsigned max)
{
    struct owner_table table = {.max = max};
    table.owners = aligned_alloc(OWNER_BYTES, mm_owner_table_bytes(max));
    EXPECT(table.owners != NULL);
    memset(table.owners, 0, mm_owner_table_bytes(max));
    return table;
}

static void test_generations(struct owner_table *table)
{
    struct mm_owner *owner;
    struct mm_owner *again;
    struct mm_holder holder;
    EXPECT_EQ(mm_owner_register(table, &first, &owner), MM_OK);
    EXPECT_EQ(mm_owner_register(table, &second, &again), MM_LIMIT);
    EXPECT(mm_owner_describe(owner, &holder));
    EXPECT_STR(holder.name, "first");
    const uint32_t before = mm_load_relaxed_u32(&owner->status);
    mm_owner_unregister(owner);
    EXPECT_EQ(owner_id(table, owner), MAP_NOBODY);
    EXPECT(!mm_owner_describe(owner, &holder));
    EXPECT_EQ(mm_owner_register(table, &second, &again), MM_OK);
    EXPECT(again == owner);
    EXPECT(mm_load_relaxed_u32(&owner->status) != before); /* live again, another one */
    EXPECT(mm_owner_describe(owner, &holder));
    EXPECT_STR(holder.name, "second");
    EXPECT_EQ(holder.kind, MM_KIND_MISC);
    const struct mm_strategy strategy = mm_owner_strategy(owner);
    EXPECT_EQ(strategy.backing, MM_BACKING_EXTERNAL);
    EXPECT_EQ(strategy.protection, MM_PROTECTION_RWX);
    EXPECT_EQ(strategy.huge_pages, MM_HUGE_PAGES_TRANSPARENT);
    EXPECT_EQ(strategy.accounting, MM_UNACCOUNTED);
}

/* An entry given back is not the next to be used while another one is free. */
static void test_round_robin(void)
{
    struct mm_owner *owners[4];
    struct mm_owner *next;
    struct owner_table table = new_table(4);
    for (size_t i = 0; i < 4; i++) {
        EXPECT_EQ(mm_owner_register(&table, &first, &owners[i]), MM_OK);
    }
    mm_owner_unregister(owners[1]);
    mm_owner_unregister(owners[2]);
    EXPECT_EQ(mm_owner_register(&table, &second, &next), MM_OK);
    EXPECT(next == owners[1]); /* past owners[0], which is live */
    mm_owner_unregister(next);
    EXPECT_EQ(mm_owner_register(&table, &second, &next), MM_OK);
    EXPECT(next == owners[2]);
    EXPECT_EQ(mm_owner_count(&table), 3);
    free(table.owners);
}

static void test_pins(struct owner_table *table)
{
    struct mm_owner *owner = &table->owners[MAP_OWNER_FIRST];
    EXPECT(!mm_owner_is_pinned(owner));
    struct owner_pin *outer = mm_owner_pin(owner, OWNER_PIN_COMMIT);
    struct owner_pin *inner = mm_owner_pin(owner, OWNER_PIN_COMMIT);
    struct owner_pin *pages = mm_owner_pin(owner, OWNER_PIN_PAGES);
    mm_owner_unpin(outer, OWNER_PIN_COMMIT);
    EXPECT(mm_owner_is_committing(owner));
    mm_owner_unpin(inner, OWNER_PIN_COMMIT);
    EXPECT(!mm_owner_is_committing(owner));
    EXPECT(mm_owner_is_pinned(owner));
    mm_owner_unpin(pages, OWNER_PIN_PAGES);
    EXPECT(!mm_owner_is_pinned(owner));
}

/* What lies behind the pins is none. */
static void test_pins_end(struct owner_table *table)
{
    struct mm_owner *owner = &table->owners[MAP_OWNER_FIRST];
    const size_t end = offsetof(struct mm_owner, pins) + sizeof owner->pins;
    _Static_assert(sizeof owner->pins < OWNER_BYTES - offsetof(struct mm_owner, pins),
                   "there is room behind them");
    memset((char *)owner + end, 0xAA, sizeof *owner - end);
    EXPECT(!mm_owner_is_pinned(owner));
    EXPECT_EQ(mm_owner_table_after_fork(table), 0);
    for (size_t i = end; i < sizeof *owner; i++) {
        EXPECT_EQ(((unsigned char *)owner)[i], 0xAA);
    }
}

/* G8, for a full table: every pin goes, a registration that was cut off is undone, and
 * the owner of what is left behind is not one of the others. */
static void test_fork(void)
{
    enum { OWNERS = 4 };
    struct mm_owner *owners[OWNERS];
    struct mm_owner *again;
    struct mm_holder holder;
    struct owner_table table = new_table(OWNERS);
    for (size_t i = 0; i < OWNERS; i++) {
        EXPECT_EQ(mm_owner_register(&table, &first, &owners[i]), MM_OK);
        (void)mm_owner_pin(owners[i], i % 2 == 0 ? OWNER_PIN_COMMIT : OWNER_PIN_PAGES);
    }
    mm_owner_unregister(owners[2]);
    const uint32_t status = mm_load_relaxed_u32(&owners[2]->status);
    mm_store_relaxed_u32(&owners[2]->status, status + OWNER_REGISTERING);
    EXPECT_EQ(mm_owner_table_after_fork(&table), OWNERS);
    EXPECT_EQ(mm_load_relaxed_u32(&owners[2]->status), status);
    for (size_t i = 0; i < OWNERS; i++) {
        EXPECT(!mm_owner_is_pinned(owners[i]));
    }
    EXPECT_EQ(mm_owner_count(&table), OWNERS - 1);
    const struct mm_owner *abandoned = owner_at(&table, owner_abandoned(&table));
    EXPECT(abandoned == &table.owners[OWNERS + 1]);
    EXPECT(mm_owner_describe(abandoned, &holder));
    EXPECT_STR(holder.name, "abandoned-by-fork");
    EXPECT_EQ(mm_owner_strategy(abandoned).backing, MM_BACKING_EXTERNAL);
    EXPECT_EQ(mm_owner_register(&table, &second, &again), MM_OK);
    EXPECT(again == owners[2]);
    EXPECT_EQ(mm_owner_table_after_fork(&table), 0); /* a child's child */
    EXPECT_EQ(mm_owner_register(&table, &second, &again), MM_LIMIT);
    free(table.owners);
}

/* Another thread takes the entry between the look at it and the swap. The look at a
 * write-protected page works, the swap faults, and the handler is the other thread. */
static struct {
    struct owner_table table;
    unsigned faults;
} race;

static void be_faster(int signal)
{
    (void)signal;
    race.faults++;
    EXPECT_EQ(mprotect(race.table.owners, mm_owner_table_bytes(race.table.max),
                       PROT_READ | PROT_WRITE),
              0);
    mm_store_relaxed_u32(&race.table.owners[MAP_OWNER_FIRST].status, OWNER_LIVE);
}

static void test_lost_race(void)
{
    const size_t bytes = mm_owner_table_bytes(1);
    const struct sigaction faster = {.sa_handler = be_faster};
    struct sigaction before;
    struct mm_owner *owner;
    struct mm_holder holder;
    race.table.max = 1;
    race.table.owners =
        mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(race.table.owners != MAP_FAILED);
    EXPECT_EQ(sigaction(SIGSEGV, &faster, &before), 0);
    EXPECT_EQ(mm_owner_register(&race.table, &first, &owner), MM_LIMIT);
    EXPECT_EQ(sigaction(SIGSEGV, &before, NULL), 0);
    EXPECT_EQ(race.faults, 1);
    EXPECT(mm_owner_describe(&race.table.owners[MAP_OWNER_FIRST], &holder));
    EXPECT_STR(holder.name, ""); /* the other's entry: nothing was written there */
    EXPECT_EQ(munmap(race.table.owners, bytes), 0);
}

int main(void)
{
    struct owner_table table = new_table(1);
    test_generations(&table);
    test_pins(&table);
    test_pins_end(&table);
    test_round_robin();
    test_fork();
    test_lost_race();
    free(table.owners);
    return 0;
}
