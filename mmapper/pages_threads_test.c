/* SPDX-License-Identifier: MIT */
/*
 * Threads of one owner that protect and guard pages of the same chunks while fellows
 * commit, decommit and commit them again. A thread has one page in every chunk: what it
 * made of that page stays so, whatever the others do, until the chunk is decommitted.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "mmapper/mmapper.h"
#include "mmapper/testing/emulated.h"
#include "mmapper/testing/expect.h"

enum {
    CHUNKS = 6,
    WORKERS = 3,
    ROUNDS = 1500,
    RW = MM_ACCESS_READ | MM_ACCESS_WRITE,
};

struct place {
    /* Held for reading by those who work in the chunk, for writing by the one who
     * decommits it: quiescence (G5) of loads and stores. */
    pthread_rwlock_t quiet;
    unsigned generation; /* of its contents */
};

struct world {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *heap;
    struct mm_extent extent;
    size_t chunk_bytes;
    struct place places[CHUNKS];
    pthread_barrier_t start;
};

struct worker {
    struct world *world;
    unsigned number;
    int zero; /* /dev/zero: a read from it says whether a page can be written */
    unsigned known[CHUNKS]; /* the generation that the thread last saw, + 1 */
    uint64_t tokens[CHUNKS];
    bool left_closed[CHUNKS]; /* protected or guarded when the thread left */
};

static struct mm_extent chunk_at(const struct world *world, unsigned chunk)
{
    return mm_extent_of(world->extent.start + chunk * world->chunk_bytes,
                        world->chunk_bytes);
}

static struct mm_extent page_of(const struct worker *worker, unsigned chunk)
{
    const size_t page = worker->world->support.page_bytes;
    return mm_extent_of(chunk_at(worker->world, chunk).start + worker->number * page,
                        page);
}

/* BUSY is all that may happen, and it ends. */
#define UNTIL_DONE(call)                                                               \
    do {                                                                               \
        enum mm_status until_status;                                                   \
        while ((until_status = (call)) == MM_BUSY) {                                   \
        }                                                                              \
        EXPECT_OK(until_status);                                                       \
    } while (0)

static bool writable(const struct worker *worker, struct mm_extent page)
{
    const ssize_t done = read(worker->zero, (void *)page.start, sizeof(uint64_t));
    EXPECT(done == (ssize_t)sizeof(uint64_t) || errno == EFAULT);
    return done >= 0;
}

static void take_away(struct worker *worker, struct mm_extent page, unsigned round)
{
    const struct world *world = worker->world;
    if (round % 2 == 0) {
        UNTIL_DONE(
            mmapper_protect(world->mapper, world->heap, page, MM_ACCESS_READ, NULL));
    } else {
        UNTIL_DONE(mmapper_guard(world->mapper, world->heap, page, NULL));
    }
}

static void work_in(struct worker *worker, unsigned chunk, unsigned round)
{
    struct world *world = worker->world;
    const struct mm_extent page = page_of(worker, chunk);
    struct place *place = &world->places[chunk];
    (void)pthread_rwlock_rdlock(&place->quiet);
    const bool fresh = worker->known[chunk] != place->generation + 1;
    if (fresh) {
        worker->known[chunk] = place->generation + 1;
        worker->tokens[chunk] = 0;
    }
    UNTIL_DONE(mmapper_ensure_mapped(world->mapper, world->heap, page, NULL));
    uint64_t *word = (uint64_t *)page.start;
    if (worker->left_closed[chunk] && !fresh) {
        EXPECT(!writable(worker, page));
        UNTIL_DONE(mmapper_protect(world->mapper, world->heap, page, RW, NULL));
    }
    worker->left_closed[chunk] = false;
    EXPECT_EQ(*word, worker->tokens[chunk]);
    take_away(worker, page, round);
    EXPECT(!writable(worker, page));
    /* Others commit this chunk and its neighbours meanwhile. */
    UNTIL_DONE(mmapper_ensure_mapped(world->mapper, world->heap, page, NULL));
    EXPECT(!writable(worker, page));
    if (round / CHUNKS % 2 == 0) { /* a whole turn, so that it happens to every chunk */
        worker->left_closed[chunk] = true;
        worker->tokens[chunk] = round % 2 == 0 ? worker->tokens[chunk] : 0;
        (void)pthread_rwlock_unlock(&place->quiet);
        return;
    }
    UNTIL_DONE(mmapper_protect(world->mapper, world->heap, page, RW, NULL));
    EXPECT_EQ(*word, round % 2 == 0 ? worker->tokens[chunk] : 0);
    worker->tokens[chunk] = (uint64_t)round << 8 | (worker->number + 1);
    *word = worker->tokens[chunk];
    (void)pthread_rwlock_unlock(&place->quiet);
}

static void recycle(struct worker *worker, unsigned chunk)
{
    struct world *world = worker->world;
    struct place *place = &world->places[chunk];
    (void)pthread_rwlock_wrlock(&place->quiet);
    UNTIL_DONE(
        mmapper_decommit(world->mapper, world->heap, chunk_at(world, chunk), NULL));
    place->generation++;
    (void)pthread_rwlock_unlock(&place->quiet);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    (void)pthread_barrier_wait(&worker->world->start);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const unsigned chunk = round % CHUNKS; /* the same for all, about */
        if (round % WORKERS == worker->number) {
            recycle(worker, chunk);
        }
        work_in(worker, chunk, round);
    }
    return NULL;
}

int main(void)
{
    if (left_out_if_emulated("guards", "qemu forgets that madvise asked for them")) {
        return 0;
    }
    struct world world = {.support = mmap_support_linux()};
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    struct mm_verify_result result;
    world.chunk_bytes = 16 * world.support.page_bytes;
    const struct mmapper_options options = {.chunk_bytes = world.chunk_bytes};
    const struct mm_owner_options heap = {.name = "heap"};
    EXPECT_OK(mmapper_create(&options, &world.support, &world.mapper, NULL));
    EXPECT_OK(mmapper_register_owner(world.mapper, &heap, &world.heap, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(
        world.mapper, world.heap, CHUNKS * world.chunk_bytes, 0, &world.extent, NULL));
    EXPECT_EQ(pthread_barrier_init(&world.start, NULL, WORKERS), 0);
    for (unsigned i = 0; i < CHUNKS; i++) {
        EXPECT_EQ(pthread_rwlock_init(&world.places[i].quiet, NULL), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){
            .world = &world, .number = i, .zero = open("/dev/zero", O_RDONLY)};
        EXPECT(workers[i].zero >= 0);
        EXPECT_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        (void)close(workers[i].zero);
    }
    EXPECT_OK(mmapper_verify(world.mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(world.mapper, NULL));
    return 0;
}
