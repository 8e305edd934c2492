/* SPDX-License-Identifier: MIT */
/*
 * Owners that keep no part of the contract: all threads call anything on anything with
 * them, quiescence or not. Nothing is known about what they hold, except that the calls
 * must be refused or succeed as the contract says, and that nobody else is hurt.
 */
#include "stress/judge.h"
#include "stress/moves.h"

enum {
    /* Most reckless calls go here, so that they meet each other. */
    ARENA_CHUNKS = 64,
    LOSERS = JUDGE_ALLOW(MM_CONFLICT) | JUDGE_ALLOW(MM_BUSY),
    GIVERS = LOSERS | JUDGE_ALLOW(MM_WRONG_STATE),
};

static struct span reckless_span(struct player *player)
{
    struct stress_random *random = &player->thread->random;
    if (stress_random_one_in(random, 8)) {
        return move_random_span(player, 16);
    }
    const size_t length = 1 + stress_random_below(random, 8);
    const size_t first = stress_random_below(random, ARENA_CHUNKS - length);
    return (struct span){first, first + length};
}

static void reserve_anywhere(struct player *player, size_t owner)
{
    struct field *field = player->field;
    struct mm_error error;
    struct mm_extent extent;
    const size_t bytes =
        field->chunk_bytes * (1 + stress_random_below(&player->thread->random, 8));
    holder_record_begin_anywhere(field->record, owner);
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_QUARANTINE, field->window);
    const enum mm_status status = mmapper_quarantine_anywhere(
        field->mapper, field->owners[owner].handle, bytes, 0, &extent, &error);
    if (status == MM_OK) {
        field_note(field, field_span(field, extent), owner);
    } else {
        judge_refusal(&attempt, status, &error,
                      JUDGE_ALLOW(MM_NO_SPACE) | JUDGE_ALLOW(MM_BUSY));
    }
    holder_record_end_anywhere(field->record, owner);
}

static void transfer(struct player *player, size_t from, struct span span)
{
    struct field *field = player->field;
    struct mm_error error;
    const size_t to =
        field->first_reckless + (from - field->first_reckless + 1) % FIELD_RECKLESS;
    const struct mm_extent extent = field_extent(field, span);
    field_note(field, span, to);
    const struct attempt attempt =
        judge_attempt(player, from, MM_OPERATION_TRANSFER, extent);
    const enum mm_status status =
        mmapper_transfer(field->mapper, field->owners[from].handle,
                         field->owners[to].handle, extent, &error);
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error, GIVERS);
    }
}

static void call_on_span(struct player *player, enum mm_operation operation,
                         size_t owner, struct span span)
{
    struct field *field = player->field;
    struct mm_owner *handle = field->owners[owner].handle;
    const struct mm_extent extent = field_extent(field, span);
    struct mm_error error;
    enum mm_status status;
    unsigned allowed = GIVERS;
    const struct attempt attempt = judge_attempt(player, owner, operation, extent);
    switch (operation) {
    case MM_OPERATION_QUARANTINE:
        status = mmapper_quarantine(field->mapper, handle, extent, &error);
        break;
    case MM_OPERATION_ENSURE_MAPPED:
        status = mmapper_ensure_mapped(field->mapper, handle, extent, &error);
        allowed = LOSERS;
        break;
    case MM_OPERATION_DECOMMIT:
        status = mmapper_decommit(field->mapper, handle, extent, &error);
        break;
    default:
        status = mmapper_release(field->mapper, handle, extent, &error);
        break;
    }
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error, allowed);
    }
}

void move_reckless(struct player *player)
{
    static const enum mm_operation operations[] = {
        MM_OPERATION_QUARANTINE, MM_OPERATION_ENSURE_MAPPED, MM_OPERATION_ENSURE_MAPPED,
        MM_OPERATION_DECOMMIT,   MM_OPERATION_RELEASE,       MM_OPERATION_RELEASE};
    struct field *field = player->field;
    struct stress_random *random = &player->thread->random;
    const size_t owner =
        field->first_reckless + stress_random_below(random, FIELD_RECKLESS);
    const struct span span = reckless_span(player);
    stress_count(player->thread, COUNT_RECKLESS);
    field_note(field, span, owner);
    switch (stress_random_below(random, 8)) {
    case 0:
        reserve_anywhere(player, owner);
        break;
    case 1:
        transfer(player, owner, span);
        break;
    default:
        call_on_span(player, operations[stress_random_below(random, 6)], owner, span);
        break;
    }
}
