/* SPDX-License-Identifier: MIT */
/* One operation of a program as a call of the mapper, and what has to hold after it. */
#include <string.h>

#include "stress/explore/spaces.h"

static const struct mm_extent nowhere = {0, 0};

/* ------------------------------------------------------------------- queries */

/* State and owner in one byte. */
static uint8_t outcome_of(const struct world *world, unsigned mapper,
                          struct mm_lookup lookup)
{
    const int owner = world_owner(world, mapper, lookup.owner);
    return (uint8_t)((unsigned)lookup.state << 3 | (unsigned)(owner + 1));
}

static uint8_t look_at(struct world *world, const struct op *op,
                       const struct call_log *log, size_t chunk, uintptr_t address)
{
    const struct mmapper *mapper = world->mappers[op->mapper];
    if (op->kind == OP_LOOKUP) {
        const struct mm_lookup lookup = mmapper_lookup(mapper, address);
        if (log != NULL) {
            past_check_lookup(world, log, chunk, lookup);
        }
        return outcome_of(world, op->mapper, lookup);
    }
    const bool mapped = mmapper_is_mapped(mapper, address);
    if (log != NULL) {
        past_check_is_mapped(world, log, chunk, mapped);
    }
    return mapped;
}

/* When the chunk was vacated during the call, that may be after it was seen MAPPED. */
static void see_mapped(struct world *world, const struct call_log *log, size_t chunk)
{
    if (world_before(world, &world->facts.marks[chunk].vacated, log)) {
        marks_see_mapped(world, chunk);
    }
}

static void look(struct world *world, const struct op *op, struct call_log *log)
{
    for (unsigned i = 0; i < op->count; i++) {
        const uintptr_t address = world_extent(op->first + i, 1).start + i;
        const uint8_t outcome = look_at(world, op, log, op->first + i, address);
        if (log != NULL) {
            log->outcomes[i] = outcome;
            sim_hash(outcome);
            if (op->kind == OP_LOOKUP ? outcome >> 3 == MM_MAPPED : outcome != 0) {
                see_mapped(world, log, op->first + i);
            }
        }
    }
}

/* Whether every other call of the run was over when this one began. */
static bool is_alone(const struct world *world, const struct call_log *log)
{
    for (unsigned i = 0; i < world->calls; i++) {
        if (&world->log[i] != log && !world_before(world, &world->log[i].end, log)) {
            return false;
        }
    }
    return true;
}

/* Exact only when nobody changes anything meanwhile, as its header says. */
static enum mm_status verify(struct world *world, const struct op *op,
                             const struct call_log *log)
{
    const struct mm_verify_options options = {.sole = false};
    struct mm_verify_result result;
    const enum mm_status status =
        mmapper_verify(world->mappers[op->mapper], &options, &result, NULL);
    if (status == MM_OK && result.differences > 0 &&
        (log == NULL || is_alone(world, log))) {
        world_fail(world, ORACLE_O2, "verify found %llu differences",
                   (unsigned long long)result.differences);
    }
    return status;
}

/* -------------------------------------------------------------- foreign code */

static void os_step(struct world *world, uint64_t what)
{
    sim_step(what);
    world_mix_os(world, what);
}

static enum mm_status foreign_map(struct world *world, const struct op *op)
{
    const struct mm_mapping mapping = {.extent = world_extent(op->first, op->count),
                                       .access = op->arg};
    os_step(world, UINT64_C(0x6000) + op->first);
    if (sim_kernel_foreign_map(world->kernel, &mapping) != 0) {
        return MM_CONFLICT;
    }
    for (unsigned i = 0; i < op->count; i++) {
        world->facts.foreign[op->first + i].step = UINT32_MAX;
    }
    return MM_OK;
}

static enum mm_status foreign_unmap(struct world *world, const struct op *op)
{
    os_step(world, UINT64_C(0x6100) + op->first);
    for (unsigned i = 0; i < op->count; i++) {
        const struct mm_extent extent = world_extent(op->first + i, 1);
        const struct sim_view view = sim_kernel_view(world->kernel, extent.start);
        if (view.mapped && view.client < 0) {
            sim_kernel_foreign_unmap(world->kernel, extent);
            world->facts.foreign[op->first + i] = world_stamp();
        }
    }
    return MM_OK;
}

/* ------------------------------------------------------------------ contents */

static void touch_page(struct world *world, size_t chunk, uintptr_t address,
                       uint64_t token)
{
    uint64_t found = 0;
    const uint64_t expected = world->facts.tokens[chunk];
    if (sim_kernel_read(world->kernel, address, &found) != 0) {
        world_fail(world, ORACLE_O3, "chunk %zu is mapped, and a load from it faults",
                   chunk);
    } else if (expected != UINT64_MAX && found != expected) {
        world_fail(world, ORACLE_O3, "chunk %zu holds %llu, its owner left %llu", chunk,
                   (unsigned long long)found, (unsigned long long)expected);
    }
    if (sim_kernel_write(world->kernel, address, token) != 0) {
        world_fail(world, ORACLE_O3, "chunk %zu is mapped, and a store to it faults",
                   chunk);
    }
}

void tokens_touch(struct world *world, const struct op *op)
{
    for (unsigned i = 0; i < op->count; i++) {
        const size_t chunk = op->first + i;
        const struct mm_extent extent = world_extent(chunk, 1);
        const size_t last_page = extent.bytes - world->support[op->mapper].page_bytes;
        os_step(world, UINT64_C(0x6200) + chunk);
        const uint64_t token = world->facts.next_token++;
        touch_page(world, chunk, extent.start, token);
        touch_page(world, chunk, extent.start + last_page, token);
        world->facts.tokens[chunk] = token;
    }
}

