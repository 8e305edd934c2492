/* SPDX-License-Identifier: MIT */
/*
 * When all threads have ended: the sums of allocations are right (O4), what was refused
 * did not fit (O6), what was seen of usage was so (O8), contents are kept (O3).
 */
#include "stress/explore/spaces.h"

static void verify_live(struct world *world, bool pages)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    for (unsigned i = 0; i < facts->block_count; i++) {
        if (facts->blocks[i].live && facts->blocks[i].pages == pages) {
            blocks_verify(world, &facts->blocks[i]);
        }
    }
}

/* ------------------------------------------------------------------- immortal */

/* Whether the cursor can have stood at `used`: at the start, or behind a block. */
static bool was_cursor(const struct world *world, uint64_t used)
{
    const struct spaces *spaces = world->spaces;
    bool found = used == 0;
    for (unsigned i = 0; i < spaces->facts.block_count; i++) {
        const struct block *block = &spaces->facts.blocks[i];
        found |= !block->pages &&
                 block->start + block->bytes - spaces->immortal_extent.start == used;
    }
    return found;
}

/* The least and the most that the cursor can have been for a call. */
static void cursor_bounds(const struct world *world, const struct space_call *call,
                          uint64_t *least, uint64_t *most)
{
    const struct spaces *spaces = world->spaces;
    *least = 0;
    *most = 0;
    for (unsigned i = 0; i < spaces->facts.block_count; i++) {
        const struct block *block = &spaces->facts.blocks[i];
        const struct space_call *alloc = &spaces->facts.calls[block->call];
        const uint64_t end =
            block->start + block->bytes - spaces->immortal_extent.start;
        if (block->pages) {
            continue;
        }
        if (spaces_before(world, &alloc->end, call) && end > *least) {
            *least = end;
        }
        if (alloc->begin.step <= call->end.step && end > *most) {
            *most = end;
        }
    }
}

static uint64_t align_up(uint64_t value, uint64_t grain)
{
    return (value + grain - 1) / grain * grain;
}

static void check_cursor_call(struct world *world, const struct space_call *call)
{
    const struct spaces *spaces = world->spaces;
    uint64_t least;
    uint64_t most;
    cursor_bounds(world, call, &least, &most);
    if (call->op->kind == OP_IMMORTAL_USAGE) {
        if (!was_cursor(world, call->found) || call->found < least ||
            call->found > most) {
            world_fail(world, ORACLE_O8, "%llu bytes are seen used, which never was",
                       (unsigned long long)call->found);
        }
        return;
    }
    const uint64_t grain = call->op->arg == 0 ? 1 : call->op->arg * IMMORTAL_UNIT;
    const uint64_t start = spaces->immortal_extent.start;
    if (call->status == MM_NO_SPACE && align_up(start + most, grain) + call->asked <=
                                           start + spaces->immortal_extent.bytes) {
        world_fail(world, ORACLE_O6,
                   "%llu bytes are refused, and at most %llu were used",
                   (unsigned long long)call->asked, (unsigned long long)most);
    }
}

/* Blocks lie one behind the other, with padding for alignment alone. */
static void check_packed(struct world *world)
{
    const struct spaces *spaces = world->spaces;
    uint64_t cursor = spaces->immortal_extent.start;
    for (bool moved = true; moved;) {
        moved = false;
        for (unsigned i = 0; i < spaces->facts.block_count && !moved; i++) {
            const struct block *block = &spaces->facts.blocks[i];
            if (!block->pages && block->start >= cursor &&
                block->start == align_up(cursor, block->grain)) {
                cursor = block->start + block->bytes;
                moved = true;
            }
        }
    }
    const struct immortal_space_usage usage = immortal_space_usage(spaces->immortal);
    if (usage.used != cursor - spaces->immortal_extent.start) {
        world_fail(world, ORACLE_O4, "%zu bytes are used, the allocations need %zu",
                   usage.used, (size_t)(cursor - spaces->immortal_extent.start));
    }
}

void immortal_check_end(struct world *world)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    check_packed(world);
    verify_live(world, false);
    for (unsigned i = 0; i < facts->call_count; i++) {
        const unsigned kind = facts->calls[i].op->kind;
        if (kind == OP_IMMORTAL_ALLOC || kind == OP_IMMORTAL_USAGE) {
            check_cursor_call(world, &facts->calls[i]);
        }
    }
}

/* ------------------------------------------------------------------ free list */

static uint64_t page_mask(const struct world *world, const struct block *block)
{
    const size_t first = (block->start - world->spaces->pages.start) / SPACES_PAGE;
    const size_t pages = block->bytes / SPACES_PAGE;
    return ((UINT64_C(1) << pages) - 1) << first;
}

/* No run goes from one stripe into the next. */
static bool has_run(const struct world *world, uint64_t used, size_t pages)
{
    const size_t all = world->spaces->pages.bytes / SPACES_PAGE;
    const bool striped = (world->program->spaces & WITH_STRIPES) != 0;
    const size_t part = striped ? all / FREELIST_STRIPES : all;
    for (size_t at = 0; at + pages <= all; at++) {
        if (at % part + pages <= part &&
            (used >> at & ((UINT64_C(1) << pages) - 1)) == 0) {
            return true;
        }
    }
    return false;
}

