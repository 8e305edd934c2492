/* SPDX-License-Identifier: MIT */
/* Ranges of two mappers with chunks of different size in one window. */
#include <inttypes.h>

#include "stress/mixed.h"
#include "stress/tokens.h"

enum { PAGE = 4096, LONGEST = 6 };

void mixed_take(struct mixer *mixer, struct mm_extent extent, uint64_t epoch,
                const char *what)
{
    const uint64_t end = mm_extent_end(extent) / MIXED_GRANULE;
    for (uint64_t key = extent.start / MIXED_GRANULE; key < end; key++) {
        const struct ownership_entry entry = {key, mixer->self, epoch};
        struct ownership_entry other;
        if (!ownership_claim(mixer->session, &entry, &other)) {
            stress_violation(mixer->mixed->run, mixer->thread,
                             "O1: two owners: %s gave %#" PRIx64 " to %" PRIu64
                             " while %" PRIu64 " has it",
                             what, key * MIXED_GRANULE, mixer->self, other.owner);
            return;
        }
    }
}

void mixed_give(struct mixer *mixer, struct mm_extent extent)
{
    const uint64_t end = mm_extent_end(extent) / MIXED_GRANULE;
    for (uint64_t key = extent.start / MIXED_GRANULE; key < end; key++) {
        struct ownership_entry found;
        if (!ownership_drop(mixer->session, key, mixer->self, &found)) {
            stress_violation(mixer->mixed->run, mixer->thread,
                             "O1: %#" PRIx64 " is not in the log as ours",
                             key * MIXED_GRANULE);
        }
    }
}

struct mm_extent mixed_random_extent(struct mixer *mixer, unsigned mapper, size_t most)
{
    const struct mixed *mixed = mixer->mixed;
    struct stress_random *random = &mixer->thread->random;
    const size_t chunk = mixed->chunk_bytes[mapper];
    const size_t chunks = mixed->window.bytes / chunk;
    const size_t length = 1 + stress_random_below(random, most);
    const size_t first = stress_random_below(random, chunks - length + 1);
    return mm_extent_of(mixed->window.start + first * chunk, length * chunk);
}

void mixed_report(const struct mixer *mixer, const char *what, enum mm_status status,
                  const struct mm_error *error)
{
    char text[512];
    (void)mm_error_format(error, text, sizeof(text));
    stress_violation(mixer->mixed->run, mixer->thread, "O6: %s gave %s: %s", what,
                     mm_status_name(status), text);
}

/* Refused by an owner of this mapper, or by a mapping that this mapper knows nothing
 * of: the other mapper's, or foreign. */
static void judge_conflict(struct mixer *mixer, struct mm_extent request,
                           const struct mm_error *error)
{
    stress_count(mixer->thread, STRESS_COUNTER_CONFLICTS);
    if (error->holder.owner != NULL) {
        if (!mm_extent_contains_address(request, error->address)) {
            mixed_report(mixer, "a conflict outside the request", MM_CONFLICT, error);
        }
        return;
    }
    stress_count(mixer->thread, COUNT_FOREIGN_CONFLICTS);
    if (error->foreign.extent.bytes != 0 &&
        !mm_extent_overlaps(request, error->foreign.extent)) {
        mixed_report(mixer, "a conflict with a mapping elsewhere", MM_CONFLICT, error);
    }
}

static void get_parcel(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    struct stress_random *random = &mixer->thread->random;
    struct mm_error error;
    struct parcel parcel = {.mapper = (unsigned)stress_random_below(random, 2)};
    const uint64_t way = stress_random_below(random, 3);
    struct mmapper *mapper = mixed->mappers[parcel.mapper];
    struct mm_owner *owner = mixer->owners[parcel.mapper];
    enum mm_status status;
    if (mixer->parcel_count == MIXED_PARCELS) {
        return;
    }
    parcel.extent = mixed_random_extent(mixer, parcel.mapper, LONGEST);
    const struct mm_extent wish = parcel.extent;
    if (way == 0) {
        status = mmapper_quarantine(mapper, owner, wish, &error);
    } else if (way == 1) {
        status = mmapper_quarantine_anywhere(mapper, owner, wish.bytes, 0,
                                             &parcel.extent, &error);
    } else {
        status = mmapper_quarantine_preferred(mapper, owner, wish, 0, &parcel.extent,
                                              &error);
    }
    if (status == MM_OK) {
        parcel.epoch = mm_fetch_add_relaxed_u64(&mixed->epochs, 1) + 1;
        mixed_take(mixer, parcel.extent, parcel.epoch, "a mapper");
        mixer->parcels[mixer->parcel_count++] = parcel;
        stress_count(mixer->thread, COUNT_PARCELS);
    } else if (way == 0 && status == MM_CONFLICT) {
        judge_conflict(mixer, wish, &error);
    } else if (!(way == 0 && status == MM_WRONG_STATE) && status != MM_NO_SPACE &&
               status != MM_BUSY) {
        mixed_report(mixer, "quarantine", status, &error);
    }
}

