/* SPDX-License-Identifier: MIT */
/* The set of chunks beside an array of booleans. */
#include "spaces/chunk_set.h"

#include <sys/mman.h>

#include "mmapper/testing/expect.h"
#include "spaces/test_fixture.h"

enum {
    LIMIT = 200, /* no multiple of 64: the last word is partial */
    SEQUENCES = 200,
    STEPS = 300,
};

struct model {
    struct chunk_set set;
    bool members[LIMIT + 1]; /* the last one never is */
};

static void expect_equal(struct model *model)
{
    uint32_t count = 0;
    uint32_t lowest = LIMIT;
    for (uint32_t i = LIMIT; i-- > 0;) {
        count += model->members[i] ? 1 : 0;
        lowest = model->members[i] ? i : lowest;
    }
    EXPECT_EQ(model->set.count, count);
    uint32_t first;
    uint32_t end;
    EXPECT_EQ(chunk_set_first_run(&model->set, &first, &end), count > 0);
    if (count > 0) {
        EXPECT_EQ(first, lowest);
        while (model->members[lowest]) {
            lowest++;
        }
        EXPECT_EQ(end, lowest);
    }
    for (uint32_t i = 0; i < LIMIT; i++) {
        EXPECT_EQ(model->set.words[i / 64] >> i % 64 & 1, model->members[i]);
    }
}

static void run_sequence(uint64_t *state)
{
    uint64_t words[(LIMIT + 63) / 64] = {0};
    struct model model = {.set = {.words = words}};
    EXPECT_EQ(chunk_set_bytes(LIMIT), sizeof(words));
    for (int step = 0; step < STEPS; step++) {
        const uint32_t first = (uint32_t)random_below(state, LIMIT + 1);
        const uint32_t most = random_below(state, 2) == 0 ? LIMIT : 8;
        const uint32_t wanted = first + (uint32_t)random_below(state, most + 1);
        const uint32_t end = wanted < LIMIT ? wanted : LIMIT;
        const bool add = random_below(state, 2) == 0;
        if (add) {
            chunk_set_add(&model.set, first, end);
        } else {
            chunk_set_remove(&model.set, first, end);
        }
        for (uint32_t i = first; i < end; i++) {
            model.members[i] = add;
        }
        expect_equal(&model);
    }
}

/* Only words that get members are touched: an empty range adds none. */
static void test_untouched_words(void)
{
    enum { BYTES = 1 << 16, IN_SECOND_HALF = BYTES / 2 * 8 + 100 };
    struct chunk_set set = {.words = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
    uint32_t first;
    uint32_t end;
    EXPECT(set.words != MAP_FAILED);
    EXPECT_EQ(mprotect(set.words, BYTES / 2, PROT_NONE), 0);
    chunk_set_add(&set, IN_SECOND_HALF, IN_SECOND_HALF + 3);
    chunk_set_add(&set, 5, 5);
    chunk_set_add(&set, 7, 5);
    EXPECT(chunk_set_first_run(&set, &first, &end));
    EXPECT_EQ(first, IN_SECOND_HALF);
    EXPECT_EQ(end, IN_SECOND_HALF + 3);
    EXPECT_EQ(munmap(set.words, BYTES), 0);
}

/* What lies behind the last word belongs to no run. */
static void test_end(void)
{
    uint64_t words[] = {0, 0, ~UINT64_C(0)};
    struct chunk_set set = {.words = words};
    uint32_t first;
    uint32_t end;
    chunk_set_add(&set, 60, 128);
    EXPECT(chunk_set_first_run(&set, &first, &end));
    EXPECT_EQ(first, 60);
    EXPECT_EQ(end, 128);
}

int main(int argc, char **argv)
{
    uint64_t state = fixture_seed(argc, argv);
    test_untouched_words();
    test_end();
    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        run_sequence(&state);
    }
    return 0;
}
