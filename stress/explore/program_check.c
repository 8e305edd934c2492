/* SPDX-License-Identifier: MIT */
/*
 * Whether a program makes sense as a whole. What it asks for has to be there: the oracles
 * take a refusal of anything else for a fault of the mapper.
 */
#include "stress/explore/program.h"

static bool in_window(const struct program *program, const struct op *op)
{
    if (op->mapper >= program->mappers) {
        return false;
    }
    return !op_has_range(op->kind) || (op->count > 0 && op->first < program->chunks &&
                                       op->count <= program->chunks - op->first);
}

/* Whether the operation's space is there, and what it names is in it. */
static bool in_spaces(const struct program *program, const struct op *op)
{
    enum { UNITS = 8, SLOTS = 2, VALUES = 16 };
    switch (op->kind) {
    case OP_IMMORTAL_ALLOC:
        return (program->spaces & WITH_IMMORTAL) != 0 && (op->arg & (op->arg - 1)) == 0;
    case OP_IMMORTAL_USAGE:
        return (program->spaces & WITH_IMMORTAL) != 0;
    case OP_FREELIST_ALLOC:
    case OP_FREELIST_FREE:
    case OP_FREELIST_TRIM:
    case OP_FREELIST_USAGE:
        return (program->spaces & WITH_FREELIST) != 0;
    case OP_METADATA_MAP:
        return (program->spaces & WITH_METADATA) != 0 && op->count > 0 &&
               op->first + op->count <= UNITS;
    case OP_METADATA_STORE:
    case OP_METADATA_EXCHANGE:
    case OP_METADATA_LOAD:
    case OP_METADATA_GUARD:
        return (program->spaces & WITH_METADATA) != 0 && op->first < UNITS &&
               op->arg < VALUES;
    case OP_SLOT_TAKE:
    case OP_SLOT_GIVE:
    case OP_SLOT_OF:
        return (program->spaces & WITH_SLOTS) != 0 && op->first < SLOTS &&
               op->owner < OWNER_IMAGE;
    default:
        return true;
    }
}

static bool asks_for_nothing(const struct op *op)
{
    const bool allocates = op->kind == OP_ANYWHERE || op->kind == OP_IMMORTAL_ALLOC ||
                           op->kind == OP_FREELIST_ALLOC;
    return allocates && op->count == 0;
}

static bool is_external(unsigned owner)
{
    return owner == OWNER_IMAGE || owner == OWNER_GUEST;
}

static bool is_plain(unsigned owner)
{
    return owner == OWNER_HEAP || owner == OWNER_OTHER;
}

/* The recipient's strategy must be the giver's. */
static bool may_transfer(const struct op *op)
{
    return op->kind != OP_TRANSFER ||
           (op->owner != op->arg && is_external(op->owner) == is_external(op->arg) &&
            is_plain(op->owner) == is_plain(op->arg));
}

static const char *check_op(const struct program *program, const struct op *op)
{
    if (!in_window(program, op) || !in_spaces(program, op)) {
        return "an operation leaves the window, or its space";
    }
    if (asks_for_nothing(op)) {
        return "an allocation asks for nothing";
    }
    if (!may_transfer(op)) {
        return "a transfer needs another owner of the same strategy";
    }
    if ((op->kind == OP_REGISTER || op->kind == OP_UNREGISTER) &&
        op->owner < OWNER_EXTRA) {
        return "only `extra` and `again` come and go";
    }
    if (op_has_owner(op->kind) && is_external(op->owner) && program->mappers > 1) {
        /* Only reservations keep two mappers apart. */
        return "two mappers have no external owners";
    }
    return NULL;
}

static const char *check_ops(const struct program *program, const struct op *ops,
                             unsigned count)
{
    const char *problem = NULL;
    for (unsigned i = 0; i < count && problem == NULL; i++) {
        problem = check_op(program, &ops[i]);
    }
    return problem;
}

static unsigned registrations(const struct op *ops, unsigned count, unsigned mapper,
                              unsigned owner)
{
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) {
        found += ops[i].kind == OP_REGISTER && ops[i].mapper == mapper &&
                 ops[i].owner == owner;
    }
    return found;
}

/* The world knows one entry by each name. */
static bool registers_twice(const struct program *program, unsigned mapper,
                            unsigned owner)
{
    unsigned found = registrations(program->setup, program->setup_count, mapper, owner);
    for (unsigned thread = 0; thread < program->threads; thread++) {
        found +=
            registrations(program->ops[thread], program->counts[thread], mapper, owner);
    }
    return found > 1;
}

/* The chunks of the spaces: as in spaces.h. */
static unsigned space_chunks(const struct program *program)
{
    return (program->spaces & WITH_IMMORTAL ? 2U : 0) +
           (program->spaces & WITH_FREELIST ? 3U : 0) +
           (program->spaces & WITH_METADATA ? 3U : 0) +
           (program->spaces & WITH_SLOTS ? 2U : 0);
}

static const char *check_bounds(const struct program *program)
{
    if (program->chunks == 0 || program->chunks > PROGRAM_CHUNKS ||
        program->log_region == 0 || program->log_region > 3 || program->mappers == 0 ||
        program->mappers > 2) {
        return "the window or the number of mappers is out of bounds";
    }
    if (space_chunks(program) > program->chunks) {
        return "its spaces do not fit in the window";
    }
    if (program->threads == 0 || program->threads > PROGRAM_THREADS) {
        return "it has no threads, or too many";
    }
    return NULL;
}

const char *program_check(const struct program *program)
{
    const char *problem = check_bounds(program);
    if (problem == NULL) {
        problem = check_ops(program, program->setup, program->setup_count);
    }
    for (unsigned thread = 0; problem == NULL && thread < program->threads; thread++) {
        problem = check_ops(program, program->ops[thread], program->counts[thread]);
    }
    for (unsigned i = 0; problem == NULL && i < 4; i++) {
        if (registers_twice(program, i / 2, i % 2 == 0 ? OWNER_EXTRA : OWNER_AGAIN)) {
            problem = "an owner is registered twice";
        }
    }
    return problem;
}
