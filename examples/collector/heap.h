/* SPDX-License-Identifier: MIT */
/*
 * The heap: blocks cut into cells of one size each, and runs of blocks for what is larger
 * than a quarter of one. Which cells are objects is in the table of starts alone: an
 * allocation looks for the next cell without a start bit, and sweeping is `starts &= marks`
 * a word at a time. Dead objects are never touched.
 *
 *               take             allocator lets go       sweep: room is left
 *      FREE ──────────▶ CELLS ─────────────────▶ CELLS ──────────────────────▶ on a list
 *        ▲                                        │ sweep: nothing is marked       │
 *        └────────── give, or kept as SPARE ◀─────┘        allocator takes it ◀────┘
 *
 * Each thread that allocates has an allocator of its own, with a block for each size class
 * in which only it allocates. Blocks change hands under the heap's lock.
 */
#ifndef EXAMPLES_COLLECTOR_HEAP_H
#define EXAMPLES_COLLECTOR_HEAP_H

#include <pthread.h>
#include <stdbool.h>

#include "examples/collector/cell_class.h"
#include "examples/collector/heap_memory.h"
#include "examples/collector/object.h"

enum block_kind {
    BLOCK_FREE = 0, /* not the heap's: the memory's to give */
    BLOCK_CELLS,    /* number: the cell class */
    BLOCK_LARGE,    /* number: blocks of the run that begins here */
    BLOCK_INSIDE,   /* of a run */
    BLOCK_SPARE,    /* empty, the heap's */
};

enum { NO_BLOCK = 0 }; /* in lists, which count blocks from 1 */

/* A word of the table of kinds. `next` is the next block of the list that this one is on. */
struct block {
    enum block_kind kind;
    uint32_t number;
    uint32_t next;
};

struct heap {
    struct heap_memory *memory;
    pthread_mutex_t lock;            /* of all below, while mutators run */
    uint32_t room[CELL_CLASS_COUNT]; /* lists of blocks with free cells */
    uint32_t spare;                  /* list of empty blocks */
    size_t spare_blocks;
    size_t high;             /* all blocks that were ever taken are below */
    atomic_size_t allocated; /* bytes given to allocators since the last sweep */
    atomic_size_t budget;    /* a collection is due when they are as many */
    size_t least_budget;
    struct mm_error failure; /* the last one of the memory */
};

/* Takes over the memory. NO_MEMORY when there is no lock. */
enum mm_status heap_init(struct heap *heap, struct heap_memory *memory,
                         size_t least_budget);
/* Gives the memory back, whatever is in it. Errors: the memory's; can be called again. */
enum mm_status heap_destroy(struct heap *heap, struct mm_error *error);

/* A thread's own blocks. All zero is an empty one. */
struct allocator {
    struct {
        uintptr_t block; /* 0: none */
        uint32_t cell;   /* the next one to look at */
    } in[CELL_CLASS_COUNT];
};

/* A new object, all zero but for its header. NULL when the memory has no more: collect and
 * try again. */
struct object *heap_alloc(struct heap *heap, struct allocator *allocator,
                          uint32_t slots, uint32_t bytes);

/* Lets go of the allocator's blocks: before a sweep, with the world stopped. */
void allocator_reset(struct allocator *allocator);

static inline bool heap_wants_collection(struct heap *heap)
{
    /* Relaxed: a moment later is as good. */
    return atomic_load_explicit(&heap->allocated, memory_order_relaxed) >=
           atomic_load_explicit(&heap->budget, memory_order_relaxed);
}

/* ------------------------------------------- for marking, sweeping and looking */

struct block heap_block(const struct heap *heap, size_t index);
void heap_set_block(struct heap *heap, size_t index, struct block block);

static inline uintptr_t heap_block_address(const struct heap *heap, size_t index)
{
    return heap->memory->blocks.start + (index << LOG_BLOCK_BYTES);
}

/* The number of an address's bit in starts and marks. */
static inline size_t heap_bit(const struct heap *heap, uintptr_t address)
{
    return (address - heap->memory->blocks.start) >> LOG_GRAIN_BYTES;
}

static inline uint64_t heap_mask(size_t bit)
{
    return UINT64_C(1) << (bit % BITS_PER_WORD);
}

/* Relaxed: what the bits are about is ordered by the references to the objects, or by the
 * stopping of the world. */
static inline uint64_t heap_word_load(const heap_word *table, size_t bit)
{
    return atomic_load_explicit(&table[bit / BITS_PER_WORD], memory_order_relaxed);
}

/* Only one thread writes to a block's words at a time: the one that allocates in it, or,
 * with the world stopped, the collector. So this need not be one atomic step. */
static inline void heap_word_store(heap_word *table, size_t bit, uint64_t word)
{
    atomic_store_explicit(&table[bit / BITS_PER_WORD], word, memory_order_relaxed);
}

/* Whether an object begins at `address`. Any address is allowed. */
bool heap_is_object(const struct heap *heap, uintptr_t address);

/* Calls `visit` for each object, or each marked one, from low to high. With the world
 * stopped. */
typedef void heap_visitor(void *argument, struct object *object);
void heap_each_object(struct heap *heap, bool marked, heap_visitor *visit,
                      void *argument);

/* With the world stopped: no bit but where a cell or run begins, no mark, lists of blocks
 * that have room, and as many blocks as the memory has given. NULL, or what is wrong. */
const char *heap_fault(struct heap *heap);

#endif /* EXAMPLES_COLLECTOR_HEAP_H */
