/* SPDX-License-Identifier: MIT */
/* The free-list space from several threads, across fork, and while its owner is pinned.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/expect.h"
#include "spaces/freelist_space.h"
#include "spaces/test_fixture.h"

enum {
    PAGE = 4096,
    CHUNK_PAGES = FIXTURE_CHUNK / PAGE,
    CHUNKS = 17,
    THREADS = 4,
    STEPS = 20000,
    HELD = 24,
    FORKS = 20,
};

struct worker {
    pthread_t thread;
    struct freelist_space *space;
    uint64_t seed;
    /* NULL: it does STEPS steps. Relaxed: it says when to stop, and hands nothing over;
     * what the workers did is ordered by joining them. */
    const mm_atomic_u32 *stop;
    uint64_t exhausted; /* allocations that found no room */
};

struct held_run {
    uintptr_t address;
    size_t pages;
    uint64_t token;
};

/* A page's token is of its holder and its place: neither a page handed out twice nor
 * one that is decommitted in use keeps it. */
static void for_each_page(const struct held_run *run, bool write)
{
    for (size_t page = 0; page < run->pages; page++) {
        const uintptr_t address = run->address + page * PAGE;
        uint64_t *first = (uint64_t *)address;
        uint64_t *last = (uint64_t *)(address + PAGE) - 1;
        if (write) {
            *first = run->token ^ address;
            *last = run->token + address;
        }
        EXPECT_EQ(*first, run->token ^ address);
        EXPECT_EQ(*last, run->token + address);
    }
}

static void take(struct worker *worker, struct held_run *run, uint64_t *state)
{
    const size_t most = random_below(state, 8) == 0 ? 2 * CHUNK_PAGES : 6;
    run->pages = 1 + random_below(state, most);
    run->token = random_next(state) | 1;
    const enum mm_status status =
        freelist_space_alloc(worker->space, run->pages, &run->address, NULL);
    if (status == MM_NO_SPACE) {
        run->pages = 0;
        worker->exhausted++;
        return;
    }
    EXPECT_EQ(status, MM_OK);
    for_each_page(run, true);
}

static void give(struct worker *worker, struct held_run *run)
{
    for_each_page(run, false);
    size_t pages;
    EXPECT_OK(freelist_space_free(worker->space, run->address, &pages, NULL));
    EXPECT_EQ(pages, run->pages);
    run->pages = 0;
}

static bool goes_on(const struct worker *worker, uint64_t step)
{
    return worker->stop == NULL ? step < STEPS : mm_load_relaxed_u32(worker->stop) == 0;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    uint64_t state = worker->seed;
    struct held_run held[HELD] = {0};
    for (uint64_t step = 0; goes_on(worker, step); step++) {
        struct held_run *run = &held[random_below(&state, HELD)];
        if (run->pages == 0) {
            take(worker, run, &state);
        } else {
            give(worker, run);
        }
    }
    for (int i = 0; i < HELD; i++) {
        if (held[i].pages != 0) {
            give(worker, &held[i]);
        }
    }
    return NULL;
}

static struct freelist_space *
make_space(struct mmapper *mapper, enum freelist_space_freed freed, unsigned stripes)
{
    const struct freelist_space_options options = {
        .name = "pages",
        .bytes = (size_t)CHUNKS * FIXTURE_CHUNK,
        .page_bytes = PAGE,
        .freed = freed,
        .policy =
            stripes > 1 ? RAW_MEMORY_FREELIST_BINNED : RAW_MEMORY_FREELIST_FIRST_FIT,
        .stripes = stripes,
    };
    struct freelist_space *space;
    EXPECT_OK(freelist_space_create(mapper, &options, &space, NULL));
    return space;
}

static void start_workers(struct worker *workers, struct freelist_space *space,
                          uint64_t seed, const mm_atomic_u32 *stop)
{
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.space = space, .seed = seed + i, .stop = stop};
        EXPECT_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
}

static uint64_t join_workers(struct worker *workers)
{
    uint64_t exhausted = 0;
    for (int i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(workers[i].thread, NULL), 0);
        exhausted += workers[i].exhausted;
    }
    return exhausted;
}

static void expect_all_free(struct freelist_space *space)
{
    const struct freelist_space_usage usage = freelist_space_usage(space);
    EXPECT_EQ(usage.used_pages, 0);
    EXPECT_EQ(usage.free_pages, (CHUNKS - 1) * CHUNK_PAGES);
    EXPECT(freelist_space_verify(space));
}

static void test_hammer(uint64_t seed, enum freelist_space_freed freed,
                        unsigned stripes)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct freelist_space *space = make_space(mapper, freed, stripes);
    struct worker workers[THREADS];
    start_workers(workers, space, seed, NULL);
    const uint64_t exhausted = join_workers(workers);
    expect_all_free(space);
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    (void)printf("%" PRIu64 " times exhausted, %" PRIu64 " decommits, %" PRIu64
                 " busy\n",
                 exhausted, statistics.os_calls[MM_OS_DECOMMIT], statistics.busy);
    if (freed == FREELIST_SPACE_DECOMMIT) {
        EXPECT(statistics.os_calls[MM_OS_DECOMMIT] > 0);
        /* What was busy to the end goes now, and then all of it is gone. */
        EXPECT_OK(freelist_space_trim(space, NULL));
        EXPECT_EQ(freelist_space_usage(space).decommit_left, 0);
        expect_chunks(mapper, freelist_space_pages(space), MM_QUARANTINED,
                      freelist_space_owner(space));
    }
    EXPECT_OK(freelist_space_destroy(space, NULL));
    fixture_end(&fixture);
}

