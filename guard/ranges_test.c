/* SPDX-License-Identifier: MIT */
/* The set of managed ranges beside an array with an entry for each page. */
#include "guard/ranges.h"

#include "mmapper/testing/expect.h"

enum { PAGES = 64, STEPS = 20000, PAGE = 4096, NAMES = 3 };

static const char *const names[NAMES] = {"", "a", "b"};

/* 0: not managed; else 1 + 2 * name + table. */
struct oracle {
    unsigned char page[PAGES];
};

static unsigned random_below(uint64_t *state, unsigned limit)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(*state >> 33) % limit;
}

static unsigned char entry_of(const struct guard_held *held)
{
    unsigned name = 0;
    while (strcmp(names[name], held->name) != 0) {
        name++;
        EXPECT(name < NAMES);
    }
    return (unsigned char)(1 + 2 * name + (held->table ? 1 : 0));
}

static void expect_equal(const struct guard_ranges *ranges, const struct oracle *oracle)
{
    uintptr_t last = 0;
    struct oracle seen = {0};
    for (size_t i = 0; i < ranges->count; i++) {
        const struct guard_held *held = &ranges->held[i];
        EXPECT(held->range.start < held->range.end);
        EXPECT(i == 0 || held->range.start >= last);
        last = held->range.end;
        for (uintptr_t at = held->range.start; at < last; at += PAGE) {
            seen.page[at / PAGE] = entry_of(held);
        }
    }
    EXPECT(memcmp(&seen, oracle, sizeof(seen)) == 0);
}

static void expect_meets(const struct guard_ranges *ranges, const struct oracle *oracle,
                         struct guard_range range)
{
    const struct guard_held *held = guard_ranges_meet(ranges, range);
    uintptr_t at = range.start;
    while (at < range.end && oracle->page[at / PAGE] == 0) {
        at += PAGE;
    }
    EXPECT_EQ(held != NULL, at < range.end);
    if (held != NULL) {
        EXPECT(held->range.start <= at && at < held->range.end);
        EXPECT(held < guard_ranges_end(ranges));
    }
}

/* One change of both. */
static void step(struct guard_ranges *ranges, struct oracle *oracle, uint64_t *random)
{
    const unsigned from = random_below(random, PAGES);
    const unsigned to = from + random_below(random, PAGES - from + 1);
    const unsigned name = random_below(random, NAMES);
    const struct guard_range range = {from * (uintptr_t)PAGE, to * (uintptr_t)PAGE};
    struct guard_held held = {.range = range, .table = random_below(random, 2) == 1};
    const unsigned choice = random_below(random, 3);
    if (choice == 0) {
        EXPECT(guard_ranges_add(ranges, held));
    } else if (choice == 1) {
        EXPECT(guard_ranges_remove(ranges, range));
    } else {
        EXPECT(guard_ranges_name(ranges, range, names[name]));
    }
    for (unsigned i = from; i < to; i++) {
        unsigned char *page = &oracle->page[i];
        if (choice == 0) {
            *page = entry_of(&held);
        } else if (choice == 1) {
            *page = 0;
        } else if (*page != 0) {
            *page = (unsigned char)(1 + 2 * name + (*page - 1U) % 2);
        }
    }
    expect_meets(ranges, oracle, range);
}

static void test_against_oracle(void)
{
    struct guard_ranges ranges = {0};
    struct oracle oracle = {0};
    uint64_t random = 1;
    for (unsigned i = 0; i < STEPS; i++) {
        step(&ranges, &oracle, &random);
        expect_equal(&ranges, &oracle);
    }
}

/* More than fit at first, and then all but one are taken out in one. */
static void test_growth(void)
{
    enum { MANY = 5000 };
    struct guard_ranges ranges = {0};
    for (uintptr_t i = 1; i <= MANY; i++) {
        const uintptr_t start = i * 2 * PAGE;
        EXPECT(guard_ranges_add(&ranges,
                                (struct guard_held){.range = {start, start + PAGE}}));
    }
    EXPECT_EQ(ranges.count, MANY);
    EXPECT(guard_ranges_remove(&ranges,
                               (struct guard_range){0, (uintptr_t)MANY * 2 * PAGE}));
    EXPECT_EQ(ranges.count, 1);
    EXPECT_EQ(ranges.held[0].range.start, (uintptr_t)MANY * 2 * PAGE);
}

/* A heap that grows piece by piece is one range, and a table beside it another. */
static void test_neighbours(void)
{
    struct guard_ranges ranges = {0};
    for (uintptr_t i = 1; i < 100; i++) {
        EXPECT(guard_ranges_add(
            &ranges, (struct guard_held){.range = {i * PAGE, (i + 1) * PAGE}}));
    }
    EXPECT_EQ(ranges.count, 1);
    EXPECT(guard_ranges_add(&ranges,
                            (struct guard_held){.range = {0, PAGE}, .table = true}));
    EXPECT_EQ(ranges.count, 2);
}

int main(void)
{
    test_against_oracle();
    test_growth();
    test_neighbours();
    return 0;
}
