/* SPDX-License-Identifier: MIT */
#include "stress/holder_record.h"

#include <stdlib.h>

#include "mmapper/atomic.h"

struct interest {
    mm_atomic_u64 active; /* interests that have begun and not ended */
    mm_atomic_u64 ended;  /* the latest moment one ended at, 0: never */
};

struct holder_record {
    size_t chunks;
    size_t owners;
    mm_atomic_u64 clock;
    /* Of chunk c and owner o: [c * owners + o]. One past the last chunk stands for all
     * chunks, for calls that may take any. */
    struct interest *interests;
};

struct holder_record *holder_record_create(size_t chunks, size_t owners)
{
    struct holder_record *record = calloc(1, sizeof(*record));
    if (record == NULL) {
        return NULL;
    }
    record->chunks = chunks;
    record->owners = owners;
    record->interests = calloc((chunks + 1) * owners, sizeof(*record->interests));
    if (record->interests == NULL) {
        free(record);
        return NULL;
    }
    return record;
}

void holder_record_destroy(struct holder_record *record)
{
    free(record->interests);
    free(record);
}

static struct interest *interest_of(const struct holder_record *record, size_t chunk,
                                    size_t owner)
{
    if (chunk > record->chunks || owner >= record->owners) {
        abort();
    }
    return &record->interests[chunk * record->owners + owner];
}

/* A moment that no other call gets: later calls get later ones. */
static uint64_t tick(struct holder_record *record)
{
    /* edge: STRESS-CLOCK */
    return mm_fetch_add_seq_cst_u64(&record->clock, 1) + 1;
}

uint64_t holder_record_now(struct holder_record *record)
{
    return tick(record);
}

void holder_record_begin(struct holder_record *record, size_t first, size_t end,
                         size_t owner)
{
    for (size_t chunk = first; chunk < end; chunk++) {
        /* edge: STRESS-CLOCK (seq_cst: before the call it announces) */
        (void)mm_fetch_add_seq_cst_u64(&interest_of(record, chunk, owner)->active, 1);
    }
}

static void raise_to(mm_atomic_u64 *latest, uint64_t moment)
{
    uint64_t seen = mm_load_relaxed_u64(latest); /* the CAS is what counts */
    /* edge: STRESS-CLOCK */
    while (seen < moment && !mm_cas_seq_cst_u64(latest, seen, moment)) {
        seen = mm_load_relaxed_u64(latest);
    }
}

void holder_record_end(struct holder_record *record, size_t first, size_t end,
                       size_t owner)
{
    const uint64_t moment = tick(record);
    for (size_t chunk = first; chunk < end; chunk++) {
        struct interest *interest = interest_of(record, chunk, owner);
        /* In this order: who no longer sees it active sees when it ended. */
        raise_to(&interest->ended, moment);
        /* edge: STRESS-CLOCK */
        (void)mm_fetch_add_seq_cst_u64(&interest->active, UINT64_MAX);
    }
}

void holder_record_begin_anywhere(struct holder_record *record, size_t owner)
{
    holder_record_begin(record, record->chunks, record->chunks + 1, owner);
}

void holder_record_end_anywhere(struct holder_record *record, size_t owner)
{
    holder_record_end(record, record->chunks, record->chunks + 1, owner);
}

static bool interested(const struct holder_record *record, size_t chunk, size_t owner,
                       uint64_t since)
{
    const struct interest *interest = interest_of(record, chunk, owner);
    /* edge: STRESS-CLOCK */
    return mm_load_seq_cst_u64(&interest->active) != 0 ||
           mm_load_seq_cst_u64(&interest->ended) > since;
}

bool holder_record_plausible(struct holder_record *record, size_t chunk, size_t owner,
                             uint64_t since)
{
    return interested(record, chunk, owner, since) ||
           interested(record, record->chunks, owner, since);
}
