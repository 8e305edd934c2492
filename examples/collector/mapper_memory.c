/* SPDX-License-Identifier: MIT */
/* The heap's memory from a mapper: blocks from a free-list space, tables from side
 * metadata, the mark stack from the mapper itself. Each has its owner in a dump. */
#include <stdio.h>
#include <stdlib.h>

#include "examples/collector/heap_memory.h"
#include "spaces/freelist_space.h"
#include "spaces/side_metadata.h"

enum { TABLE_STARTS, TABLE_MARKS, TABLE_KINDS, TABLE_COUNT };

struct mapper_memory {
    struct heap_memory memory;
    struct mmapper *mapper;
    struct freelist_space *space; /* NULL: not yet, or no longer */
    struct side_metadata *metadata;
    struct mm_owner *stack_owner;
    size_t stack_mapped; /* bytes */
};

static struct mapper_memory *of(struct heap_memory *memory)
{
    return (struct mapper_memory *)memory; /* its first member */
}

static enum mm_status take(struct heap_memory *memory, size_t blocks,
                           uintptr_t *address, struct mm_error *error)
{
    return freelist_space_alloc(of(memory)->space, blocks, address, error);
}

static void give(struct heap_memory *memory, uintptr_t address)
{
    if (freelist_space_free(of(memory)->space, address, NULL, NULL) != MM_OK) {
        abort(); /* no run begins there: the heap's tables were written over */
    }
}

static enum mm_status map_tables(struct heap_memory *memory, struct mm_extent blocks,
                                 struct mm_error *error)
{
    return side_metadata_map(of(memory)->metadata, blocks, error);
}

static enum mm_status grow_stack(struct heap_memory *memory, size_t bytes,
                                 struct mm_error *error)
{
    struct mapper_memory *own = of(memory);
    const enum mm_status status =
        mmapper_ensure_mapped(own->mapper, own->stack_owner,
                              mm_extent_of(memory->mark_stack.start, bytes), error);
    if (status == MM_OK && bytes > own->stack_mapped) {
        own->stack_mapped = bytes;
    }
    return status;
}

/* The first chunk of the mark stack stays: most collections need no more. Nobody else
 * calls for these owners while the world is stopped, so nothing is BUSY; what fails all
 * the same is tried again after the next collection. */
static void trim(struct heap_memory *memory)
{
    struct mapper_memory *own = of(memory);
    const size_t chunk_bytes = mmapper_chunk_bytes(own->mapper);
    (void)freelist_space_trim(own->space, NULL);
    uintptr_t mapped = 0;
    if (own->stack_mapped > chunk_bytes &&
        mm_align_up(own->stack_mapped, chunk_bytes, &mapped) &&
        mmapper_decommit(
            own->mapper, own->stack_owner,
            mm_extent_of(memory->mark_stack.start + chunk_bytes, mapped - chunk_bytes),
            NULL) == MM_OK) {
        own->stack_mapped = chunk_bytes;
    }
}

static size_t taken(struct heap_memory *memory)
{
    return freelist_space_usage(of(memory)->space).used_pages;
}

/* Gives back what there is, in whatever order it was made: also for a create that failed
 * half way. */
