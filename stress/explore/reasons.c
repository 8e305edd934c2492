/* SPDX-License-Identifier: MIT */
/*
 * O6: a call that fails had a reason to, some time while it ran, and its record says
 * what is true.
 */
#include <string.h>

#include "stress/explore/spaces.h"

/* Whether another owner, another mapper or foreign code was at the chunk at some time
 * during the call. */
static bool was_taken(const struct world *world, const struct call_log *log,
                      size_t chunk)
{
    const struct op *op = log->op;
    if (!world_before(world, &world->facts.foreign[chunk], log) ||
        spaces_have(world, chunk)) {
        return true;
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
            const struct stamp *left = &world->facts.tenure[mapper][chunk][owner].left;
            if ((mapper != op->mapper || owner != op->owner) &&
                !world_before(world, left, log)) {
                return true;
            }
        }
    }
    return false;
}

static bool was_unsettled(const struct world *world, const struct call_log *log,
                          size_t chunk)
{
    const struct op *op = log->op;
    const struct tenure *tenure = &world->facts.tenure[op->mapper][chunk][op->owner];
    return !world_before(world, &tenure->settled, log);
}

static bool was_own(const struct world *world, const struct call_log *log, size_t chunk)
{
    const struct op *op = log->op;
    return !world_before(world, &world->facts.tenure[op->mapper][chunk][op->owner].left,
                         log);
}

static bool any_chunk(const struct world *world, const struct call_log *log,
                      bool (*was)(const struct world *, const struct call_log *,
                                  size_t))
{
    const bool searches = log->op->kind == OP_ANYWHERE || log->op->kind == OP_PREFERRED;
    const size_t first = searches ? 0 : log->op->first;
    const size_t end = searches ? world->program->chunks : first + log->op->count;
    for (size_t chunk = first; chunk < end; chunk++) {
        if (was(world, log, chunk)) {
            return true;
        }
    }
    return false;
}

/* Whether a pin of another thread was still there, for all that the call knows. */
static bool was_pinned(const struct world *world, const struct call_log *log,
                       const struct stamp unpinned[PROGRAM_THREADS])
{
    for (unsigned thread = 0; thread < PROGRAM_THREADS; thread++) {
        if (thread != log->begin.thread &&
            !world_before(world, &unpinned[thread], log)) {
            return true;
        }
    }
    return false;
}

static bool was_busy(const struct world *world, const struct call_log *log)
{
    const struct op *op = log->op;
    switch (op->kind) {
    case OP_ANYWHERE:
    case OP_PREFERRED:
        return true; /* others were in the way: see placement_test */
    case OP_UNREGISTER:
        return was_pinned(world, log, world->facts.unpinned[op->mapper][op->owner]);
    case OP_PROTECT:
    case OP_GUARD:
        if (was_pinned(world, log, world->facts.uncommitted[op->mapper][op->owner])) {
            return true;
        }
        break;
    case OP_DECOMMIT:
    case OP_RELEASE:
    case OP_TRANSFER:
    case OP_SEAL:
        if (was_pinned(world, log, world->facts.unpinned[op->mapper][op->owner])) {
            return true;
        }
        break;
    default:
        break;
    }
    return any_chunk(world, log, was_unsettled);
}

/* Whether the chunk was the caller's from before the call on, and is still. */
static bool stayed_own(const struct world *world, const struct call_log *log,
                       size_t chunk)
{
    const struct op *op = log->op;
    const struct tenure *tenure = &world->facts.tenure[op->mapper][chunk][op->owner];
    return tenure->left.step == UINT32_MAX && world_before(world, &tenure->came, log);
}

static bool was_not_own(const struct world *world, const struct call_log *log,
                        size_t chunk)
{
    return !stayed_own(world, log, chunk);
}

/* Sealed, for those who would take the chunk away or change its pages; or not mapped, for
 * those who change what is. */
static bool was_beyond(const struct world *world, const struct call_log *log,
                       size_t chunk)
{
    const unsigned kind = log->op->kind;
    const bool needs_mapped = kind == OP_SEAL || kind == OP_PROTECT || kind == OP_GUARD;
    return kind != OP_ENSURE && kind != OP_ENSURE_INSIDE &&
           past_may_be(world, log, chunk,
                       1U << WATCH_SEALED |
                           (needs_mapped ? 1U << WATCH_QUARANTINED : 0));
}

/* A reservation is refused its own chunks, and others are what it cannot reserve; all
 * others are refused what is not theirs, or is external memory's in another state. */
static bool was_wrong_state(const struct world *world, const struct call_log *log)
{
    const struct op *op = log->op;
    if (op->kind == OP_QUARANTINE || op->kind == OP_ADOPT || op->kind == OP_EXCLUDE) {
        return world_external(op->owner) == (op->kind == OP_QUARANTINE) ||
               any_chunk(world, log, was_own);
    }
    return world_external(op->owner) || any_chunk(world, log, was_not_own) ||
           any_chunk(world, log, was_beyond);
}

/* Whether so many chunks in a row were nobody's, and no foreign code's, all the time. */
static bool was_room(const struct world *world, const struct call_log *log)
{
    unsigned room = 0;
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const bool taken = was_taken(world, log, chunk) || was_own(world, log, chunk);
        room = taken ? 0 : room + 1;
        if (room == log->op->count) {
            return true;
        }
    }
    return false;
}

/* Whether owners come and go in this program. */
static bool owners_change(const struct world *world)
{
    for (unsigned i = 0; i < world->calls; i++) {
        const unsigned kind = world->log[i].op->kind;
        if (kind == OP_REGISTER || kind == OP_UNREGISTER) {
            return true;
        }
    }
    return false;
}

