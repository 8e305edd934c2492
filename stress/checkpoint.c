/* SPDX-License-Identifier: MIT */
#include "stress/checkpoint.h"

#include <inttypes.h>
#include <stdlib.h>

#include "stress/kernel_view.h"

/* Chunks by what is known of them. */
struct tally {
    uint64_t held;
    uint64_t mapped;
};

/* ------------------------------------------------- owners that nobody answers for */

static void release_run(struct field *field, const struct mm_run *run, size_t owner)
{
    struct mm_error error;
    char text[512];
    if (mmapper_release(field->mapper, field->owners[owner].handle, run->extent,
                        &error) != MM_OK) {
        (void)mm_error_format(&error, text, sizeof(text));
        stress_violation(field->run, NULL, "a reckless owner's chunks stay behind: %s",
                         text);
    }
}

static void release_reckless(struct field *field)
{
    struct mm_run run;
    for (uintptr_t at = field->window.start; mmapper_next_run(field->mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        const size_t owner = field_owner_index(field, run.owner);
        if (owner < field->owner_count &&
            field->owners[owner].class == FIELD_CLASS_RECKLESS) {
            release_run(field, &run, owner);
        }
    }
}

/* --------------------------------------------------------------------- comparing */

static void check_span(struct player *player, struct span span, struct tally *tally)
{
    player_check_lookups(player, span);
    player_check_tokens(player, span);
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        tally->held++;
        tally->mapped += player->field->plots[chunk].mapped;
    }
}

static struct tally check_holdings(struct field *field, struct player *players)
{
    struct tally tally = {0, 0};
    const unsigned threads = stress_run_options(field->run)->threads;
    for (unsigned i = 0; i < threads; i++) {
        for (size_t k = 0; k < players[i].count; k++) {
            check_span(&players[i], players[i].holdings[k].span, &tally);
        }
        for (size_t k = 0; k < players[i].letters; k++) {
            check_span(&players[i], players[i].mailbox[k].span, &tally);
        }
    }
    return tally;
}

static void check_entry(void *argument, const struct ownership_entry *entry)
{
    const struct field *field = argument;
    const uintptr_t address = field->window.start + entry->key * field->chunk_bytes;
    const struct mm_lookup seen = mmapper_lookup(field->mapper, address);
    if (seen.owner != field->owners[entry->owner - 1].handle) {
        stress_violation(field->run, NULL,
                         "O1: the log says that chunk %" PRIu64 " is %s's, lookup says "
                         "%s of %s",
                         entry->key,
                         mm_owner_name(field->owners[entry->owner - 1].handle),
                         mm_state_name(seen.state),
                         seen.owner == NULL ? "nobody" : mm_owner_name(seen.owner));
    }
}

static void check_log(struct field *field, const struct tally *tally)
{
    const size_t entries = ownership_each(field->session, check_entry, field);
    if (entries != tally->held) {
        stress_violation(field->run, NULL,
                         "O4: %zu chunks in the ownership log, %" PRIu64 " held",
                         entries, tally->held);
    }
}

static void check_statistics(struct field *field, const struct tally *tally)
{
    struct mm_statistics statistics;
    mmapper_statistics(field->mapper, &statistics);
    const uint64_t *chunks = statistics.chunks;
    if (chunks[MM_MAPPED] != tally->mapped ||
        chunks[MM_QUARANTINED] != tally->held - tally->mapped ||
        chunks[MM_UNMAPPED] != FIELD_CHUNKS - tally->held) {
        stress_violation(field->run, NULL,
                         "O4: held %" PRIu64 " chunks, %" PRIu64
                         " of them mapped; the mapper says %" PRIu64
                         " quarantined, %" PRIu64 " mapped, %" PRIu64 " unmapped",
                         tally->held, tally->mapped, chunks[MM_QUARANTINED],
                         chunks[MM_MAPPED], chunks[MM_UNMAPPED]);
    }
}

/* Exact also in what is writable: no commit was lost, since those who might lose one,
 * the reckless owners, hold nothing now. */
