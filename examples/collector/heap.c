/* SPDX-License-Identifier: MIT */
#include "examples/collector/heap.h"

#include <string.h>

enum { KIND_BITS = 8, NUMBER_BITS = 24 };

static const uint64_t kind_mask = (1U << KIND_BITS) - 1;
static const uint64_t number_mask = (1U << NUMBER_BITS) - 1;

enum mm_status heap_init(struct heap *heap, struct heap_memory *memory,
                         size_t least_budget)
{
    memset(heap, 0, sizeof(*heap));
    heap->memory = memory;
    heap->least_budget = least_budget;
    atomic_init(&heap->budget, least_budget);
    return pthread_mutex_init(&heap->lock, NULL) == 0 ? MM_OK : MM_NO_MEMORY;
}

enum mm_status heap_destroy(struct heap *heap, struct mm_error *error)
{
    const enum mm_status status =
        heap->memory->operations->destroy(heap->memory, error);
    if (status == MM_OK) {
        (void)pthread_mutex_destroy(&heap->lock);
    }
    return status;
}

/* ---------------------------------------------------------------------- blocks */

struct block heap_block(const struct heap *heap, size_t index)
{
    const uint64_t word =
        atomic_load_explicit(&heap->memory->kinds[index], memory_order_relaxed);
    return (struct block){
        .kind = (enum block_kind)(word & kind_mask),
        .number = (uint32_t)((word >> KIND_BITS) & number_mask),
        .next = (uint32_t)(word >> (KIND_BITS + NUMBER_BITS)),
    };
}

void heap_set_block(struct heap *heap, size_t index, struct block block)
{
    const uint64_t word = (uint64_t)block.kind | (uint64_t)block.number << KIND_BITS |
                          (uint64_t)block.next << (KIND_BITS + NUMBER_BITS);
    atomic_store_explicit(&heap->memory->kinds[index], word, memory_order_relaxed);
}

/* Takes the first block off a list; false if it is empty. */
static bool pop(struct heap *heap, uint32_t *list, size_t *index)
{
    if (*list == NO_BLOCK) {
        return false;
    }
    *index = *list - 1;
    struct block block = heap_block(heap, *index);
    *list = block.next;
    block.next = NO_BLOCK;
    heap_set_block(heap, *index, block);
    return true;
}

/* Blocks from the memory, with words in the tables. Under the lock. */
static enum mm_status take(struct heap *heap, size_t blocks, size_t *index)
{
    const struct heap_memory_operations *operations = heap->memory->operations;
    uintptr_t address;
    enum mm_status status =
        operations->take(heap->memory, blocks, &address, &heap->failure);
    if (status != MM_OK) {
        return status;
    }
    *index = (address - heap->memory->blocks.start) >> LOG_BLOCK_BYTES;
    const size_t end = *index + blocks;
    if (end > heap->high) {
        /* With all below, so that a walk finds a word for each block up to the highest. */
        const uintptr_t start = heap_block_address(heap, heap->high);
        status = operations->map_tables(
            heap->memory, mm_extent_of(start, (end - heap->high) << LOG_BLOCK_BYTES),
            &heap->failure);
        if (status != MM_OK) {
            operations->give(heap->memory, address);
            return status;
        }
        heap->high = end;
    }
    return MM_OK;
}

/* A spare block does for one; for more, the spare ones may be what is in the way. */
static enum mm_status take_or_spare(struct heap *heap, size_t blocks, size_t *index)
{
    if (blocks == 1 && pop(heap, &heap->spare, index)) {
        heap->spare_blocks--;
        return MM_OK;
    }
    enum mm_status status = take(heap, blocks, index);
    if (status != MM_OK && heap->spare != NO_BLOCK) {
        size_t spare;
        while (pop(heap, &heap->spare, &spare)) {
            heap_set_block(heap, spare, (struct block){.kind = BLOCK_FREE});
            heap->memory->operations->give(heap->memory,
                                           heap_block_address(heap, spare));
        }
        heap->spare_blocks = 0;
        status = take(heap, blocks, index);
    }
    return status;
}

