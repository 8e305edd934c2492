/* SPDX-License-Identifier: MIT */
/* Getting memory: quarantine and ensure_mapped. */
#include "stress/moves.h"

#include "stress/judge.h"

struct span move_random_span(struct player *player, size_t most)
{
    struct stress_random *random = &player->thread->random;
    const size_t length = 1 + stress_random_below(random, most);
    const size_t first = stress_random_below(random, FIELD_CHUNKS - length + 1);
    return (struct span){first, first + length};
}

struct span move_random_part(struct player *player, struct span span)
{
    struct stress_random *random = &player->thread->random;
    const size_t length = span.end - span.first;
    if (stress_random_one_in(random, 3)) {
        return span;
    }
    const size_t first = span.first + stress_random_below(random, length);
    const size_t end = first + 1 + stress_random_below(random, span.end - first);
    return (struct span){first, end};
}

size_t move_pick_owner(struct player *player)
{
    struct stress_random *random = &player->thread->random;
    if (stress_random_one_in(random, 3)) {
        return player->field->first_shared + stress_random_below(random, FIELD_SHARED);
    }
    return player->private;
}

unsigned move_allow_busy(const struct player *player, size_t owner)
{
    return owner == player->private ? 0 : JUDGE_ALLOW(MM_BUSY);
}

static const struct holding *holding_of(const struct player *player, size_t chunk)
{
    for (size_t i = 0; i < player->count; i++) {
        const struct span held = player->holdings[i].span;
        if (held.first <= chunk && chunk < held.end) {
            return &player->holdings[i];
        }
    }
    return NULL;
}

void move_check_unchanged(struct player *player, struct span span, size_t owner)
{
    const struct field *field = player->field;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        if (holding_of(player, chunk) != NULL) {
            const struct span one = {chunk, chunk + 1};
            player_check_lookups(player, one);
            player_check_tokens(player, one);
            continue;
        }
        const uintptr_t address = field->window.start + chunk * field->chunk_bytes;
        const struct mm_lookup seen = mmapper_lookup(field->mapper, address);
        if (owner == player->private && seen.owner == field->owners[owner].handle) {
            stress_violation(field->run, player->thread,
                             "O6: a failed call of %s left chunk %zu %s",
                             mm_owner_name(field->owners[owner].handle), chunk,
                             mm_state_name(seen.state));
        }
    }
}

/* The size of most requests is a few chunks, of some a quarter of the field. */
static size_t most_chunks(struct player *player)
{
    return stress_random_one_in(&player->thread->random, 16) ? FIELD_CHUNKS / 4 : 12;
}

void move_quarantine(struct player *player)
{
    struct field *field = player->field;
    struct mm_error error;
    const size_t owner = move_pick_owner(player);
    const struct span span = move_random_span(player, most_chunks(player));
    const struct mm_extent extent = field_extent(field, span);
    if (!player_has_room(player)) {
        return;
    }
    holder_record_begin(field->record, span.first, span.end, owner);
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_QUARANTINE, extent);
    const enum mm_status status =
        mmapper_quarantine(field->mapper, field->owners[owner].handle, extent, &error);
    if (status == MM_OK) {
        player_take(player, span, owner);
        player_check_lookups(player, span);
        (void)player_add_holding(player, span, owner);
        stress_count(player->thread, COUNT_QUARANTINED);
        return;
    }
    unsigned allowed = JUDGE_ALLOW(MM_CONFLICT) | move_allow_busy(player, owner);
    if (owner != player->private || player_holds_any(player, span)) {
        allowed |= JUDGE_ALLOW(MM_WRONG_STATE);
    }
    judge_refusal(&attempt, status, &error, allowed);
    move_check_unchanged(player, span, owner);
    holder_record_end(field->record, span.first, span.end, owner);
}

static bool placed_well(const struct field *field, struct mm_extent extent,
                        size_t bytes, size_t alignment)
{
    return extent.bytes == bytes && mm_is_aligned(extent.start, alignment) &&
           mm_is_aligned(extent.start, field->chunk_bytes) &&
           mm_extent_contains(field->window, extent);
}

