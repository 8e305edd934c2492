/* SPDX-License-Identifier: MIT */
#include "stress/judge.h"

#include <inttypes.h>

struct attempt judge_attempt(struct player *player, size_t owner,
                             enum mm_operation operation, struct mm_extent request)
{
    struct attempt attempt;
    attempt.player = player;
    attempt.owner = owner;
    attempt.operation = operation;
    attempt.request = request;
    attempt.since = holder_record_now(player->field->record);
    return attempt;
}

void judge_report(const struct attempt *attempt, enum mm_status status,
                  const struct mm_error *error, const char *why)
{
    const struct field *field = attempt->player->field;
    char text[512] = "no record";
    if (status != MM_OK) {
        (void)mm_error_format(error, text, sizeof(text));
    }
    stress_violation(field->run, attempt->player->thread,
                     "%s of [%#" PRIxPTR ", +%#zx) by %s gave %s: %s (%s)",
                     mm_operation_name(attempt->operation), attempt->request.start,
                     attempt->request.bytes,
                     mm_owner_name(field->owners[attempt->owner].handle),
                     mm_status_name(status), why, text);
}

static bool address_is_inside(const struct attempt *attempt, uintptr_t address)
{
    const struct field *field = attempt->player->field;
    struct mm_extent rounded = attempt->request;
    rounded.start = mm_align_down(rounded.start, field->chunk_bytes);
    rounded.bytes += attempt->request.start - rounded.start;
    return mm_extent_contains_address(rounded, address);
}

/* A holder that lets go while the record is made is not named. That is rare: a mapper
 * that names nobody as a rule has lost the names. */
static void judge_unnamed(const struct attempt *attempt, const struct mm_error *error)
{
    enum { SOME = 100 };
    struct stress_thread *thread = attempt->player->thread;
    stress_count(thread, COUNT_HOLDERS_GONE);
    /* Relaxed: this thread's own counters. */
    if (mm_load_relaxed_u64(&thread->counters[COUNT_HOLDERS_GONE]) >
        SOME + mm_load_relaxed_u64(&thread->counters[COUNT_HOLDERS_CHECKED])) {
        judge_report(attempt, MM_CONFLICT, error, "names no holder, as most do not");
    }
}

/* A conflict names a holder that held the chunk, or was in a call to, meanwhile. */
static void judge_conflict(const struct attempt *attempt, const struct mm_error *error)
{
    struct field *field = attempt->player->field;
    const size_t holder = field_owner_index(field, error->holder.owner);
    if (error->holder.owner == NULL && error->os_call == MM_OS_NONE) {
        judge_unnamed(attempt, error);
        return;
    }
    if (holder == field->owner_count) {
        judge_report(attempt, MM_CONFLICT, error, "names no holder of this mapper");
        return;
    }
    if (holder == attempt->owner) {
        judge_report(attempt, MM_CONFLICT, error, "names the caller itself");
        return;
    }
    const size_t chunk = (error->address - field->window.start) / field->chunk_bytes;
    stress_count(attempt->player->thread, COUNT_HOLDERS_CHECKED);
    if (!holder_record_plausible(field->record, chunk, holder, attempt->since)) {
        judge_report(attempt, MM_CONFLICT, error,
                     "names a holder that did not hold it during the call");
    }
}

static void judge_own(const struct attempt *attempt, enum mm_status status,
                      const struct mm_error *error)
{
    const struct field *field = attempt->player->field;
    if (error->holder.owner != NULL &&
        error->holder.owner != field->owners[attempt->owner].handle) {
        judge_report(attempt, status, error, "names another owner");
    }
}

void judge_refusal(const struct attempt *attempt, enum mm_status status,
                   const struct mm_error *error, unsigned allowed)
{
    struct stress_thread *thread = attempt->player->thread;
    if (status == MM_CONFLICT) {
        stress_count(thread, STRESS_COUNTER_CONFLICTS);
    } else if (status == MM_BUSY) {
        stress_count(thread, STRESS_COUNTER_BUSY);
    } else {
        stress_count(thread, COUNT_REFUSED);
    }
    if ((allowed & JUDGE_ALLOW(status)) == 0) {
        judge_report(attempt, status, error, "not a legal outcome here");
        return;
    }
    if (error->status != status || error->operation != attempt->operation) {
        judge_report(attempt, status, error, "the record is of something else");
        return;
    }
    if (status != MM_CONFLICT && status != MM_BUSY && status != MM_WRONG_STATE) {
        return;
    }
    if (!address_is_inside(attempt, error->address)) {
        judge_report(attempt, status, error, "names an address outside the request");
    } else if (status == MM_CONFLICT) {
        judge_conflict(attempt, error);
    } else {
        judge_own(attempt, status, error);
    }
}
