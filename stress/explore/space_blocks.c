/* SPDX-License-Identifier: MIT */
/*
 * Operations that allocate memory, and what has to hold after them: O1, nobody else has
 * the bytes; O3, they are committed, hold what they should, and keep what is written.
 */
#include <string.h>

#include "mmapper/atomic.h"
#include "stress/explore/spaces.h"

/* --------------------------------------------------------------------- blocks */

static uint64_t *word_at(uintptr_t address)
{
    return (uint64_t *)address;
}

/* The words of a block that are looked at: the first of each page, and the last. */
static size_t word_count(const struct block *block)
{
    const uintptr_t next = mm_align_down(block->start, SPACES_PAGE) + SPACES_PAGE;
    const uintptr_t end = block->start + block->bytes;
    return 2 + (end > next ? (end - next + SPACES_PAGE - 1) / SPACES_PAGE : 0);
}

static uintptr_t word_address(const struct block *block, size_t index)
{
    if (index == 0) {
        return block->start;
    }
    return index + 1 == word_count(block)
               ? block->start + block->bytes - sizeof(uint64_t)
               : mm_align_down(block->start, SPACES_PAGE) + index * SPACES_PAGE;
}

/* What the first word of a page held last; other words are the block's alone. */
static uint64_t *content_of(struct world *world, uintptr_t address)
{
    return (address - WORLD_BASE) % SPACES_PAGE == 0
               ? &world->spaces->facts.contents[(address - WORLD_BASE) / SPACES_PAGE]
               : NULL;
}

static void write_block(struct world *world, const struct block *block)
{
    for (size_t i = 0; i < word_count(block); i++) {
        uint64_t *word = word_at(word_address(block, i));
        uint64_t *content = content_of(world, (uintptr_t)word);
        const uint64_t found = mm_plain_load(word);
        /* Immortal memory is fresh; pages may hold what their last user left. */
        const uint64_t other = block->pages && content != NULL ? *content : 0;
        if (found != 0 && found != other && (content != NULL || !block->pages)) {
            world_fail(world, ORACLE_O3, "new memory at %#zx holds %llu, not %llu",
                       (size_t)((uintptr_t)word - WORLD_BASE),
                       (unsigned long long)found, (unsigned long long)other);
        }
        mm_plain_store(word, block->token);
        if (content != NULL) {
            *content = block->token;
        }
    }
}

void blocks_verify(struct world *world, const struct block *block)
{
    if (!world_on(world, ORACLE_O3)) {
        return;
    }
    if (!spaces_committed(world, block->start, block->bytes)) {
        world_fail(world, ORACLE_O3, "allocated memory at %#zx is not committed",
                   (size_t)(block->start - WORLD_BASE));
        return;
    }
    for (size_t i = 0; i < word_count(block); i++) {
        const uint64_t *word = word_at(word_address(block, i));
        const uint64_t found = mm_plain_load(word);
        if (found != block->token) {
            world_fail(world, ORACLE_O3,
                       "memory at %#zx holds %llu, its user left %llu",
                       (size_t)((uintptr_t)word - WORLD_BASE),
                       (unsigned long long)found, (unsigned long long)block->token);
        }
    }
}

unsigned blocks_gain(struct world *world, const struct block *block)
{
    struct spaces *spaces = world->spaces;
    struct spaces_facts *facts = &spaces->facts;
    const struct mm_extent extent = mm_extent_of(block->start, block->bytes);
    if (!mm_extent_contains(block->pages ? spaces->pages : spaces->immortal_extent,
                            extent)) {
        world_fail(world, ORACLE_O1, "an allocation outside of its space");
        return 0;
    }
    for (unsigned i = 0; i < facts->block_count; i++) {
        const struct block *other = &facts->blocks[i];
        if (other->live && other->start < mm_extent_end(extent) &&
            block->start < other->start + other->bytes) {
            world_fail(world, ORACLE_O1, "the bytes at %#zx are allocated twice",
                       (size_t)(block->start - WORLD_BASE));
        }
    }
    const unsigned index = facts->block_count++;
    struct block *made = &facts->blocks[index];
    *made = *block;
    made->token = block->call + UINT64_C(1); /* 0 is what fresh memory holds */
    made->live = true;
    made->freed = UINT32_MAX;
    if (!spaces_committed(world, made->start, made->bytes)) {
        world_fail(world, ORACLE_O3, "new memory at %#zx is not committed",
                   (size_t)(made->start - WORLD_BASE));
        return index;
    }
    write_block(world, made);
    return index;
}

static uint32_t call_number(const struct world *world, const struct space_call *call)
{
    return (uint32_t)(call - world->spaces->facts.calls);
}

/* A record says what the call says. */
static void check_record(struct world *world, const struct space_call *call,
                         const struct mm_error *error)
{
    if (error != NULL && call->status != MM_OK &&
        (error->status != call->status || error->detail == NULL)) {
        world_fail(world, ORACLE_O6, "%s, and the record says %s",
                   mm_status_name(call->status), mm_status_name(error->status));
    }
}

/* ------------------------------------------------------------------- immortal */

