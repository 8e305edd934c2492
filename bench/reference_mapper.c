/* SPDX-License-Identifier: MIT */
#include "bench/reference_mapper.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bare.h"
#include "bench/fail.h"

enum state {
    UNMAPPED = 0,
    QUARANTINED,
    MAPPED,
};

struct reference_mapper {
    pthread_mutex_t lock;
    struct mm_extent window;
    unsigned log_chunk;
    size_t chunks;
    /* Volatile, since it is read without the lock: on x86-64 that is an acquire load, and
     * a store a release store. */
    volatile uint8_t *states;
};

struct reference_mapper *reference_mapper_create(struct mm_extent window,
                                                 size_t chunk_bytes)
{
    struct reference_mapper *mapper = calloc(1, sizeof *mapper);
    BENCH_CHECK(mapper != NULL && mm_is_power_of_two(chunk_bytes));
    BENCH_CHECK(pthread_mutex_init(&mapper->lock, NULL) == 0);
    mapper->window = window;
    mapper->log_chunk = (unsigned)__builtin_ctzll(chunk_bytes);
    mapper->chunks = window.bytes >> mapper->log_chunk;
    mapper->states = calloc(mapper->chunks, 1);
    BENCH_CHECK(mapper->states != NULL);
    return mapper;
}

void reference_mapper_destroy(struct reference_mapper *mapper)
{
    (void)pthread_mutex_destroy(&mapper->lock);
    free((void *)mapper->states);
    free(mapper);
}

static size_t chunk_of(const struct reference_mapper *mapper, uintptr_t address)
{
    return (address - mapper->window.start) >> mapper->log_chunk;
}

static struct mm_extent chunk_extent(const struct reference_mapper *mapper,
                                     size_t chunk)
{
    return mm_extent_of(mapper->window.start + (chunk << mapper->log_chunk),
                        (size_t)1 << mapper->log_chunk);
}

bool reference_mapper_is_mapped(const struct reference_mapper *mapper,
                                uintptr_t address)
{
    const size_t chunk = chunk_of(mapper, address);
    return chunk < mapper->chunks && mapper->states[chunk] == MAPPED;
}

/* The chunks that an extent meets; false when some lie outside of the window. */
static bool chunks_of(const struct reference_mapper *mapper, struct mm_extent extent,
                      size_t *first, size_t *end)
{
    if (!mm_extent_valid(extent) || !mm_extent_contains(mapper->window, extent)) {
        return false;
    }
    *first = chunk_of(mapper, extent.start);
    *end = chunk_of(mapper, mm_extent_end(extent) - 1) + 1;
    return true;
}

enum mm_status reference_mapper_quarantine(struct reference_mapper *mapper,
                                           struct mm_extent extent)
{
    size_t first, end;
    if (!chunks_of(mapper, extent, &first, &end)) {
        return MM_OUT_OF_RANGE;
    }
    enum mm_status status = MM_OK;
    (void)pthread_mutex_lock(&mapper->lock);
    for (size_t i = first; i < end && status == MM_OK; i++) {
        status = mapper->states[i] == UNMAPPED ? MM_OK : MM_WRONG_STATE;
    }
    if (status == MM_OK) {
        bench_bare_reserve(extent);
        for (size_t i = first; i < end; i++) {
            mapper->states[i] = QUARANTINED;
        }
    }
    (void)pthread_mutex_unlock(&mapper->lock);
    return status;
}

enum mm_status reference_mapper_ensure_mapped(struct reference_mapper *mapper,
                                              struct mm_extent extent)
{
    size_t first, end;
    if (!chunks_of(mapper, extent, &first, &end)) {
        return MM_OUT_OF_RANGE;
    }
    (void)pthread_mutex_lock(&mapper->lock);
    for (size_t i = first; i < end; i++) {
        if (mapper->states[i] != MAPPED) {
            bench_bare_replace(chunk_extent(mapper, i));
            mapper->states[i] = MAPPED;
        }
    }
    (void)pthread_mutex_unlock(&mapper->lock);
    return MM_OK;
}

enum mm_status reference_mapper_release(struct reference_mapper *mapper,
                                        struct mm_extent extent)
{
    size_t first, end;
    if (!chunks_of(mapper, extent, &first, &end)) {
        return MM_OUT_OF_RANGE;
    }
    (void)pthread_mutex_lock(&mapper->lock);
    bench_bare_release(extent);
    for (size_t i = first; i < end; i++) {
        mapper->states[i] = UNMAPPED;
    }
    (void)pthread_mutex_unlock(&mapper->lock);
    return MM_OK;
}
