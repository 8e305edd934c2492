/* SPDX-License-Identifier: MIT */
/*
 * Operations on metadata values and slots. Whoever sees a value knows what its writer
 * knew (O8); nobody else has a slot (O1); what is refused has a reason (O6).
 */
#include "mmapper/atomic.h"
#include "stress/explore/spaces.h"

/* ------------------------------------------------------------------- metadata */

/* What the call may have made of the value, if anything. */
static bool may_write(const struct space_call *call, uint64_t value)
{
    return (call->op->kind == OP_METADATA_STORE ||
            call->op->kind == OP_METADATA_EXCHANGE ||
            call->op->kind == OP_METADATA_GUARD) &&
           !call->skipped && call->op->arg == value;
}

/* Somebody wrote what was seen, and what he knew is known now. */
static void check_writer(struct world *world, const struct space_call *call,
                         uint64_t value)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    bool written = value == 0;
    for (unsigned i = 0; i < facts->call_count; i++) {
        const struct space_call *writer = &facts->calls[i];
        if (writer != call && writer->op->first == call->op->first &&
            may_write(writer, value)) {
            written = true;
            if (spaces_knows(writer)) {
                return;
            }
        }
    }
    if (value != 0) {
        world_fail(world, ORACLE_O8,
                   written
                       ? "the value %llu of unit %u is seen, and what was before it "
                         "is not"
                       : "the value %llu of unit %u, which nobody stored",
                   (unsigned long long)value, call->op->first);
    }
}

static enum mm_status map_units(struct world *world, struct space_call *call)
{
    const struct op *op = call->op;
    const struct mm_extent data =
        mm_extent_of(unit_address(op->first), op->count * (size_t)UNIT_DATA);
    call->status = side_metadata_map(world->spaces->metadata, data, NULL);
    spaces_reason(world, call,
                  call->status == MM_OK ||
                      (call->status == MM_NO_MEMORY && spaces_refused(world)));
    for (unsigned unit = op->first;
         call->status == MM_OK && unit < op->first + op->count; unit++) {
        world->spaces->facts.mapped_units |= (uint16_t)(1U << unit);
        for (unsigned table = 0; table < 2; table++) {
            const uintptr_t address = side_metadata_address(world->spaces->metadata,
                                                            table, unit_address(unit));
            if (!spaces_committed(world, address, table == 0 ? SPACES_PAGE : 1)) {
                world_fail(world, ORACLE_O3, "metadata of unit %u is not committed",
                           unit);
            }
        }
    }
    return call->status;
}

/* A lock made of a value: each holder knows what the last one did, whatever the value
 * was meanwhile. */
static enum mm_status guard(struct world *world, struct space_call *call)
{
    struct side_metadata *metadata = world->spaces->metadata;
    const uintptr_t address = unit_address(call->op->first);
    uint64_t *guarded = &world->spaces->facts.guarded[call->op->first];
    enum mm_status status =
        side_metadata_exchange(metadata, 1, address, 0, call->op->arg, &call->found);
    if (status == MM_OK && call->found == 0) {
        mm_plain_store(guarded, mm_plain_load(guarded) + 1);
        status = side_metadata_store(metadata, 1, address, 0);
    }
    return status;
}

static enum mm_status access_value(struct world *world, struct space_call *call)
{
    struct side_metadata *metadata = world->spaces->metadata;
    const uintptr_t address = unit_address(call->op->first);
    switch (call->op->kind) {
    case OP_METADATA_STORE:
        return side_metadata_store(metadata, 1, address, call->op->arg);
    case OP_METADATA_EXCHANGE:
        return side_metadata_exchange(metadata, 1, address, 0, call->op->arg,
                                      &call->found);
    case OP_METADATA_GUARD:
        return guard(world, call);
    default:
        return side_metadata_load(metadata, 1, address, &call->found);
    }
}

enum mm_status metadata_perform(struct world *world, struct space_call *call,
                                const struct call_log *log)
{
    (void)log;
    if (call->op->kind == OP_METADATA_MAP) {
        return map_units(world, call);
    }
    if ((world->spaces->facts.mapped_units >> call->op->first & 1) == 0) {
        call->skipped = true; /* it would fault */
        return MM_OK;
    }
    call->asked = call->op->arg;
    call->status = access_value(world, call);
    spaces_reason(world, call, call->status == MM_OK);
    if (call->op->kind != OP_METADATA_STORE && world_on(world, ORACLE_O8)) {
        check_writer(world, call, call->found);
    }
    return call->status;
}

/* ---------------------------------------------------------------------- slots */

static bool same_slot(const struct op *op, const struct op *other)
{
    return (other->kind == OP_SLOT_TAKE || other->kind == OP_SLOT_GIVE) &&
           other->first == op->first;
}

/* A call of the mapper may be in the way of one that reserves or releases. */
static bool in_the_way(const struct op *op, const struct op *other)
{
    return same_slot(op, other) || other->kind < OP_IMMORTAL_ALLOC;
}

