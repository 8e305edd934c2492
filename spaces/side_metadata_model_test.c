/* SPDX-License-Identifier: MIT */
/* Side metadata against a naive model, and threads that race for chunks and values. */
#include <pthread.h>

#include "spaces/side_metadata.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 2048 };

#define DATA_START UINT64_C(0x100000000)

static struct side_metadata *create(struct mmapper *mapper, size_t data_bytes,
                                    const struct side_metadata_table *tables,
                                    unsigned count)
{
    const struct side_metadata_options options = {
        .name = "metadata",
        .strategy = {.accounting = MM_UNACCOUNTED},
        .data = {DATA_START, data_bytes},
        .tables = tables,
        .table_count = count,
    };
    struct side_metadata *metadata;
    EXPECT_OK(side_metadata_create(mapper, &options, &metadata, NULL));
    return metadata;
}

/* ------------------------------------------------------------------- model */

/* One table of each width; the model holds every value by itself. */
enum { WIDTHS = 7, VALUES = 512, LOG_GRAIN = 12, MODEL_DATA = VALUES << LOG_GRAIN };

struct model {
    uint64_t values[WIDTHS][VALUES];
};

static uint64_t largest(unsigned log_bits)
{
    return UINT64_MAX >> (64 - (1U << log_bits));
}

static void model_step(struct side_metadata *metadata, struct model *model,
                       uint64_t *random)
{
    const unsigned table = (unsigned)random_below(random, WIDTHS);
    const size_t index = (size_t)random_below(random, VALUES);
    const uintptr_t address = DATA_START + (index << LOG_GRAIN) +
                              (uintptr_t)random_below(random, 1 << LOG_GRAIN);
    const uint64_t value = random_next(random) & largest(table);
    uint64_t *expected = &model->values[table][index];
    uint64_t found = 0;
    switch (random_below(random, 4)) {
    case 0:
        EXPECT_OK(side_metadata_store(metadata, table, address, value));
        *expected = value;
        break;
    case 1:
        EXPECT_OK(
            side_metadata_exchange(metadata, table, address, *expected, value, &found));
        EXPECT_EQ(found, *expected);
        *expected = value;
        break;
    case 2:
        EXPECT_OK(
            side_metadata_exchange(metadata, table, address, value, value ^ 1, &found));
        EXPECT_EQ(found, *expected);
        *expected = value == *expected ? value ^ 1 : *expected;
        break;
    default:
        EXPECT_OK(side_metadata_map(metadata, mm_extent_of(address, 1), NULL));
    }
    EXPECT_OK(side_metadata_load(metadata, table, address, &found));
    EXPECT_EQ(found, *expected);
}

static void model_compare(const struct side_metadata *metadata,
                          const struct model *model)
{
    for (unsigned table = 0; table < WIDTHS; table++) {
        for (size_t i = 0; i < VALUES; i++) {
            uint64_t value = 0;
            EXPECT_OK(side_metadata_load(metadata, table, DATA_START + (i << LOG_GRAIN),
                                         &value));
            EXPECT_EQ(value, model->values[table][i]);
        }
    }
}

static void test_random_model(uint64_t seed)
{
    static struct model model;
    uint64_t random = seed;
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct side_metadata_table tables[WIDTHS];
    for (unsigned i = 0; i < WIDTHS; i++) {
        tables[i] = (struct side_metadata_table){LOG_GRAIN, i};
    }
    struct side_metadata *metadata = create(mapper, MODEL_DATA, tables, WIDTHS);
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, MODEL_DATA), NULL));
    for (unsigned step = 0; step < 200000; step++) {
        model_step(metadata, &model, &random);
        if (step % 1000 == 0) {
            model_compare(metadata, &model);
        }
    }
    model_compare(metadata, &model);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

/* Random ranges of data: exactly the chunks that hold their values are mapped. */
static void test_random_mapping(uint64_t seed)
{
    enum { DATA = 64 << 20, CHUNKS = 256 };
    static const struct side_metadata_table tables[] = {
        {4, 0}, {3, 1}, {6, 5}, {12, 3}};
    uint64_t random = seed;
    for (unsigned round = 0; round < 20; round++) {
        struct fixture fixture;
        struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
        struct side_metadata *metadata = create(mapper, DATA, tables, 4);
        const struct mm_extent extent = side_metadata_extent(metadata);
        bool expected[CHUNKS] = {false};
        EXPECT(extent.bytes / CHUNK <= CHUNKS);
        for (unsigned step = 0; step < 10; step++) {
            const uintptr_t start = DATA_START + (uintptr_t)random_below(&random, DATA);
            const size_t bytes =
                (size_t)random_below(&random, DATA_START + DATA - start) / 16 + 1;
            EXPECT_OK(side_metadata_map(metadata, mm_extent_of(start, bytes), NULL));
            for (unsigned t = 0; t < 4; t++) {
                const uintptr_t low = side_metadata_address(metadata, t, start);
                const uintptr_t high =
                    side_metadata_address(metadata, t, start + bytes - 1);
                for (size_t c = (low - extent.start) / CHUNK;
                     c <= (high - extent.start) / CHUNK; c++) {
                    expected[c] = true;
                }
            }
            for (size_t c = 0; c < extent.bytes / CHUNK; c++) {
                EXPECT_EQ(mmapper_is_mapped(mapper, extent.start + c * CHUNK),
                          expected[c]);
            }
        }
        EXPECT_OK(side_metadata_destroy(metadata, NULL));
        fixture_end(&fixture);
    }
}

