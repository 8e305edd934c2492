/* SPDX-License-Identifier: MIT */
/*
 * The field of the mapping stress: one mapper, the chunks of its window, the owners
 * that race for them, and what the oracles know about each chunk.
 *
 * What a thread does with an owner depends on the owner's class, which is how the
 * caller's part of the contract (G5) is kept, or broken on purpose:
 *   private   one thread's: anything; never BUSY
 *   shared    all threads': each works only on ranges that it reserved itself
 *   project   a few threads map one range together (project.h)
 *   reckless  all threads': anything anywhere at any time, memory never touched
 *   odd       holds nothing; its strategy differs
 */
#ifndef STRESS_FIELD_H
#define STRESS_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/atomic.h"
#include "mmapper/mmapper.h"
#include "stress/holder_record.h"
#include "stress/ownership_log.h"
#include "stress/runner.h"

enum {
    FIELD_CHUNKS = 1024,
    FIELD_SHARED = 2,
    FIELD_PROJECTS = 2,
    FIELD_RECKLESS = 2,
    FIELD_MAX_OWNERS =
        STRESS_MAX_THREADS + FIELD_SHARED + FIELD_PROJECTS + FIELD_RECKLESS + 1,
};

enum field_class {
    FIELD_CLASS_PRIVATE,
    FIELD_CLASS_SHARED,
    FIELD_CLASS_PROJECT,
    FIELD_CLASS_RECKLESS,
    FIELD_CLASS_ODD,
};

struct field_owner {
    struct mm_owner *handle;
    enum field_class class;
};

/* What the one thread that is responsible for a held chunk knows about it. Plain: it
 * passes from one thread to the next through the mapper's own ordering. */
struct plot {
    size_t owner;   /* now */
    uint64_t epoch; /* of the claim */
    bool mapped;
    size_t token_owner; /* who wrote the tokens, if mapped */
};

/* Chunks [first, end). */
struct span {
    size_t first;
    size_t end;
};

struct field {
    struct stress_run *run;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mmapper *stranger; /* another instance, for its owner */
    struct mm_owner *foreign_owner;
    struct mm_extent window;
    size_t chunk_bytes;
    struct field_owner owners[FIELD_MAX_OWNERS];
    size_t owner_count;
    size_t first_private; /* one for each thread */
    size_t first_shared;
    size_t first_project;
    size_t first_reckless;
    size_t odd;
    struct ownership_log *log;
    struct ownership_session *session; /* the main thread's */
    struct holder_record *record;
    struct plot plots[FIELD_CHUNKS];
    mm_atomic_u64 epochs; /* relaxed: only has to be different each time */
    /* Whether a project or reckless owner's interest in a chunk is noted until the next
     * checkpoint: [chunk * owner_count + owner]. Relaxed: the record does the ordering.
     */
    mm_atomic_u32 *noted;
};

/* False: this machine does not let us. */
bool field_create(struct field *field, struct stress_run *run);
void field_destroy(struct field *field);

struct mm_extent field_extent(const struct field *field, struct span span);

/* The chunks that an extent inside the window meets. */
struct span field_span(const struct field *field, struct mm_extent extent);

/* The index of a holder that an error or a lookup names; owner_count if it is none. */
size_t field_owner_index(const struct field *field, const struct mm_owner *handle);

/* Before a project or reckless owner's call that may take chunks of `span`. */
void field_note(struct field *field, struct span span, size_t owner);

/* At a checkpoint, when those owners hold nothing. */
void field_forget_notes(struct field *field);

#endif /* STRESS_FIELD_H */
