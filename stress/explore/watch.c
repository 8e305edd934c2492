/* SPDX-License-Identifier: MIT */
/*
 * O5, the legal edges, and what must be true of the kernel at each of them (O2): looked
 * at each store to a word or slot, in the thread that makes it. The table of edges is
 * written down here a second time, with who may take one.
 */
#include "stress/explore/spaces.h"

enum {
    U = WATCH_UNMAPPED,
    R = WATCH_RESERVING,
    Q = WATCH_QUARANTINED,
    M = WATCH_MAPPED,
    DQ = WATCH_DECOMMITTING_Q,
    DM = WATCH_DECOMMITTING_M,
    LQ = WATCH_RELEASING_Q,
    LM = WATCH_RELEASING_M,
    LX = WATCH_RELEASING_X,
    TQ = WATCH_TRANSFERRING_Q,
    TM = WATCH_TRANSFERRING_M,
    X = WATCH_EXCLUDED,
    SM = WATCH_SEALING,
    S = WATCH_SEALED,
};

enum taker {
    NOBODY = 0,
    CLAIMS,  /* a call that begins */
    HELPS,   /* a thread that pins the owner */
    SETTLES, /* the call that claimed */
};

/* Who may take the edge. */
static enum taker taker_of(enum watch_state before, enum watch_state after)
{
    switch (before) {
    case U:
        return after == R ? CLAIMS : NOBODY;
    case R:
        return after == Q || after == M || after == X || after == U ? SETTLES : NOBODY;
    case Q:
        return after == M                                  ? HELPS
               : after == DQ || after == LQ || after == TQ ? CLAIMS
                                                           : NOBODY;
    case M:
        return after == DM || after == LM || after == TM || after == SM ? CLAIMS
                                                                        : NOBODY;
    case X:
        return after == LX ? CLAIMS : NOBODY;
    case DQ:
        return after == Q ? SETTLES : NOBODY;
    case DM:
    case TM:
        return after == M || (before == DM && after == Q) ? SETTLES : NOBODY;
    case LQ:
        return after == Q || after == U ? SETTLES : NOBODY;
    case LM:
        return after == M || after == U ? SETTLES : NOBODY;
    case LX:
        return after == X || after == U ? SETTLES : NOBODY;
    case TQ:
        return after == Q ? SETTLES : NOBODY;
    case SM:
        return after == S || after == M ? SETTLES : NOBODY;
    default:
        return NOBODY;
    }
}

/* Which operations may claim so. */
static bool claims_so(unsigned kind, enum watch_state after)
{
    switch (after) {
    case R:
        return kind == OP_QUARANTINE || kind == OP_ANYWHERE || kind == OP_PREFERRED ||
               kind == OP_ENSURE || kind == OP_ENSURE_INSIDE || kind == OP_ADOPT ||
               kind == OP_EXCLUDE;
    case DQ:
    case DM:
        return kind == OP_DECOMMIT;
    case LQ:
    case LM:
    case LX:
        return kind == OP_RELEASE;
    case SM:
        return kind == OP_SEAL;
    default:
        return kind == OP_TRANSFER;
    }
}

static void illegal(struct world *world, const struct watch_change *change,
                    const char *why)
{
    const struct watch_value before = change->before;
    const struct watch_value after = change->after;
    world_fail(world, ORACLE_O5, "chunk %zu: %s%s%s -> %s%s%s: %s", change->first,
               watch_state_name(before.state), before.owner != NULL ? " " : "",
               before.owner != NULL ? mm_owner_name(before.owner) : "",
               watch_state_name(after.state), after.owner != NULL ? " " : "",
               after.owner != NULL ? mm_owner_name(after.owner) : "", why);
}

/* The owner that the running call is for; NULL when it may be for several (spaces). */
static const struct mm_owner *call_owner(const struct world *world, unsigned mapper)
{
    const struct call_log *log = world->current[sim_thread()];
    return log != NULL && log->op->kind < OP_IMMORTAL_ALLOC
               ? world->owners[mapper][log->op->owner]
               : NULL;
}