static bool conflicts(const struct world *world, size_t chunk,
                      const struct mm_owner *owner)
{
    const struct chunk_past *past = &world->past[0][chunk];
    for (unsigned i = 0; i < past->count && i < WORLD_CHANGES; i++) {
        const struct mm_owner *other = past->items[i].owner;
        if (other != NULL && other != owner) {
            return true;
        }
    }
    return past->count > WORLD_CHANGES || world->facts.foreign[chunk].step != 0;
}

static void take_slot(struct world *world, struct space_call *call,
                      const struct call_log *log)
{
    struct spaces *spaces = world->spaces;
    struct mm_owner *owner = world->owners[0][call->op->owner];
    const unsigned slot = call->op->first;
    struct mm_extent extent = {0, 0};
    call->asked = ++spaces->facts.slot_ids;
    call->status =
        space_map_take_slot(spaces->slots, slot, owner, call->asked, &extent, NULL);
    const size_t chunk = (spaces->slot_extent.start - WORLD_BASE) / WORLD_CHUNK + slot;
    const bool conflict = conflicts(world, chunk, owner);
    switch (call->status) {
    case MM_OK:
        if (world_on(world, ORACLE_O1) && spaces->facts.holders[slot] != 0) {
            world_fail(world, ORACLE_O1, "slot %u is space %llu's, and %u's as well",
                       slot, (unsigned long long)call->asked,
                       spaces->facts.holders[slot]);
        }
        spaces->facts.holders[slot] = (uint8_t)call->asked;
        break;
    case MM_BUSY:
        spaces_reason(world, call, spaces_overlap(world, log, in_the_way));
        break;
    case MM_NO_MEMORY:
        spaces_reason(world, call, spaces_refused(world));
        break;
    default:
        spaces_reason(
            world, call,
            call->status == MM_WRONG_STATE ||
                (call->status == MM_CONFLICT && (conflict || spaces_refused(world))));
    }
}

static void give_slot(struct world *world, struct space_call *call,
                      const struct call_log *log)
{
    struct spaces *spaces = world->spaces;
    const unsigned slot = call->op->first;
    uint8_t *holder = &spaces->facts.holders[slot];
    call->asked = *holder != 0 ? *holder : STRANGER_ID;
    *holder = 0; /* from now on somebody else may get it */
    call->status = space_map_give_back(spaces->slots,
                                       space_map_slot_extent(spaces->slots, slot).start,
                                       call->asked, NULL);
    switch (call->status) {
    case MM_OK:
        break;
    case MM_BUSY:
        spaces_reason(world, call, spaces_overlap(world, log, in_the_way));
        break;
    case MM_NO_MEMORY:
        spaces_reason(world, call, spaces_refused(world));
        break;
    default: /* once all is known: values_check_end */
        spaces_reason(world, call,
                      call->status == MM_WRONG_STATE || call->status == MM_CONFLICT);
    }
    if (call->status != MM_OK && call->asked != STRANGER_ID && *holder == 0) {
        *holder = (uint8_t)call->asked;
    }
}

/* Whoever sees a space knows what its taker knew. */
static void check_taker(struct world *world, const struct space_call *call)
{
    const struct spaces_facts *facts = &world->spaces->facts;
    for (unsigned i = 0; i < facts->call_count; i++) {
        const struct space_call *taker = &facts->calls[i];
        if (taker->op->kind == OP_SLOT_TAKE && taker->asked == call->found) {
            if (!spaces_knows(taker)) {
                world_fail(world, ORACLE_O8,
                           "space %llu is seen, and what was before it is not",
                           (unsigned long long)call->found);
            }
            return;
        }
    }
    world_fail(world, ORACLE_O8, "space %llu is seen, which nobody brought",
               (unsigned long long)call->found);
}

/* A slot is named only while it is the space's: no giving back is under way, and its
 * owner has the chunk. */
static void check_named(struct world *world, const struct space_call *call,
                        const struct call_log *log)
{
    const struct spaces *spaces = world->spaces;
    const size_t chunk =
        (spaces->slot_extent.start - WORLD_BASE) / WORLD_CHUNK + call->op->first;
    const struct watch_value value = slot_watch_chunk(world->mappers[0], chunk);
    if ((value.state == WATCH_UNMAPPED || value.state == WATCH_RESERVING) &&
        !spaces_overlap(world, log, same_slot)) {
        world_fail(world, ORACLE_O1, "slot %u is named space %llu's, and is %s",
                   call->op->first, (unsigned long long)call->found,
                   watch_state_name(value.state));
    }
}

enum mm_status slots_perform(struct world *world, struct space_call *call,
                             const struct call_log *log)
{
    const struct spaces *spaces = world->spaces;
    switch (call->op->kind) {
    case OP_SLOT_TAKE:
        take_slot(world, call, log);
        return call->status;
    case OP_SLOT_GIVE:
        give_slot(world, call, log);
        return call->status;
    default:
        call->found = space_map_space_of(
            spaces->slots, space_map_slot_extent(spaces->slots, call->op->first).start +
                               WORLD_CHUNK / 2);
        if (call->found != 0 && world_on(world, ORACLE_O8)) {
            check_taker(world, call);
        }
        if (call->found != 0 && world_on(world, ORACLE_O1)) {
            check_named(world, call, log);
        }
        return MM_OK;
    }
}
