/* SPDX-License-Identifier: MIT */
#include "spaces/immortal_window.h"

#include <pthread.h>

#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW_CHUNKS = 256, THREADS = 4 };

struct trial {
    struct fixture fixture;
    struct immortal_space *space;
    uintptr_t start;
};

static void begin(struct trial *trial, size_t chunks, enum immortal_mapping mapping)
{
    struct mmapper *mapper = fixture_begin(&trial->fixture, WINDOW_CHUNKS);
    const struct immortal_space_options options = {
        .name = "immortal", .bytes = chunks * CHUNK, .mapping = mapping};
    EXPECT_OK(immortal_space_create(mapper, &options, &trial->space, NULL));
    trial->start = immortal_space_extent(trial->space).start;
}

static void end(struct trial *trial)
{
    EXPECT_OK(immortal_space_destroy(trial->space, NULL));
    fixture_end(&trial->fixture);
}

static size_t used(const struct trial *trial)
{
    return immortal_space_usage(trial->space).used;
}

/* The offset of what was allocated. */
static size_t allocate(struct trial *trial, struct immortal_window *window,
                       size_t bytes, size_t alignment)
{
    uintptr_t address = 0;
    EXPECT_OK(immortal_window_alloc(window, bytes, alignment, &address, NULL));
    return address - trial->start;
}

static void test_one_after_the_other(void)
{
    struct trial trial;
    begin(&trial, 4, IMMORTAL_EAGER);
    struct immortal_window window = immortal_window_of(trial.space, 1024);
    EXPECT_EQ(used(&trial), 0);
    EXPECT_EQ(allocate(&trial, &window, 16, 0), 0);
    EXPECT_EQ(used(&trial), 1024);
    EXPECT_EQ(allocate(&trial, &window, 1, 0), 16);
    EXPECT_EQ(allocate(&trial, &window, 8, 8), 24);
    EXPECT_EQ(allocate(&trial, &window, 256, 64), 64);
    EXPECT_EQ(allocate(&trial, &window, 704, 0), 320); /* all of the rest */
    EXPECT_EQ(used(&trial), 1024);
    EXPECT_EQ(allocate(&trial, &window, 1, 0), 1024); /* the next window */
    EXPECT_EQ(used(&trial), 2048);
    end(&trial);
}

static void test_two_windows(void)
{
    struct trial trial;
    begin(&trial, 4, IMMORTAL_EAGER);
    struct immortal_window one = immortal_window_of(trial.space, 256);
    struct immortal_window two = immortal_window_of(trial.space, 512);
    EXPECT_EQ(allocate(&trial, &one, 64, 0), 0);
    EXPECT_EQ(allocate(&trial, &two, 64, 0), 256);
    EXPECT_EQ(allocate(&trial, &one, 64, 0), 64);
    EXPECT_EQ(allocate(&trial, &two, 64, 0), 320);
    EXPECT_EQ(allocate(&trial, &one, 64, 0), 128);
    EXPECT_EQ(allocate(&trial, &one, 64, 0), 192);
    EXPECT_EQ(allocate(&trial, &one, 64, 0), 768);
    end(&trial);
}

/* What is large does not cost the window its rest. */
static void test_large(void)
{
    struct trial trial;
    begin(&trial, 4, IMMORTAL_EAGER);
    struct immortal_window window = immortal_window_of(trial.space, 1024);
    EXPECT_EQ(allocate(&trial, &window, 256, 0), 0); /* a quarter: a window */
    EXPECT_EQ(allocate(&trial, &window, 769, 0), 1024);
    EXPECT_EQ(used(&trial), 1024 + 769);
    EXPECT_EQ(allocate(&trial, &window, 768, 0), 256);
    struct immortal_window fresh = immortal_window_of(trial.space, 1024);
    EXPECT_EQ(allocate(&trial, &fresh, 257, 0), 1793);
    EXPECT_EQ(allocate(&trial, &fresh, 8, 512), 2560);
    end(&trial);
}