static void check_kernel(struct field *field, const struct tally *tally)
{
    struct kernel_view view;
    if (!kernel_view_read(field->window, &view)) {
        stress_violation(field->run, NULL, "harness: cannot read /proc/self/maps");
        return;
    }
    if (view.bytes != tally->held * field->chunk_bytes ||
        view.writable != tally->mapped * field->chunk_bytes) {
        stress_violation(field->run, NULL,
                         "O2: held %" PRIu64 " bytes, %" PRIu64
                         " of them mapped; the kernel has %" PRIu64 ", %" PRIu64
                         " writable",
                         tally->held * field->chunk_bytes,
                         tally->mapped * field->chunk_bytes, view.bytes, view.writable);
    }
}

static void report_difference(void *argument, const struct mm_difference *difference)
{
    const struct field *field = argument;
    if (difference->kind != MM_NOTE_ACCESSIBLE) {
        stress_violation(
            field->run, NULL,
            "O2: verify: %s at [%#" PRIxPTR ", +%#zx): table %s of %s",
            mm_difference_kind_name(difference->kind), difference->extent.start,
            difference->extent.bytes, mm_state_name(difference->holder.state),
            difference->holder.owner == NULL ? "nobody" : difference->holder.name);
    }
}

static void check_verify(struct field *field)
{
    struct mm_verify_result result;
    const struct mm_verify_options options = {
        .sole = true, .report = report_difference, .argument = field};
    if (mmapper_verify(field->mapper, &options, &result, NULL) != MM_OK ||
        result.differences != 0 || result.notes != 0 || result.unsettled != 0) {
        stress_violation(field->run, NULL,
                         "O2: verify: %" PRIu64 " differences, %" PRIu64
                         " notes, %" PRIu64 " unsettled",
                         result.differences, result.notes, result.unsettled);
    }
}

/* A line for each run that is not UNMAPPED. */
static void check_dump(struct field *field)
{
    struct mm_statistics statistics;
    uint64_t lines = 0;
    mmapper_statistics(field->mapper, &statistics);
    const size_t needed = mmapper_dump(field->mapper, NULL, 0) + 1;
    char *text = malloc(needed);
    if (text == NULL) {
        return;
    }
    (void)mmapper_dump(field->mapper, text, needed);
    for (const char *c = text; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    free(text);
    if (lines != statistics.runs) {
        stress_violation(field->run, NULL,
                         "O4: the dump has %" PRIu64 " lines for %" PRIu64 " runs",
                         lines, statistics.runs);
    }
}

void checkpoint_all(struct field *field, struct player *players,
                    struct projects *projects)
{
    projects_close_all(players, projects);
    release_reckless(field);
    field_forget_notes(field);
    const struct tally tally = check_holdings(field, players);
    check_log(field, &tally);
    check_statistics(field, &tally);
    check_kernel(field, &tally);
    check_verify(field);
    check_dump(field);
}

/* ----------------------------------------------------------------------- the end */

static void release_holding(struct player *player, const struct holding *holding)
{
    struct field *field = player->field;
    struct mm_error error;
    char text[512];
    struct ownership_session *own = player->session;
    player->session = field->session; /* the calling thread's */
    player_give(player, holding->span, holding->owner);
    player->session = own;
    if (mmapper_release(field->mapper, field->owners[holding->owner].handle,
                        field_extent(field, holding->span), &error) != MM_OK) {
        (void)mm_error_format(&error, text, sizeof(text));
        stress_violation(field->run, NULL, "the last release failed: %s", text);
    }
}

void checkpoint_release_all(struct field *field, struct player *players,
                            struct projects *projects)
{
    const unsigned threads = stress_run_options(field->run)->threads;
    checkpoint_all(field, players, projects);
    for (unsigned i = 0; i < threads; i++) {
        while (players[i].count > 0) {
            release_holding(&players[i], &players[i].holdings[--players[i].count]);
        }
        while (players[i].letters > 0) {
            release_holding(&players[i], &players[i].mailbox[--players[i].letters]);
        }
    }
    checkpoint_all(field, players, projects);
    for (size_t i = 0; i < field->owner_count; i++) {
        if (mmapper_unregister_owner(field->mapper, field->owners[i].handle, NULL) !=
            MM_OK) {
            stress_violation(field->run, NULL, "owner %zu cannot be unregistered", i);
        }
    }
}