static void check_claim(struct world *world, unsigned mapper,
                        const struct watch_change *change)
{
    const struct call_log *log = world->current[sim_thread()];
    const struct mm_owner *owner = call_owner(world, mapper);
    if (log == NULL || (log->op->kind < OP_IMMORTAL_ALLOC
                            ? !claims_so(log->op->kind, change->after.state)
                            : !spaces_may_claim(world, log, change))) {
        illegal(world, change, "no call that claims so");
    } else if (owner != NULL && change->after.owner != owner) {
        illegal(world, change, "claimed for another owner than the call's");
    } else if (change->before.owner != NULL &&
               change->before.owner != change->after.owner) {
        illegal(world, change, "claimed from another owner");
    }
}

static void check_settling(struct world *world, unsigned mapper,
                           const struct watch_change *change, int claimer)
{
    const bool handed_over = change->before.state == TQ || change->before.state == TM;
    const int owner = world_owner(world, mapper, change->after.owner);
    if (claimer != sim_thread()) {
        illegal(world, change, "not by the call that claimed it");
    } else if (change->after.owner != NULL && !handed_over &&
               change->after.owner != change->before.owner) {
        illegal(world, change, "it changed its owner on the way");
    } else if (change->before.state == R && owner >= 0 &&
               (change->after.state == Q) == world_external((unsigned)owner)) {
        illegal(world, change,
                "external memory is adopted or excluded, other memory "
                "quarantined");
    }
}

/* OWNER_* or SPACE_OWNER_*; -1 for strangers. */
static int any_owner(const struct world *world, unsigned mapper,
                     const struct mm_owner *owner)
{
    const int index = world_owner(world, mapper, owner);
    return index >= 0 ? index : spaces_owner(world, owner);
}

/* Whether an ensure_mapped may commit the chunk: in its range or, with commit-ahead,
 * behind it. Of spaces it is not known what they ask for. */
static bool in_footprint(const struct world *world, size_t chunk)
{
    const struct call_log *log = world->current[sim_thread()];
    if (log == NULL || log->op->kind >= OP_IMMORTAL_ALLOC) {
        return log != NULL;
    }
    const size_t end = (size_t)log->op->first + log->op->count + world->program->ahead;
    return chunk >= log->op->first && chunk < end;
}

static void check_edge(struct world *world, unsigned mapper,
                       const struct watch_change *change, int claimer)
{
    switch (taker_of(change->before.state, change->after.state)) {
    case CLAIMS:
        check_claim(world, mapper, change);
        break;
    case SETTLES:
        check_settling(world, mapper, change, claimer);
        break;
    case HELPS:
        if (change->after.owner != change->before.owner) {
            illegal(world, change, "it changed its owner on the way");
        } else if (world->facts.pinned[sim_thread()] !=
                   any_owner(world, mapper, change->after.owner)) {
            illegal(world, change, "by a thread that does not pin the owner");
        } else if (!in_footprint(world, change->first)) {
            illegal(world, change, "by a call that has nothing to do with it");
        }
        break;
    default:
        illegal(world, change, "there is no such edge");
    }
}

/* ------------------------------------------------------------------ bookkeeping */

static bool is_transient(enum watch_state state)
{
    return state != U && state != Q && state != M && state != X && state != S;
}

static void follow_tenure(struct world *world, unsigned mapper, size_t chunk,
                          const struct watch_change *change)
{
    struct world_facts *facts = &world->facts;
    const int before = world_owner(world, mapper, change->before.owner);
    const int after = world_owner(world, mapper, change->after.owner);
    if (before >= 0 && before != after) {
        facts->tenure[mapper][chunk][before].left = world_stamp();
        facts->tenure[mapper][chunk][before].gone = world_stamp();
    }
    if (before >= 0 && is_transient(change->before.state)) {
        facts->tenure[mapper][chunk][before].settled = world_stamp();
    }
    if (after >= 0) {
        if (before != after) {
            facts->tenure[mapper][chunk][after].came = world_stamp();
        }
        facts->tenure[mapper][chunk][after].left.step = UINT32_MAX;
        if (is_transient(change->after.state)) {
            facts->tenure[mapper][chunk][after].settled.step = UINT32_MAX;
        }
    }
    facts->claimer[mapper][chunk] =
        (int16_t)(is_transient(change->after.state) ? sim_thread() : -1);
    if (after >= 0 && before >= 0 && before != after &&
        facts->reserved_for[chunk] == change->before.owner) {
        facts->reserved_for[chunk] = change->after.owner;
    }
}

