/* SPDX-License-Identifier: MIT */
#include "stress/project.h"

#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "stress/judge.h"
#include "stress/moves.h"
#include "stress/tokens.h"

/* Bytes of a chunk's first page that belong to one thread. */
enum { LINE_BYTES = 64 };

void projects_create(struct projects *projects)
{
    memset(projects, 0, sizeof(*projects));
    for (size_t i = 0; i < FIELD_PROJECTS; i++) {
        (void)pthread_mutex_init(&projects->all[i].lock, NULL);
    }
}

void projects_destroy(struct projects *projects)
{
    for (size_t i = 0; i < FIELD_PROJECTS; i++) {
        (void)pthread_mutex_destroy(&projects->all[i].lock);
    }
}

static size_t owner_of(const struct player *player, size_t index)
{
    return player->field->first_project + index;
}

/* ------------------------------------------------------------ joining, leaving */

/* False when the project is full, or just ending. */
static bool join(struct player *player, struct project *project, size_t index)
{
    struct field *field = player->field;
    (void)pthread_mutex_lock(&project->lock);
    if (project->state == PROJECT_CLOSED) {
        project->span = move_random_span(player, PROJECT_CHUNKS);
        project->epoch = mm_fetch_add_relaxed_u64(&field->epochs, 1) + 1;
        memset(project->written, 0, sizeof(project->written));
        field_note(field, project->span, owner_of(player, index));
        project->state = PROJECT_OPEN;
        project->joined = 0;
        stress_count(player->thread, COUNT_PROJECTS);
    }
    const bool joined =
        project->state == PROJECT_OPEN && project->joined < PROJECT_MEMBERS;
    if (joined) {
        project->joined++;
        project->members++;
        player->project = index;
    }
    (void)pthread_mutex_unlock(&project->lock);
    return joined;
}

static bool has_company(struct project *project)
{
    (void)pthread_mutex_lock(&project->lock);
    const bool company = project->members > 1;
    (void)pthread_mutex_unlock(&project->lock);
    return company;
}

/* The chunk is the project owner's, by lookup: adds it to the log unless a fellow
 * thread did. */
static void log_chunk(struct player *player, size_t chunk, size_t owner, uint64_t epoch)
{
    const struct ownership_entry entry = {chunk, owner + 1, epoch};
    struct ownership_entry other;
    if (!ownership_claim(player->session, &entry, &other) &&
        other.owner != entry.owner) {
        stress_violation(player->field->run, player->thread,
                         "O1: two owners: project owner %zu mapped chunk %zu that %s "
                         "holds",
                         owner, chunk,
                         mm_owner_name(player->field->owners[other.owner - 1].handle));
    }
}

static void release_all(struct player *player, const struct project *project,
                        size_t index)
{
    struct field *field = player->field;
    struct mm_error error;
    const size_t owner = owner_of(player, index);
    struct mm_owner *handle = field->owners[owner].handle;
    for (size_t chunk = project->span.first; chunk < project->span.end; chunk++) {
        const struct span one = {chunk, chunk + 1};
        const struct mm_extent extent = field_extent(field, one);
        if (mmapper_lookup(field->mapper, extent.start).owner != handle) {
            continue;
        }
        const struct attempt attempt =
            judge_attempt(player, owner, MM_OPERATION_RELEASE, extent);
        log_chunk(player, chunk, owner, project->epoch);
        player_give(player, one, owner);
        const enum mm_status status =
            mmapper_release(field->mapper, handle, extent, &error);
        if (status != MM_OK) {
            judge_report(&attempt, status, &error, "nobody else works for this owner");
        }
    }
}

static void leave(struct player *player, struct project *project)
{
    const size_t index = player->project;
    (void)pthread_mutex_lock(&project->lock);
    player->project = PLAYER_NO_PROJECT;
    project->members--;
    const bool last = project->members == 0;
    if (last) {
        project->state = PROJECT_CLOSING;
    }
    (void)pthread_mutex_unlock(&project->lock);
    if (last) {
        release_all(player, project, index);
        (void)pthread_mutex_lock(&project->lock);
        project->state = PROJECT_CLOSED;
        (void)pthread_mutex_unlock(&project->lock);
    }
}

/* --------------------------------------------------------------------- working */