void reasons_check(struct world *world, const struct call_log *log)
{
    const struct op *op = log->op;
    bool reason = true;
    switch (log->status) {
    case MM_CONFLICT:
        reason = any_chunk(world, log, was_taken);
        break;
    case MM_BUSY:
        reason = was_busy(world, log);
        break;
    case MM_WRONG_STATE:
        reason = was_wrong_state(world, log);
        break;
    case MM_NO_MEMORY:
        reason = log->refused;
        break;
    case MM_NO_SPACE:
        reason = !was_room(world, log);
        break;
    case MM_UNKNOWN_OWNER:
        reason = owners_change(world);
        break;
    case MM_INVALID_ARGUMENT:
    case MM_OUT_OF_RANGE:
    case MM_OS_ERROR:
        reason = false;
        break;
    default:
        break;
    }
    if (!reason) {
        char text[64];
        op_print(op, text, sizeof(text));
        world_fail(world, ORACLE_O6, "%s: %s, for no reason that there was", text,
                   mm_status_name(log->status));
    }
}

/* The owner that a record names: by the name, since an entry may have had two. */
static int named_owner(const struct world *world, const struct call_log *log,
                       const struct mm_holder *holder)
{
    const int owner = world_owner(world, log->op->mapper, holder->owner);
    const char *name = owner >= 0 ? program_owner_name((unsigned)owner) : "";
    if (owner == OWNER_EXTRA || owner == OWNER_AGAIN) {
        if (holder->kind == MM_KIND_MISC &&
            strcmp(holder->name, WORLD_AGAIN_NAME) == 0) {
            return OWNER_AGAIN;
        }
        name = holder->kind == MM_KIND_TEST ? WORLD_EXTRA_NAME : "";
        return strcmp(holder->name, name) == 0 ? OWNER_EXTRA : -1;
    }
    return strcmp(holder->name, name) == 0 ? owner : -1;
}

static bool names_a_holder(const struct world *world, const struct call_log *log,
                           const struct mm_error *error)
{
    const size_t chunk = (error->address - WORLD_BASE) / WORLD_CHUNK;
    const int owner = named_owner(world, log, &error->holder);
    return owner >= 0 &&
           !world_before(world,
                         &world->facts.tenure[log->op->mapper][chunk][owner].left, log);
}

/* Whether the mapping that a record shows in the way, at its address, was one that the
 * mapper does not know of: foreign code's, or another mapper's. The kernel may list it
 * together with the mapper's own beside it. */
static bool shows_a_foreigner(const struct world *world, const struct call_log *log,
                              const struct mm_error *error)
{
    const size_t chunk = (error->address - WORLD_BASE) / WORLD_CHUNK;
    bool found = !world_before(world, &world->facts.foreign[chunk], log);
    for (unsigned owner = 0; owner < OWNER_COUNT && world->program->mappers > 1;
         owner++) {
        const unsigned other = 1U - log->op->mapper;
        found |=
            !world_before(world, &world->facts.tenure[other][chunk][owner].left, log);
    }
    return found;
}

/* Whether somebody else gave the chunk away during the call: then the record need not
 * name him any more. */
static bool somebody_left(const struct world *world, const struct call_log *log,
                          size_t chunk)
{
    for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
        if (!world_before(
                world, &world->facts.tenure[log->op->mapper][chunk][owner].gone, log)) {
            return true;
        }
    }
    return false;
}

void records_check(struct world *world, const struct call_log *log,
                   const struct mm_error *error)
{
    const struct op *op = log->op;
    const char *wrong = NULL;
    const struct mm_extent extent = op_has_range(op->kind) && op->kind != OP_PREFERRED
                                        ? world_extent(op->first, op->count)
                                        : world_extent(0, world->program->chunks);
    const bool named = error->holder.owner != NULL;
    if (error->status != log->status || error->detail == NULL) {
        wrong = "the status, or there is no detail";
    } else if (op_has_range(op->kind) && op->kind != OP_ENSURE_INSIDE &&
               (error->request.start != extent.start ||
                error->request.bytes != extent.bytes) &&
               op->kind != OP_PREFERRED) {
        wrong = "the request";
    } else if (op_has_range(op->kind) && log->status != MM_NO_SPACE &&
               !mm_extent_contains_address(extent, error->address)) {
        wrong = "the address";
    } else if (named && log->status == MM_CONFLICT &&
               error->holder.owner == world->owners[op->mapper][op->owner]) {
        wrong = "the holder, who is the caller";
    } else if (named && !names_a_holder(world, log, error)) {
        wrong = "the holder, who was not there";
    } else if (log->status == MM_CONFLICT && !named && error->os_call == MM_OS_NONE &&
               !somebody_left(world, log,
                              (error->address - WORLD_BASE) / WORLD_CHUNK)) {
        wrong = "the holder, who is not named";
    } else if (error->foreign.extent.bytes > 0 &&
               !shows_a_foreigner(world, log, error)) {
        wrong = "the foreign mapping, which is the mapper's own";
    } else if (log->status == MM_NO_MEMORY &&
               (error->os_call == MM_OS_NONE || error->cause == MM_CAUSE_NONE)) {
        wrong = "the call that failed, or its cause";
    }
    if (wrong != NULL) {
        char text[64];
        char record[256];
        op_print(op, text, sizeof(text));
        (void)mm_error_format(error, record, sizeof(record));
        world_fail(world, ORACLE_O6, "%s: the record is wrong in %s: %s", text, wrong,
                   record);
    }
}
