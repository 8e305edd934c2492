/* SPDX-License-Identifier: MIT */
/* Random runs of pages from one thread, beside an array of what every page must be and
 * hold. */
#include <stdlib.h>

#include "mmapper/testing/expect.h"
#include "spaces/freelist_space.h"
#include "spaces/test_fixture.h"

enum {
    PAGE = 4096,
    CHUNK_PAGES = FIXTURE_CHUNK / PAGE,
    CHUNKS = 12,
    PAGES = (CHUNKS - 1) * CHUNK_PAGES,
    SEQUENCES = 36,
    STEPS = 1500,
};

/* One stripe, some with a remainder, as many as there can be. */
static const unsigned stripe_counts[] = {1, 3, FREELIST_SPACE_MAX_STRIPES};

struct model {
    struct freelist_space *space;
    bool decommits;
    unsigned stripes;
    uintptr_t start;
    size_t used;
    size_t run[PAGES];     /* pages of the allocated run that begins here, or 0 */
    bool taken[PAGES];     /* part of one */
    uint64_t token[PAGES]; /* what its first and last words are */
};

static uint64_t *word_of(const struct model *model, size_t page, size_t offset)
{
    return (uint64_t *)(model->start + page * PAGE + offset);
}

static void write_page(struct model *model, size_t page, uint64_t token)
{
    *word_of(model, page, 0) = token;
    *word_of(model, page, PAGE - sizeof(uint64_t)) = token;
    model->token[page] = token;
}

static void expect_page(const struct model *model, size_t page)
{
    EXPECT_EQ(*word_of(model, page, 0), model->token[page]);
    EXPECT_EQ(*word_of(model, page, PAGE - sizeof(uint64_t)), model->token[page]);
}

/* Whether there are `pages` free pages in a row, all in one stripe. */
static bool has_room(const struct model *model, size_t pages)
{
    const size_t part = (CHUNKS - 1) / model->stripes * CHUNK_PAGES;
    size_t row = 0;
    for (size_t page = 0; page < PAGES && row < pages; page++) {
        const bool begins = page % part == 0 && page / part < model->stripes;
        row = (begins ? 0 : row) + 1;
        row = model->taken[page] ? 0 : row;
    }
    return row >= pages;
}

static void step_alloc(struct model *model, uint64_t *state)
{
    const size_t most = random_below(state, 4) == 0 ? 3 * CHUNK_PAGES : 5;
    const size_t pages = 1 + random_below(state, most);
    uintptr_t address;
    const enum mm_status status =
        freelist_space_alloc(model->space, pages, &address, NULL);
    if (!has_room(model, pages)) {
        EXPECT_EQ(status, MM_NO_SPACE);
        return;
    }
    EXPECT_EQ(status, MM_OK);
    const size_t first = (address - model->start) / PAGE;
    EXPECT(first + pages <= PAGES);
    for (size_t page = first; page < first + pages; page++) {
        EXPECT(!model->taken[page]);
        model->taken[page] = true;
        expect_page(model, page);
        write_page(model, page, random_next(state));
    }
    model->run[first] = pages;
    model->used += pages;
}

/* The chunks of [first, end) that are free as a whole read as zero from now on. */
static void forget_chunks(struct model *model, size_t first, size_t end)
{
    for (size_t chunk = first / CHUNK_PAGES; chunk * CHUNK_PAGES < end; chunk++) {
        bool idle = model->decommits;
        for (size_t i = 0; i < CHUNK_PAGES; i++) {
            idle = idle && !model->taken[chunk * CHUNK_PAGES + i];
        }
        if (idle) {
            memset(&model->token[chunk * CHUNK_PAGES], 0,
                   CHUNK_PAGES * sizeof(model->token[0]));
        }
    }
}

static void free_run(struct model *model, size_t first)
{
    const size_t pages = model->run[first];
    for (size_t page = first; page < first + pages; page++) {
        expect_page(model, page);
        model->taken[page] = false;
    }
    size_t freed;
    EXPECT_OK(
        freelist_space_free(model->space, model->start + first * PAGE, &freed, NULL));
    EXPECT_EQ(freed, pages);
    model->run[first] = 0;
    model->used -= pages;
    forget_chunks(model, first, first + pages);
}

/* Frees at a random page: most often that is no run, and must be refused. */
static void step_free(struct model *model, uint64_t *state)
{
    const size_t page = random_below(state, PAGES);
    if (model->run[page] == 0) {
        EXPECT_STATUS(
            freelist_space_free(model->space, model->start + page * PAGE, NULL, NULL),
            MM_WRONG_STATE);
    } else {
        free_run(model, page);
    }
}

static void step_free_some_run(struct model *model, uint64_t *state)
{
    const size_t from = random_below(state, PAGES);
    for (size_t i = 0; i < PAGES; i++) {
        if (model->run[(from + i) % PAGES] != 0) {
            free_run(model, (from + i) % PAGES);
            return;
        }
    }
}

static void compare(const struct model *model)
{
    const struct freelist_space_usage usage = freelist_space_usage(model->space);
    EXPECT_EQ(usage.used_pages, model->used);
    EXPECT_EQ(usage.used_pages + usage.free_pages, PAGES);
    EXPECT_EQ(usage.decommit_left, 0);
    EXPECT(freelist_space_verify(model->space));
}

static void run_sequence(uint64_t *state, bool decommits, unsigned stripes,
                         enum raw_memory_freelist_policy policy)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, CHUNKS);
    const struct freelist_space_options options = {
        .name = "pages",
        .bytes = (size_t)CHUNKS * FIXTURE_CHUNK,
        .page_bytes = PAGE,
        .freed = decommits ? FREELIST_SPACE_DECOMMIT : FREELIST_SPACE_KEEP,
        .policy = policy,
        .stripes = stripes,
    };
    struct model *model = calloc(1, sizeof(*model));
    EXPECT(model != NULL);
    model->decommits = decommits;
    model->stripes = stripes;
    EXPECT_OK(freelist_space_create(mapper, &options, &model->space, NULL));
    model->start = freelist_space_pages(model->space).start;
    for (int step = 0; step < STEPS; step++) {
        const uint64_t kind = random_below(state, 8);
        if (kind < 4) {
            step_alloc(model, state);
        } else if (kind == 4) {
            step_free(model, state);
        } else {
            step_free_some_run(model, state);
        }
        compare(model);
    }
    for (size_t page = 0; page < PAGES; page++) {
        if (model->run[page] != 0) {
            free_run(model, page);
        }
    }
    compare(model);
    EXPECT_OK(freelist_space_destroy(model->space, NULL));
    free(model);
    fixture_end(&fixture);
}

int main(int argc, char **argv)
{
    uint64_t state = fixture_seed(argc, argv);
    for (int sequence = 0; sequence < SEQUENCES; sequence++) {
        run_sequence(&state, sequence % 2 == 0, stripe_counts[sequence / 2 % 3],
                     sequence / 6 % 2 == 0 ? RAW_MEMORY_FREELIST_FIRST_FIT
                                           : RAW_MEMORY_FREELIST_BINNED);
    }
    return 0;
}
