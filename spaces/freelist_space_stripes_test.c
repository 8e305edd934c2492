/* SPDX-License-Identifier: MIT */
/* A free-list space with several stripes, from one thread: the linker puts this file
 * before the processor's number and the attempts at locks, so that it says where the
 * thread runs and which locks are held. And policies in a space. */
#include <errno.h>
#include <pthread.h>

#include "mmapper/testing/expect.h"
#include "spaces/freelist_space_expect.h"

static struct {
    int processor;
    unsigned held; /* bit i: attempt i from now on meets a held lock */
} g;

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
int __wrap_sched_getcpu(void);
int __wrap_sched_getcpu(void)
{
    return g.processor;
}

int __real_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    const bool held = (g.held & 1) != 0;
    g.held >>= 1;
    return held ? EBUSY : __real_pthread_mutex_trylock(mutex);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static struct freelist_space *stripes_begin(struct fixture *fixture, size_t chunks,
                                            unsigned stripes,
                                            enum freelist_space_freed freed)
{
    struct mmapper *mapper = fixture_begin(fixture, 64);
    struct freelist_space_options options = space_options(chunks);
    options.stripes = stripes;
    options.freed = freed;
    struct freelist_space *space = NULL;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    EXPECT_EQ(freelist_space_pages(space).bytes, (chunks - 1) * FIXTURE_CHUNK);
    return space;
}

/* Allocates on a processor; the page's number. */
static size_t alloc_on(struct freelist_space *space, int processor, size_t pages)
{
    g.processor = processor;
    return (space_alloc(space, pages) - freelist_space_pages(space).start) / PAGE;
}

static uintptr_t address_of(const struct freelist_space *space, size_t page)
{
    return freelist_space_pages(space).start + page * PAGE;
}

/* Nine chunks of pages in four stripes: two each, and three in the last one. */
static void test_begins_at_the_processor(void)
{
    enum { STRIPE = 2 * CHUNK_PAGES, ALL = 9 * CHUNK_PAGES };
    struct fixture fixture;
    struct freelist_space *space = stripes_begin(&fixture, 10, 4, FREELIST_SPACE_KEEP);
    EXPECT_EQ(alloc_on(space, 2, 1), 2 * STRIPE);
    expect_usage(space, 1, CHUNK_PAGES, 0); /* the others have not grown */
    EXPECT_EQ(alloc_on(space, 0, 3), 0);
    EXPECT_EQ(alloc_on(space, 7, 1), 3 * STRIPE);
    EXPECT_EQ(alloc_on(space, 6, 1), 2 * STRIPE + 1);
    expect_usage(space, 6, 3 * CHUNK_PAGES, 0);
    /* Where the system does not say, any will do. */
    (void)alloc_on(space, -1, 1);
    /* No room there: the next one has it, behind the last the first. */
    EXPECT_EQ(alloc_on(space, 2, STRIPE - 2), 2 * STRIPE + 2);
    EXPECT_EQ(alloc_on(space, 2, STRIPE), 3 * STRIPE + 2);
    EXPECT_EQ(alloc_on(space, 2, CHUNK_PAGES), 3);
    EXPECT_EQ(alloc_on(space, 2, STRIPE), STRIPE);
    uintptr_t address = 1;
    EXPECT_STATUS(freelist_space_alloc(space, CHUNK_PAGES, &address, NULL),
                  MM_NO_SPACE);
    EXPECT_EQ(address, 1);
    EXPECT(freelist_space_verify(space));
    space_end(&fixture, space);
}

static void test_no_run_is_longer_than_a_stripe(void)
{
    enum { STRIPE = 2 * CHUNK_PAGES, LAST = 3 * CHUNK_PAGES };
    struct fixture fixture;
    struct freelist_space *space = stripes_begin(&fixture, 10, 4, FREELIST_SPACE_KEEP);
    uintptr_t address;
    struct mm_error error;
    EXPECT_EQ(alloc_on(space, 0, LAST), 3 * STRIPE);
    EXPECT_STATUS(freelist_space_alloc(space, LAST, &address, &error), MM_NO_SPACE);
    EXPECT_STR(error.detail, "no run of free pages is as long");
    EXPECT_STATUS(freelist_space_alloc(space, LAST + 1, &address, &error), MM_NO_SPACE);
    EXPECT_STR(error.detail, "more pages than a stripe has");
    EXPECT_STATUS(freelist_space_alloc(space, SIZE_MAX, &address, NULL), MM_NO_SPACE);
    expect_usage(space, LAST, LAST, 0);
    space_end(&fixture, space);
}

