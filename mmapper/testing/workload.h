/* SPDX-License-Identifier: MIT */
/*
 * Sequences of mapper operations, and a naive model that says how each must end.
 *
 * The model is an array of chunks with a state and an owner: what the contract says,
 * read chunk by chunk. Steps go over a small window of chunks of two pages in tiny
 * regions, so that borders, splits and conflicts are everywhere. The model knows
 * foreign mappings (one page at the end of a chunk) but no limits: what the OS refuses
 * for other reasons is the test's to know.
 */
#ifndef MMAPPER_TESTING_WORKLOAD_H
#define MMAPPER_TESTING_WORKLOAD_H

#include "mmapper/mmapper.h"

enum {
    WORKLOAD_PAGE = 4096,
    WORKLOAD_CHUNK = 2 * WORKLOAD_PAGE,
    WORKLOAD_CHUNKS = 18,
    WORKLOAD_STEPS = 24,
};

enum workload_owner {
    OWNER_A = 0, /* plain */
    OWNER_B,     /* the same strategy */
    OWNER_HUGE,  /* transparent huge pages, unaccounted, RWX */
    OWNER_X,     /* external backing */
    WORKLOAD_OWNERS,
    OWNER_NONE = WORKLOAD_OWNERS,
};

enum step_kind {
    STEP_QUARANTINE = 0,
    STEP_ANYWHERE,  /* `count` chunks, aligned to `first` chunks (0: not) */
    STEP_PREFERRED, /* the same at first */
    STEP_ENSURE,
    STEP_DECOMMIT,
    STEP_RELEASE,
    STEP_TRANSFER, /* to `other` */
    STEP_ADOPT,
    STEP_EXCLUDE,
    STEP_FOREIGN_MAP,   /* the last page of chunk `first` */
    STEP_FOREIGN_UNMAP, /* the same */
    STEP_KIND_COUNT,
};

struct step {
    enum step_kind kind;
    enum workload_owner owner;
    enum workload_owner other;
    size_t first;
    size_t count;
};

struct workload {
    const char *name;
    size_t count;
    struct step steps[WORKLOAD_STEPS];
};

struct model_chunk {
    enum mm_state state;
    enum workload_owner owner; /* OWNER_NONE when UNMAPPED */
    bool foreign;              /* a foreign page lies in it */
};

struct model {
    struct model_chunk chunks[WORKLOAD_CHUNKS];
};

/* How a step must end when the OS refuses nothing but foreign pages. */
struct prediction {
    enum mm_status status;
    size_t chunk; /* the first at fault, for CONFLICT and WRONG_STATE of a chunk */
    bool foreign; /* CONFLICT with a foreign mapping */
};

/* Names for messages. */
const char *step_kind_name(enum step_kind kind);

/* The strategy of an owner. */
struct mm_strategy workload_strategy(enum workload_owner owner);

void model_reset(struct model *model);

/* Does not know where STEP_ANYWHERE and STEP_PREFERRED go, only that they succeed when
 * there is room: for them the status is OK or NO_SPACE. */
struct prediction model_predict(const struct model *model, const struct step *step);

/* Takes a successful step. For STEP_ANYWHERE and STEP_PREFERRED `first` is where it
 * went. */
void model_take(struct model *model, const struct step *step, size_t first);

/* A step from random numbers, mostly one that can succeed as things are in `model`.
 * `state` is advanced and must not be zero. */
struct step workload_random_step(const struct model *model, uint64_t *state);

/* The next of a sequence of pseudo-random numbers (xorshift). */
uint64_t workload_random(uint64_t *state);

#endif /* MMAPPER_TESTING_WORKLOAD_H */