/* In the child the space is whole, and goes on. What its parent's threads held stays.
 */
static void run_child(struct mmapper *mapper, struct freelist_space *space)
{
    EXPECT_OK(mmapper_after_fork_in_child(mapper, NULL, NULL));
    freelist_space_fork_done(space);
    EXPECT(freelist_space_verify(space));
    const size_t used = freelist_space_usage(space).used_pages;
    struct worker worker = {.space = space};
    uint64_t state = used;
    struct held_run held[HELD] = {0};
    for (int i = 0; i < HELD; i++) {
        take(&worker, &held[i], &state);
    }
    for (int i = 0; i < HELD; i++) {
        if (held[i].pages != 0) {
            give(&worker, &held[i]);
        }
    }
    EXPECT_OK(freelist_space_trim(space, NULL));
    EXPECT_EQ(freelist_space_usage(space).used_pages, used);
    EXPECT(freelist_space_verify(space));
}

static void test_fork(uint64_t seed, unsigned stripes)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, 64);
    struct freelist_space *space = make_space(mapper, FREELIST_SPACE_DECOMMIT, stripes);
    struct worker workers[THREADS];
    /* None of them ends before the last fork: a thread that has ended, and is joined
     * only in the parent, would be a leak in the child. */
    mm_atomic_u32 stop = {0};
    start_workers(workers, space, seed, &stop);
    for (int i = 0; i < FORKS; i++) {
        freelist_space_fork_prepare(space);
        const pid_t child = fork();
        EXPECT(child >= 0);
        if (child == 0) {
            run_child(mapper, space);
            _exit(0);
        }
        freelist_space_fork_done(space);
        int status;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    mm_store_relaxed_u32(&stop, 1);
    (void)join_workers(workers);
    expect_all_free(space);
    EXPECT_OK(freelist_space_destroy(space, NULL));
    fixture_end(&fixture);
}

/* ------------------------------------------- a free in the middle of a mapping */

/* The real kernel, but for one commit, in the middle of which a run is freed. */
struct interrupted {
    struct mmap_support inner;
    struct mmap_operations operations;
    struct freelist_space *space;
    uintptr_t address; /* of the run to free; 0: none */
};

static int commit_and_free(void *context, struct mm_extent extent,
                           const struct mm_strategy *strategy)
{
    struct interrupted *interrupted = context;
    if (interrupted->address != 0) {
        const uintptr_t address = interrupted->address;
        interrupted->address = 0;
        EXPECT_OK(freelist_space_free(interrupted->space, address, NULL, NULL));
    }
    return interrupted->inner.operations->commit(interrupted->inner.context, extent,
                                                 strategy);
}

/* While the owner maps, decommits are refused; the chunks go at the next chance. */
static void test_decommit_while_mapping(bool by_trim)
{
    struct interrupted interrupted = {.inner = mmap_support_linux()};
    interrupted.operations = *interrupted.inner.operations;
    interrupted.operations.commit = commit_and_free;
    struct mmap_support support = interrupted.inner;
    EXPECT(support.context == NULL); /* so that ours does for all operations */
    support.operations = &interrupted.operations;
    support.context = &interrupted;
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = (uintptr_t)FIXTURE_BASE,
        .limit = (uintptr_t)FIXTURE_BASE + 64 * FIXTURE_CHUNK,
    };
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    struct freelist_space *space = make_space(mapper, FREELIST_SPACE_DECOMMIT, 1);
    interrupted.space = space;
    uintptr_t a;
    uintptr_t b;
    uintptr_t c;
    EXPECT_OK(freelist_space_alloc(space, CHUNK_PAGES, &a, NULL));
    EXPECT_OK(freelist_space_alloc(space, 1, &b, NULL));
    interrupted.address = a;
    EXPECT_OK(freelist_space_alloc(space, (size_t)2 * CHUNK_PAGES, &c, NULL));
    EXPECT_EQ(interrupted.address, 0);
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 1);
    EXPECT(mmapper_is_mapped(mapper, a));
    if (by_trim) {
        EXPECT_OK(freelist_space_trim(space, NULL));
    } else {
        EXPECT_OK(freelist_space_free(space, b, NULL, NULL));
    }
    EXPECT_EQ(freelist_space_usage(space).decommit_left, 0);
    EXPECT(!mmapper_is_mapped(mapper, a));
    EXPECT(mmapper_is_mapped(mapper, c));
    EXPECT_OK(freelist_space_destroy(space, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(int argc, char **argv)
{
    const uint64_t seed = fixture_seed(argc, argv);
    test_decommit_while_mapping(true);
    test_decommit_while_mapping(false);
    for (unsigned stripes = 1; stripes <= 4; stripes += 3) {
        test_hammer(seed, FREELIST_SPACE_KEEP, stripes);
        test_hammer(seed, FREELIST_SPACE_DECOMMIT, stripes);
        test_fork(seed, stripes);
    }
    return 0;
}