/* ----------------------------------------------------------------- threads */

enum { THREADS = 4, RACE_LOG_GRAIN = 4, RACE_DATA = 32 << 20 };

struct worker {
    pthread_t thread;
    struct side_metadata *metadata;
    unsigned number;
};

static void run_threads(struct side_metadata *metadata, struct worker *workers,
                        void *(*body)(void *))
{
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t] = (struct worker){.metadata = metadata, .number = t};
        EXPECT_EQ(pthread_create(&workers[t].thread, NULL, body, &workers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        EXPECT_EQ(pthread_join(workers[t].thread, NULL), 0);
    }
}

/* All map the same data in the same order, so that they meet at every chunk, and each
 * sets one bit in 68: neighbours in the same words. */
static void *map_and_mark(void *argument)
{
    const struct worker *worker = argument;
    const size_t step = (size_t)CHUNK << 6; /* half a chunk of bits */
    for (size_t at = 0; at < RACE_DATA; at += step) {
        const uintptr_t start = DATA_START + at;
        EXPECT_OK(side_metadata_map(worker->metadata, mm_extent_of(start, step), NULL));
        for (size_t i = worker->number; i < step >> RACE_LOG_GRAIN; i += 64 + THREADS) {
            uint64_t found = 1;
            EXPECT_OK(side_metadata_exchange(
                worker->metadata, 0, start + (i << RACE_LOG_GRAIN), 0, 1, &found));
            EXPECT_EQ(found, 0);
        }
        EXPECT_OK(side_metadata_store(
            worker->metadata, 1, start + worker->number * 4096, worker->number + 1));
    }
    return NULL;
}

static void test_threads_race_for_chunks_and_words(void)
{
    static const struct side_metadata_table tables[] = {{RACE_LOG_GRAIN, 0}, {12, 3}};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct worker workers[THREADS];
    struct side_metadata *metadata = create(mapper, RACE_DATA, tables, 2);
    run_threads(metadata, workers, map_and_mark);
    const size_t step = (size_t)CHUNK << 6;
    for (size_t i = 0; i < RACE_DATA >> RACE_LOG_GRAIN; i++) {
        const size_t in_step = i % (step >> RACE_LOG_GRAIN);
        uint64_t value = 2;
        EXPECT_OK(side_metadata_load(metadata, 0, DATA_START + (i << RACE_LOG_GRAIN),
                                     &value));
        EXPECT_EQ(value, in_step % (64 + THREADS) < THREADS);
    }
    for (size_t at = 0; at < RACE_DATA; at += step) {
        for (unsigned t = 0; t < THREADS; t++) {
            uint64_t value = 0;
            EXPECT_OK(
                side_metadata_load(metadata, 1, DATA_START + at + t * 4096, &value));
            EXPECT_EQ(value, t + 1);
        }
    }
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

/* Neighbours in one word are stored all the time, and none disturbs another. */
static void *store_one_of_a_word(void *argument)
{
    const struct worker *worker = argument;
    const uintptr_t mine = DATA_START + worker->number * 4096;
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t value = 0;
        EXPECT_OK(side_metadata_store(worker->metadata, 0, mine, i % 16));
        EXPECT_OK(side_metadata_load(worker->metadata, 0, mine, &value));
        EXPECT_EQ(value, i % 16);
    }
    return NULL;
}

static void test_threads_store_in_one_word(void)
{
    static const struct side_metadata_table tables[] = {{12, 2}};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct worker workers[THREADS];
    struct side_metadata *metadata = create(mapper, RACE_DATA, tables, 1);
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, RACE_DATA), NULL));
    run_threads(metadata, workers, store_one_of_a_word);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

/* Whoever wins the mark bit owns the object: exactly one does. */
static void *win_marks(void *argument)
{
    struct worker *worker = argument;
    unsigned won = 0;
    for (size_t i = 0; i < 20000; i++) {
        uint64_t found = 0;
        EXPECT_OK(side_metadata_exchange(
            worker->metadata, 0, DATA_START + (i << RACE_LOG_GRAIN), 0, 1, &found));
        won += found == 0;
    }
    worker->number = won;
    return NULL;
}

static void test_each_mark_is_won_once(void)
{
    static const struct side_metadata_table tables[] = {{RACE_LOG_GRAIN, 0}};
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct worker workers[THREADS];
    struct side_metadata *metadata = create(mapper, RACE_DATA, tables, 1);
    EXPECT_OK(side_metadata_map(metadata, mm_extent_of(DATA_START, RACE_DATA), NULL));
    run_threads(metadata, workers, win_marks);
    unsigned won = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        won += workers[t].number;
    }
    EXPECT_EQ(won, 20000);
    EXPECT_OK(side_metadata_destroy(metadata, NULL));
    fixture_end(&fixture);
}

int main(int argc, char **argv)
{
    const uint64_t seed = fixture_seed(argc, argv);
    test_random_model(seed);
    test_random_mapping(seed);
    test_threads_race_for_chunks_and_words();
    test_threads_store_in_one_word();
    test_each_mark_is_won_once();
    return 0;
}