/* This thread's line of the chunk: zero at first, its token from then on. */
static void use_line(struct player *player, struct project *project, size_t chunk,
                     size_t owner)
{
    const struct field *field = player->field;
    const uint32_t bit = UINT32_C(1) << (chunk - project->span.first);
    const unsigned self = player->thread->index;
    const uintptr_t line =
        field->window.start + chunk * field->chunk_bytes + (uintptr_t)self * LINE_BYTES;
    uint32_t *written = &project->written[self];
    struct token found = {0};
    uintptr_t dirt = 0;
    if ((*written & bit) != 0) {
        if (!token_check(line, LINE_BYTES, owner, project->epoch, &found)) {
            stress_violation(field->run, player->thread,
                             "O3: line %#" PRIxPTR " of project owner %zu: found owner "
                             "%" PRIu64 ", epoch %" PRIu64 " instead of %" PRIu64,
                             line, owner, found.owner, found.epoch, project->epoch);
        }
        stress_count(player->thread, COUNT_TOKENS);
        return;
    }
    if (!token_is_zero(line, LINE_BYTES, &dirt)) {
        stress_violation(field->run, player->thread,
                         "O3: fresh memory of a project is not zero at %#" PRIxPTR,
                         dirt);
    }
    token_write(line, LINE_BYTES, owner, project->epoch);
    *written |= bit;
}

/* One call, and the use of what it mapped. `extent` meets all chunks of `span`. */
static void map_and_use(struct player *player, struct project *project,
                        struct span span, struct mm_extent extent)
{
    struct field *field = player->field;
    struct mm_error error;
    const size_t owner = owner_of(player, player->project);
    struct mm_owner *handle = field->owners[owner].handle;
    const struct attempt attempt =
        judge_attempt(player, owner, MM_OPERATION_ENSURE_MAPPED, extent);
    const enum mm_status status =
        mmapper_ensure_mapped(field->mapper, handle, extent, &error);
    if (status != MM_OK) {
        judge_refusal(&attempt, status, &error, JUDGE_ALLOW(MM_CONFLICT));
        return;
    }
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        const uintptr_t address = field->window.start + chunk * field->chunk_bytes;
        /* At once: a chunk that was published too early faults here. */
        use_line(player, project, chunk, owner);
        const struct mm_lookup seen = mmapper_lookup(field->mapper, address);
        if (seen.owner != handle || seen.state != MM_MAPPED) {
            stress_violation(field->run, player->thread,
                             "O6: ensure_mapped succeeded, but chunk %zu is %s", chunk,
                             mm_state_name(seen.state));
            return;
        }
        log_chunk(player, chunk, owner, project->epoch);
    }
    stress_count(player->thread, COUNT_ENSURED);
}

static void work(struct player *player, struct project *project)
{
    const struct span span = move_random_part(player, project->span);
    struct mm_extent extent = field_extent(player->field, span);
    extent.start += player->field->chunk_bytes / 2;
    extent.bytes -= player->field->chunk_bytes / 2;
    map_and_use(player, project, span, extent);
}

/* All members go over the fresh range in the same order, a chunk at a time: each finds
 * the others right at the chunk it wants. Waits a little for a fellow. */
static void sweep(struct player *player, struct project *project)
{
    enum { PATIENCE = 64 };
    for (unsigned i = 0; i < PATIENCE && !has_company(project); i++) {
        (void)sched_yield();
    }
    for (size_t chunk = project->span.first; chunk < project->span.end; chunk++) {
        const struct span one = {chunk, chunk + 1};
        map_and_use(player, project, one, field_extent(player->field, one));
    }
}

void project_step(struct player *player, struct projects *projects)
{
    struct stress_random *random = &player->thread->random;
    if (player->project == PLAYER_NO_PROJECT) {
        const size_t index = stress_random_below(random, FIELD_PROJECTS);
        if (join(player, &projects->all[index], index)) {
            sweep(player, &projects->all[index]);
        }
    } else if (stress_random_one_in(random, 3)) {
        leave(player, &projects->all[player->project]);
    } else {
        work(player, &projects->all[player->project]);
    }
}

void projects_close_all(struct player *players, struct projects *projects)
{
    const unsigned threads = stress_run_options(players[0].field->run)->threads;
    for (unsigned i = 0; i < threads; i++) {
        if (players[i].project != PLAYER_NO_PROJECT) {
            struct ownership_session *own = players[i].session;
            players[i].session = players[i].field->session; /* the calling thread's */
            leave(&players[i], &projects->all[players[i].project]);
            players[i].session = own;
        }
    }
}