/* Runs at both ends of each stripe are freed wherever the thread runs, and what lies
 * beside them in the next stripe is not merged. */
static void test_free_finds_the_stripe(void)
{
    enum { STRIPE = 2 * CHUNK_PAGES, ALL = 9 * CHUNK_PAGES };
    struct fixture fixture;
    struct freelist_space *space = stripes_begin(&fixture, 10, 4, FREELIST_SPACE_KEEP);
    for (int stripe = 0; stripe < 4; stripe++) {
        const size_t rest = stripe < 3 ? STRIPE - 2 : ALL - 3 * STRIPE - 2;
        const size_t first = (size_t)stripe * STRIPE;
        EXPECT_EQ(alloc_on(space, stripe, 1), first);
        EXPECT_EQ(alloc_on(space, stripe, rest), first + 1);
        EXPECT_EQ(alloc_on(space, stripe, 1), first + 1 + rest);
    }
    expect_usage(space, ALL, ALL, 0);
    for (int stripe = 0; stripe < 4; stripe++) {
        const size_t first = (size_t)stripe * STRIPE;
        const size_t last = stripe < 3 ? first + STRIPE - 1 : ALL - 1;
        g.processor = stripe + 1;
        space_give(space, address_of(space, first), 1);
        EXPECT_STATUS(freelist_space_free(space, address_of(space, first), NULL, NULL),
                      MM_WRONG_STATE);
        space_give(space, address_of(space, last), 1);
    }
    uintptr_t address;
    EXPECT_STATUS(freelist_space_alloc(space, 2, &address, NULL), MM_NO_SPACE);
    expect_usage(space, ALL - 8, ALL, 0);
    for (int stripe = 0; stripe < 4; stripe++) {
        const size_t rest = stripe < 3 ? STRIPE - 2 : ALL - 3 * STRIPE - 2;
        space_give(space, address_of(space, (size_t)stripe * STRIPE + 1), rest);
        EXPECT_EQ(alloc_on(space, stripe, rest + 2), (size_t)stripe * STRIPE);
    }
    space_end(&fixture, space);
}

static void test_held_locks_are_passed_over(void)
{
    enum { STRIPE = 2 * CHUNK_PAGES, ALL = 6 * CHUNK_PAGES };
    struct fixture fixture;
    struct freelist_space *space = stripes_begin(&fixture, 7, 3, FREELIST_SPACE_KEEP);
    g.held = 1; /* the first one */
    EXPECT_EQ(alloc_on(space, 1, 1), 2 * STRIPE);
    g.held = 3;
    EXPECT_EQ(alloc_on(space, 1, 1), 0);
    /* All are held: then the first one is waited for. */
    g.held = 7;
    EXPECT_EQ(alloc_on(space, 1, 1), STRIPE);
    /* The others have no room: the one that was held is. */
    EXPECT_EQ(alloc_on(space, 0, STRIPE - 1), 1);
    g.held = 2;
    EXPECT_EQ(alloc_on(space, 0, STRIPE - 1), 2 * STRIPE + 1);
    g.held = 1;
    EXPECT_EQ(alloc_on(space, 1, STRIPE - 1), STRIPE + 1);
    uintptr_t address;
    g.held = 5;
    EXPECT_STATUS(freelist_space_alloc(space, 1, &address, NULL), MM_NO_SPACE);
    expect_usage(space, ALL, ALL, 0);
    space_end(&fixture, space);
}

/* Wholly free chunks go, in each stripe; what fails in one does not keep the others. */
static void test_decommit(void)
{
    enum { STRIPE = 2 * CHUNK_PAGES };
    struct fixture fixture;
    struct freelist_space *space =
        stripes_begin(&fixture, 9, 4, FREELIST_SPACE_DECOMMIT);
    for (int stripe = 0; stripe < 4; stripe++) {
        EXPECT_EQ(alloc_on(space, stripe, STRIPE), (size_t)stripe * STRIPE);
    }
    for (int stripe = 3; stripe >= 0; stripe--) {
        space_give(space, address_of(space, (size_t)stripe * STRIPE), STRIPE);
        expect_usage(space, (size_t)stripe * STRIPE, (size_t)4 * STRIPE, 0);
    }
    expect_chunks(fixture.mapper, freelist_space_pages(space), MM_QUARANTINED,
                  freelist_space_owner(space));
    EXPECT_OK(freelist_space_trim(space, NULL));
    space_end(&fixture, space);
}

