/* SPDX-License-Identifier: MIT */
/*
 * Where the heap's memory comes from: runs of blocks, three tables about them, and the
 * mark stack. mapper_memory.c has it from a mapper, which is what this example is about;
 * bare_memory.c from mmap, to compare with.
 *
 *     blocks       | block 0 | block 1 | block 2 | ...             32 KiB each
 *     starts       a bit for each 16 bytes: an object begins here
 *     marks        a bit for each 16 bytes: the object that begins here was reached
 *     kinds        a word for each block: what it is used for
 *     mark stack   address space for the worst case, mapped as marking needs it
 */
#ifndef EXAMPLES_COLLECTOR_HEAP_MEMORY_H
#define EXAMPLES_COLLECTOR_HEAP_MEMORY_H

#include <stdatomic.h>

#include "mmapper/mmapper.h"

enum {
    LOG_BLOCK_BYTES = 15,
    BLOCK_BYTES = 1 << LOG_BLOCK_BYTES,
    LOG_GRAIN_BYTES = 4,
    GRAIN_BYTES = 1 << LOG_GRAIN_BYTES,
    BITS_PER_WORD = 64,
    BLOCK_WORDS =
        BLOCK_BYTES / GRAIN_BYTES / BITS_PER_WORD, /* of starts and of marks */
};

typedef _Atomic(uint64_t) heap_word;

struct heap_memory {
    const struct heap_memory_operations *operations;
    struct mm_extent blocks;
    heap_word *starts;
    heap_word *marks;
    heap_word *kinds;
    struct mm_extent mark_stack;
};

struct heap_memory_operations {
    /* Blocks in a row. Contents are what the last user left, or zero. */
    enum mm_status (*take)(struct heap_memory *memory, size_t blocks,
                           uintptr_t *address, struct mm_error *error);
    /* The run that was taken at `address`. Nobody uses it any more. */
    void (*give)(struct heap_memory *memory, uintptr_t address);
    /* Makes the tables' words for `blocks` accessible. Once they are, they stay. */
    enum mm_status (*map_tables)(struct heap_memory *memory, struct mm_extent blocks,
                                 struct mm_error *error);
    /* Makes the first `bytes` bytes of the mark stack accessible. */
    enum mm_status (*grow_stack)(struct heap_memory *memory, size_t bytes,
                                 struct mm_error *error);
    /* The mark stack is empty: gives back what of its memory can be, while the world is
     * stopped, and of blocks what `give` had to leave. */
    void (*trim)(struct heap_memory *memory);
    /* The blocks that are taken, by the memory's own count. */
    size_t (*taken)(struct heap_memory *memory);
    /* After an error it lives on, and destroy can be called again. */
    enum mm_status (*destroy)(struct heap_memory *memory, struct mm_error *error);
};

struct mapper_memory_options {
    const char *name; /* of the owners: NAME, "NAME metadata", "NAME mark stack" */
    size_t bytes;     /* of blocks and the table of their free list: whole chunks */
    bool keep;        /* what is free stays mapped */
};

/* All or nothing. Errors: those of creating spaces, registering and quarantining. */
enum mm_status mapper_memory_create(struct mmapper *mapper,
                                    const struct mapper_memory_options *options,
                                    struct heap_memory **memory,
                                    struct mm_error *error);

/* The same from mmap, one region for everything, never given back before destroy. `bytes`
 * of blocks: a multiple of 1 MiB. NO_MEMORY without a record. */
enum mm_status bare_memory_create(size_t bytes, struct heap_memory **memory);

#endif /* EXAMPLES_COLLECTOR_HEAP_MEMORY_H */
