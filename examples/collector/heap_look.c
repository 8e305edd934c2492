/* SPDX-License-Identifier: MIT */
/* Looking at the heap: what is an object, all of them, and whether the tables agree. */
#include "examples/collector/heap.h"

bool heap_is_object(const struct heap *heap, uintptr_t address)
{
    if (address % GRAIN_BYTES != 0 || address < heap->memory->blocks.start ||
        (address - heap->memory->blocks.start) >> LOG_BLOCK_BYTES >= heap->high) {
        return false;
    }
    const size_t bit = heap_bit(heap, address);
    return (heap_word_load(heap->memory->starts, bit) & heap_mask(bit)) != 0;
}

void heap_each_object(struct heap *heap, bool marked, heap_visitor *visit,
                      void *argument)
{
    const heap_word *table = marked ? heap->memory->marks : heap->memory->starts;
    const size_t bits = heap->high * (BLOCK_BYTES / GRAIN_BYTES);
    for (size_t bit = 0; bit < bits; bit += BITS_PER_WORD) {
        for (uint64_t word = heap_word_load(table, bit); word != 0; word &= word - 1) {
            const size_t found = bit + (size_t)__builtin_ctzll(word);
            visit(argument, (struct object *)(heap->memory->blocks.start +
                                              (found << LOG_GRAIN_BYTES)));
        }
    }
}

/* The bits of a block where something may begin: multiples of `step` bytes, `count` of
 * them. */
static bool bits_only_at(const struct heap *heap, const heap_word *table, size_t index,
                         size_t step, size_t count)
{
    const size_t first = heap_bit(heap, heap_block_address(heap, index));
    for (size_t i = 0; i < BLOCK_WORDS; i++) {
        const size_t bit = i * BITS_PER_WORD;
        for (uint64_t word = heap_word_load(table, first + bit); word != 0;
             word &= word - 1) {
            const size_t offset = (bit + (size_t)__builtin_ctzll(word))
                                  << LOG_GRAIN_BYTES;
            if (step == 0 || offset % step != 0 || offset / step >= count) {
                return false;
            }
        }
    }
    return true;
}

static const char *block_fault(const struct heap *heap, size_t index)
{
    const struct block block = heap_block(heap, index);
    size_t step = 0;
    size_t count = 0;
    if (block.kind == BLOCK_CELLS) {
        step = cell_class_bytes(block.number);
        count = cell_class_cells(block.number);
    } else if (block.kind == BLOCK_LARGE) {
        step = BLOCK_BYTES;
        count = 1;
    }
    if (!bits_only_at(heap, heap->memory->starts, index, step, count)) {
        return "a start bit where nothing can begin";
    }
    if (!bits_only_at(heap, heap->memory->marks, index, 0, 0)) {
        return "a mark bit that no sweep cleared";
    }
    for (size_t i = 1; block.kind == BLOCK_LARGE && i < block.number; i++) {
        if (index + i >= heap->high ||
            heap_block(heap, index + i).kind != BLOCK_INSIDE) {
            return "a run that is shorter than it says";
        }
    }
    return NULL;
}

/* The blocks on a list, all of `kind` and `number`; SIZE_MAX when one is not, or the list
 * has no end. */
static size_t list_blocks(const struct heap *heap, uint32_t list, enum block_kind kind,
                          uint32_t number)
{
    size_t blocks = 0;
    while (list != NO_BLOCK) {
        const struct block block = heap_block(heap, list - 1);
        if (block.kind != kind || block.number != number || blocks > heap->high) {
            return SIZE_MAX;
        }
        list = block.next;
        blocks++;
    }
    return blocks;
}

const char *heap_fault(struct heap *heap)
{
    size_t blocks = 0;
    for (size_t index = 0; index < heap->high; index++) {
        const char *fault = block_fault(heap, index);
        if (fault != NULL) {
            return fault;
        }
        blocks += heap_block(heap, index).kind != BLOCK_FREE;
    }
    if (blocks != heap->memory->operations->taken(heap->memory)) {
        return "more or fewer blocks than the memory has given";
    }
    for (uint32_t i = 0; i < CELL_CLASS_COUNT; i++) {
        if (list_blocks(heap, heap->room[i], BLOCK_CELLS, i) == SIZE_MAX) {
            return "a list of blocks with another class on it";
        }
    }
    if (list_blocks(heap, heap->spare, BLOCK_SPARE, 0) != heap->spare_blocks) {
        return "the list of spare blocks is wrong";
    }
    return NULL;
}