void move_quarantine_anywhere(struct player *player)
{
    struct field *field = player->field;
    struct stress_random *random = &player->thread->random;
    struct mm_extent extent = {0, 0};
    struct mm_error error;
    const size_t owner = move_pick_owner(player);
    struct mm_owner *handle = field->owners[owner].handle;
    const struct span wish = move_random_span(player, 12);
    struct mm_extent preferred = field_extent(field, wish);
    const size_t alignment = field->chunk_bytes << stress_random_below(random, 4);
    const bool anywhere = stress_random_one_in(random, 2);
    if (!player_has_room(player)) {
        return;
    }
    holder_record_begin_anywhere(field->record, owner);
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_QUARANTINE, field->window);
    enum mm_status status;
    if (anywhere) {
        status = mmapper_quarantine_anywhere(field->mapper, handle, preferred.bytes,
                                             alignment, &extent, &error);
    } else {
        preferred.start += stress_random_below(random, field->chunk_bytes);
        status = mmapper_quarantine_preferred(field->mapper, handle, preferred,
                                              alignment, &extent, &error);
    }
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error,
                      JUDGE_ALLOW(MM_NO_SPACE) | JUDGE_ALLOW(MM_BUSY));
    } else if (!placed_well(field, extent, preferred.bytes, alignment)) {
        judge_report(&attempt, status, &error, "the place is not as asked for");
    } else {
        const struct span span = field_span(field, extent);
        holder_record_begin(field->record, span.first, span.end, owner);
        player_take(player, span, owner);
        player_check_lookups(player, span);
        (void)player_add_holding(player, span, owner);
        stress_count(player->thread, COUNT_QUARANTINED);
    }
    holder_record_end_anywhere(field->record, owner);
}

/* Bytes that begin and end anywhere inside the chunks of `span`, touching all. */
static struct mm_extent ragged_extent(struct player *player, struct span span)
{
    const struct field *field = player->field;
    struct stress_random *random = &player->thread->random;
    struct mm_extent extent = field_extent(field, span);
    const size_t head = stress_random_below(random, field->chunk_bytes);
    const size_t tail = stress_random_below(random, field->chunk_bytes);
    if (stress_random_one_in(random, 2) && head + tail < field->chunk_bytes) {
        extent.start += head;
        extent.bytes -= head + tail;
    }
    return extent;
}

void move_ensure_held(struct player *player)
{
    const struct field *field = player->field;
    struct mm_error error;
    if (player->count == 0) {
        return;
    }
    const struct holding *holding =
        &player->holdings[stress_random_below(&player->thread->random, player->count)];
    const struct span span = move_random_part(player, holding->span);
    const struct mm_extent extent = ragged_extent(player, span);
    const struct attempt attempt =
        judge_attempt(player, holding->owner, MM_OPERATION_ENSURE_MAPPED, extent);
    player_check_lookups(player, span);
    const enum mm_status status = mmapper_ensure_mapped(
        field->mapper, field->owners[holding->owner].handle, extent, &error);
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error, 0);
        return;
    }
    player_use(player, span);
    player_check_lookups(player, span);
    stress_count(player->thread, COUNT_ENSURED);
}

/* After ensure_mapped on chunks of which none was held: those that are the caller's now
 * become holdings; what is left of the interest ends. Returns whether all are mapped.
 */
static bool collect_ensured(struct player *player, struct span span)
{
    struct field *field = player->field;
    const size_t owner = player->private;
    bool all_mapped = true;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        const struct span one = {chunk, chunk + 1};
        const struct mm_extent extent = field_extent(field, one);
        const struct mm_lookup seen = mmapper_lookup(field->mapper, extent.start);
        const bool own = seen.owner == field->owners[owner].handle;
        all_mapped = all_mapped && own && seen.state == MM_MAPPED;
        if (!own) {
            holder_record_end(field->record, chunk, chunk + 1, owner);
            continue;
        }
        struct holding *last = &player->holdings[player->count - (player->count > 0)];
        player_take(player, one, owner);
        if (seen.state == MM_MAPPED) {
            player_use(player, one);
        }
        player_check_lookups(player, one);
        if (player->count > 0 && last->span.end == chunk && last->owner == owner) {
            last->span.end++;
        } else if (!player_add_holding(player, one, owner)) {
            stress_violation(field->run, player->thread,
                             "harness: no room for chunk %zu", chunk);
        }
    }
    return all_mapped;
}

void move_ensure_unheld(struct player *player)
{
    struct field *field = player->field;
    struct mm_error error;
    /* Within a full list of holdings there is room for every other chunk of these. */
    const struct span span = move_random_span(player, 8);
    if (player_holds_any(player, span) || player->count + 4 > PLAYER_HOLDINGS) {
        return;
    }
    const size_t owner = player->private;
    const struct mm_extent extent = ragged_extent(player, span);
    holder_record_begin(field->record, span.first, span.end, owner);
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_ENSURE_MAPPED, extent);
    const enum mm_status status = mmapper_ensure_mapped(
        field->mapper, field->owners[owner].handle, extent, &error);
    const bool all_mapped = collect_ensured(player, span);
    if (status == MM_OK) {
        stress_count(player->thread, COUNT_ENSURED);
        if (!all_mapped) {
            judge_report(&attempt, status, &error, "but not all of it is mapped");
        }
        return;
    }
    judge_refusal(&attempt, status, &error, JUDGE_ALLOW(MM_CONFLICT));
    if (mmapper_lookup(field->mapper, error.address).owner ==
        field->owners[owner].handle) {
        judge_report(&attempt, status, &error, "but it is the caller's own");
    }
}
