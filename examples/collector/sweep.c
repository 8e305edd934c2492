/* SPDX-License-Identifier: MIT */
#include "examples/collector/sweep.h"

/* Turns a block's marks into its starts; returns how many objects it has. */
static size_t sweep_words(struct heap *heap, size_t index, size_t words)
{
    const size_t first = heap_bit(heap, heap_block_address(heap, index));
    size_t objects = 0;
    for (size_t i = 0; i < words; i++) {
        const size_t bit = first + i * BITS_PER_WORD;
        const uint64_t marks = heap_word_load(heap->memory->marks, bit);
        heap_word_store(heap->memory->starts, bit, marks);
        heap_word_store(heap->memory->marks, bit, 0);
        objects += (size_t)__builtin_popcountll(marks);
    }
    return objects;
}

static void push(struct heap *heap, uint32_t *list, size_t index, struct block block)
{
    block.next = *list;
    heap_set_block(heap, index, block);
    *list = (uint32_t)index + 1;
}

/* All that is not marked becomes free cells, or blocks of kind SPARE that are on no list
 * yet. Returns the bytes of free cells. */
static size_t sweep_blocks(struct heap *heap, struct sweep_result *result)
{
    size_t free_bytes = 0;
    /* Downwards: then the lists of blocks with room begin with the lowest. */
    for (size_t index = heap->high; index-- > 0;) {
        const struct block block = heap_block(heap, index);
        if (block.kind == BLOCK_CELLS) {
            const size_t objects = sweep_words(heap, index, BLOCK_WORDS);
            const size_t bytes = objects * cell_class_bytes(block.number);
            result->objects += objects;
            result->bytes += bytes;
            if (objects == 0) {
                heap_set_block(heap, index, (struct block){.kind = BLOCK_SPARE});
            } else if (objects < cell_class_cells(block.number)) {
                push(heap, &heap->room[block.number], index, block);
                free_bytes += BLOCK_BYTES - bytes;
            }
        } else if (block.kind == BLOCK_LARGE) {
            const size_t objects = sweep_words(heap, index, 1);
            result->objects += objects;
            result->bytes += objects * ((size_t)block.number << LOG_BLOCK_BYTES);
            if (objects == 0) {
                for (size_t i = 0; i < block.number; i++) {
                    heap_set_block(heap, index + i, (struct block){.kind = BLOCK_FREE});
                }
                result->given += block.number;
                heap->memory->operations->give(heap->memory,
                                               heap_block_address(heap, index));
            }
        }
    }
    return free_bytes;
}

/* Of the empty blocks, the lowest ones stay: so the heap draws together, and whole chunks
 * become free. */
static void sort_spare(struct heap *heap, size_t wanted, struct sweep_result *result)
{
    for (size_t index = 0; index < heap->high; index++) {
        if (heap_block(heap, index).kind != BLOCK_SPARE) {
            continue;
        }
        if (heap->spare_blocks < wanted) {
            push(heap, &heap->spare, index, (struct block){.kind = BLOCK_SPARE});
            heap->spare_blocks++;
        } else {
            heap_set_block(heap, index, (struct block){.kind = BLOCK_FREE});
            heap->memory->operations->give(heap->memory,
                                           heap_block_address(heap, index));
            result->given++;
        }
    }
}

struct sweep_result heap_sweep(struct heap *heap)
{
    struct sweep_result result = {0};
    for (unsigned i = 0; i < CELL_CLASS_COUNT; i++) {
        heap->room[i] = NO_BLOCK;
    }
    heap->spare = NO_BLOCK;
    heap->spare_blocks = 0;
    const size_t free_bytes = sweep_blocks(heap, &result);
    /* The next collection is due when as much was allocated as lives now. */
    const size_t budget =
        result.bytes > heap->least_budget ? result.bytes : heap->least_budget;
    const size_t wanted =
        free_bytes < budget ? (budget - free_bytes) >> LOG_BLOCK_BYTES : 0;
    sort_spare(heap, wanted, &result);
    atomic_store_explicit(&heap->budget, budget, memory_order_relaxed);
    atomic_store_explicit(&heap->allocated, 0, memory_order_relaxed);
    heap->memory->operations->trim(heap->memory);
    return result;
}
