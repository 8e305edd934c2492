/* SPDX-License-Identifier: MIT */
/*
 * ensure_mapped: the operation that runs all the time.
 *
 * Committing reserved memory is idempotent, so nothing is claimed: any thread of the
 * owner commits and then replaces QUARANTINED by MAPPED, and a thread that loses that
 * race has helped. What may not happen is that the memory goes to somebody else between
 * the look at the chunk and the commit: that is what the pin prevents.
 */
#include "mmapper/call.h"
#include "mmapper/claim.h"
#include "mmapper/commit_ahead.h"
#include "mmapper/os.h"
#include "mmapper/placement.h"

enum glance {
    GLANCE_MAPPED,  /* own and mapped: nothing to do */
    GLANCE_COMMIT,  /* own and quarantined */
    GLANCE_RESERVE, /* nobody's */
    GLANCE_WAIT,    /* own and being reserved by a fellow thread */
    GLANCE_FAIL,    /* anything else */
};

static enum glance glance(const struct call *call, map_value value,
                          enum mm_status *status)
{
    const enum map_state state = map_state_of(value);
    *status = MM_OK;
    if (state == MAP_UNMAPPED) {
        if (owner_backing(call->owner) == MM_BACKING_RESERVED) {
            return GLANCE_RESERVE;
        }
        *status = MM_WRONG_STATE;
        return GLANCE_FAIL;
    }
    if (map_owner_of(value) != call->id) {
        *status = MM_CONFLICT;
        return GLANCE_FAIL;
    }
    switch (state) {
    case MAP_MAPPED:
    case MAP_SEALED:
        return GLANCE_MAPPED;
    case MAP_QUARANTINED:
        return GLANCE_COMMIT;
    case MAP_RESERVING:
        return GLANCE_WAIT;
    default:
        *status = map_is_transient(state) ? MM_BUSY : MM_WRONG_STATE;
        return GLANCE_FAIL;
    }
}

/* Looks at the whole range without a pin. Advances range->first to the first chunk that
 * is not mapped, so that range->first == range->end says that all is done. A failure
 * anywhere is found here, before any system call. */
static enum mm_status survey(const struct call *call, struct chunk_range *range)
{
    range->first =
        mm_chunk_run_end(&call->mapper->table, *range, map_make(MAP_MAPPED, call->id));
    struct chunk_range rest = *range;
    while (rest.first < rest.end) {
        const struct chunk_unit unit = chunk_unit_load(&call->mapper->table, rest);
        enum mm_status status;
        const enum glance seen = glance(call, unit.value, &status);
        if (seen == GLANCE_FAIL) {
            return mm_call_fail_at(call, status, rest.first, unit.value);
        }
        if (seen == GLANCE_MAPPED && rest.first == range->first) {
            range->first = unit.end; /* sealed chunks among the mapped ones */
        }
        rest.first = unit.end;
    }
    return MM_OK;
}

/* The maximal run of own quarantined chunks from range.first on. */
static struct chunk_range quarantined_run(const struct call *call,
                                          struct chunk_range range)
{
    struct chunk_range rest = range;
    while (rest.first < rest.end) {
        const struct chunk_unit unit =
            chunk_unit_load_pinned(&call->mapper->table, rest);
        if (unit.value != map_make(MAP_QUARANTINED, call->id)) {
            break;
        }
        rest.first = unit.end;
    }
    range.end = rest.first;
    return range;
}

/* Replaces QUARANTINED by MAPPED over a run that this thread has committed. Returns one
 * past the last chunk that is MAPPED; *obstacle is set when that is not run.end. */
static size_t publish_mapped(const struct call *call, struct chunk_range run,
                             struct obstacle *obstacle)
{
    struct chunk_table *table = &call->mapper->table;
    const map_value mapped = map_make(MAP_MAPPED, call->id);
    while (run.first < run.end) {
        struct chunk_unit unit = chunk_unit_load_pinned(table, run);
        map_value next;
        if (unit.value == mapped) {
            run.first = unit.end; /* a fellow thread was faster: all the same */
            continue;
        }
        /* While this thread is pinned a chunk it saw QUARANTINED can only become
         * MAPPED, or be claimed by a call that will see the pin and take its claim
         * back. */
        const enum mm_status status =
            mm_map_transition(MAP_STEP_COMMIT, unit.value, call->id, MAP_NOBODY, &next);
        if (status != MM_OK) {
            *obstacle = (struct obstacle){status, run.first, unit.value};
            break;
        }
        const enum chunk_swap swap = mm_chunk_publish(table, run.first, &unit, next);
        count_swap(call->mapper, swap);
        if (swap == CHUNK_SWAPPED) {
            run.first = unit.end;
        }
    }
    return run.first;
}

/* The own quarantined chunks at the head of the range and, if they reach to its end,
 * `ahead` more. */
static struct chunk_range run_with_ahead(const struct call *call,
                                         struct chunk_range range, size_t ahead)
{
    const size_t room = call->mapper->table.chunks - range.end;
    range.end += ahead < room ? ahead : room;
    return quarantined_run(call, range);
}

static size_t ahead_of(const struct call *call, const struct owner_pin *pin,
                       struct chunk_range range)
{
    const size_t most = owner_commit_ahead(call->owner);
    return most == 0 ? 0 : commit_ahead_window(pin, range.first, most);
}

