/* SPDX-License-Identifier: MIT */
/* The immortal space against a naive model, under threads, and at 2 TiB. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "mmapper/testing/emulated.h"
#include "spaces/immortal_space.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 4096 };

static struct immortal_space *create(struct mmapper *mapper, size_t bytes,
                                     enum immortal_mapping mapping)
{
    const struct immortal_space_options options = {
        .name = "immortal",
        .strategy = {.accounting = MM_UNACCOUNTED},
        .bytes = bytes,
        .mapping = mapping,
    };
    struct immortal_space *space;
    EXPECT_OK(immortal_space_create(mapper, &options, &space, NULL));
    return space;
}

/* ------------------------------------------------------------------- model */

/* The cursor and the mapped prefix as they should be, in arithmetic that cannot wrap.
 */
struct model {
    struct mm_extent extent;
    unsigned __int128 cursor;
    unsigned __int128 mapped; /* on demand: everything below is mapped */
};

static bool model_place(const struct model *model, size_t bytes, size_t alignment,
                        unsigned __int128 *start)
{
    const unsigned __int128 a = alignment;
    *start = (model->cursor + a - 1) / a * a;
    return *start + bytes <= mm_extent_end(model->extent);
}

static size_t random_size(uint64_t *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return (size_t)(SIZE_MAX - random_below(random, 100));
    case 1:
        return (size_t)random_below(random, 5 * CHUNK) + 1;
    default:
        return (size_t)random_below(random, 3000) + 1;
    }
}

static void model_step(struct fixture *fixture, struct immortal_space *space,
                       struct model *model, uint64_t *random)
{
    const size_t bytes = random_size(random);
    const unsigned log_limit = random_below(random, 16) == 0 ? 64 : 8;
    const size_t alignment = (size_t)1 << random_below(random, log_limit);
    const bool broken = random_below(random, 8) == 0;
    if (broken) {
        fixture_fail_commits(fixture, 0);
    }
    uintptr_t address = 0;
    const enum mm_status status =
        immortal_space_alloc(space, bytes, alignment, &address, NULL);
    fixture_repair(fixture);
    unsigned __int128 start;
    if (!model_place(model, bytes, alignment, &start)) {
        EXPECT_EQ(status, MM_NO_SPACE);
    } else if (broken && start + bytes > model->mapped) {
        EXPECT_EQ(status, MM_NO_MEMORY);
    } else {
        EXPECT_EQ(status, MM_OK);
        EXPECT_EQ(address, (uintptr_t)start);
        memset((void *)address, 1, bytes);
        model->cursor = start + bytes;
        if (model->cursor > model->mapped) {
            model->mapped = (model->cursor + CHUNK - 1) / CHUNK * CHUNK;
        }
    }
    const struct immortal_space_usage usage = immortal_space_usage(space);
    EXPECT_EQ(usage.used, (size_t)(model->cursor - model->extent.start));
    EXPECT_EQ(usage.free, model->extent.bytes - usage.used);
    const uintptr_t end = mm_extent_end(model->extent);
    const uintptr_t probe =
        model->extent.start + random_below(random, end - model->extent.start);
    /* A chunk that alignment skipped need not be mapped: only the rest is told. */
    if (probe >= model->mapped) {
        EXPECT(!mmapper_is_mapped(fixture->mapper, probe));
    } else if (probe >= (uintptr_t)start && status == MM_OK) {
        EXPECT(mmapper_is_mapped(fixture->mapper, probe));
    }
}

static void test_random_model(uint64_t seed)
{
    uint64_t random = seed;
    for (unsigned round = 0; round < 200; round++) {
        struct fixture fixture;
        struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
        const size_t bytes = (random_below(&random, 30) + 1) * CHUNK;
        const enum immortal_mapping mapping =
            random_below(&random, 3) == 0 ? IMMORTAL_EAGER : IMMORTAL_ON_DEMAND;
        struct immortal_space *space = create(mapper, bytes, mapping);
        struct model model = {.extent = immortal_space_extent(space)};
        model.cursor = model.extent.start;
        model.mapped = mapping == IMMORTAL_EAGER ? mm_extent_end(model.extent)
                                                 : model.extent.start;
        for (unsigned step = 0; step < 300; step++) {
            model_step(&fixture, space, &model, &random);
        }
        EXPECT_OK(immortal_space_destroy(space, NULL));
        fixture_end(&fixture);
    }
}

/* ----------------------------------------------------------------- threads */

enum { THREADS = 4, MAX_PIECES = 20000 };

struct piece {
    uintptr_t start;
    size_t bytes;
};

struct worker {
    pthread_t thread;
    struct immortal_space *space;
    unsigned char token;
    uint64_t random;
    size_t count;
    struct piece pieces[MAX_PIECES];
};

/* Allocates until nothing fits any more, and writes its token all over its pieces. */
static void *exhaust(void *argument)
{
    struct worker *worker = argument;
    for (;;) {
        const size_t bytes = (size_t)random_below(&worker->random, 4000) + 1;
        uintptr_t address;
        const enum mm_status status =
            immortal_space_alloc(worker->space, bytes, 8, &address, NULL);
        if (status == MM_NO_SPACE && bytes <= 8) {
            return NULL;
        }
        if (status == MM_NO_SPACE) {
            continue;
        }
        EXPECT_EQ(status, MM_OK);
        EXPECT(worker->count < MAX_PIECES);
        EXPECT_EQ(*(unsigned char *)address, 0);
        memset((void *)address, worker->token, bytes);
        worker->pieces[worker->count++] = (struct piece){address, bytes};
    }
}