static void count(struct heap *heap, size_t bytes)
{
    (void)atomic_fetch_add_explicit(&heap->allocated, bytes, memory_order_relaxed);
}

/* ------------------------------------------------------------------ allocation */

static size_t free_bytes(const struct heap *heap, uintptr_t block, unsigned cell_class)
{
    const size_t bit = heap_bit(heap, block);
    size_t used = 0;
    for (size_t i = 0; i < BLOCK_WORDS; i++) {
        used += (size_t)__builtin_popcountll(
            heap_word_load(heap->memory->starts, bit + i * BITS_PER_WORD));
    }
    return BLOCK_BYTES - used * cell_class_bytes(cell_class);
}

/* A block with free cells for the allocator: one that the sweep left, or a fresh one. */
static bool refill(struct heap *heap, struct allocator *allocator, unsigned cell_class)
{
    size_t index;
    bool good = true;
    (void)pthread_mutex_lock(&heap->lock);
    if (!pop(heap, &heap->room[cell_class], &index)) {
        good = take_or_spare(heap, 1, &index) == MM_OK;
        if (good) {
            heap_set_block(heap, index,
                           (struct block){.kind = BLOCK_CELLS, .number = cell_class});
        }
    }
    (void)pthread_mutex_unlock(&heap->lock);
    if (good) {
        allocator->in[cell_class].block = heap_block_address(heap, index);
        allocator->in[cell_class].cell = 0;
        count(heap, free_bytes(heap, allocator->in[cell_class].block, cell_class));
    }
    return good;
}

/* The next free cell of the allocator's block, with its start bit set; 0 if it is full. */
static uintptr_t next_cell(struct heap *heap, struct allocator *allocator,
                           unsigned cell_class)
{
    const uintptr_t block = allocator->in[cell_class].block;
    if (block == 0) {
        return 0;
    }
    const uint32_t cells = cell_class_cells(cell_class);
    while (allocator->in[cell_class].cell < cells) {
        const uintptr_t address =
            block + allocator->in[cell_class].cell++ * cell_class_bytes(cell_class);
        const size_t bit = heap_bit(heap, address);
        const uint64_t word = heap_word_load(heap->memory->starts, bit);
        if ((word & heap_mask(bit)) == 0) {
            heap_word_store(heap->memory->starts, bit, word | heap_mask(bit));
            return address;
        }
    }
    return 0;
}

static uintptr_t alloc_large(struct heap *heap, size_t size)
{
    const size_t blocks = (size + BLOCK_BYTES - 1) >> LOG_BLOCK_BYTES;
    size_t index = 0;
    (void)pthread_mutex_lock(&heap->lock);
    const bool good = take_or_spare(heap, blocks, &index) == MM_OK;
    if (good) {
        heap_set_block(heap, index,
                       (struct block){.kind = BLOCK_LARGE, .number = (uint32_t)blocks});
        for (size_t i = 1; i < blocks; i++) {
            heap_set_block(heap, index + i, (struct block){.kind = BLOCK_INSIDE});
        }
    }
    (void)pthread_mutex_unlock(&heap->lock);
    if (!good) {
        return 0;
    }
    count(heap, blocks << LOG_BLOCK_BYTES);
    const uintptr_t address = heap_block_address(heap, index);
    heap_word_store(heap->memory->starts, heap_bit(heap, address), 1);
    return address;
}

struct object *heap_alloc(struct heap *heap, struct allocator *allocator,
                          uint32_t slots, uint32_t bytes)
{
    const size_t size = object_size(slots, bytes);
    uintptr_t address;
    if (size > CELL_CLASS_LARGEST) {
        address = alloc_large(heap, size);
    } else {
        const unsigned cell_class = cell_class_of(size);
        address = next_cell(heap, allocator, cell_class);
        while (address == 0 && refill(heap, allocator, cell_class)) {
            address = next_cell(heap, allocator, cell_class);
        }
    }
    struct object *object = (struct object *)address;
    if (object != NULL) {
        memset(object, 0, size);
        object->slots = slots;
        object->bytes = bytes;
    }
    return object;
}

void allocator_reset(struct allocator *allocator)
{
    *allocator = (struct allocator){0};
}
