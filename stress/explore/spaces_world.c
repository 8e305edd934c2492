/* SPDX-License-Identifier: MIT */
/* Making the spaces of a world, and putting them back between runs. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "spaces/freelist_space_internal.h"
#include "spaces/raw_memory_freelist_internal.h"
#include "stress/explore/spaces.h"

/* The handles with fields that no atomic operation writes. */
struct plain_fields {
    struct freelist_space space;
    struct raw_memory_freelist lists[FREELIST_STRIPES];
};

enum { WINDOW_BYTES = PROGRAM_CHUNKS * WORLD_CHUNK };

static unsigned char *window(void)
{
    return (unsigned char *)WORLD_BASE;
}

/* The memory behind the window: once in a process, zero for each world. */
static bool back_window(void)
{
    static bool done;
    if (!done) {
        void *memory = mmap(
            window(), WINDOW_BYTES, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (memory != window()) {
            return false;
        }
        done = true;
    }
    memset(window(), 0, WINDOW_BYTES);
    return true;
}

/* --------------------------------------------------------------------- making */

static struct space_placement place(size_t *next, size_t chunks)
{
    const struct space_placement placement = {
        .rule = SPACE_EXACT, .start = world_extent(*next, chunks).start};
    *next += chunks;
    return placement;
}

static bool make_immortal(struct world *world, size_t *next)
{
    struct spaces *spaces = world->spaces;
    const bool eager = (world->program->spaces & WITH_EAGER) != 0;
    const struct immortal_space_options options = {
        .name = "immortal",
        .placement = place(next, IMMORTAL_CHUNKS),
        .bytes = IMMORTAL_CHUNKS * (size_t)WORLD_CHUNK,
        .mapping = eager ? IMMORTAL_EAGER : IMMORTAL_ON_DEMAND,
    };
    if (immortal_space_create(world->mappers[0], &options, &spaces->immortal, NULL) !=
        MM_OK) {
        return false;
    }
    spaces->immortal_extent = immortal_space_extent(spaces->immortal);
    spaces->owners[SPACE_OWNER_IMMORTAL] = immortal_space_owner(spaces->immortal);
    return true;
}

static bool make_freelist(struct world *world, size_t *next)
{
    struct spaces *spaces = world->spaces;
    const unsigned with = world->program->spaces;
    const bool binned = (with & WITH_BINNED) != 0;
    const struct freelist_space_options options = {
        .name = "pages",
        .placement = place(next, FREELIST_CHUNKS),
        .bytes = FREELIST_CHUNKS * (size_t)WORLD_CHUNK,
        .page_bytes = SPACES_PAGE,
        .freed = FREELIST_SPACE_DECOMMIT,
        .policy = binned ? RAW_MEMORY_FREELIST_BINNED : RAW_MEMORY_FREELIST_FIRST_FIT,
        .stripes = (with & WITH_STRIPES) != 0 ? FREELIST_STRIPES : 1,
    };
    if (freelist_space_create(world->mappers[0], &options, &spaces->freelist, NULL) !=
        MM_OK) {
        return false;
    }
    spaces->pages = freelist_space_pages(spaces->freelist);
    spaces->table = freelist_space_extent(spaces->freelist);
    spaces->table.bytes = binned ? FREELIST_BINS_USED : FREELIST_TABLE_USED;
    spaces->owners[SPACE_OWNER_PAGES] = freelist_space_owner(spaces->freelist);
    spaces->owners[SPACE_OWNER_TABLE] = freelist_space_table_owner(spaces->freelist);
    return true;
}

static bool make_metadata(struct world *world, size_t *next)
{
    static const struct side_metadata_table tables[] = {{4, 3}, {16, 2}};
    struct spaces *spaces = world->spaces;
    const struct side_metadata_options options = {
        .name = "metadata",
        .placement = place(next, METADATA_CHUNKS),
        .data = {SPACES_DATA, SPACES_UNITS * (size_t)UNIT_DATA},
        .tables = tables,
        .table_count = 2,
    };
    if (side_metadata_create(world->mappers[0], &options, &spaces->metadata, NULL) !=
        MM_OK) {
        return false;
    }
    spaces->owners[SPACE_OWNER_METADATA] = side_metadata_owner(spaces->metadata);
    return true;
}

static bool make_slots(struct world *world, size_t *next)
{
    struct spaces *spaces = world->spaces;
    const struct space_map_options options = {
        .log_slot_bytes = (unsigned)__builtin_ctz(WORLD_CHUNK),
        .slots = SLOT_COUNT,
        .placement = place(next, SLOT_COUNT),
    };
    if (space_map_create(world->mappers[0], &options, &spaces->slots, NULL) != MM_OK) {
        return false;
    }
    spaces->slot_extent = space_map_extent(spaces->slots);
    return true;
}

struct spaces *spaces_create(struct world *world, const char **problem)
{
    const unsigned with = world->program->spaces;
    size_t next = 0;
    struct spaces *spaces = calloc(1, sizeof(*spaces));
    if (spaces == NULL) {
        abort();
    }
    world->spaces = spaces;
    spaces->image = malloc(WINDOW_BYTES);
    spaces->handles = malloc(sizeof(struct plain_fields));
    if (spaces->image == NULL || spaces->handles == NULL) {
        abort();
    }
    if (!back_window()) {
        *problem = "the window is not free in this process";
    } else if (((with & WITH_IMMORTAL) != 0 && !make_immortal(world, &next)) ||
               ((with & WITH_FREELIST) != 0 && !make_freelist(world, &next)) ||
               ((with & WITH_METADATA) != 0 && !make_metadata(world, &next)) ||
               ((with & WITH_SLOTS) != 0 && !make_slots(world, &next))) {
        *problem = "a space could not be made";
    }
    spaces->chunks = (uint16_t)((1U << next) - 1);
    return spaces;
}

/* -------------------------------------------------------------------- running */

static bool is_zero(const unsigned char *bytes, size_t count)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

void spaces_settle(struct world *world)
{
    struct spaces *spaces = world->spaces;
    memcpy(spaces->image, window(), WINDOW_BYTES);
    for (size_t chunk = 0; chunk < PROGRAM_CHUNKS; chunk++) {
        if (!is_zero(spaces->image + chunk * WORLD_CHUNK, WORLD_CHUNK)) {
            spaces->image_chunks |= (uint16_t)(1U << chunk);
        }
    }
    if (spaces->freelist != NULL) {
        struct plain_fields *fields = spaces->handles;
        fields->space = *spaces->freelist;
        for (unsigned i = 0; i < fields->space.stripe_count; i++) {
            fields->lists[i] = *fields->space.stripes[i].list;
        }
    }
    spaces->facts.zeroed = 0;
    spaces->initial = spaces->facts;
}

/* What atomics and mm_plain_store wrote is back already: sim_memory_restore. */
void spaces_begin_run(struct world *world)
{
    struct spaces *spaces = world->spaces;
    for (unsigned left = spaces->facts.zeroed & spaces->image_chunks; left != 0;
         left &= left - 1) {
        const size_t at = (size_t)__builtin_ctz(left) * WORLD_CHUNK;
        memcpy(window() + at, spaces->image + at, WORLD_CHUNK);
    }
    if (spaces->freelist != NULL) {
        const struct plain_fields *fields = spaces->handles;
        const size_t at = spaces->table.start - WORLD_BASE;
        for (unsigned i = 0; i < fields->space.stripe_count; i++) {
            *fields->space.stripes[i].list = fields->lists[i];
        }
        *spaces->freelist = fields->space;
        memcpy(window() + at, spaces->image + at, spaces->table.bytes);
    }
    spaces->facts = spaces->initial;
    spaces->runs++;
}

void spaces_destroy(struct world *world)
{
    struct spaces *spaces = world->spaces;
    if (spaces->runs > 0) {
        spaces_begin_run(world);
    }
    /* They give back what they have to the simulated kernel, or fail to, which does not
     * matter any more: it goes next. */
    if (spaces->slots != NULL) {
        for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
            (void)space_map_give_back(spaces->slots,
                                      space_map_slot_extent(spaces->slots, slot).start,
                                      spaces->facts.holders[slot], NULL);
        }
        (void)space_map_destroy(spaces->slots, NULL);
    }
    if (spaces->metadata != NULL) {
        (void)side_metadata_destroy(spaces->metadata, NULL);
    }
    if (spaces->freelist != NULL) {
        (void)freelist_space_destroy(spaces->freelist, NULL);
    }
    if (spaces->immortal != NULL) {
        (void)immortal_space_destroy(spaces->immortal, NULL);
    }
    free(spaces->image);
    free(spaces->handles);
    free(spaces);
    world->spaces = NULL;
}