static enum mm_status destroy(struct heap_memory *memory, struct mm_error *error)
{
    struct mapper_memory *own = of(memory);
    enum mm_status status = MM_OK;
    if (memory->mark_stack.bytes != 0) {
        status =
            mmapper_release(own->mapper, own->stack_owner, memory->mark_stack, error);
        if (status != MM_OK) {
            return status;
        }
        memory->mark_stack.bytes = 0;
    }
    if (own->stack_owner != NULL) {
        (void)mmapper_unregister_owner(own->mapper, own->stack_owner, NULL);
        own->stack_owner = NULL;
    }
    if (own->metadata != NULL) {
        status = side_metadata_destroy(own->metadata, error);
        if (status != MM_OK) {
            return status;
        }
        own->metadata = NULL;
    }
    if (own->space != NULL) {
        status = freelist_space_destroy(own->space, error);
        if (status != MM_OK) {
            return status;
        }
    }
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

static heap_word *table(const struct mapper_memory *own, unsigned number)
{
    return (heap_word *)side_metadata_address(own->metadata, number,
                                              own->memory.blocks.start);
}

static enum mm_status create_blocks(struct mapper_memory *own,
                                    const struct mapper_memory_options *options,
                                    struct mm_error *error)
{
    const struct freelist_space_options space = {
        .name = options->name,
        .bytes = options->bytes,
        .page_bytes = BLOCK_BYTES,
        .freed = options->keep ? FREELIST_SPACE_KEEP : FREELIST_SPACE_DECOMMIT,
    };
    const enum mm_status status =
        freelist_space_create(own->mapper, &space, &own->space, error);
    if (status == MM_OK) {
        own->memory.blocks = freelist_space_pages(own->space);
    }
    return status;
}

static enum mm_status create_tables(struct mapper_memory *own,
                                    const struct mapper_memory_options *options,
                                    struct mm_error *error)
{
    static const struct side_metadata_table tables[TABLE_COUNT] = {
        [TABLE_STARTS] = {.log_data_bytes = LOG_GRAIN_BYTES, .log_bits = 0},
        [TABLE_MARKS] = {.log_data_bytes = LOG_GRAIN_BYTES, .log_bits = 0},
        [TABLE_KINDS] = {.log_data_bytes = LOG_BLOCK_BYTES, .log_bits = 6},
    };
    char name[MM_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s metadata", options->name);
    const struct side_metadata_options metadata = {
        .name = name,
        .table_count = TABLE_COUNT,
        .data = own->memory.blocks,
        .tables = tables,
    };
    const enum mm_status status =
        side_metadata_create(own->mapper, &metadata, &own->metadata, error);
    if (status == MM_OK) {
        own->memory.starts = table(own, TABLE_STARTS);
        own->memory.marks = table(own, TABLE_MARKS);
        own->memory.kinds = table(own, TABLE_KINDS);
    }
    return status;
}

/* Room for a reference to each object that there can be: address space costs nothing. */
static enum mm_status create_stack(struct mapper_memory *own,
                                   const struct mapper_memory_options *options,
                                   struct mm_error *error)
{
    char name[MM_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "%s mark stack", options->name);
    const struct mm_owner_options owner = {.name = name, .kind = MM_KIND_MISC};
    const size_t objects = own->memory.blocks.bytes / GRAIN_BYTES;
    uintptr_t bytes = 0;
    (void)mm_align_up(objects * sizeof(void *), mmapper_chunk_bytes(own->mapper),
                      &bytes);
    const enum mm_status status =
        mmapper_register_owner(own->mapper, &owner, &own->stack_owner, error);
    if (status != MM_OK) {
        return status;
    }
    return mmapper_quarantine_anywhere(own->mapper, own->stack_owner, bytes, 0,
                                       &own->memory.mark_stack, error);
}

enum mm_status mapper_memory_create(struct mmapper *mapper,
                                    const struct mapper_memory_options *options,
                                    struct heap_memory **memory, struct mm_error *error)
{
    struct mapper_memory *own = calloc(1, sizeof(*own));
    if (own == NULL) {
        if (error != NULL) {
            *error = (struct mm_error){.status = MM_NO_MEMORY,
                                       .operation = MM_OPERATION_CREATE,
                                       .detail = "no memory for the heap's handle",
                                       .os_call = MM_OS_NONE};
        }
        return MM_NO_MEMORY;
    }
    own->memory.operations = &operations;
    own->mapper = mapper;
    enum mm_status status = create_blocks(own, options, error);
    if (status == MM_OK) {
        status = create_tables(own, options, error);
    }
    if (status == MM_OK) {
        status = create_stack(own, options, error);
    }
    if (status != MM_OK) {
        (void)destroy(&own->memory, NULL);
        return status;
    }
    *memory = &own->memory;
    return MM_OK;
}
