/* SPDX-License-Identifier: MIT */
/* What the tests of the spaces share: a mapper on the real kernel, and random numbers
 * that a printed seed repeats. */
#ifndef SPACES_TEST_FIXTURE_H
#define SPACES_TEST_FIXTURE_H

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"
#include "spaces/failing_support.h"

enum { FIXTURE_CHUNK = 64 * 1024 };

/* A window that the sanitizers leave alone. */
#define FIXTURE_BASE UINT64_C(0x7e8000000000)

struct fixture {
    struct failing_support failing;
    struct mmapper *mapper;
};

/* A mapper with a window of `chunks` small chunks, in regions of 64. */
static inline struct mmapper *fixture_begin(struct fixture *fixture, size_t chunks)
{
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = FIXTURE_BASE,
        .limit = FIXTURE_BASE + chunks * FIXTURE_CHUNK,
        .log_region_chunks = 6,
    };
    failing_support_init(&fixture->failing, mmap_support_linux());
    EXPECT_OK(
        mmapper_create(&options, &fixture->failing.support, &fixture->mapper, NULL));
    return fixture->mapper;
}

/* All commits after the next `successes` fail with ENOMEM. */
static inline void fixture_fail_commits(struct fixture *fixture, uint64_t successes)
{
    fixture->failing.armed = true;
    fixture->failing.commits_left = successes;
}

static inline void fixture_repair(struct fixture *fixture)
{
    fixture->failing.armed = false;
}

/* The table and the kernel agree, and nothing is left. */
static inline void fixture_end(struct fixture *fixture)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(fixture->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    struct mm_statistics statistics;
    mmapper_statistics(fixture->mapper, &statistics);
    EXPECT_EQ(statistics.runs, 0);
    EXPECT_EQ(statistics.owners, 0);
    EXPECT_OK(mmapper_destroy(fixture->mapper, NULL));
}

/* A plain owner for tests that need somebody else. */
static inline struct mm_owner *fixture_owner(struct fixture *fixture, const char *name)
{
    const struct mm_owner_options options = {
        .name = name,
        .kind = MM_KIND_TEST,
        .strategy = {.accounting = MM_UNACCOUNTED},
    };
    struct mm_owner *owner;
    EXPECT_OK(mmapper_register_owner(fixture->mapper, &options, &owner, NULL));
    return owner;
}

/* Every chunk of `extent` is in `state` and held by `owner`. */
static inline void expect_chunks(const struct mmapper *mapper, struct mm_extent extent,
                                 enum mm_state state, const struct mm_owner *owner)
{
    struct mm_run run;
    EXPECT(mmapper_next_run(mapper, extent.start, &run));
    EXPECT_EQ(run.state, state);
    EXPECT_EQ((uintptr_t)run.owner, (uintptr_t)owner);
    EXPECT(mm_extent_end(run.extent) >= mm_extent_end(extent));
}

/* The seed of a random test: the first argument, or a constant. Printed. */
static inline uint64_t fixture_seed(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240607;
    (void)printf("%s: seed %" PRIu64 "\n", argv[0], seed);
    return seed;
}

/* splitmix64. */
static inline uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

#endif /* SPACES_TEST_FIXTURE_H */