/* The end of the space is used up to the last byte, and then nothing moves. */
static void test_exhausted(void)
{
    struct trial trial;
    struct mm_error error;
    uintptr_t address = 7;
    begin(&trial, 1, IMMORTAL_ON_DEMAND);
    const size_t window_bytes = CHUNK - 100;
    struct immortal_window window = immortal_window_of(trial.space, window_bytes);
    EXPECT_EQ(allocate(&trial, &window, 1, 0), 0);
    struct immortal_window late = immortal_window_of(trial.space, 1024);
    EXPECT_EQ(allocate(&trial, &late, 60, 0), window_bytes);
    EXPECT_EQ(allocate(&trial, &late, 40, 0), window_bytes + 60);
    EXPECT_STATUS(immortal_window_alloc(&late, 1, 0, &address, &error), MM_NO_SPACE);
    EXPECT_EQ(error.status, MM_NO_SPACE);
    EXPECT_EQ(address, 7);
    EXPECT_EQ(allocate(&trial, &window, 1, 0), 1); /* its own rest is still there */
    end(&trial);
}

static void test_bad_arguments(void)
{
    struct trial trial;
    struct mm_error error;
    uintptr_t address = 7;
    begin(&trial, 1, IMMORTAL_EAGER);
    struct immortal_window window = immortal_window_of(trial.space, 1024);
    for (unsigned filled = 0; filled < 2; filled++) {
        const struct immortal_window before = window;
        EXPECT_STATUS(immortal_window_alloc(&window, 0, 8, &address, &error),
                      MM_INVALID_ARGUMENT);
        EXPECT_STATUS(immortal_window_alloc(&window, 8, 3, &address, &error),
                      MM_INVALID_ARGUMENT);
        EXPECT_STATUS(immortal_window_alloc(&window, SIZE_MAX, 0, &address, &error),
                      MM_NO_SPACE);
        EXPECT_EQ(address, 7);
        EXPECT_EQ(window.cursor, before.cursor);
        EXPECT_EQ(window.end, before.end);
        (void)allocate(&trial, &window, 8, 0);
        window.cursor = before.cursor != 0 ? before.cursor : window.cursor;
    }
    /* No windows at all: everything comes from the space. */
    struct immortal_window none = immortal_window_of(trial.space, 0);
    EXPECT_EQ(allocate(&trial, &none, 8, 0), 1024);
    end(&trial);
}

/* On demand: whoever gets memory can use it, and it is zero. */
static void test_mapped_on_demand(void)
{
    struct trial trial;
    begin(&trial, 4, IMMORTAL_ON_DEMAND);
    struct immortal_window window = immortal_window_of(trial.space, CHUNK + CHUNK / 2);
    for (unsigned i = 0; i < 6; i++) {
        const size_t offset = allocate(&trial, &window, CHUNK / 4, 8);
        unsigned char *bytes = (unsigned char *)trial.start + offset;
        for (size_t j = 0; j < CHUNK / 4; j++) {
            EXPECT_EQ(bytes[j], 0);
            bytes[j] = (unsigned char)i;
        }
    }
    end(&trial);
}

struct worker {
    struct immortal_space *space;
    unsigned number;
    size_t allocated;
};

/* Marks what it gets; whoever gets a byte twice finds a mark there. */
static void *work(void *argument)
{
    struct worker *worker = argument;
    struct immortal_window window = immortal_window_of(worker->space, 512);
    uintptr_t address;
    for (size_t bytes = 1;
         immortal_window_alloc(&window, bytes, 0, &address, NULL) == MM_OK;
         bytes = bytes % 150 + 1) {
        unsigned char *place = (unsigned char *)address;
        for (size_t i = 0; i < bytes; i++) {
            EXPECT_EQ(place[i], 0);
            place[i] = (unsigned char)(worker->number + 1);
        }
        worker->allocated += bytes;
    }
    return NULL;
}

static void test_threads(enum immortal_mapping mapping)
{
    struct trial trial;
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    size_t allocated = 0;
    begin(&trial, 64, mapping);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){trial.space, i, 0};
        EXPECT_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        allocated += workers[i].allocated;
    }
    /* Less than a quarter of each window is lost, and one allocation at the end. */
    EXPECT(allocated > 64 * CHUNK * 3 / 4 - 150);
    end(&trial);
}

int main(void)
{
    test_one_after_the_other();
    test_two_windows();
    test_large();
    test_exhausted();
    test_bad_arguments();
    test_mapped_on_demand();
    test_threads(IMMORTAL_EAGER);
    test_threads(IMMORTAL_ON_DEMAND);
    return 0;
}