static int by_start(const void *a, const void *b)
{
    const struct piece *x = a;
    const struct piece *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

static void check_pieces(struct worker *workers, struct mm_extent extent)
{
    static struct piece all[THREADS * MAX_PIECES];
    size_t count = 0;
    for (unsigned t = 0; t < THREADS; t++) {
        for (size_t i = 0; i < workers[t].count; i++) {
            const struct piece piece = workers[t].pieces[i];
            const unsigned char *p = (const unsigned char *)piece.start;
            for (size_t b = 0; b < piece.bytes; b++) {
                EXPECT_EQ(p[b], workers[t].token);
            }
            all[count++] = piece;
        }
    }
    qsort(all, count, sizeof(all[0]), by_start);
    uintptr_t end = extent.start;
    for (size_t i = 0; i < count; i++) {
        /* Nothing but padding is lost. */
        EXPECT(all[i].start >= end && all[i].start - end < 8);
        end = all[i].start + all[i].bytes;
    }
    EXPECT(end <= mm_extent_end(extent));
}

static void test_threads_share_the_space(uint64_t seed, enum immortal_mapping mapping)
{
    static struct worker workers[THREADS];
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 512 * CHUNK, mapping);
    for (unsigned t = 0; t < THREADS; t++) {
        workers[t].space = space;
        workers[t].token = (unsigned char)(t + 1);
        workers[t].random = seed + t;
        workers[t].count = 0;
        EXPECT_EQ(pthread_create(&workers[t].thread, NULL, exhaust, &workers[t]), 0);
    }
    for (unsigned t = 0; t < THREADS; t++) {
        EXPECT_EQ(pthread_join(workers[t].thread, NULL), 0);
    }
    check_pieces(workers, immortal_space_extent(space));
    EXPECT(immortal_space_usage(space).free < 16);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

enum { SMALL_ALLOCATIONS = 200000 };

/* Asks, as often as the other thread allocates, for more than is left. */
static void *overshoot(void *argument)
{
    struct immortal_space *space = argument;
    for (unsigned i = 0; i < SMALL_ALLOCATIONS; i++) {
        uintptr_t address;
        const struct immortal_space_usage before = immortal_space_usage(space);
        EXPECT_EQ(before.used + before.free, immortal_space_extent(space).bytes);
        EXPECT_STATUS(immortal_space_alloc(space, before.free + 1, 1, &address, NULL),
                      MM_NO_SPACE);
        EXPECT(immortal_space_usage(space).used >= before.used);
    }
    return NULL;
}

/* A request that fits is never refused because of another's that does not. */
static void test_overshoots_are_invisible(void)
{
    struct fixture fixture;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    struct immortal_space *space = create(mapper, 8 * CHUNK, IMMORTAL_EAGER);
    const size_t small = immortal_space_extent(space).bytes / SMALL_ALLOCATIONS;
    pthread_t thread;
    EXPECT_EQ(pthread_create(&thread, NULL, overshoot, space), 0);
    uintptr_t expected = immortal_space_extent(space).start;
    for (unsigned i = 0; i < SMALL_ALLOCATIONS; i++) {
        uintptr_t address = 0;
        EXPECT_OK(immortal_space_alloc(space, small, 1, &address, NULL));
        EXPECT_EQ(address, expected);
        expected += small;
    }
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    fixture_end(&fixture);
}

/* -------------------------------------------------------------------- 2 TiB */

static size_t resident_bytes(void)
{
    size_t total = 0;
    size_t resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    EXPECT(file != NULL);
    EXPECT_EQ(fscanf(file, "%zu %zu", &total, &resident), 2);
    EXPECT_EQ(fclose(file), 0);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static double microseconds(void)
{
    struct timespec now;
    EXPECT_EQ(timespec_get(&now, TIME_UTC), TIME_UTC);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void test_two_tebibytes_touch_nothing(void)
{
    if (left_out_if_huge_is_slow("2 TiB")) {
        return;
    }
    const size_t mebibyte = (size_t)1 << 20;
    const struct mmapper_options options = {
        .base = UINT64_C(0x7a0000000000),
        .limit = UINT64_C(0x7e8000000000),
    };
    const struct mmap_support support = mmap_support_linux();
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    const size_t before = resident_bytes();
    const double begin = microseconds();
    struct immortal_space *space = create(mapper, (size_t)2 << 40, IMMORTAL_EAGER);
    const double created = microseconds();
    const size_t after = resident_bytes();
    (void)printf("2 TiB eager: created in %.1f us, %zu KiB more resident\n",
                 created - begin, (after - before) / 1024);
    EXPECT(after < before + mebibyte);
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_RESERVE], 1);
    EXPECT_EQ(statistics.os_calls[MM_OS_COMMIT], 1);
    const struct mm_extent extent = immortal_space_extent(space);
    EXPECT(mmapper_is_mapped(mapper, mm_extent_end(extent) - 1));
    /* One piece at the start, one up to the very end. */
    uintptr_t address = 0;
    EXPECT_OK(immortal_space_alloc(space, 4096, 4096, &address, NULL));
    memset((void *)address, 1, 4096);
    EXPECT_OK(immortal_space_alloc(space, extent.bytes - 4096, 4096, &address, NULL));
    *(unsigned char *)(mm_extent_end(extent) - 1) = 1;
    EXPECT_EQ(immortal_space_usage(space).free, 0);
    /* With transparent huge pages always on, a touched byte is 2 MiB. */
    EXPECT(resident_bytes() < before + 8 * mebibyte);
    EXPECT_OK(immortal_space_destroy(space, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(int argc, char **argv)
{
    const uint64_t seed = fixture_seed(argc, argv);
    test_random_model(seed);
    test_threads_share_the_space(seed, IMMORTAL_EAGER);
    test_threads_share_the_space(seed, IMMORTAL_ON_DEMAND);
    test_overshoots_are_invisible();
    test_two_tebibytes_touch_nothing();
    return 0;
}
