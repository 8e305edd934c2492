/* SPDX-License-Identifier: MIT */
/*
 * A set of chunk numbers: a bit each, in memory that its user provides. Not
 * thread-safe. Zero memory is the empty set; only words that get members are ever
 * touched.
 */
#ifndef SPACES_CHUNK_SET_H
#define SPACES_CHUNK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk_set {
    uint64_t *words;
    uint32_t count; /* of the members */
    uint32_t low;   /* no member is below, or at `high` or above; */
    uint32_t high;  /* both mean something only when there are members */
};

/* The bytes that a set of numbers below `limit` needs. */
static inline size_t chunk_set_bytes(uint32_t limit)
{
    return ((size_t)limit + 63) / 64 * sizeof(uint64_t);
}

/* Adds or removes [first, end), whichever of it are members now. */
void chunk_set_add(struct chunk_set *set, uint32_t first, uint32_t end);
void chunk_set_remove(struct chunk_set *set, uint32_t first, uint32_t end);

/* The lowest maximal run of members, [*first, *end); false when there are none. */
bool chunk_set_first_run(struct chunk_set *set, uint32_t *first, uint32_t *end);

#endif /* SPACES_CHUNK_SET_H */
