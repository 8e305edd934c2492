/* SPDX-License-Identifier: MIT */
/*
 * Whose call it is: the mapper's when it returns into a section that MM_CALLS_OS names
 * (mmapper/mmap_support.h), in whichever loaded object that lies.
 */
#ifndef GUARD_ORIGIN_H
#define GUARD_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "guard/ranges.h"

#define GUARD_SECTION "mmapper_os"

/* A loaded object. */
struct guard_object {
    const char *path; /* "" for the program itself */
    uintptr_t start;  /* where it lies */
    uintptr_t bias;   /* added to the addresses in its file */
};

/* The object around `address`; false when there is none, as for code made at run time.
 * Takes no lock. */
bool guard_object_at(uintptr_t address, struct guard_object *object);

enum { GUARD_KNOWN_OBJECTS = 64 };

/* What was found out about an object. */
struct guard_known_object {
    uintptr_t start;
    uintptr_t bias;
    uint64_t path_hash;
    struct guard_range section; /* empty when it has none */
};

/* All zero: nothing is known yet. The caller holds the lock. */
struct guard_origins {
    struct guard_known_object known[GUARD_KNOWN_OBJECTS];
    unsigned count;
    unsigned next; /* to be forgotten, when there are more */
};

/* Whether a call that returns to `address` is the mapper's. *found becomes true when its
 * section was seen for the first time. */
bool guard_is_mapper(struct guard_origins *origins, uintptr_t address, bool *found);

#endif /* GUARD_ORIGIN_H */
