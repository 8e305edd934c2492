/* SPDX-License-Identifier: MIT */
/*
 * O8: a call on several chunks is not one atomic step, but on each chunk it must look
 * like one. For each chunk an order of the calls is searched that keeps what was before
 * what, and in which every call does what a mapper without concurrency would do.
 *
 * Histories repeat all the time: a set remembers the hashes (history_hash.c) of those
 * found good.
 */
#include <stdio.h>

#include "stress/explore/spaces.h"

/* An abstract chunk: state << 3 | owner + 1, with the settled states only. */
typedef uint8_t chunk_state;

static chunk_state make(enum mm_state state, unsigned owner)
{
    return state == MM_UNMAPPED ? 0 : (chunk_state)((unsigned)state << 3 | (owner + 1));
}

static bool is(chunk_state state, enum mm_state wanted, unsigned owner)
{
    return state == make(wanted, owner);
}

struct part { /* of a call, on the chunk in question */
    const struct call_log *log;
    unsigned index; /* of the chunk in the call's range */
    bool ahead;     /* behind the range: an ensure_mapped may commit it as well */
};

/* Where the search of a chunk stands. */
struct place {
    uint32_t done;   /* parts that have been put in order */
    uint32_t halves; /* parts that have taken their first step of two */
    chunk_state state;
    uint8_t chunk; /* + 1, mapper << 4 */
};

enum { DEAD_END_BITS = 8 };

struct search {
    const struct world *world;
    unsigned mapper;
    size_t chunk;
    struct part parts[WORLD_CALLS];
    unsigned count;
    uint32_t before[WORLD_CALLS]; /* a bit for each that comes first for sure */
    chunk_state end;
    struct place
        dead_ends[1 << DEAD_END_BITS]; /* places searched in vain, of all chunks */
};

static struct place *dead_end_slot(struct search *search, const struct place *place)
{
    const uint64_t hash =
        ((uint64_t)place->done << 32 | place->halves) * UINT64_C(0x9E3779B97F4A7C15) +
        ((uint64_t)place->state << 8 | place->chunk) * UINT64_C(0xD1342543DE82EF95);
    return &search->dead_ends[hash >> (64 - DEAD_END_BITS)];
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->done == b->done && a->halves == b->halves && a->state == b->state &&
           a->chunk == b->chunk;
}

/* A transient state may be seen while a call of that owner is in the middle. */
static bool was_unsettled(const struct search *search, const struct call_log *log,
                          unsigned owner)
{
    const struct tenure *tenure =
        &search->world->facts.tenure[search->mapper][search->chunk][owner];
    return !world_before(search->world, &tenure->settled, log);
}

static bool explains_lookup(const struct search *search, const struct part *part,
                            chunk_state state)
{
    const uint8_t outcome = part->log->outcomes[part->index];
    const enum mm_state seen = (enum mm_state)(outcome >> 3);
    if (seen == MM_UNMAPPED || seen == MM_QUARANTINED || seen == MM_MAPPED ||
        seen == MM_EXCLUDED || seen == MM_SEALED) {
        return state == outcome;
    }
    const unsigned owner = (outcome & 7U) - 1;
    if ((outcome & 7U) == 0 || !was_unsettled(search, part->log, owner)) {
        return false;
    }
    return seen == MM_RESERVING ? state == 0 : (state & 7U) == (outcome & 7U);
}

static bool explains_is_mapped(const struct search *search, const struct part *part,
                               chunk_state state)
{
    const bool mapped = state >> 3 == MM_MAPPED || state >> 3 == MM_SEALED;
    if (mapped == (part->log->outcomes[part->index] != 0)) {
        return true;
    }
    /* False while decommit or release is under way, also when they fail. */
    return mapped && was_unsettled(search, part->log, (state & 7U) - 1);
}

/* What the part makes of the state: up to three possibilities. */
static unsigned ensure_failed(chunk_state state, unsigned owner, chunk_state next[3])
{
    unsigned count = 0;
    next[count++] = state;
    if (world_external(owner)) {
        return count;
    }
    if (state == 0) {
        next[count++] = make(MM_QUARANTINED, owner);
    }
    if (state == 0 || is(state, MM_QUARANTINED, owner)) {
        next[count++] = make(MM_MAPPED, owner);
    }
    return count;
}

