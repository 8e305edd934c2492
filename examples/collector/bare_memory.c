/* SPDX-License-Identifier: MIT */
/* The heap's memory without a mapper: one region from mmap, cut into the same parts, with
 * the same free list. It never gives anything back. Here to be compared with. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "examples/collector/heap_memory.h"
#include "spaces/raw_memory_freelist.h"

struct bare_memory {
    struct heap_memory memory;
    struct raw_memory_freelist *list;
    pthread_mutex_t lock; /* of the list */
    size_t taken;
    void *region;
    size_t region_bytes;
};

static struct bare_memory *of(struct heap_memory *memory)
{
    return (struct bare_memory *)memory; /* its first member */
}

static enum mm_status take(struct heap_memory *memory, size_t blocks,
                           uintptr_t *address, struct mm_error *error)
{
    struct bare_memory *own = of(memory);
    uint32_t unit = 0;
    (void)pthread_mutex_lock(&own->lock);
    const enum mm_status status =
        blocks > memory->blocks.bytes >> LOG_BLOCK_BYTES
            ? MM_NO_SPACE
            : raw_memory_freelist_alloc(own->list, 0, (uint32_t)blocks, &unit);
    own->taken += status == MM_OK ? blocks : 0;
    (void)pthread_mutex_unlock(&own->lock);
    *address = memory->blocks.start + ((uintptr_t)unit << LOG_BLOCK_BYTES);
    if (status != MM_OK && error != NULL) {
        *error = (struct mm_error){.status = status,
                                   .detail = "no run of free blocks is as long",
                                   .os_call = MM_OS_NONE};
    }
    return status;
}

static void give(struct heap_memory *memory, uintptr_t address)
{
    struct bare_memory *own = of(memory);
    const uintptr_t unit = (address - memory->blocks.start) >> LOG_BLOCK_BYTES;
    struct raw_memory_freelist_freed freed;
    (void)pthread_mutex_lock(&own->lock);
    if (raw_memory_freelist_free(own->list, 0, (uint32_t)unit, &freed) != MM_OK) {
        abort(); /* no run begins there: the heap's tables were written over */
    }
    own->taken -= freed.units;
    (void)pthread_mutex_unlock(&own->lock);
}

static enum mm_status map_tables(struct heap_memory *memory, struct mm_extent blocks,
                                 struct mm_error *error)
{
    (void)memory, (void)blocks, (void)error;
    return MM_OK;
}

static enum mm_status grow_stack(struct heap_memory *memory, size_t bytes,
                                 struct mm_error *error)
{
    (void)memory, (void)bytes, (void)error;
    return MM_OK;
}

static void trim(struct heap_memory *memory)
{
    (void)memory;
}

static size_t taken(struct heap_memory *memory)
{
    return of(memory)->taken;
}

static enum mm_status destroy(struct heap_memory *memory, struct mm_error *error)
{
    struct bare_memory *own = of(memory);
    (void)error;
    (void)raw_memory_freelist_destroy(own->list, NULL);
    (void)pthread_mutex_destroy(&own->lock);
    (void)munmap(own->region, own->region_bytes);
    free(own);
    return MM_OK;
}

static const struct heap_memory_operations operations = {
    .take = take,
    .give = give,
    .map_tables = map_tables,
    .grow_stack = grow_stack,
    .trim = trim,
    .taken = taken,
    .destroy = destroy,
};

/* The parts, one behind the other: blocks, starts, marks, kinds, mark stack, free list.
 * All are multiples of a page for a multiple of 1 MiB of blocks. */
static enum mm_status lay_out(struct bare_memory *own, size_t bytes)
{
    const struct raw_memory_freelist_shape shape = {
        .max_units = (uint32_t)(bytes >> LOG_BLOCK_BYTES),
        .units = (uint32_t)(bytes >> LOG_BLOCK_BYTES),
        .grain = (uint32_t)(bytes >> LOG_BLOCK_BYTES),
        .heads = 1,
    };
    const size_t bits = bytes / GRAIN_BYTES / 8;
    const size_t kinds = (bytes >> LOG_BLOCK_BYTES) * sizeof(heap_word);
    const size_t stack = bytes / GRAIN_BYTES * sizeof(void *);
    const size_t list = raw_memory_freelist_table_bytes(&shape);
    own->region_bytes = bytes + 2 * bits + kinds + stack + list + BLOCK_BYTES;
    own->region = mmap(NULL, own->region_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (own->region == MAP_FAILED) {
        return MM_NO_MEMORY;
    }
    uintptr_t at = 0;
    (void)mm_align_up((uintptr_t)own->region, BLOCK_BYTES, &at);
    own->memory.blocks = mm_extent_of(at, bytes);
    own->memory.starts = (heap_word *)(at + bytes);
    own->memory.marks = (heap_word *)(at + bytes + bits);
    own->memory.kinds = (heap_word *)(at + bytes + 2 * bits);
    own->memory.mark_stack = mm_extent_of(at + bytes + 2 * bits + kinds, stack);
    void *table = (void *)mm_extent_end(own->memory.mark_stack);
    const enum mm_status status =
        raw_memory_freelist_create_on(table, list, &shape, &own->list, NULL);
    if (status != MM_OK) {
        (void)munmap(own->region, own->region_bytes);
    }
    return status;
}

enum mm_status bare_memory_create(size_t bytes, struct heap_memory **memory)
{
    struct bare_memory *own = calloc(1, sizeof(*own));
    if (own == NULL || pthread_mutex_init(&own->lock, NULL) != 0) {
        free(own);
        return MM_NO_MEMORY;
    }
    own->memory.operations = &operations;
    const enum mm_status status = lay_out(own, bytes);
    if (status != MM_OK) {
        (void)pthread_mutex_destroy(&own->lock);
        free(own);
        return status;
    }
    *memory = &own->memory;
    return MM_OK;
}