/* What a decommit leaves is known when it is published: nobody can use it before. */
static void follow_decommit(struct world *world, size_t chunk,
                            const struct watch_change *change)
{
    const struct call_log *log = world->current[sim_thread()];
    if (change->after.state == Q && log != NULL &&
        (change->before.state == DM ||
         (change->before.state == DQ && log->decommitted))) {
        /* UINT64_MAX: half of the contents are gone, perhaps. */
        world->facts.tokens[chunk] = log->refused ? UINT64_MAX : 0;
    }
}

static void follow_pin(struct world *world, unsigned mapper,
                       const struct mm_owner *owner, uint64_t before, uint64_t after)
{
    const int index = any_owner(world, mapper, owner);
    const int thread = sim_thread();
    struct world_facts *facts = &world->facts;
    const bool pins = after > before;
    struct stamp now = world_stamp();
    if (index < 0 || thread < 0) {
        return;
    }
    facts->pinned[thread] = (int16_t)(pins ? index : -1);
    if (index >= OWNER_COUNT) {
        return;
    }
    if (pins) {
        now.step = UINT32_MAX;
    }
    facts->unpinned[mapper][index][thread] = now;
    if (after - before == 1 || before - after == 1) {
        facts->uncommitted[mapper][index][thread] = now;
    }
}

static void follow_chunks(struct world *world, unsigned mapper,
                          const struct watch_change *change)
{
    struct watch_change one = *change;
    for (size_t chunk = change->first; chunk < change->end; chunk++) {
        const int claimer = world->facts.claimer[mapper][chunk];
        one.first = chunk;
        follow_tenure(world, mapper, chunk, &one);
        follow_decommit(world, chunk, &one);
        past_add(world, mapper, &one);
        if (world_on(world, ORACLE_O5)) {
            check_edge(world, mapper, &one, claimer);
        }
        if (world_on(world, ORACLE_O2)) {
            world_check_kernel(world, mapper, chunk, one.after);
        }
    }
}

void world_stored(void *context, const void *address, unsigned bytes, uint64_t before,
                  uint64_t after)
{
    struct world *world = context;
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        const struct watch_change change =
            slot_watch_store(world->mappers[mapper], address, before, after);
        if (change.kind == WATCH_BROKEN) {
            world_fail(world, ORACLE_O5, "chunk %zu: %s", change.first, change.problem);
        } else if (change.kind == WATCH_CHUNKS) {
            follow_chunks(world, mapper, &change);
        } else if (change.kind == WATCH_NOTHING) {
            const struct mm_owner *pin =
                slot_watch_pin(world->mappers[mapper], address);
            if (pin != NULL) {
                follow_pin(world, mapper, pin, before, after);
            }
        }
    }
    if (world->spaces != NULL) {
        spaces_stored(world, address, bytes);
    }
}

/* ----------------------------------------------------------------- waiting (O9) */

/* G3: ensure_mapped may, for a fellow thread that is reserving one of its chunks. */
static bool may_wait(const struct world *world, unsigned thread)
{
    const struct call_log *log = world->current[thread];
    if (log == NULL ||
        (log->op->kind != OP_ENSURE && log->op->kind != OP_ENSURE_INSIDE)) {
        return false;
    }
    const unsigned mapper = log->op->mapper;
    for (unsigned i = 0; i < log->op->count; i++) {
        const size_t chunk = log->op->first + i;
        const struct watch_value value =
            slot_watch_chunk(world->mappers[mapper], chunk);
        if (value.state == R && value.owner == world->owners[mapper][log->op->owner] &&
            world->facts.claimer[mapper][chunk] != (int)thread) {
            return true;
        }
    }
    return false;
}

void world_waits(void *context, unsigned thread, const void *mutex)
{
    struct world *world = context;
    if (mutex != NULL) {
        if (!spaces_is_lock(world, mutex)) {
            world_fail(world, ORACLE_O9,
                       "thread %u waits for a lock that none promises", thread);
        }
    } else if (!may_wait(world, thread)) {
        world_fail(world, ORACLE_O9,
                   "thread %u waits, and not for a fellow's reservation", thread);
    }
}