/* As many stripes as there can be, of as few pages as there can be. */
static void test_small_stripes(enum raw_memory_freelist_policy policy)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct freelist_space_options options = space_options(9);
    options.stripes = FREELIST_SPACE_MAX_STRIPES;
    options.page_bytes = FIXTURE_CHUNK;
    options.freed = FREELIST_SPACE_DECOMMIT;
    options.policy = policy;
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    const uintptr_t start = freelist_space_pages(space).start;
    for (int i = 0; i < 8; i++) {
        uintptr_t address;
        g.processor = 7 - i;
        EXPECT_OK(freelist_space_alloc(space, 1, &address, NULL));
        EXPECT_EQ(address, start + (uintptr_t)(7 - i) * FIXTURE_CHUNK);
        *(volatile char *)address = 1;
        EXPECT(freelist_space_verify(space));
    }
    for (uintptr_t i = 0; i < 8; i++) {
        EXPECT_OK(freelist_space_free(space, start + i * FIXTURE_CHUNK, NULL, NULL));
        EXPECT(!mmapper_is_mapped(mapper, start + i * FIXTURE_CHUNK));
    }
    space_end(&fixture, space);
}

/* A list that is damaged is found in whichever stripe it is. */
static void test_verify_looks_at_all(void)
{
    struct fixture fixture;
    struct freelist_space *space = stripes_begin(&fixture, 9, 2, FREELIST_SPACE_KEEP);
    (void)alloc_on(space, 0, 1);
    (void)alloc_on(space, 1, 1);
    struct raw_memory_freelist_shape shape = {
        .max_units = 4 * CHUNK_PAGES, .grain = 1, .heads = 1};
    const size_t table = raw_memory_freelist_table_bytes(&shape);
    uint32_t *first = (uint32_t *)freelist_space_extent(space).start;
    uint32_t *second = first + (table + 63) / 64 * 64 / sizeof(uint32_t);
    EXPECT(freelist_space_verify(space));
    *first ^= 1;
    EXPECT(!freelist_space_verify(space));
    *first ^= 1;
    *second ^= 1;
    EXPECT(!freelist_space_verify(space));
    *second ^= 1;
    space_end(&fixture, space);
}

static void expect_refused(struct mmapper *mapper,
                           const struct freelist_space_options *options,
                           const char *detail)
{
    struct freelist_space *space = NULL;
    struct mm_error error;
    EXPECT_STATUS(freelist_space_create(mapper, options, &space, &error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STR(error.detail, detail);
    EXPECT(space == NULL);
}

static void test_bad_options(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct freelist_space_options options = space_options(10);
    options.stripes = FREELIST_SPACE_MAX_STRIPES + 1;
    expect_refused(mapper, &options, "too many stripes");
    options.stripes = 8;
    options.bytes = 8 * FIXTURE_CHUNK;
    expect_refused(mapper, &options, "not a chunk of pages for each stripe");
    options.policy = (enum raw_memory_freelist_policy)2;
    expect_refused(mapper, &options, "no such policy");
    options = space_options((size_t)RAW_MEMORY_FREELIST_MAX_BINNED_UNITS + 2);
    options.page_bytes = FIXTURE_CHUNK;
    options.policy = RAW_MEMORY_FREELIST_BINNED;
    expect_refused(mapper, &options, "too many pages");
    fixture_end(&fixture);
}

/* The policy is the list's: of two holes that do, the first or the better one. */
static void test_policy(enum raw_memory_freelist_policy policy)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct freelist_space_options options = space_options(3);
    options.policy = policy;
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    const size_t small = alloc_on(space, 0, 2);
    (void)alloc_on(space, 0, 1);
    const size_t large = alloc_on(space, 0, 4);
    (void)alloc_on(space, 0, 1);
    space_give(space, address_of(space, small), 2);
    space_give(space, address_of(space, large), 4);
    EXPECT_EQ(alloc_on(space, 0, 2),
              policy == RAW_MEMORY_FREELIST_BINNED ? small : large);
    space_end(&fixture, space);
}

int main(void)
{
    test_begins_at_the_processor();
    test_no_run_is_longer_than_a_stripe();
    test_free_finds_the_stripe();
    test_held_locks_are_passed_over();
    test_decommit();
    test_small_stripes(RAW_MEMORY_FREELIST_FIRST_FIT);
    test_small_stripes(RAW_MEMORY_FREELIST_BINNED);
    test_verify_looks_at_all();
    test_bad_options();
    test_policy(RAW_MEMORY_FREELIST_FIRST_FIT);
    test_policy(RAW_MEMORY_FREELIST_BINNED);
    return 0;
}
