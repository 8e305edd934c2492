/* SPDX-License-Identifier: MIT */
/* One step of a replay, and what must be true right after it. */
#include <inttypes.h>
#include <stdio.h>

#include "stress/history_run.h"

/* Somebody stuck: the owner's other calls are a few system calls long. */
enum { MOST_BUSY_ROUNDS = 10 * 1000 * 1000 };

struct mm_extent replay_extent(const struct replay *replay, uint32_t space,
                               uint64_t start, uint64_t end)
{
    const struct history_layout *layout = &replay->plan->layouts[space];
    const uint64_t from = history_layout_offset(layout, start);
    const uint64_t to = history_layout_offset(layout, end);
    return mm_extent_of(replay->spaces[space].base + from, to - from);
}

struct mm_owner *replay_owner(const struct replay *replay, uint32_t origin)
{
    const struct history_plan *plan = replay->plan;
    return replay->spaces[plan->model->origins[origin].space]
        .owners[plan->slots[origin]];
}

static enum mm_status call(struct replay *replay, const struct history_step *step,
                           struct mm_extent extent, struct mm_error *error)
{
    struct mmapper *mapper = replay->spaces[step->space].mapper;
    struct mm_owner *owner = replay_owner(replay, step->origin);
    switch ((enum history_step_kind)step->kind) {
    case HISTORY_STEP_RESERVE:
        return mmapper_quarantine(mapper, owner, extent, error);
    case HISTORY_STEP_COMMIT:
        return mmapper_ensure_mapped(mapper, owner, extent, error);
    case HISTORY_STEP_DECOMMIT:
        return mmapper_decommit(mapper, owner, extent, error);
    case HISTORY_STEP_TRANSFER:
        return mmapper_transfer(mapper, replay_owner(replay, step->other), owner,
                                extent, error);
    case HISTORY_STEP_RELEASE:
    default:
        return mmapper_release(mapper, owner, extent, error);
    }
}

/* Other threads' calls for the same owner elsewhere make it BUSY for a moment. */
static bool call_until_done(struct replay *replay, const struct history_step *step,
                            struct mm_extent extent)
{
    struct mm_backoff backoff = {0};
    struct mm_error error;
    for (;;) {
        const enum mm_status status = call(replay, step, extent, &error);
        if (status == MM_OK) {
            return true;
        }
        const bool may_wait = status == MM_BUSY && replay->options->threads &&
                              backoff.rounds < MOST_BUSY_ROUNDS;
        if (!may_wait) {
            replay_failure(replay, step, &error);
            return false;
        }
        if (replay_stopping(replay)) {
            return false;
        }
        /* Relaxed: a number for the reader, which orders nothing. */
        (void)mm_fetch_add_relaxed_u64(&replay->busy, 1);
        mm_wait(&backoff);
    }
}

/* The first and the last chunk are what the step made of them. */
static void expect_state(struct replay *replay, const struct history_step *step,
                         struct mm_extent extent, enum mm_state state,
                         const struct mm_owner *owner)
{
    const uintptr_t places[2] = {extent.start,
                                 mm_extent_end(extent) - HISTORY_CHUNK_BYTES};
    for (unsigned i = 0; i < 2; i++) {
        const struct mm_lookup found =
            mmapper_lookup(replay->spaces[step->space].mapper, places[i]);
        if (found.state != state || found.owner != owner) {
            replay_violation(
                replay, step->line,
                "chunk 0x%" PRIxPTR " is %s of %s, expected %s of %s", places[i],
                mm_state_name(found.state),
                found.owner != NULL ? mm_owner_name(found.owner) : "nobody",
                mm_state_name(state), owner != NULL ? mm_owner_name(owner) : "nobody");
            return;
        }
    }
}

static void expect_conflict(struct replay *replay, const struct history_step *step,
                            struct mm_extent extent, enum mm_status status,
                            const struct mm_error *error)
{
    const struct mm_owner *holder = replay_owner(replay, step->other);
    const char *operation = mm_operation_name(error->operation);
    if (status != MM_CONFLICT) {
        replay_violation(replay, step->line,
                         "%s said \"%s\" on memory of another owner, %s", operation,
                         mm_status_name(status), mm_owner_name(holder));
    } else if (error->holder.owner != holder) {
        replay_violation(replay, step->line, "%s named %s, but the holder is %s",
                         operation, error->holder.name, mm_owner_name(holder));
    } else if (error->address != extent.start) {
        replay_violation(replay, step->line,
                         "%s named address 0x%" PRIxPTR
                         ", but the first at fault is 0x%" PRIxPTR,
                         operation, error->address, extent.start);
    }
}

/* What the recorded program did. No call of the wrong owner may succeed, or change
 * anything: the holder's own call that follows would fail. */
static void expect_refusal(struct replay *replay, const struct history_step *step,
                           struct mm_extent extent)
{
    struct mmapper *mapper = replay->spaces[step->space].mapper;
    struct mm_owner *owner = replay_owner(replay, step->origin);
    struct mm_error error;
    if (owner == replay_owner(replay, step->other)) {
        return; /* they share an owner, in turn: nothing to refuse */
    }
    enum mm_status status = mmapper_quarantine(mapper, owner, extent, &error);
    expect_conflict(replay, step, extent, status, &error);
    status = mmapper_ensure_mapped(mapper, owner, extent, &error);
    expect_conflict(replay, step, extent, status, &error);
    status = mmapper_release(mapper, owner, extent, &error);
    expect_conflict(replay, step, extent, status, &error);
    status = mmapper_decommit(mapper, owner, extent, &error);
    expect_conflict(replay, step, extent, status, &error);
}

void replay_take_step(struct replay *replay, const struct history_step *step)
{
    const struct mm_extent extent =
        replay_extent(replay, step->space, step->start, step->end);
    if (step->kind == HISTORY_STEP_REFUSED) {
        expect_refusal(replay, step, extent);
        return;
    }
    const enum mm_state before =
        mmapper_lookup(replay->spaces[step->space].mapper, extent.start).state;
    if (!call_until_done(replay, step, extent)) {
        return;
    }
    const struct mm_owner *owner = replay_owner(replay, step->origin);
    switch ((enum history_step_kind)step->kind) {
    case HISTORY_STEP_RESERVE:
    case HISTORY_STEP_DECOMMIT:
        expect_state(replay, step, extent, MM_QUARANTINED, owner);
        break;
    case HISTORY_STEP_COMMIT:
        expect_state(replay, step, extent, MM_MAPPED, owner);
        break;
    case HISTORY_STEP_TRANSFER:
        expect_state(replay, step, mm_extent_of(extent.start, HISTORY_CHUNK_BYTES),
                     before, owner);
        break;
    default:
        expect_state(replay, step, extent, MM_UNMAPPED, NULL);
        break;
    }
}
