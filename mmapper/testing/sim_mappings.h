/* SPDX-License-Identifier: MIT */
/*
 * The simulated kernel's list of mappings: a sorted array of disjoint pieces.
 *
 * A piece is part of one mapping and has one holder. What the kernel would count and
 * list as one mapping (equal attributes, adjacent) may be several pieces here when
 * their holders differ, because the kernel does not know holders and a test must.
 * Pieces of one holder are always merged as far as they can be; the real kernel
 * sometimes leaves a split behind (after an operation that failed half way).
 *
 * Not thread-safe. Array operations move memory instead of allocating nodes: at the
 * few dozen pieces of a fuzz unit that is the fastest there is.
 */
#ifndef MMAPPER_TESTING_SIM_MAPPINGS_H
#define MMAPPER_TESTING_SIM_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIM_FLAG_SHARED = 1,
    SIM_FLAG_FILE = 2,
    SIM_FLAG_NORESERVE = 4, /* never charged to the commit limit */
    SIM_FLAG_CHARGED = 8,   /* is charged to the commit limit (VM_ACCOUNT) */
    SIM_FLAG_HUGE = 16,     /* MADV_HUGEPAGE */
    SIM_FLAG_TOUCHED = 32,  /* has or had pages (anon_vma); does not hinder merging */
    SIM_FLAG_SEALED = 64,   /* mseal: no change any more */
};

struct sim_piece {
    uintptr_t start;
    uintptr_t end;
    uint32_t name;  /* index into the kernel's names; 0: none */
    uint8_t access; /* MM_ACCESS_* */
    uint8_t flags;  /* SIM_FLAG_* */
    uint8_t holder; /* who made it; the kernel does not know */
};

struct sim_mappings {
    struct sim_piece *pieces;
    size_t count;
    size_t capacity;
    size_t mappings; /* as the kernel would count them */
};

void sim_mappings_free(struct sim_mappings *map);

/* Index of the first piece that ends after `address`; count if there is none. */
size_t sim_mappings_find(const struct sim_mappings *map, uintptr_t address);

/* Whether a byte of [start, end) is mapped. */
bool sim_mappings_any(const struct sim_mappings *map, uintptr_t start, uintptr_t end);

/* The bounds of the mapping, as the kernel would list it, around piece `index`. */
struct sim_piece sim_mappings_whole(const struct sim_mappings *map, size_t index);

/* Adds a piece where nothing is. Always possible. */
void sim_mappings_add(struct sim_mappings *map, const struct sim_piece *piece);

/*
 * Gives [changed->start, changed->end), which lies within piece `index`, the attributes
 * of `changed`. False, and nothing changed, when the splits that this takes would
 * bring the number of mappings over `limit`.
 */
bool sim_mappings_change(struct sim_mappings *map, size_t index,
                         const struct sim_piece *changed, size_t limit);

/* Removes whatever is in [start, end). False as above. */
bool sim_mappings_remove(struct sim_mappings *map, uintptr_t start, uintptr_t end,
                         size_t limit);

#endif /* MMAPPER_TESTING_SIM_MAPPINGS_H */