/* Commits and publishes what is quarantined at the head of the range, and some chunks
 * ahead of its end, which must not make the call fail. */
static enum mm_status commit_run(const struct call *call, struct owner_pin *pin,
                                 struct chunk_range *range)
{
    const struct chunk_table *table = &call->mapper->table;
    const size_t ahead = ahead_of(call, pin, *range);
    struct chunk_range run = run_with_ahead(call, *range, ahead);
    if (run.first == run.end) {
        return MM_OK; /* changed since: look again */
    }
    int os_error = mm_os_commit(call->mapper, call->owner, chunk_extent(table, run));
    const bool refused = os_error != 0 && run.end > range->end;
    if (refused) {
        /* Perhaps there is memory for what was asked for. */
        run.end = range->end;
        os_error = mm_os_commit(call->mapper, call->owner, chunk_extent(table, run));
    }
    if (os_error != 0) {
        return mm_call_fail_os(call, MM_OS_COMMIT, chunk_extent(table, run), os_error);
    }
    struct obstacle obstacle = {.status = MM_OK};
    const size_t mapped = publish_mapped(call, run, &obstacle);
    if (mapped < run.end && mapped < range->end) {
        return mm_call_fail_at(call, obstacle.status, obstacle.chunk, obstacle.value);
    }
    if (refused) {
        commit_ahead_forget(pin);
    } else if (owner_commit_ahead(call->owner) != 0) {
        commit_ahead_note(pin, mapped, ahead);
    }
    range->first = mapped < range->end ? mapped : range->end;
    return MM_OK;
}

/* Quarantines the UNMAPPED chunks at the head of the range, as many as are free: what
 * ends them, the next look will name. */
static enum mm_status reserve_run(const struct call *call, struct chunk_range range)
{
    struct obstacle obstacle = {.status = MM_OK};
    const size_t claimed = mm_claim_prefix(call, range, MAP_STEP_RESERVE, &obstacle);
    if (claimed == range.first) {
        return MM_OK;
    }
    range.end = claimed;
    return mm_reserve_claimed(call, range);
}

/* Works through the range until all is mapped, or something fails, or a fellow thread
 * has to be waited for: then *wait is set. The owner is pinned. */
static enum mm_status work(const struct call *call, struct owner_pin *pin,
                           struct chunk_range *range, bool *wait)
{
    while (range->first < range->end) {
        const struct chunk_unit unit =
            chunk_unit_load_pinned(&call->mapper->table, *range);
        enum mm_status status;
        switch (glance(call, unit.value, &status)) {
        case GLANCE_MAPPED:
            range->first = unit.end;
            break;
        case GLANCE_COMMIT:
            status = commit_run(call, pin, range);
            break;
        case GLANCE_RESERVE:
            status = reserve_run(call, *range);
            break;
        case GLANCE_WAIT:
            *wait = true;
            return MM_OK;
        case GLANCE_FAIL:
            return mm_call_fail_at(call, status, range->first, unit.value);
        }
        if (status != MM_OK) {
            return status;
        }
    }
    return MM_OK;
}

/* The call that is made all the time: in one chunk, or in one uniform region, mapped
 * already. No more than its checks and its loads; whatever is not plain is for the long
 * way. That the owner is a live one follows from what it holds. */
static bool is_plainly_mapped(const struct mmapper *mapper,
                              const struct mm_owner *owner, struct mm_extent extent)
{
    const struct chunk_table *table = &mapper->table;
    const size_t offset = extent.start - table->base;
    if (offset >= table->bytes || extent.bytes > table->bytes - offset) {
        return false;
    }
    unsigned log_unit;
    const map_value value = chunk_load_raw(table, offset, &log_unit);
    const size_t last = ((size_t)1 << log_unit) - 1;
    const size_t room = last - (offset & last); /* for bytes behind the first one */
    /* bytes - 1: no bytes is more than there is room for. */
    return map_state_of(value) == MAP_MAPPED &&
           owner == mapper->owners.owners + (value >> MAP_STATE_BITS) &&
           extent.bytes - 1 <= room;
}

/* A function of its own, so that the call that is made all the time saves no registers
 * for what it does not do. */
__attribute__((noinline)) static enum mm_status
ensure_the_long_way(struct mmapper *mapper, struct mm_owner *owner,
                    struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    struct mm_backoff backoff = {0};
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_ENSURE_MAPPED, extent, error);
    if (status == MM_OK) {
        status = mm_call_outer_range(&call, &range);
    }
    if (status == MM_OK) {
        status = survey(&call, &range);
    }
    while (status == MM_OK && range.first < range.end) {
        bool wait = false;
        struct owner_pin *pin = mm_owner_pin(owner, OWNER_PIN_COMMIT);
        status = work(&call, pin, &range, &wait);
        mm_owner_unpin(pin, OWNER_PIN_COMMIT);
        if (wait) {
            /* Not pinned: a fellow's release must not be refused for our waiting. */
            counter_add(&mapper->counters, COUNTER_WAITS);
            mm_wait(&backoff);
        }
    }
    return status;
}

enum mm_status mmapper_ensure_mapped(struct mmapper *mapper, struct mm_owner *owner,
                                     struct mm_extent extent, struct mm_error *error)
{
    return is_plainly_mapped(mapper, owner, extent)
               ? MM_OK
               : ensure_the_long_way(mapper, owner, extent, error);
}
