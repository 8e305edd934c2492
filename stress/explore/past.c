/* SPDX-License-Identifier: MIT */
/*
 * What each chunk was in the course of a run, and whether a query may have seen it so. An
 * exact check, transient states and all; that the queries of a history also agree with
 * each other and with the other calls is history.c's.
 */
#include "stress/explore/world.h"

void past_begin(struct world *world, unsigned mapper, size_t chunk,
                struct watch_value value)
{
    struct chunk_past *past = &world->past[mapper][chunk];
    past->items[0].when = (struct stamp){0};
    past->items[0].state = value.state;
    past->items[0].owner = value.owner;
}

void past_add(struct world *world, unsigned mapper, const struct watch_change *change)
{
    struct chunk_past *past = &world->past[mapper][change->first];
    if (past->count < WORLD_CHANGES) {
        past->items[past->count].when = world_stamp();
        past->items[past->count].state = change->after.state;
        past->items[past->count].owner = change->after.owner;
    }
    past->count += past->count <= WORLD_CHANGES;
}

static enum mm_state public_state(enum watch_state state)
{
    switch (state) {
    case WATCH_RESERVING:
        return MM_RESERVING;
    case WATCH_QUARANTINED:
        return MM_QUARANTINED;
    case WATCH_MAPPED:
        return MM_MAPPED;
    case WATCH_DECOMMITTING_Q:
    case WATCH_DECOMMITTING_M:
        return MM_DECOMMITTING;
    case WATCH_RELEASING_Q:
    case WATCH_RELEASING_M:
    case WATCH_RELEASING_X:
        return MM_RELEASING;
    case WATCH_TRANSFERRING_Q:
    case WATCH_TRANSFERRING_M:
        return MM_TRANSFERRING;
    case WATCH_EXCLUDED:
        return MM_EXCLUDED;
    case WATCH_SEALING:
        return MM_SEALING;
    case WATCH_SEALED:
        return MM_SEALED;
    default:
        return MM_UNMAPPED;
    }
}

/* A transfer takes nobody's access, nor does a seal. */
static bool is_mapped(enum watch_state state)
{
    return state == WATCH_MAPPED || state == WATCH_TRANSFERRING_M ||
           state == WATCH_SEALING || state == WATCH_SEALED;
}

/* Whether the call can see item `i`: the next change was not over for it when it began. */
static bool may_see(const struct world *world, const struct call_log *log,
                    const struct chunk_past *past, unsigned i)
{
    return i + 1 == past->count || !world_before(world, &past->items[i + 1].when, log);
}

static bool is_checked(const struct world *world, const struct chunk_past *past)
{
    return past->count <= WORLD_CHANGES && world_on(world, ORACLE_O8);
}

bool past_may_be(const struct world *world, const struct call_log *log, size_t chunk,
                 unsigned states)
{
    const struct chunk_past *past = &world->past[log->op->mapper][chunk];
    for (unsigned i = 0; i < past->count && i < WORLD_CHANGES; i++) {
        if ((states >> past->items[i].state & 1) != 0 && may_see(world, log, past, i)) {
            return true;
        }
    }
    return past->count > WORLD_CHANGES;
}

void past_check_lookup(struct world *world, const struct call_log *log, size_t chunk,
                       struct mm_lookup lookup)
{
    const struct chunk_past *past = &world->past[log->op->mapper][chunk];
    if (!is_checked(world, past)) {
        return;
    }
    for (unsigned i = 0; i < past->count; i++) {
        if (public_state(past->items[i].state) == lookup.state &&
            past->items[i].owner == lookup.owner && may_see(world, log, past, i)) {
            return;
        }
    }
    world_fail(world, ORACLE_O8, "chunk %zu is seen %s%s%s, which it was not", chunk,
               mm_state_name(lookup.state), lookup.owner != NULL ? " of " : "",
               lookup.owner != NULL ? mm_owner_name(lookup.owner) : "");
}

void past_check_is_mapped(struct world *world, const struct call_log *log, size_t chunk,
                          bool mapped)
{
    const struct chunk_past *past = &world->past[log->op->mapper][chunk];
    if (!is_checked(world, past)) {
        return;
    }
    for (unsigned i = 0; i < past->count; i++) {
        if (is_mapped(past->items[i].state) == mapped && may_see(world, log, past, i)) {
            return;
        }
    }
    world_fail(world, ORACLE_O8, "chunk %zu is seen %smapped, which it was not", chunk,
               mapped ? "" : "not ");
}
