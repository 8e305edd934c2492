/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/address_map.h"

#include "mmapper/testing/expect.h"

enum { CELLS = 48, UNIT = 16, STEPS = 200000 };

static struct mm_extent cells(size_t first, size_t count)
{
    const struct mm_extent extent = {first * UNIT, count * UNIT};
    return extent;
}

static void test_refuses_overlap_and_says_with_whom(void)
{
    struct address_map *map = address_map_create();
    struct address_claim found = {{0, 0}, 0};
    EXPECT(address_map_insert(map, cells(2, 2), 7, NULL));
    EXPECT(address_map_insert(map, cells(6, 2), 8, NULL));
    EXPECT(!address_map_insert(map, cells(0, 8), 9, &found));
    EXPECT_EQ(found.token, 7);
    EXPECT_EQ(found.extent.start, 2 * UNIT);
    EXPECT_EQ(found.extent.bytes, 2 * UNIT);
    EXPECT(!address_map_insert(map, cells(3, 1), 7, &found)); /* own counts as well */
    EXPECT_EQ(found.token, 7);
    EXPECT_EQ(address_map_count(map), 2);
    EXPECT(address_map_insert(map, cells(4, 2), 7, NULL));
    EXPECT_EQ(address_map_count(map), 2); /* one claim of 7 now */
    EXPECT(address_map_query(map, 4 * UNIT + 3, &found));
    EXPECT_EQ(found.extent.bytes, 4 * UNIT);
    EXPECT(!address_map_query(map, 8 * UNIT, &found));
    EXPECT_EQ(address_map_bytes(map), 6 * UNIT);
    EXPECT_EQ(address_map_token_bytes(map, 8), 2 * UNIT);
    address_map_destroy(map);
}

static void test_names_the_first_byte_that_is_not_held(void)
{
    struct address_map *map = address_map_create();
    struct address_claim found = {{0, 0}, 0};
    EXPECT(address_map_insert(map, cells(0, 2), 1, NULL));
    EXPECT(address_map_insert(map, cells(4, 2), 2, NULL));
    EXPECT(!address_map_remove(map, cells(0, 6), 1, &found)); /* a gap */
    EXPECT_EQ(found.extent.start, 2 * UNIT);
    EXPECT_EQ(found.extent.bytes, 2 * UNIT);
    EXPECT(!address_map_change(map, cells(4, 2), 1, 3, &found)); /* another's */
    EXPECT_EQ(found.token, 2);
    EXPECT_EQ(found.extent.start, 4 * UNIT);
    EXPECT(!address_map_holds(map, cells(5, 2), 2, &found)); /* free for ever */
    EXPECT_EQ(found.extent.start, 6 * UNIT);
    EXPECT_EQ(found.extent.bytes, 0);
    EXPECT(address_map_change(map, cells(4, 1), 2, 1, NULL));
    EXPECT(address_map_holds(map, cells(5, 1), 2, NULL));
    EXPECT(address_map_holds(map, cells(4, 1), 1, NULL));
    EXPECT_EQ(address_map_count(map), 3);
    address_map_destroy(map);
}

static void test_the_top_of_the_address_space(void)
{
    struct address_map *map = address_map_create();
    const struct mm_extent top = {UINTPTR_MAX - 15, 16};
    struct address_claim found = {{0, 0}, 0};
    EXPECT(address_map_insert(map, top, 1, NULL));
    EXPECT(address_map_query(map, UINTPTR_MAX, &found));
    EXPECT_EQ(found.extent.bytes, 16);
    EXPECT(!address_map_insert(map, (struct mm_extent){UINTPTR_MAX, 1}, 2, NULL));
    EXPECT(address_map_remove(map, top, 1, NULL));
    EXPECT_EQ(address_map_count(map), 0);
    address_map_destroy(map);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* The same map, one token per cell, 0 for nobody. */
static bool model_all(const uint64_t *model, size_t first, size_t count, uint64_t token)
{
    for (size_t i = first; i < first + count; i++) {
        if (model[i] != token) {
            return false;
        }
    }
    return true;
}

static void expect_same(struct address_map *map, const uint64_t *model)
{
    size_t claims = 0;
    uint64_t held = 0;
    for (size_t i = 0; i < CELLS; i++) {
        struct address_claim claim;
        const bool found = address_map_query(map, i * UNIT + UNIT / 2, &claim);
        EXPECT_EQ(found ? claim.token : 0, model[i]);
        claims += model[i] != 0 && (i == 0 || model[i - 1] != model[i]);
        held += model[i] != 0;
    }
    EXPECT_EQ(address_map_count(map), claims);
    EXPECT_EQ(address_map_bytes(map), held * UNIT);
    struct address_claim claim;
    uintptr_t at = 0;
    size_t walked = 0;
    for (; address_map_next(map, at, &claim);
         at = claim.extent.start + claim.extent.bytes) {
        EXPECT(model_all(model, claim.extent.start / UNIT, claim.extent.bytes / UNIT,
                         claim.token));
        walked++;
    }
    EXPECT_EQ(walked, claims);
}

static void test_random_steps_against_an_array(uint64_t seed)
{
    (void)printf("seed %" PRIu64 "\n", seed);
    struct address_map *map = address_map_create();
    uint64_t model[CELLS] = {0};
    for (size_t step = 0; step < STEPS; step++) {
        const size_t first = next_random(&seed) % CELLS;
        const size_t count = 1 + next_random(&seed) % (CELLS - first) % 8;
        const uint64_t token = 1 + next_random(&seed) % 3;
        const uint64_t action = next_random(&seed) % 3;
        uint64_t to = token;
        bool expected;
        bool done;
        if (action == 0) {
            expected = model_all(model, first, count, 0);
            done = address_map_insert(map, cells(first, count), token, NULL);
        } else if (action == 1) {
            expected = model_all(model, first, count, token);
            done = address_map_remove(map, cells(first, count), token, NULL);
            to = 0;
        } else {
            expected = model_all(model, first, count, token);
            to = 1 + next_random(&seed) % 3;
            done = address_map_change(map, cells(first, count), token, to, NULL);
        }
        EXPECT_EQ(done, expected);
        for (size_t i = first; done && i < first + count; i++) {
            model[i] = to;
        }
        if (step % 64 == 0) {
            expect_same(map, model);
        }
    }
    expect_same(map, model);
    address_map_destroy(map);
}

int main(void)
{
    test_refuses_overlap_and_says_with_whom();
    test_names_the_first_byte_that_is_not_held();
    test_the_top_of_the_address_space();
    test_random_steps_against_an_array(1);
    return 0;
}
