/* SPDX-License-Identifier: MIT */
/*
 * What calls mean for O1: the ledger of who owns which chunk, kept from results alone.
 */
#include "stress/explore/spaces.h"

static uint8_t entry_of(const struct op *op, unsigned owner)
{
    return (uint8_t)(op->mapper * OWNER_COUNT + owner + 1);
}

static void take_out(struct world *world, struct call_log *log)
{
    const struct op *op = log->op;
    for (unsigned i = 0; i < op->count; i++) {
        uint8_t *owner = &world->facts.ledger[op->first + i];
        if (*owner == entry_of(op, op->owner)) {
            *owner = 0;
            log->taken |= (uint16_t)(1U << i);
        }
    }
}

void ledger_begin(struct world *world, struct call_log *log)
{
    /* From now on somebody else may get what is given away. */
    if (log->op->kind == OP_RELEASE || log->op->kind == OP_TRANSFER) {
        take_out(world, log);
    }
}

/* Whether a call that gives the owner's chunk away ran at the same time as `log`: a
 * breach of G5. Who has the chunk then cannot be told from results. */
static bool given_away_meanwhile(const struct world *world, const struct call_log *log,
                                 size_t chunk, unsigned owner)
{
    for (unsigned i = 0; i < world->calls; i++) {
        const struct call_log *other = &world->log[i];
        const struct op *op = other->op;
        if (other != log && (op->kind == OP_RELEASE || op->kind == OP_TRANSFER) &&
            op->owner == owner && op->mapper == log->op->mapper && chunk >= op->first &&
            chunk < (size_t)op->first + op->count &&
            !world_before(world, &other->end, log)) {
            return true;
        }
    }
    return false;
}

static void gain(struct world *world, const struct call_log *log, size_t chunk,
                 unsigned owner)
{
    uint8_t *entry = &world->facts.ledger[chunk];
    if (given_away_meanwhile(world, log, chunk, owner)) {
        world->facts.unsure |= (uint16_t)(1U << chunk);
    }
    if (world->facts.unsure >> chunk & 1) {
        return;
    }
    const uint8_t mine = entry_of(log->op, owner);
    if (*entry != 0 && *entry != mine) {
        const unsigned other = (unsigned)(*entry - 1);
        world_fail(world, ORACLE_O1, "chunk %zu is %s's, and %s's as well (mapper %u)",
                   chunk, program_owner_name(owner),
                   program_owner_name(other % OWNER_COUNT), other / OWNER_COUNT);
    }
    *entry = mine;
}

/* After a failing ensure_mapped: some chunks may have been gained, and others of the
 * owner's calls may be in the middle of giving such a chunk away, or fail to. */
static void gain_what_is_there(struct world *world, const struct call_log *log)
{
    const struct op *op = log->op;
    for (size_t chunk = op->first; chunk < (size_t)op->first + op->count; chunk++) {
        const struct watch_value value =
            slot_watch_chunk(world->mappers[op->mapper], chunk);
        if (given_away_meanwhile(world, log, chunk, op->owner)) {
            world->facts.unsure |= (uint16_t)(1U << chunk);
        }
        if (value.owner != NULL &&
            value.owner == world->owners[op->mapper][op->owner] &&
            value.state != WATCH_RESERVING) {
            gain(world, log, chunk, op->owner);
        }
    }
}

static void put_back(struct world *world, const struct call_log *log)
{
    for (unsigned i = 0; i < log->op->count; i++) {
        if (log->taken >> i & 1) {
            gain(world, log, log->op->first + i, log->op->owner);
        }
    }
}

static void gain_all(struct world *world, const struct call_log *log, size_t first,
                     unsigned owner)
{
    for (unsigned i = 0; i < log->op->count; i++) {
        gain(world, log, first + i, owner);
    }
}

void ledger_end(struct world *world, struct call_log *log)
{
    const struct op *op = log->op;
    const bool good = log->status == MM_OK;
    switch (op->kind) {
    case OP_QUARANTINE:
    case OP_ADOPT:
    case OP_EXCLUDE:
        if (good) {
            gain_all(world, log, op->first, op->owner);
        }
        break;
    case OP_ENSURE:
    case OP_ENSURE_INSIDE:
        if (good) {
            gain_all(world, log, op->first, op->owner);
        } else {
            gain_what_is_there(world, log);
        }
        break;
    case OP_ANYWHERE:
    case OP_PREFERRED:
        if (good) {
            gain_all(world, log, log->place, op->owner);
        }
        break;
    case OP_TRANSFER:
        if (good) {
            gain_all(world, log, op->first, op->arg);
        } else {
            put_back(world, log);
        }
        break;
    case OP_RELEASE:
        if (!good) {
            put_back(world, log);
        }
        break;
    default:
        break;
    }
}
