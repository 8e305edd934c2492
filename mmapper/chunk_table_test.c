/* SPDX-License-Identifier: MIT */
/* The table against an array, in a window of regions of four chunks of which the last
 * is short. */
#include "mmapper/chunk_table.h"

#include "mmapper/testing/expect.h"

enum { CHUNKS = 14, LOG_REGION = 2, REGIONS = 4, LOG_CHUNK = 12 };
static const uintptr_t BASE = 0x10000;

struct fixture {
    mm_atomic_u32 regions[REGIONS];
    mm_atomic_u16 slots[CHUNKS];
    map_value model[CHUNKS];
    struct chunk_table table;
};

static void begin(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->table = (struct chunk_table){.base = BASE,
                                          .bytes = CHUNKS << LOG_CHUNK,
                                          .chunks = CHUNKS,
                                          .log_chunk = LOG_CHUNK,
                                          .log_region = LOG_REGION,
                                          .log_region_bytes = LOG_CHUNK + LOG_REGION,
                                          .regions = fixture->regions,
                                          .slots = fixture->slots};
}

static void expect_model(const struct fixture *fixture)
{
    const struct chunk_table *table = &fixture->table;
    struct chunk_range range = {0, CHUNKS};
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        EXPECT_EQ(chunk_load(table, chunk), fixture->model[chunk]);
    }
    while (range.first < range.end) {
        struct chunk_unit unit = chunk_unit_load(table, range);
        struct chunk_unit pinned = chunk_unit_load_pinned(table, range);
        EXPECT(unit.end > range.first && unit.end <= range.end);
        EXPECT_EQ(unit.end, pinned.end);
        EXPECT_EQ(unit.value, pinned.value);
        for (; range.first < unit.end; range.first++) {
            EXPECT_EQ(unit.value, fixture->model[range.first]);
        }
    }
}

/* Sets a range as the driver does, and the model with it. */
static void set(struct fixture *fixture, struct chunk_range range, map_value value,
                bool claim)
{
    struct chunk_table *table = &fixture->table;
    for (size_t chunk = range.first; chunk < range.end; chunk++) {
        fixture->model[chunk] = value;
    }
    while (range.first < range.end) {
        struct chunk_unit unit = chunk_unit_load(table, range);
        const enum chunk_swap swap =
            claim ? mm_chunk_claim(table, range.first, &unit, value)
                  : mm_chunk_publish(table, range.first, &unit, value);
        EXPECT(swap != CHUNK_LOST);
        if (swap == CHUNK_SWAPPED) {
            range.first = unit.end;
        }
    }
}

static void test_addresses(void)
{
    struct fixture fixture;
    begin(&fixture);
    const struct chunk_table *table = &fixture.table;
    EXPECT_EQ(chunk_of(table, BASE), 0);
    EXPECT_EQ(chunk_of(table, BASE + 0x1FFF), 1);
    EXPECT(chunk_of(table, BASE - 1) >= CHUNKS);
    EXPECT(chunk_of(table, 0) >= CHUNKS);
    EXPECT(chunk_of(table, BASE + CHUNKS * 0x1000) >= CHUNKS);
    EXPECT_EQ(chunk_address(table, 3), BASE + 0x3000);
    EXPECT_EQ(chunk_region_end(table, 3), 4);
    EXPECT_EQ(chunk_region_end(table, 4), 8);
    EXPECT_EQ(chunk_region_end(table, 13), CHUNKS);
    EXPECT_EQ(mm_chunk_table_region_bytes(table), REGIONS * 4);
    EXPECT_EQ(mm_chunk_table_slot_bytes(table), CHUNKS * 2);
}

/* A word for each region that has a chunk, and no more. */
static void test_region_words(void)
{
    static const struct {
        size_t chunks;
        size_t words;
    } shapes[] = {{1, 1}, {3, 1}, {4, 1}, {5, 2}, {8, 2}, {9, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct chunk_table table = {.chunks = shapes[i].chunks,
                                          .log_region = LOG_REGION};
        EXPECT_EQ(mm_chunk_table_region_bytes(&table), shapes[i].words * 4);
    }
}

/* What is uniform costs one load: the slots' pages are not touched. */
static void test_uniform_needs_no_slots(void)
{
    struct fixture fixture;
    begin(&fixture);
    set(&fixture, (struct chunk_range){0, 8}, map_make(MAP_MAPPED, 5), true);
    fixture.table.slots = NULL;
    expect_model(&fixture);
}

/* Whole regions change by their word alone, the short last one included. */
static void test_uniform(void)
{
    struct fixture fixture;
    begin(&fixture);
    set(&fixture, (struct chunk_range){4, CHUNKS}, map_make(MAP_RESERVING, 5), true);
    expect_model(&fixture);
    set(&fixture, (struct chunk_range){4, CHUNKS}, map_make(MAP_QUARANTINED, 5), false);
    expect_model(&fixture);
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        EXPECT_EQ(fixture.slots[chunk].value, 0);
    }
    for (size_t region = 0; region < REGIONS; region++) {
        EXPECT_EQ(fixture.regions[region].value & REGION_SPLIT, 0);
    }
}

/* A split keeps the base for the chunks that were not meant, for good. */
static void test_split_keeps_base(void)
{
    struct fixture fixture;
    begin(&fixture);
    set(&fixture, (struct chunk_range){0, CHUNKS}, map_make(MAP_MAPPED, 5), true);
    set(&fixture, (struct chunk_range){5, 6}, map_make(MAP_UNMAPPED, MAP_NOBODY), true);
    expect_model(&fixture);
    EXPECT_EQ(fixture.regions[1].value, map_make(MAP_MAPPED, 5) | REGION_SPLIT);
    EXPECT_EQ(fixture.slots[5].value, MAP_UNMAPPED_EXPLICIT);
    EXPECT_EQ(fixture.slots[4].value, 0);
    set(&fixture, (struct chunk_range){4, 8}, map_make(MAP_QUARANTINED, 6), true);
    expect_model(&fixture);
    EXPECT_EQ(fixture.regions[1].value, map_make(MAP_MAPPED, 5) | REGION_SPLIT);
}