static void query_immortal(struct world *world, struct space_call *call)
{
    const struct immortal_space_usage usage =
        immortal_space_usage(world->spaces->immortal);
    call->found = usage.used;
    if (usage.used + usage.free != world->spaces->immortal_extent.bytes) {
        world_fail(world, ORACLE_O4, "%zu used and %zu free are not all", usage.used,
                   usage.free);
    }
}

enum mm_status immortal_perform(struct world *world, struct space_call *call,
                                const struct call_log *log)
{
    struct mm_error error;
    struct mm_error *asked = world->program->records ? &error : NULL;
    uintptr_t address = 0;
    if (call->op->kind == OP_IMMORTAL_USAGE) {
        query_immortal(world, call);
        return MM_OK;
    }
    const size_t bytes = call->op->count * (size_t)IMMORTAL_UNIT;
    const size_t grain = call->op->arg * (size_t)IMMORTAL_UNIT;
    memset(&error, 0, sizeof(error));
    call->asked = bytes;
    call->status =
        immortal_space_alloc(world->spaces->immortal, bytes, grain, &address, asked);
    call->end = log != NULL ? world_stamp() : (struct stamp){0};
    check_record(world, call, asked);
    switch (call->status) {
    case MM_OK: {
        const struct block block = {.start = address,
                                    .bytes = bytes,
                                    .grain = grain == 0 ? 1 : grain,
                                    .call = call_number(world, call)};
        call->found = address;
        (void)blocks_gain(world, &block);
        break;
    }
    case MM_NO_SPACE:
        break; /* once all is known: immortal_check_end */
    default:
        spaces_reason(world, call,
                      call->status == MM_NO_MEMORY && spaces_refused(world));
    }
    return call->status;
}

/* ------------------------------------------------------------------ free list */

static bool may_pin(const struct op *op, const struct op *other)
{
    (void)op;
    return other->kind == OP_FREELIST_ALLOC;
}

static enum mm_status alloc_pages(struct world *world, struct space_call *call)
{
    struct mm_error error;
    struct mm_error *asked = world->program->records ? &error : NULL;
    const struct op *op = call->op;
    uint8_t *handle = &world->spaces->facts.handles[op->first];
    uintptr_t address = 0;
    memset(&error, 0, sizeof(error));
    call->asked = op->count;
    call->status =
        freelist_space_alloc(world->spaces->freelist, op->count, &address, asked);
    call->end = sim_thread() >= 0 ? world_stamp() : (struct stamp){0};
    check_record(world, call, asked);
    if (call->status == MM_OK) {
        const struct block block = {.start = address,
                                    .bytes = op->count * (size_t)SPACES_PAGE,
                                    .call = call_number(world, call),
                                    .pages = true};
        call->found = address;
        *handle = (uint8_t)(blocks_gain(world, &block) + 1);
    } else if (call->status != MM_NO_SPACE) { /* that: freelist_check_end */
        spaces_reason(world, call,
                      call->status == MM_NO_MEMORY && spaces_refused(world));
    }
    return call->status;
}

static enum mm_status free_pages(struct world *world, struct space_call *call)
{
    struct spaces_facts *facts = &world->spaces->facts;
    uint8_t *handle = &facts->handles[call->op->first];
    size_t pages = 0;
    if (*handle == 0 || !facts->blocks[*handle - 1].live) {
        call->skipped = true;
        return MM_OK;
    }
    struct block *block = &facts->blocks[*handle - 1];
    *handle = 0; /* nobody else frees it */
    blocks_verify(world, block);
    block->live = false;
    call->asked = block->bytes / SPACES_PAGE;
    call->status =
        freelist_space_free(world->spaces->freelist, block->start, &pages, NULL);
    call->found = pages;
    block->freed = sim_now();
    spaces_reason(world, call, call->status == MM_OK);
    if (call->status == MM_OK && pages != call->asked) {
        world_fail(world, ORACLE_O6, "freed %zu pages of %llu", pages,
                   (unsigned long long)call->asked);
    }
    return call->status;
}

static void query_freelist(struct world *world, struct space_call *call)
{
    const struct freelist_space_usage usage =
        freelist_space_usage(world->spaces->freelist);
    const size_t all = world->spaces->pages.bytes / SPACES_PAGE;
    call->found = usage.used_pages;
    if (usage.used_pages + usage.free_pages != all || usage.grown_pages > all ||
        usage.used_pages > usage.grown_pages) {
        world_fail(world, ORACLE_O4, "%zu used and %zu free of %zu, grown to %zu",
                   usage.used_pages, usage.free_pages, all, usage.grown_pages);
    }
}

enum mm_status freelist_perform(struct world *world, struct space_call *call,
                                const struct call_log *log)
{
    switch (call->op->kind) {
    case OP_FREELIST_ALLOC:
        return alloc_pages(world, call);
    case OP_FREELIST_FREE:
        return free_pages(world, call);
    case OP_FREELIST_USAGE:
        query_freelist(world, call);
        return MM_OK;
    default:
        call->status = freelist_space_trim(world->spaces->freelist, NULL);
        /* Who maps other pages pins their owner: then there is no quiescence. */
        spaces_reason(
            world, call,
            call->status == MM_OK ||
                (call->status == MM_BUSY && spaces_overlap(world, log, may_pin)) ||
                (call->status == MM_NO_MEMORY && spaces_refused(world)));
        return call->status;
    }
}
