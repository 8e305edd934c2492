/* SPDX-License-Identifier: MIT */
/*
 * A program that does nothing but allocate: threads grow to some tens of MiB, shrink to
 * little, and grow again, in sizes from 16 bytes to 1 MiB; some of what a thread allocated is
 * freed by another one. Its memory comes from malloc, whosever that is. Each page is written.
 *
 *     workload [THREADS [ROUNDS]]
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOST_THREADS = 64,
    THREADS = 4,
    ROUNDS = 3,
    BLOCKS = 40000, /* of a thread */
    SHARED = 256,
    PAGE = 4096,
};

struct shared {
    pthread_mutex_t lock;
    void *blocks[SHARED];
};

struct worker {
    pthread_t thread;
    struct shared *shared;
    unsigned rounds;
    uint64_t random;
    void *blocks[BLOCKS];
};

static uint64_t next(struct worker *worker)
{
    /* xorshift64 (Marsaglia) */
    worker->random ^= worker->random << 13;
    worker->random ^= worker->random >> 7;
    worker->random ^= worker->random << 17;
    return worker->random;
}

/* 9 of 10 up to 512 bytes, 1 of 500 above 64 KiB. */
static size_t pick_size(struct worker *worker)
{
    const uint64_t kind = next(worker) % 1000;
    if (kind < 900) {
        return 16 + next(worker) % 497;
    }
    return kind < 998 ? 512 + next(worker) % 15872 : 65536 + next(worker) % 983040;
}

static void *allocate(struct worker *worker)
{
    const size_t bytes = pick_size(worker);
    char *block = malloc(bytes);
    if (block == NULL) {
        (void)fprintf(stderr, "workload: no memory\n");
        exit(1);
    }
    for (size_t at = 0; at < bytes; at += PAGE) {
        block[at] = 1;
    }
    return block;
}

/* Leaves a block for another thread, and takes what that one left. */
static void *exchange(struct worker *worker, void *block)
{
    struct shared *shared = worker->shared;
    const size_t place = next(worker) % SHARED;
    (void)pthread_mutex_lock(&shared->lock);
    void *other = shared->blocks[place];
    shared->blocks[place] = block;
    (void)pthread_mutex_unlock(&shared->lock);
    return other;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    for (unsigned round = 0; round < worker->rounds; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            free(worker->blocks[i]);
            worker->blocks[i] = allocate(worker);
        }
        /* Down to a tenth. */
        for (size_t i = 0; i < BLOCKS; i++) {
            if (i % 10 != round % 10) {
                void *block = worker->blocks[i];
                free(i % 8 == 0 ? exchange(worker, block) : block);
                worker->blocks[i] = NULL;
            }
        }
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(worker->blocks[i]);
    }
    return NULL;
}

static unsigned number(const char *text, unsigned most)
{
    const unsigned long value = strtoul(text, NULL, 10);
    if (value == 0 || value > most) {
        (void)fprintf(stderr, "workload: `%s` is not a number from 1 to %u\n", text,
                      most);
        exit(2);
    }
    return (unsigned)value;
}

int main(int argc, char *argv[])
{
    const unsigned threads = argc > 1 ? number(argv[1], MOST_THREADS) : THREADS;
    const unsigned rounds = argc > 2 ? number(argv[2], 1 << 20) : ROUNDS;
    struct shared shared = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker *workers = calloc(threads, sizeof(*workers));
    if (workers == NULL) {
        return 1;
    }
    for (unsigned i = 0; i < threads; i++) {
        workers[i].shared = &shared;
        workers[i].rounds = rounds;
        workers[i].random = i + 1;
        if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
            (void)fprintf(stderr, "workload: no thread\n");
            return 1;
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    for (size_t i = 0; i < SHARED; i++) {
        free(shared.blocks[i]);
    }
    free(workers);
    return 0;
}