/* A stale unit never replaces anything. */
static void test_stale(void)
{
    struct fixture fixture;
    begin(&fixture);
    const struct chunk_range region = {0, 4};
    const struct chunk_range one = {1, 2};
    struct chunk_unit whole = chunk_unit_load(&fixture.table, region);
    struct chunk_unit part = chunk_unit_load(&fixture.table, one);
    set(&fixture, region, map_make(MAP_MAPPED, 3), true);
    const map_value mine = map_make(MAP_RESERVING, 4);
    EXPECT_EQ(mm_chunk_claim(&fixture.table, 0, &whole, mine), CHUNK_LOST);
    EXPECT_EQ(mm_chunk_publish(&fixture.table, 0, &whole, mine), CHUNK_LOST);
    EXPECT_EQ(mm_chunk_claim(&fixture.table, 1, &part, mine), CHUNK_LOST);
    expect_model(&fixture);
    set(&fixture, one, map_make(MAP_QUARANTINED, 3), true);
    struct chunk_unit slot = chunk_unit_load(&fixture.table, one);
    set(&fixture, one, map_make(MAP_MAPPED, 3), true);
    EXPECT_EQ(mm_chunk_claim(&fixture.table, 1, &slot, mine), CHUNK_LOST);
    EXPECT_EQ(mm_chunk_publish(&fixture.table, 1, &slot, mine), CHUNK_LOST);
    expect_model(&fixture);
}

static void test_random(uint64_t seed)
{
    struct fixture fixture;
    begin(&fixture);
    for (unsigned round = 0; round < 2000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        const size_t first = (size_t)(seed >> 60) % CHUNKS;
        const size_t count = 1 + (size_t)((seed >> 50) & 0x3FF) % (CHUNKS - first);
        const enum map_state state =
            (enum map_state)(((seed >> 40) & 0x3FF) % MAP_STATE_COUNT);
        const map_owner owner =
            state == MAP_UNMAPPED ? MAP_NOBODY : (map_owner)(1 + ((seed >> 30) & 0xFF));
        set(&fixture, (struct chunk_range){first, first + count},
            map_make(state, owner), (seed >> 29) & 1);
        expect_model(&fixture);
    }
}

/* Runs in a table of regions so large that slots are looked at in groups: each value, from
 * each chunk, against a walk chunk by chunk. */
enum { RUN_CHUNKS = 75, RUN_LOG_REGION = 5, RUN_REGIONS = 3 };

static size_t naive_run_end(const struct chunk_table *table, struct chunk_range range,
                            map_value value)
{
    while (range.first < range.end && chunk_load(table, range.first) == value) {
        range.first++;
    }
    return range.first;
}

static void expect_runs(const struct chunk_table *table)
{
    const map_value values[] = {map_make(MAP_UNMAPPED, MAP_NOBODY),
                                map_make(MAP_MAPPED, 5), map_make(MAP_QUARANTINED, 5),
                                map_make(MAP_MAPPED, 4094)};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        for (size_t first = 0; first < RUN_CHUNKS; first++) {
            for (size_t end = first; end <= RUN_CHUNKS; end++) {
                const struct chunk_range range = {first, end};
                EXPECT_EQ(mm_chunk_run_end(table, range, values[i]),
                          naive_run_end(table, range, values[i]));
            }
        }
    }
}

static void test_run_end(void)
{
    static mm_atomic_u32 words[RUN_REGIONS];
    static _Alignas(64) mm_atomic_u16 slots[RUN_CHUNKS + 5];
    const struct chunk_table table = {.base = BASE,
                                      .bytes = RUN_CHUNKS << LOG_CHUNK,
                                      .chunks = RUN_CHUNKS,
                                      .log_chunk = LOG_CHUNK,
                                      .log_region = RUN_LOG_REGION,
                                      .log_region_bytes = LOG_CHUNK + RUN_LOG_REGION,
                                      .regions = words,
                                      .slots = slots};
    const map_value mapped = map_make(MAP_MAPPED, 5);
    expect_runs(&table);
    words[0].value = mapped;
    expect_runs(&table);
    words[1].value = mapped | REGION_SPLIT; /* as the base throughout */
    words[2].value = REGION_SPLIT;
    expect_runs(&table);
    for (size_t chunk = 40; chunk < RUN_CHUNKS; chunk++) {
        slots[chunk].value = mapped; /* explicitly */
    }
    expect_runs(&table);
    /* One that ends the run, at each place in turn. */
    const uint16_t others[] = {MAP_UNMAPPED_EXPLICIT, map_make(MAP_QUARANTINED, 5),
                               map_make(MAP_MAPPED, 4094)};
    for (size_t chunk = 32; chunk < RUN_CHUNKS; chunk++) {
        const uint16_t kept = slots[chunk].value;
        slots[chunk].value = others[chunk % 3];
        expect_runs(&table);
        slots[chunk].value = kept;
    }
}

int main(void)
{
    test_addresses();
    test_region_words();
    test_uniform();
    test_uniform_needs_no_slots();
    test_split_keeps_base();
    test_stale();
    test_run_end();
    for (uint64_t seed = 1; seed <= 20; seed++) {
        test_random(seed);
    }
    return 0;
}
