/* SPDX-License-Identifier: MIT */
#include "stress/player.h"

#include <inttypes.h>

#include "stress/tokens.h"

size_t player_token_pages(const struct field *field, size_t chunk,
                          uintptr_t pages[PLAYER_TOKEN_PAGES])
{
    const size_t page_bytes = field->support.page_bytes;
    const size_t in_chunk = field->chunk_bytes / page_bytes;
    const size_t count = in_chunk < PLAYER_TOKEN_PAGES ? in_chunk : PLAYER_TOKEN_PAGES;
    const uintptr_t start = field->window.start + chunk * field->chunk_bytes;
    for (size_t i = 0; i < count; i++) {
        /* The first, the last, and two between. */
        const size_t page = count == 1 ? 0 : i * (in_chunk - 1) / (count - 1);
        pages[i] = start + page * page_bytes;
    }
    return count;
}

/* ------------------------------------------------------------------ ownership */

void player_take(struct player *player, struct span span, size_t owner)
{
    struct field *field = player->field;
    const uint64_t epoch = mm_fetch_add_relaxed_u64(&field->epochs, 1) + 1;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        const struct ownership_entry entry = {chunk, owner + 1, epoch};
        struct ownership_entry other;
        if (!ownership_claim(player->session, &entry, &other)) {
            stress_violation(field->run, player->thread,
                             "O1: two owners: the mapper gave chunk %zu to %s while %s "
                             "holds it since epoch %" PRIu64,
                             chunk, mm_owner_name(field->owners[owner].handle),
                             mm_owner_name(field->owners[other.owner - 1].handle),
                             other.epoch);
            return;
        }
        field->plots[chunk] = (struct plot){.owner = owner, .epoch = epoch};
    }
}

void player_give(struct player *player, struct span span, size_t owner)
{
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        struct ownership_entry found;
        if (!ownership_drop(player->session, chunk, owner + 1, &found)) {
            stress_violation(player->field->run, player->thread,
                             "O1: chunk %zu of owner %zu is held by owner %" PRIu64
                             " (+1) in the log",
                             chunk, owner, found.owner);
        }
    }
}

void player_keep(struct player *player, struct span span, size_t owner)
{
    const struct field *field = player->field;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        const struct ownership_entry entry = {chunk, owner + 1,
                                              field->plots[chunk].epoch};
        struct ownership_entry other;
        if (!ownership_claim(player->session, &entry, &other)) {
            stress_violation(field->run, player->thread,
                             "O1: chunk %zu, whose release by %s failed, went to %s",
                             chunk, mm_owner_name(field->owners[owner].handle),
                             mm_owner_name(field->owners[other.owner - 1].handle));
        }
    }
}

/* ------------------------------------------------------------------- holdings */

bool player_has_room(const struct player *player)
{
    return player->count + 1 < PLAYER_HOLDINGS;
}

bool player_add_holding(struct player *player, struct span span, size_t owner)
{
    if (player->count == PLAYER_HOLDINGS) {
        return false;
    }
    player->holdings[player->count++] = (struct holding){span, owner};
    return true;
}

void player_cut_holding(struct player *player, size_t index, struct span span)
{
    const struct holding old = player->holdings[index];
    const struct span before = {old.span.first, span.first};
    const struct span after = {span.end, old.span.end};
    player->holdings[index] = player->holdings[--player->count];
    if (before.first < before.end) {
        (void)player_add_holding(player, before, old.owner);
    }
    if (after.first < after.end) {
        (void)player_add_holding(player, after, old.owner);
    }
}

bool player_holds_any(const struct player *player, struct span span)
{
    for (size_t i = 0; i < player->count; i++) {
        const struct span held = player->holdings[i].span;
        if (held.first < span.end && span.first < held.end) {
            return true;
        }
    }
    return false;
}

/* --------------------------------------------------------------------- memory */

static void check_chunk_tokens(struct player *player, size_t chunk)
{
    const struct field *field = player->field;
    const struct plot *plot = &field->plots[chunk];
    uintptr_t pages[PLAYER_TOKEN_PAGES];
    const size_t count = player_token_pages(field, chunk, pages);
    for (size_t i = 0; i < count; i++) {
        struct token found;
        if (!token_check(pages[i], field->support.page_bytes, plot->token_owner,
                         plot->epoch, &found)) {
            stress_violation(field->run, player->thread,
                             "O3: page %#" PRIxPTR " of owner %zu, epoch %" PRIu64
                             ": found owner %" PRIu64 ", epoch %" PRIu64
                             ", address %#" PRIx64,
                             pages[i], plot->token_owner, plot->epoch, found.owner,
                             found.epoch, found.address);
        }
    }
}

void player_check_tokens(struct player *player, struct span span)
{
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        if (player->field->plots[chunk].mapped) {
            check_chunk_tokens(player, chunk);
            stress_count(player->thread, COUNT_TOKENS);
        }
    }
}

static void use_fresh_chunk(struct player *player, size_t chunk)
{
    struct field *field = player->field;
    struct plot *plot = &field->plots[chunk];
    uintptr_t pages[PLAYER_TOKEN_PAGES];
    const size_t count = player_token_pages(field, chunk, pages);
    for (size_t i = 0; i < count; i++) {
        uintptr_t dirt = 0;
        if (!token_is_zero(pages[i], field->support.page_bytes, &dirt)) {
            stress_violation(field->run, player->thread,
                             "O3: fresh memory of %s is not zero at %#" PRIxPTR,
                             mm_owner_name(field->owners[plot->owner].handle), dirt);
        }
        token_write(pages[i], field->support.page_bytes, plot->owner, plot->epoch);
    }
    plot->mapped = true;
    plot->token_owner = plot->owner;
}

void player_use(struct player *player, struct span span)
{
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        if (player->field->plots[chunk].mapped) {
            check_chunk_tokens(player, chunk);
            stress_count(player->thread, COUNT_TOKENS);
        } else {
            use_fresh_chunk(player, chunk);
        }
    }
}

void player_check_lookups(struct player *player, struct span span)
{
    const struct field *field = player->field;
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        const struct plot *plot = &field->plots[chunk];
        const uintptr_t address =
            field->window.start + chunk * field->chunk_bytes + chunk;
        const struct mm_lookup seen = mmapper_lookup(field->mapper, address);
        const enum mm_state expected = plot->mapped ? MM_MAPPED : MM_QUARANTINED;
        if (seen.owner != field->owners[plot->owner].handle || seen.state != expected) {
            stress_violation(field->run, player->thread,
                             "O6: chunk %zu is %s of %s, but lookup says %s of %s",
                             chunk, mm_state_name(expected),
                             mm_owner_name(field->owners[plot->owner].handle),
                             mm_state_name(seen.state),
                             seen.owner == NULL ? "nobody" : mm_owner_name(seen.owner));
        }
        if (mmapper_is_mapped(field->mapper, address) != plot->mapped) {
            stress_violation(field->run, player->thread,
                             "O6: is_mapped of held chunk %zu is wrong", chunk);
        }
    }
}