static bool succeeds(const struct op *op, chunk_state state, chunk_state *next)
{
    const unsigned owner = op->owner;
    const bool quarantined = is(state, MM_QUARANTINED, owner);
    const bool mapped = is(state, MM_MAPPED, owner);
    const bool sealed = is(state, MM_SEALED, owner);
    switch (op->kind) {
    case OP_QUARANTINE:
    case OP_ANYWHERE:
    case OP_PREFERRED:
        *next = make(MM_QUARANTINED, owner);
        return state == 0;
    case OP_ADOPT:
        *next = make(MM_MAPPED, owner);
        return state == 0;
    case OP_EXCLUDE:
        *next = make(MM_EXCLUDED, owner);
        return state == 0;
    case OP_ENSURE:
    case OP_ENSURE_INSIDE:
        *next = sealed ? state : make(MM_MAPPED, owner);
        return mapped || sealed ||
               (!world_external(owner) && (state == 0 || quarantined));
    case OP_DECOMMIT:
        *next = make(MM_QUARANTINED, owner);
        return quarantined || mapped;
    case OP_RELEASE:
        *next = 0;
        return quarantined || mapped || is(state, MM_EXCLUDED, owner);
    case OP_TRANSFER:
        *next = make((enum mm_state)(state >> 3), op->arg);
        return quarantined || mapped;
    case OP_SEAL:
        *next = make(MM_SEALED, owner);
        return mapped;
    case OP_PROTECT:
    case OP_GUARD:
        *next = state;
        return mapped;
    default:
        *next = state;
        return true;
    }
}

static unsigned explain(const struct search *search, const struct part *part,
                        chunk_state state, chunk_state next[3])
{
    const struct op *op = part->log->op;
    next[0] = state;
    if (part->ahead) {
        next[1] = make(MM_MAPPED, op->owner);
        /* A call that fails leaves what lies behind its range alone. */
        return part->log->status == MM_OK && is(state, MM_QUARANTINED, op->owner) ? 2
                                                                                  : 1;
    }
    if (op->kind == OP_LOOKUP) {
        return explains_lookup(search, part, state);
    }
    if (op->kind == OP_IS_MAPPED) {
        return explains_is_mapped(search, part, state);
    }
    if (part->log->status == MM_OK) {
        return succeeds(op, state, next);
    }
    if (op->kind == OP_ENSURE || op->kind == OP_ENSURE_INSIDE) {
        return ensure_failed(state, op->owner, next);
    }
    if (op->kind == OP_DECOMMIT && part->log->decommitted) {
        return succeeds(op, state, next);
    }
    return 1; /* all or nothing: nothing */
}

/* Whether there is a state that the call would change. */
static bool may_change(const struct call_log *log)
{
    const unsigned kind = log->op->kind;
    return kind != OP_LOOKUP && kind != OP_IS_MAPPED && kind != OP_PROTECT &&
           kind != OP_GUARD &&
           (log->status == MM_OK || kind == OP_ENSURE || kind == OP_ENSURE_INSIDE ||
            log->decommitted);
}

static bool may_begin(const struct search *search, unsigned part, uint32_t done)
{
    return (done >> part & 1) == 0 && (search->before[part] & ~done) == 0;
}

static bool can_finish(struct search *search, uint32_t done, uint32_t halves,
                       chunk_state state);

/* ensure_mapped on an UNMAPPED chunk is two steps: others may see it QUARANTINED. */
static bool can_reserve_first(struct search *search, unsigned part, uint32_t done,
                              uint32_t halves, chunk_state state)
{
    const struct op *op = search->parts[part].log->op;
    return !search->parts[part].ahead &&
           (op->kind == OP_ENSURE || op->kind == OP_ENSURE_INSIDE) && state == 0 &&
           (halves >> part & 1) == 0 && !world_external(op->owner) &&
           can_finish(search, done, halves | UINT32_C(1) << part,
                      make(MM_QUARANTINED, op->owner));
}

/* Whether the parts that are not in `done` can be put in order from `state` on. */
static bool can_go_on(struct search *search, uint32_t done, uint32_t halves,
                      chunk_state state)
{
    for (unsigned i = 0; i < search->count; i++) {
        chunk_state next[3];
        if (!may_begin(search, i, done)) {
            continue;
        }
        if (can_reserve_first(search, i, done, halves, state)) {
            return true;
        }
        const unsigned ways = explain(search, &search->parts[i], state, next);
        if (ways == 1 && !may_change(search->parts[i].log)) {
            /* Nothing is lost by taking it at once: all orders of the others remain. */
            return can_finish(search, done | UINT32_C(1) << i, halves, state);
        }
        for (unsigned way = 0; way < ways; way++) {
            if (can_finish(search, done | UINT32_C(1) << i, halves, next[way])) {
                return true;
            }
        }
    }
    return false;
}

