/* SPDX-License-Identifier: MIT */
/*
 * Spaces as users of the mapper: which claims their calls may make, for what they may
 * wait, and which memory they access.
 */
#include "spaces/freelist_space_internal.h"
#include "stress/explore/spaces.h"

int spaces_owner(const struct world *world, const struct mm_owner *owner)
{
    if (world->spaces == NULL || owner == NULL) {
        return -1;
    }
    for (int i = 0; i < SPACE_OWNERS; i++) {
        if (world->spaces->owners[i] == owner) {
            return OWNER_COUNT + i;
        }
    }
    return -1;
}

bool spaces_may_claim(const struct world *world, const struct call_log *log,
                      const struct watch_change *change)
{
    const struct op *op = log->op;
    const enum watch_state state = change->after.state;
    const struct mm_owner *pages = world->spaces->owners[SPACE_OWNER_PAGES];
    switch (op->kind) {
    case OP_FREELIST_ALLOC: /* one that fails frees its pages again */
    case OP_FREELIST_FREE:
    case OP_FREELIST_TRIM:
        return change->after.owner == pages &&
               (state == WATCH_DECOMMITTING_Q || state == WATCH_DECOMMITTING_M);
    case OP_SLOT_TAKE:
        return change->after.owner == world->owners[0][op->owner] &&
               state == WATCH_RESERVING;
    case OP_SLOT_GIVE:
        return spaces_owner(world, change->after.owner) < 0 &&
               (state == WATCH_RELEASING_Q || state == WATCH_RELEASING_M);
    default:
        return false; /* their chunks are reserved already: there is only help */
    }
}

bool spaces_is_lock(const struct world *world, const void *mutex)
{
    const struct freelist_space *space =
        world->spaces != NULL ? world->spaces->freelist : NULL;
    bool found = false;
    for (unsigned i = 0; space != NULL && i < space->stripe_count; i++) {
        found |= mutex == &space->stripes[i].lock;
    }
    return found;
}

bool spaces_committed(const struct world *world, uintptr_t address, size_t bytes)
{
    const uintptr_t start = mm_align_down(address, SPACES_PAGE);
    const uintptr_t end = mm_align_down(address + bytes - 1, SPACES_PAGE) + SPACES_PAGE;
    return sim_kernel_holds(world->kernel, mm_extent_of(start, end - start), 0,
                            MM_ACCESS_READ | MM_ACCESS_WRITE);
}

void spaces_stored(struct world *world, const void *address, unsigned bytes)
{
    const uintptr_t at = (uintptr_t)address;
    if (at - WORLD_BASE < (uintptr_t)world->program->chunks * WORLD_CHUNK &&
        !spaces_committed(world, at, bytes)) {
        world_fail(world, ORACLE_O3, "a store to %#zx in the window, which would fault",
                   (size_t)(at - WORLD_BASE));
    }
}

/* ------------------------------------------------------------------- calls */

bool spaces_before(const struct world *world, const struct stamp *end,
                   const struct space_call *call)
{
    if (end->step == UINT32_MAX || end->step == 0) {
        return end->step == 0;
    }
    return world->weak ? call->clock[end->thread] >= end->time
                       : end->step <= call->begin.step;
}

bool spaces_overlap(const struct world *world, const struct call_log *log,
                    bool (*matters)(const struct op *op, const struct op *other))
{
    for (unsigned i = 0; log != NULL && i < world->calls; i++) {
        const struct call_log *other = &world->log[i];
        if (other != log && !world_before(world, &other->end, log) &&
            matters(log->op, other->op)) {
            return true;
        }
    }
    return false;
}

bool spaces_knows(const struct space_call *call)
{
    int16_t times[SIM_MAX_THREADS];
    if (sim_thread() < 0 || call->begin.step == 0) {
        return true;
    }
    sim_known(times);
    return times[call->begin.thread] >= call->begin.time;
}

bool spaces_refused(const struct world *world)
{
    const struct call_log *log =
        sim_thread() >= 0 ? world->current[sim_thread()] : NULL;
    return log != NULL && log->refused;
}

void spaces_reason(struct world *world, const struct space_call *call, bool reason)
{
    if (!reason) {
        char text[64];
        op_print(call->op, text, sizeof(text));
        world_fail(world, ORACLE_O6, "%s: %s, for no reason that there was", text,
                   mm_status_name(call->status));
    }
}