static void write_tokens(const struct mixer *mixer, const struct parcel *parcel)
{
    for (size_t at = 0; at < parcel->extent.bytes; at += MIXED_GRANULE) {
        token_write(parcel->extent.start + at, PAGE, mixer->self, parcel->epoch);
    }
}

static void check_parcel(const struct mixer *mixer, const struct parcel *parcel)
{
    const struct mixed *mixed = mixer->mixed;
    for (size_t at = 0; at < parcel->extent.bytes; at += MIXED_GRANULE) {
        const uintptr_t address = parcel->extent.start + at;
        const struct mm_lookup seen =
            mmapper_lookup(mixed->mappers[parcel->mapper], address);
        const enum mm_state expected = parcel->mapped ? MM_MAPPED : MM_QUARANTINED;
        struct token found;
        if (seen.state != expected || seen.owner != mixer->owners[parcel->mapper]) {
            stress_violation(mixed->run, mixer->thread,
                             "O6: held %#" PRIxPTR " is %s by lookup", address,
                             mm_state_name(seen.state));
        } else if (parcel->mapped &&
                   !token_check(address, PAGE, mixer->self, parcel->epoch, &found)) {
            stress_violation(mixed->run, mixer->thread,
                             "O3: page %#" PRIxPTR " of %" PRIu64 ": found %" PRIu64
                             ", epoch %" PRIu64,
                             address, mixer->self, found.owner, found.epoch);
        }
    }
}

static void map_parcel(struct mixer *mixer, struct parcel *parcel)
{
    struct mm_error error;
    uintptr_t dirt = 0;
    const enum mm_status status =
        mmapper_ensure_mapped(mixer->mixed->mappers[parcel->mapper],
                              mixer->owners[parcel->mapper], parcel->extent, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "ensure_mapped of what is held", status, &error);
        return;
    }
    if (!parcel->mapped && !token_is_zero(parcel->extent.start, PAGE, &dirt)) {
        stress_violation(mixer->mixed->run, mixer->thread,
                         "O3: fresh memory is not zero at %#" PRIxPTR, dirt);
    }
    if (!parcel->mapped) {
        write_tokens(mixer, parcel);
        parcel->mapped = true;
    }
    check_parcel(mixer, parcel);
}

static void decommit_parcel(struct mixer *mixer, struct parcel *parcel)
{
    struct mm_error error;
    const enum mm_status status =
        mmapper_decommit(mixer->mixed->mappers[parcel->mapper],
                         mixer->owners[parcel->mapper], parcel->extent, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "decommit of what is held", status, &error);
    }
    parcel->mapped = false;
    check_parcel(mixer, parcel);
}

static void release_parcel(struct mixer *mixer, size_t index)
{
    struct mm_error error;
    const struct parcel parcel = mixer->parcels[index];
    mixer->parcels[index] = mixer->parcels[--mixer->parcel_count];
    check_parcel(mixer, &parcel);
    mixed_give(mixer, parcel.extent);
    const enum mm_status status =
        mmapper_release(mixer->mixed->mappers[parcel.mapper],
                        mixer->owners[parcel.mapper], parcel.extent, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "release of what is held", status, &error);
    }
}

void mixed_parcel_step(struct mixer *mixer)
{
    struct stress_random *random = &mixer->thread->random;
    const uint64_t choice = stress_random_below(random, 8);
    if (mixer->parcel_count == 0 || choice < 3) {
        get_parcel(mixer);
        return;
    }
    const size_t index = stress_random_below(random, mixer->parcel_count);
    if (choice < 5) {
        map_parcel(mixer, &mixer->parcels[index]);
    } else if (choice < 6) {
        decommit_parcel(mixer, &mixer->parcels[index]);
    } else {
        release_parcel(mixer, index);
    }
}

void mixed_parcels_check(struct mixer *mixer)
{
    for (size_t i = 0; i < mixer->parcel_count; i++) {
        check_parcel(mixer, &mixer->parcels[i]);
    }
}

void mixed_parcels_release(struct mixer *mixer)
{
    while (mixer->parcel_count > 0) {
        release_parcel(mixer, mixer->parcel_count - 1);
    }
}
