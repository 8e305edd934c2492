/* SPDX-License-Identifier: MIT */
/* Giving memory away: decommit, release and transfer. */
#include "stress/judge.h"
#include "stress/moves.h"

/* A random holding; false when there is none. */
static bool pick_holding(struct player *player, size_t *index)
{
    if (player->count == 0) {
        return false;
    }
    *index = stress_random_below(&player->thread->random, player->count);
    return true;
}

void move_decommit(struct player *player)
{
    struct field *field = player->field;
    struct mm_error error;
    size_t index = 0;
    if (!pick_holding(player, &index)) {
        return;
    }
    const struct holding *holding = &player->holdings[index];
    const struct span span = move_random_part(player, holding->span);
    const struct mm_extent extent = field_extent(field, span);
    const struct attempt attempt =
        judge_attempt(player, holding->owner, MM_OPERATION_DECOMMIT, extent);
    player_check_tokens(player, span);
    const enum mm_status status = mmapper_decommit(
        field->mapper, field->owners[holding->owner].handle, extent, &error);
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error,
                      move_allow_busy(player, holding->owner));
        move_check_unchanged(player, span, holding->owner);
        return;
    }
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        field->plots[chunk].mapped = false;
    }
    player_check_lookups(player, span);
    stress_count(player->thread, COUNT_DECOMMITTED);
}

void move_release(struct player *player)
{
    struct field *field = player->field;
    struct mm_error error;
    size_t index = 0;
    if (!pick_holding(player, &index)) {
        return;
    }
    const size_t owner = player->holdings[index].owner;
    /* With many holdings whole ones, so that their number stays in balance. */
    const struct span span =
        player->count > PLAYER_HOLDINGS / 2
            ? player->holdings[index].span
            : move_random_part(player, player->holdings[index].span);
    const struct mm_extent extent = field_extent(field, span);
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_RELEASE, extent);
    player_check_tokens(player, span);
    player_give(player, span, owner);
    const enum mm_status status =
        mmapper_release(field->mapper, field->owners[owner].handle, extent, &error);
    if (status != MM_OK) {
        player_keep(player, span, owner);
        judge_refusal(&attempt, status, &error, move_allow_busy(player, owner));
        move_check_unchanged(player, span, owner);
        return;
    }
    player_cut_holding(player, index, span);
    move_check_unchanged(player, span, owner);
    holder_record_end(field->record, span.first, span.end, owner);
    stress_count(player->thread, COUNT_RELEASED);
}

/* ------------------------------------------------------------------- transfer */

/* Another thread's mailbox with a free place in it, or NULL. A place is kept free by
 * holding the lock: nobody waits for long, a transfer waits for nobody. */
static struct player *lock_mailbox(struct player *player)
{
    const unsigned threads = stress_run_options(player->field->run)->threads;
    struct player *other =
        &player->players[stress_random_below(&player->thread->random, threads)];
    if (other == player || pthread_mutex_trylock(&other->lock) != 0) {
        return NULL;
    }
    if (other->letters == PLAYER_MAILBOX) {
        (void)pthread_mutex_unlock(&other->lock);
        return NULL;
    }
    return other;
}

/* The chunks are `to`'s now, in the log and in the holdings of whoever gets them. */
static void record_transfer(struct player *player, size_t index, struct span span,
                            size_t to, struct player *receiver)
{
    struct field *field = player->field;
    const size_t from = player->holdings[index].owner;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        struct ownership_entry found;
        if (!ownership_hand_over(player->session, chunk, from + 1, to + 1, &found)) {
            stress_violation(field->run, player->thread,
                             "O1: transferred chunk %zu is not in the log as ours",
                             chunk);
        }
        field->plots[chunk].owner = to;
    }
    player_check_lookups(player, span);
    player_check_tokens(player, span);
    player_cut_holding(player, index, span);
    if (receiver != NULL) {
        receiver->mailbox[receiver->letters++] = (struct holding){span, to};
        stress_count(player->thread, COUNT_HANDED_OVER);
    } else {
        (void)player_add_holding(player, span, to);
    }
    holder_record_end(field->record, span.first, span.end, from);
    stress_count(player->thread, COUNT_TRANSFERRED);
}

/* Between the thread's own owner and a shared one, kept or handed to another thread.
 * What another thread gets is a shared owner's: nobody maps what is not in his hands.
 */
void move_transfer(struct player *player)
{
    struct field *field = player->field;
    struct mm_error error;
    size_t index = 0;
    if (!pick_holding(player, &index) || player->count + 3 > PLAYER_HOLDINGS) {
        return;
    }
    const size_t from = player->holdings[index].owner;
    struct player *receiver = lock_mailbox(player);
    size_t to = field->first_shared +
                stress_random_below(&player->thread->random, FIELD_SHARED);
    if (to == from) {
        to = receiver != NULL
                 ? field->first_shared + (to + 1 - field->first_shared) % FIELD_SHARED
                 : player->private;
    }
    const struct span span = move_random_part(player, player->holdings[index].span);
    const struct mm_extent extent = field_extent(field, span);
    const struct attempt attempt =
        judge_attempt(player, from, MM_OPERATION_TRANSFER, extent);
    holder_record_begin(field->record, span.first, span.end, to);
    const enum mm_status status =
        mmapper_transfer(field->mapper, field->owners[from].handle,
                         field->owners[to].handle, extent, &error);
    if (status == MM_OK) {
        record_transfer(player, index, span, to, receiver);
    } else {
        judge_refusal(&attempt, status, &error, move_allow_busy(player, from));
        move_check_unchanged(player, span, from);
        holder_record_end(field->record, span.first, span.end, to);
    }
    if (receiver != NULL) {
        (void)pthread_mutex_unlock(&receiver->lock);
    }
}

void move_collect_mail(struct player *player)
{
    (void)pthread_mutex_lock(&player->lock);
    while (player->letters > 0 && player_has_room(player)) {
        const struct holding letter = player->mailbox[--player->letters];
        player_check_lookups(player, letter.span);
        player_check_tokens(player, letter.span);
        (void)player_add_holding(player, letter.span, letter.owner);
    }
    (void)pthread_mutex_unlock(&player->lock);
}
