/* SPDX-License-Identifier: MIT */
/*
 * All that the search of history.c looks at, in a hash: two histories with the same one
 * are explained, or not, alike.
 */
#include "stress/explore/world.h"

/* By what it says, not by where it is: a kept world is given other programs. */
static uint64_t hash_op(const struct op *op)
{
    return (uint64_t)op->kind << 40 | (uint64_t)op->owner << 32 |
           (uint64_t)op->mapper << 24 | (uint64_t)op->first << 16 |
           (uint64_t)op->count << 8 | op->arg;
}

/* Who, of those that a question may have met, was in the middle of a call. */
static unsigned unsettled_owners(const struct world *world, const struct call_log *log,
                                 size_t chunk)
{
    unsigned owners = 0;
    for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
        const struct tenure *tenure =
            &world->facts.tenure[log->op->mapper][chunk][owner];
        owners |= (unsigned)!world_before(world, &tenure->settled, log) << owner;
    }
    return owners;
}

static uint64_t mix_outcomes(const struct world *world, const struct call_log *log,
                             uint64_t hash)
{
    const bool asks = log->op->kind == OP_LOOKUP || log->op->kind == OP_IS_MAPPED;
    for (unsigned i = 0; asks && i < log->op->count; i++) {
        const unsigned owners = unsettled_owners(world, log, log->op->first + i);
        hash = world_mix(hash, (uint64_t)log->outcomes[i] << OWNER_COUNT | owners);
    }
    return hash;
}

uint64_t history_hash(const struct world *world)
{
    uint64_t hash = world->calls;
    for (unsigned i = 0; i < world->calls; i++) {
        const struct call_log *log = &world->log[i];
        uint64_t before = 0;
        for (unsigned j = 0; j < world->calls; j++) {
            before |= (uint64_t)world_before(world, &world->log[j].end, log) << j;
        }
        hash = world_mix(hash, hash_op(log->op));
        hash = world_mix(hash, before);
        hash = world_mix(hash, (uint64_t)log->status << 16 | (uint64_t)log->place << 8 |
                                   log->decommitted);
        hash = mix_outcomes(world, log, hash);
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
            hash = world_mix(hash, history_state(world, mapper, chunk));
        }
    }
    return hash | 1; /* 0: an empty place */
}