/* Different orders of the same parts meet again: who has been here need not look. */
static bool can_finish(struct search *search, uint32_t done, uint32_t halves,
                       chunk_state state)
{
    if (done == (uint32_t)((UINT64_C(1) << search->count) - 1)) {
        return state == search->end;
    }
    const struct place place = {done, halves, state,
                                (uint8_t)(search->mapper << 4 | (search->chunk + 1))};
    struct place *dead_end = dead_end_slot(search, &place);
    if (same_place(dead_end, &place)) {
        return false;
    }
    const bool can = can_go_on(search, done, halves, state);
    if (!can) {
        *dead_end = place;
    }
    return can;
}

/* Whether the call has to do with the chunk, and how. */
static bool meets(const struct world *world, const struct call_log *log, size_t chunk,
                  struct part *part)
{
    const struct op *op = log->op;
    size_t first = op->first;
    if (op->kind == OP_ANYWHERE || op->kind == OP_PREFERRED) {
        if (log->status != MM_OK) {
            return false;
        }
        first = log->place;
    } else if (!op_has_range(op->kind) || !op_has_owner(op->kind) ||
               op->kind == OP_TOUCH) {
        return false;
    }
    size_t end = first + op->count;
    *part = (struct part){log, (unsigned)(chunk - first), chunk >= end};
    if (op->kind == OP_ENSURE || op->kind == OP_ENSURE_INSIDE) {
        end += world->program->ahead;
    }
    return chunk >= first && chunk < end;
}

static chunk_state settled_state(const struct world *world, unsigned mapper,
                                 size_t chunk)
{
    const struct watch_value value = slot_watch_chunk(world->mappers[mapper], chunk);
    const int owner = world_owner(world, mapper, value.owner);
    const enum mm_state state = value.state == WATCH_QUARANTINED ? MM_QUARANTINED
                                : value.state == WATCH_MAPPED    ? MM_MAPPED
                                : value.state == WATCH_EXCLUDED  ? MM_EXCLUDED
                                : value.state == WATCH_SEALED    ? MM_SEALED
                                                                 : MM_UNMAPPED;
    return make(state, (unsigned)owner);
}

static void collect(struct search *search)
{
    const struct world *world = search->world;
    search->count = 0;
    for (unsigned i = 0; i < world->calls; i++) {
        const struct call_log *log = &world->log[i];
        if (log->op->mapper == search->mapper &&
            meets(world, log, search->chunk, &search->parts[search->count])) {
            search->count++;
        }
    }
    for (unsigned i = 0; i < search->count; i++) {
        search->before[i] = 0;
        for (unsigned j = 0; j < search->count; j++) {
            if (i != j &&
                world_before(world, &search->parts[j].log->end, search->parts[i].log)) {
                search->before[i] |= UINT32_C(1) << j;
            }
        }
    }
}

/* What the chunk was before the run, from the facts that the oracles began with. */
static chunk_state initial_state(const struct world *world, unsigned mapper,
                                 size_t chunk)
{
    return world->initial.states[mapper][chunk];
}

static void fail_at(struct world *world, const struct search *search)
{
    char text[WORLD_TEXT] = "";
    size_t length = 0;
    for (unsigned i = 0; i < search->count && length < sizeof(text) - 80; i++) {
        const struct call_log *log = search->parts[i].log;
        char op[64];
        op_print(log->op, op, sizeof(op));
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s = %s",
                                   i > 0 ? ", " : "", op, mm_status_name(log->status));
        if (log->op->kind == OP_LOOKUP || log->op->kind == OP_IS_MAPPED) {
            length += (size_t)snprintf(
                text + length, sizeof(text) - length, " (%s)",
                log->op->kind == OP_LOOKUP
                    ? mm_state_name(
                          (enum mm_state)(log->outcomes[search->parts[i].index] >> 3))
                : log->outcomes[search->parts[i].index] != 0 ? "true"
                                                             : "false");
        }
    }
    world_fail(world, ORACLE_O8, "chunk %zu ends %s: no order explains %s",
               search->chunk, mm_state_name((enum mm_state)(search->end >> 3)), text);
}

void history_check(struct world *world)
{
    if (!world_on(world, ORACLE_O8)) {
        return;
    }
    const uint64_t hash = history_hash(world);
    if (world_remember(world->good_histories, hash)) {
        return;
    }
    struct search search = {.world = world};
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
            if (mapper == 0 && spaces_have(world, chunk)) {
                continue; /* lookups were checked when they were made */
            }
            search.mapper = mapper;
            search.chunk = chunk;
            search.end = settled_state(world, mapper, chunk);
            collect(&search);
            if (!can_finish(&search, 0, 0, initial_state(world, mapper, chunk))) {
                world_forget(world->good_histories, hash);
                fail_at(world, &search);
                return;
            }
        }
    }
}

uint8_t history_state(const struct world *world, unsigned mapper, size_t chunk)
{
    return settled_state(world, mapper, chunk);
}
