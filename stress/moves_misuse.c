/* SPDX-License-Identifier: MIT */
/* Calls that must be refused, and change nothing. */
#include "stress/judge.h"
#include "stress/moves.h"

enum { ALL_INVALID = JUDGE_ALLOW(MM_INVALID_ARGUMENT) | JUDGE_ALLOW(MM_OUT_OF_RANGE) };

/* One of the calls that take an owner and an extent. */
static enum mm_status call_with(const struct field *field, enum mm_operation operation,
                                struct mm_owner *owner, struct mm_extent extent,
                                struct mm_error *error)
{
    switch (operation) {
    case MM_OPERATION_QUARANTINE:
        return mmapper_quarantine(field->mapper, owner, extent, error);
    case MM_OPERATION_ENSURE_MAPPED:
        return mmapper_ensure_mapped(field->mapper, owner, extent, error);
    case MM_OPERATION_DECOMMIT:
        return mmapper_decommit(field->mapper, owner, extent, error);
    case MM_OPERATION_RELEASE:
        return mmapper_release(field->mapper, owner, extent, error);
    default:
        return mmapper_transfer(field->mapper, owner,
                                field->owners[field->first_shared].handle, extent,
                                error);
    }
}

static enum mm_operation random_operation(struct player *player)
{
    static const enum mm_operation operations[] = {
        MM_OPERATION_QUARANTINE, MM_OPERATION_ENSURE_MAPPED, MM_OPERATION_DECOMMIT,
        MM_OPERATION_RELEASE, MM_OPERATION_TRANSFER};
    return operations[stress_random_below(&player->thread->random, 5)];
}

static void expect_refusal(struct player *player, enum mm_operation operation,
                           struct mm_owner *owner, struct mm_extent extent,
                           unsigned allowed)
{
    const struct field *field = player->field;
    struct mm_error error;
    const struct attempt attempt =
        judge_attempt(player, player->private, operation, extent);
    const enum mm_status status = call_with(field, operation, owner, extent, &error);
    if (status == MM_OK) {
        judge_report(&attempt, status, &error, "it must be refused");
    } else {
        judge_refusal(&attempt, status, &error, allowed);
    }
}

static void bad_extent(struct player *player)
{
    const struct field *field = player->field;
    struct stress_random *random = &player->thread->random;
    const size_t chunk = field->chunk_bytes;
    const struct span span = move_random_span(player, 4);
    struct mm_extent extent = field_extent(field, span);
    enum mm_operation operation = random_operation(player);
    unsigned allowed = ALL_INVALID;
    switch (stress_random_below(random, 5)) {
    case 0:
        extent.bytes = 0;
        break;
    case 1:
        extent.bytes = UINTPTR_MAX - chunk + 1; /* runs over the end of all addresses */
        break;
    case 2:
        extent.start = field->window.start - chunk;
        allowed = JUDGE_ALLOW(MM_OUT_OF_RANGE);
        break;
    case 3:
        extent.start = mm_extent_end(field->window) - chunk;
        extent.bytes = 2 * chunk;
        allowed = JUDGE_ALLOW(MM_OUT_OF_RANGE);
        break;
    default:
        if (operation == MM_OPERATION_ENSURE_MAPPED) {
            operation = MM_OPERATION_QUARANTINE; /* it alone takes any bytes */
        }
        extent.start += 1 + stress_random_below(random, chunk - 1);
        allowed = ALL_INVALID;
        break;
    }
    expect_refusal(player, operation, field->owners[player->private].handle, extent,
                   allowed);
}

static void bad_owner(struct player *player)
{
    const struct field *field = player->field;
    const struct mm_extent extent = field_extent(field, move_random_span(player, 4));
    expect_refusal(player, random_operation(player), field->foreign_owner, extent,
                   JUDGE_ALLOW(MM_UNKNOWN_OWNER));
}

static void bad_transfer(struct player *player)
{
    const struct field *field = player->field;
    struct mm_owner *own = field->owners[player->private].handle;
    struct mm_owner *odd = field->owners[field->odd].handle;
    const struct mm_extent extent = field_extent(field, move_random_span(player, 4));
    struct mm_owner *to = stress_random_one_in(&player->thread->random, 2) ? own : odd;
    struct mm_error error;
    const struct attempt attempt =
        judge_attempt(player, player->private, MM_OPERATION_TRANSFER, extent);
    const enum mm_status status =
        mmapper_transfer(field->mapper, own, to, extent, &error);
    judge_refusal(&attempt, status, &error, JUDGE_ALLOW(MM_INVALID_ARGUMENT));
}

/* Giving away what is not all one's own: the part that is must stay as it is. */
static void not_all_own(struct player *player)
{
    const struct field *field = player->field;
    static const enum mm_operation operations[] = {
        MM_OPERATION_DECOMMIT, MM_OPERATION_RELEASE, MM_OPERATION_TRANSFER};
    struct span span = move_random_span(player, 12);
    if (player->count > 0 && stress_random_one_in(&player->thread->random, 2)) {
        /* One chunk more than a holding, at either end or both. */
        span = player->holdings[0].span;
        span.first -= span.first > 0;
        span.end += span.end < FIELD_CHUNKS;
    }
    const struct span first = {span.first, span.first + 1};
    const struct span last = {span.end - 1, span.end};
    if (player_holds_any(player, first) && player_holds_any(player, last)) {
        return;
    }
    expect_refusal(player, operations[stress_random_below(&player->thread->random, 3)],
                   field->owners[player->private].handle, field_extent(field, span),
                   JUDGE_ALLOW(MM_CONFLICT) | JUDGE_ALLOW(MM_WRONG_STATE));
    move_check_unchanged(player, span, player->private);
}

static void twice(struct player *player)
{
    const struct field *field = player->field;
    if (player->count == 0) {
        return;
    }
    const struct holding *holding = &player->holdings[0];
    struct mm_error error;
    const struct mm_extent extent = field_extent(field, holding->span);
    const struct attempt attempt =
        judge_attempt(player, holding->owner, MM_OPERATION_QUARANTINE, extent);
    const enum mm_status status = mmapper_quarantine(
        field->mapper, field->owners[holding->owner].handle, extent, &error);
    judge_refusal(&attempt, status, &error, JUDGE_ALLOW(MM_WRONG_STATE));
    move_check_unchanged(player, holding->span, holding->owner);
}

void move_misuse(struct player *player)
{
    static void (*const ways[])(struct player *) = {
        bad_extent, bad_owner, bad_transfer, not_all_own, twice,
    };
    ways[stress_random_below(&player->thread->random, sizeof(ways) / sizeof(ways[0]))](
        player);
}