/* ---------------------------------------------------------------- operations */

static enum mm_status place(struct world *world, const struct op *op,
                            struct call_log *log, struct mm_error *error)
{
    struct mm_extent extent = nowhere;
    struct mmapper *mapper = world->mappers[op->mapper];
    struct mm_owner *owner = world->owners[op->mapper][op->owner];
    const enum mm_status status =
        op->kind == OP_ANYWHERE
            ? mmapper_quarantine_anywhere(
                  mapper, owner, op->count * (size_t)WORLD_CHUNK, 0, &extent, error)
            : mmapper_quarantine_preferred(
                  mapper, owner, world_extent(op->first, op->count), 0, &extent, error);
    if (status == MM_OK && log != NULL) {
        log->place = (uint8_t)((extent.start - WORLD_BASE) / WORLD_CHUNK);
    }
    return status;
}

static enum mm_status change_owners(struct world *world, const struct op *op,
                                    struct mm_error *error)
{
    struct mmapper *mapper = world->mappers[op->mapper];
    struct mm_owner **owner = &world->owners[op->mapper][op->owner];
    if (op->kind == OP_UNREGISTER) {
        return mmapper_unregister_owner(mapper, *owner, error);
    }
    const bool again = op->owner == OWNER_AGAIN;
    const struct mm_owner_options options = {
        .name = again ? WORLD_AGAIN_NAME : WORLD_EXTRA_NAME,
        .kind = again ? MM_KIND_MISC : MM_KIND_TEST,
        .strategy = {.protection = MM_PROTECTION_RWX, .accounting = MM_UNACCOUNTED},
    };
    struct mm_owner *made = NULL;
    const enum mm_status status =
        mmapper_register_owner(mapper, &options, &made, error);
    if (status == MM_OK) {
        *owner = made;
    }
    return status;
}

static enum mm_status call_mapper(struct world *world, const struct op *op,
                                  struct call_log *log, struct mm_error *error)
{
    struct mmapper *mapper = world->mappers[op->mapper];
    struct mm_owner *owner = world->owners[op->mapper][op->owner];
    const struct mm_extent extent = world_extent(op->first, op->count);
    switch (op->kind) {
    case OP_QUARANTINE:
        return mmapper_quarantine(mapper, owner, extent, error);
    case OP_ANYWHERE:
    case OP_PREFERRED:
        return place(world, op, log, error);
    case OP_ENSURE:
        return mmapper_ensure_mapped(mapper, owner, extent, error);
    case OP_ENSURE_INSIDE:
        return mmapper_ensure_mapped(
            mapper, owner, mm_extent_of(extent.start + 8, extent.bytes - 16), error);
    case OP_DECOMMIT:
        return mmapper_decommit(mapper, owner, extent, error);
    case OP_RELEASE:
        return mmapper_release(mapper, owner, extent, error);
    case OP_TRANSFER:
        return mmapper_transfer(mapper, owner, world->owners[op->mapper][op->arg],
                                extent, error);
    case OP_ADOPT:
        return mmapper_adopt(mapper, owner, extent, error);
    case OP_EXCLUDE:
        return mmapper_exclude(mapper, owner, extent, error);
    case OP_SEAL:
        return mmapper_seal(mapper, owner, extent, error);
    case OP_PROTECT:
        return mmapper_protect(mapper, owner, extent, op->arg, error);
    case OP_GUARD:
        return mmapper_guard(mapper, owner, extent, error);
    default:
        return change_owners(world, op, error);
    }
}

static enum mm_status perform_call(struct world *world, const struct op *op,
                                   struct call_log *log)
{
    struct mm_error error;
    struct mm_error *asked = world->program->records ? &error : NULL;
    if (world->owners[op->mapper][op->owner] == NULL && op->kind != OP_REGISTER) {
        return MM_UNKNOWN_OWNER; /* not registered in this run */
    }
    if (log == NULL) {
        return call_mapper(world, op, log, NULL);
    }
    memset(&error, 0, sizeof(error));
    ledger_begin(world, log);
    log->status = call_mapper(world, op, log, asked);
    log->end = world_stamp();
    if (log->status == MM_OK &&
        (op->kind == OP_ENSURE || op->kind == OP_ENSURE_INSIDE)) {
        for (unsigned i = 0; i < op->count; i++) {
            see_mapped(world, log, op->first + i);
        }
    }
    if (log->status != MM_OK && asked != NULL) {
        records_check(world, log, asked);
    }
    ledger_end(world, log);
    if (log->status != MM_OK) {
        reasons_check(world, log);
    }
    return log->status;
}

enum mm_status world_perform(struct world *world, const struct op *op,
                             struct call_log *log)
{
    switch (op->kind) {
    case OP_LOOKUP:
    case OP_IS_MAPPED:
        look(world, op, log);
        return MM_OK;
    case OP_TOUCH:
        tokens_touch(world, op);
        return MM_OK;
    case OP_VERIFY:
        return verify(world, op, log);
    case OP_FOREIGN_MAP:
        return foreign_map(world, op);
    case OP_FOREIGN_UNMAP:
        return foreign_unmap(world, op);
    default:
        return op->kind < OP_IMMORTAL_ALLOC ? perform_call(world, op, log)
                                            : spaces_perform(world, op, log);
    }
}
