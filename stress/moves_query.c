/* SPDX-License-Identifier: MIT */
/* The queries, while others change what they ask about. */
#include <inttypes.h>
#include <string.h>

#include "stress/moves.h"

static void ask_anywhere(struct player *player)
{
    const struct field *field = player->field;
    const uintptr_t address = stress_random_next(&player->thread->random);
    const struct mm_lookup seen = mmapper_lookup(field->mapper, address);
    if (!mm_extent_contains_address(field->window, address) &&
        (seen.state != MM_UNMAPPED || seen.owner != NULL ||
         mmapper_is_mapped(field->mapper, address))) {
        stress_violation(field->run, player->thread,
                         "O6: address %#" PRIxPTR " outside the window is %s", address,
                         mm_state_name(seen.state));
    }
}

static void count_own_chunks(struct player *player)
{
    const struct field *field = player->field;
    uint64_t chunks[MM_STATE_COUNT];
    uint64_t quarantined = 0;
    uint64_t mapped = 0;
    for (size_t i = 0; i < player->count; i++) {
        const struct holding *holding = &player->holdings[i];
        for (size_t chunk = holding->span.first; chunk < holding->span.end; chunk++) {
            const bool own = holding->owner == player->private;
            mapped += own && field->plots[chunk].mapped;
            quarantined += own && !field->plots[chunk].mapped;
        }
    }
    (void)mmapper_owner_chunks(field->mapper, field->owners[player->private].handle,
                               chunks, NULL);
    if (chunks[MM_MAPPED] != mapped || chunks[MM_QUARANTINED] != quarantined ||
        chunks[MM_RESERVING] + chunks[MM_DECOMMITTING] + chunks[MM_RELEASING] +
                chunks[MM_TRANSFERRING] !=
            0) {
        stress_violation(field->run, player->thread,
                         "O4: %s holds %" PRIu64 " mapped and %" PRIu64
                         " quarantined chunks, owner_chunks says %" PRIu64
                         " and %" PRIu64,
                         mm_owner_name(field->owners[player->private].handle), mapped,
                         quarantined, chunks[MM_MAPPED], chunks[MM_QUARANTINED]);
    }
}

static void sum_statistics(struct player *player)
{
    const struct field *field = player->field;
    struct mm_statistics statistics;
    uint64_t sum = 0;
    mmapper_statistics(field->mapper, &statistics);
    for (unsigned i = 0; i < MM_STATE_COUNT; i++) {
        sum += statistics.chunks[i];
    }
    if (sum != FIELD_CHUNKS || statistics.owners != field->owner_count) {
        stress_violation(field->run, player->thread,
                         "O4: chunks by state add up to %" PRIu64 " of %d, %" PRIu64
                         " owners of %zu",
                         sum, FIELD_CHUNKS, statistics.owners, field->owner_count);
    }
}

void move_query(struct player *player)
{
    struct stress_random *random = &player->thread->random;
    for (unsigned i = 0; i < 16; i++) {
        ask_anywhere(player);
    }
    if (player->count > 0) {
        const struct holding *holding =
            &player->holdings[stress_random_below(random, player->count)];
        player_check_lookups(player, holding->span);
    }
    if (stress_random_one_in(random, 8)) {
        count_own_chunks(player);
        sum_statistics(player);
    }
}

static void check_dump(struct player *player)
{
    const struct field *field = player->field;
    char text[2048];
    const size_t size = 1 + stress_random_below(&player->thread->random, sizeof(text));
    memset(text, 'x', sizeof(text));
    (void)mmapper_dump(field->mapper, text, size);
    if (memchr(text, '\0', size) == NULL ||
        (size < sizeof(text) && text[size] != 'x')) {
        stress_violation(field->run, player->thread,
                         "O6: a dump into %zu bytes is not ended inside them", size);
    }
}

/* Every chunk of the window in exactly one run, in order; held chunks as they are. */
void move_walk(struct player *player)
{
    const struct field *field = player->field;
    uintptr_t at = field->window.start;
    struct mm_run run;
    while (mmapper_next_run(field->mapper, at, &run)) {
        const bool good = run.extent.start == at && run.extent.bytes != 0 &&
                          mm_is_aligned(run.extent.bytes, field->chunk_bytes) &&
                          mm_extent_contains(field->window, run.extent) &&
                          (run.state == MM_UNMAPPED) == (run.owner == NULL);
        if (!good) {
            stress_violation(
                field->run, player->thread,
                "O6: next_run at %#" PRIxPTR " is [%#" PRIxPTR ", +%#zx) %s", at,
                run.extent.start, run.extent.bytes, mm_state_name(run.state));
            return;
        }
        const struct span span = field_span(field, run.extent);
        for (size_t chunk = span.first; chunk < span.end; chunk++) {
            const struct span one = {chunk, chunk + 1};
            if (player_holds_any(player, one) &&
                run.owner != field->owners[field->plots[chunk].owner].handle) {
                stress_violation(field->run, player->thread,
                                 "O6: next_run says held chunk %zu is %s", chunk,
                                 mm_state_name(run.state));
            }
        }
        at = mm_extent_end(run.extent);
    }
    if (at != mm_extent_end(field->window)) {
        stress_violation(field->run, player->thread, "O6: the walk ended at %#" PRIxPTR,
                         at);
    }
    check_dump(player);
    stress_count(player->thread, COUNT_WALKS);
}