/* The pages that somebody may have had at some time during the call. Locks order
 * calls, so steps tell what was before what. A call that fails has pages, too, for a
 * while, and nobody knows which. */
static bool may_have_filled(const struct world *world, const struct space_call *call)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    uint64_t used = 0;
    for (unsigned i = 0; i < facts->block_count; i++) {
        const struct block *block = &facts->blocks[i];
        if (block->pages && facts->calls[block->call].begin.step <= call->end.step &&
            block->freed >= call->begin.step) {
            used |= page_mask(world, block);
        }
    }
    for (unsigned i = 0; i < facts->call_count; i++) {
        const struct space_call *other = &facts->calls[i];
        if (other->op->kind == OP_FREELIST_ALLOC && other->status != MM_OK &&
            other->status != MM_NO_SPACE && other->begin.step <= call->end.step &&
            other->end.step >= call->begin.step) {
            return true;
        }
    }
    return !has_run(world, used, call->asked);
}

/* Chunks without a used page: those mapped still have to be decommitted some time. */
static void check_idle(struct world *world, uint64_t used,
                       const struct freelist_space_usage *usage)
{
    const struct spaces *spaces = world->spaces;
    const size_t first = (spaces->pages.start - WORLD_BASE) / WORLD_CHUNK;
    const size_t chunk_pages = WORLD_CHUNK / SPACES_PAGE;
    size_t empty = 0;
    size_t mapped = 0;
    for (size_t i = 0; i < spaces->pages.bytes / WORLD_CHUNK; i++) {
        if ((used >> i * chunk_pages & ((UINT64_C(1) << chunk_pages) - 1)) == 0) {
            empty++;
            mapped +=
                slot_watch_chunk(world->mappers[0], first + i).state == WATCH_MAPPED;
        }
    }
    if (usage->decommit_left < mapped || usage->decommit_left > empty) {
        world_fail(world, ORACLE_O4, "%zu chunks to decommit, %zu mapped, %zu empty",
                   usage->decommit_left, mapped, empty);
    }
}

/* What the used pages were at some instant of `call`, a query: at least and at most. */
static void used_bounds(const struct world *world, const struct space_call *call,
                        int64_t *least, int64_t *most)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    *least = 0;
    *most = 0;
    for (unsigned i = 0; i < facts->call_count; i++) {
        const struct space_call *other = &facts->calls[i];
        const bool over = spaces_before(world, &other->end, call);
        const bool later = other->begin.step > call->end.step;
        const int64_t pages = (int64_t)other->asked;
        if (other->op->kind == OP_FREELIST_ALLOC && !later) {
            /* One that fails has them for a while. */
            *least += over && other->status == MM_OK ? pages : 0;
            *most += !over || other->status == MM_OK ? pages : 0;
        } else if (other->op->kind == OP_FREELIST_FREE && !later) {
            *least -= pages;
            *most -= over ? pages : 0;
        }
    }
}

static void check_pages_call(struct world *world, const struct space_call *call)
{
    if (call->op->kind == OP_FREELIST_USAGE) {
        int64_t least;
        int64_t most;
        used_bounds(world, call, &least, &most);
        if ((int64_t)call->found < least || (int64_t)call->found > most) {
            world_fail(
                world, ORACLE_O8, "%llu pages are seen used, and were %lld to %lld",
                (unsigned long long)call->found, (long long)least, (long long)most);
        }
    } else if (call->op->kind == OP_FREELIST_ALLOC && call->status == MM_NO_SPACE &&
               !may_have_filled(world, call)) {
        world_fail(world, ORACLE_O6, "%llu pages are refused, and were free",
                   (unsigned long long)call->asked);
    }
}

void freelist_check_end(struct world *world)
{
    const struct spaces *spaces = world->spaces;
    const struct spaces_facts *facts = &spaces->facts;
    uint64_t used = 0;
    for (unsigned i = 0; i < facts->block_count; i++) {
        used |= facts->blocks[i].pages && facts->blocks[i].live
                    ? page_mask(world, &facts->blocks[i])
                    : 0;
    }
    const struct freelist_space_usage usage = freelist_space_usage(spaces->freelist);
    const size_t all = spaces->pages.bytes / SPACES_PAGE;
    if (usage.used_pages != (size_t)__builtin_popcountll(used) ||
        usage.used_pages + usage.free_pages != all) {
        world_fail(world, ORACLE_O4, "%zu pages are used, %d are allocated",
                   usage.used_pages, __builtin_popcountll(used));
    } else if (!freelist_space_verify(spaces->freelist)) {
        world_fail(world, ORACLE_O4, "the free list is damaged");
    }
    check_idle(world, used, &usage);
    verify_live(world, true);
    for (unsigned i = 0; i < facts->call_count; i++) {
        check_pages_call(world, &facts->calls[i]);
    }
}