void spaces_zero(struct world *world, struct mm_extent extent)
{
    memset((void *)extent.start, 0, extent.bytes);
    for (size_t chunk = (extent.start - WORLD_BASE) / WORLD_CHUNK;
         world_extent(chunk, 1).start < mm_extent_end(extent); chunk++) {
        world->spaces->facts.zeroed |= (uint16_t)(1U << chunk);
    }
}

/* ----------------------------------------------------------------- operations */

static enum mm_status dispatch(struct world *world, struct space_call *call,
                               const struct call_log *log)
{
    const struct spaces *spaces = world->spaces;
    switch (call->op->kind) {
    case OP_IMMORTAL_ALLOC:
    case OP_IMMORTAL_USAGE:
        return spaces->immortal != NULL ? immortal_perform(world, call, log)
                                        : MM_INVALID_ARGUMENT;
    case OP_FREELIST_ALLOC:
    case OP_FREELIST_FREE:
    case OP_FREELIST_TRIM:
    case OP_FREELIST_USAGE:
        return spaces->freelist != NULL ? freelist_perform(world, call, log)
                                        : MM_INVALID_ARGUMENT;
    case OP_METADATA_MAP:
    case OP_METADATA_STORE:
    case OP_METADATA_EXCHANGE:
    case OP_METADATA_LOAD:
    case OP_METADATA_GUARD:
        return spaces->metadata != NULL ? metadata_perform(world, call, log)
                                        : MM_INVALID_ARGUMENT;
    default:
        return spaces->slots != NULL ? slots_perform(world, call, log)
                                     : MM_INVALID_ARGUMENT;
    }
}

enum mm_status spaces_perform(struct world *world, const struct op *op,
                              struct call_log *log)
{
    if (world->spaces == NULL) {
        return MM_INVALID_ARGUMENT;
    }
    struct spaces_facts *facts = &world->spaces->facts;
    struct space_call *call = &facts->calls[facts->call_count++];
    memset(call, 0, sizeof(*call));
    call->op = op;
    if (log != NULL) {
        call->begin = log->begin;
        call->end.step = UINT32_MAX;
        memcpy(call->clock, log->clock, sizeof(call->clock));
    }
    call->status = dispatch(world, call, log);
    call->end = log != NULL ? world_stamp() : (struct stamp){0};
    if (log != NULL) {
        sim_hash(call->found);
    }
    return call->status;
}
