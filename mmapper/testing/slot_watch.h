/* SPDX-License-Identifier: MIT */
/*
 * Reads a mapper's table, from outside of its interface and without a step of the
 * simulation: what a store to a word or slot changed, what a chunk is, who is pinned,
 * what a location is called. For oracles and traces.
 */
#ifndef MMAPPER_TESTING_SLOT_WATCH_H
#define MMAPPER_TESTING_SLOT_WATCH_H

#include "mmapper/mmapper.h"

/* The states as the table has them; the numbers are the table's. */
enum watch_state {
    WATCH_UNMAPPED = 0,
    WATCH_RESERVING,
    WATCH_QUARANTINED,
    WATCH_MAPPED,
    WATCH_DECOMMITTING_Q,
    WATCH_DECOMMITTING_M,
    WATCH_RELEASING_Q,
    WATCH_RELEASING_M,
    WATCH_RELEASING_X,
    WATCH_TRANSFERRING_Q,
    WATCH_TRANSFERRING_M,
    WATCH_EXCLUDED,
    WATCH_SEALING,
    WATCH_SEALED,
    WATCH_STATE_COUNT,
};

/* What one chunk is. */
struct watch_value {
    enum watch_state state;
    const struct mm_owner *owner; /* NULL when UNMAPPED */
};

enum watch_kind {
    WATCH_NOTHING = 0, /* not a word or slot of this mapper */
    WATCH_CHUNKS,      /* `before` became `after` in chunks [first, end) */
    WATCH_SPLIT,       /* a region split; no chunk changed */
    WATCH_BROKEN,      /* a word changed as it must not: `problem` says how */
};

struct watch_change {
    enum watch_kind kind;
    size_t first;
    size_t end;
    struct watch_value before;
    struct watch_value after;
    const char *problem;
};

/* What the store of `after` over `before` at `address` did. */
struct watch_change slot_watch_store(const struct mmapper *mapper, const void *address,
                                     uint64_t before, uint64_t after);

/* The newest value of a chunk. */
struct watch_value slot_watch_chunk(const struct mmapper *mapper, size_t chunk);

/* The owner whose pins the location is one of; NULL for others. */
const struct mm_owner *slot_watch_pin(const struct mmapper *mapper,
                                      const void *address);

/* All pins of an owner, added up. */
uint64_t slot_watch_pins(const struct mm_owner *owner);

/* "slot 3", "word 1", "pin heap/0", "owner heap status"; false for other places. */
bool slot_watch_name(const struct mmapper *mapper, const void *address, char *text,
                     size_t bytes);

/* A value of the word or slot at `address`, as text; false for other places. */
bool slot_watch_value(const struct mmapper *mapper, const void *address, uint64_t value,
                      char *text, size_t bytes);

const char *watch_state_name(enum watch_state state);

#endif /* MMAPPER_TESTING_SLOT_WATCH_H */
