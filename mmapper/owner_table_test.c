/* SPDX-License-Identifier: MIT */
/* The table of owners alone: reuse of an entry is seen by who still has the old one. */
#include "mmapper/owner_table.h"

#include "mmapper/testing/expect.h"

static const struct mm_owner_options first = {.name = "first", .kind = MM_KIND_SPACE};
static const struct mm_owner_options second = {
    .name = "second",
    .kind = MM_KIND_MISC,
    .strategy = {.backing = MM_BACKING_EXTERNAL,
                 .protection = MM_PROTECTION_RWX,
                 .huge_pages = MM_HUGE_PAGES_TRANSPARENT,
                 .accounting = MM_UNACCOUNTED}};

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
    struct owner_table table = {.max = 4};
    table.owners = aligned_alloc(OWNER_BYTES, mm_owner_table_bytes(table.max));
    EXPECT(table.owners != NULL);
    memset(table.owners, 0, mm_owner_table_bytes(table.max));
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
    struct owner_pin *outer = mm_owner_pin(owner);
    struct owner_pin *inner = mm_owner_pin(owner);
    mm_owner_unpin(outer);
    EXPECT(mm_owner_is_pinned(owner));
    mm_owner_unpin(inner);
    EXPECT(!mm_owner_is_pinned(owner));
}

int main(void)
{
    struct owner_table table = {.max = 1};
    table.owners = aligned_alloc(OWNER_BYTES, mm_owner_table_bytes(table.max));
    EXPECT(table.owners != NULL);
    memset(table.owners, 0, mm_owner_table_bytes(table.max));
    test_generations(&table);
    test_pins(&table);
    test_round_robin();
    free(table.owners);
    return 0;
}
