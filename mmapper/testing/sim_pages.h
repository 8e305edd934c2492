/* SPDX-License-Identifier: MIT */
/*
 * The contents of simulated memory: one token a page, zero until written; a guard is a
 * token too.
 *
 * Only pages that hold something are stored, in a sorted array. Not thread-safe.
 */
#ifndef MMAPPER_TESTING_SIM_PAGES_H
#define MMAPPER_TESTING_SIM_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_page {
    uintptr_t address;
    uint64_t token;
};

struct sim_pages {
    struct sim_page *pages;
    size_t count;
    size_t capacity;
};

void sim_pages_free(struct sim_pages *contents);

uint64_t sim_pages_read(const struct sim_pages *contents, uintptr_t page);
void sim_pages_write(struct sim_pages *contents, uintptr_t page, uint64_t token);

/* The token of a guarded page. */
#define SIM_GUARD UINT64_MAX

/* Zeroes the pages in [start, end), guarded ones included. */
void sim_pages_drop(struct sim_pages *contents, uintptr_t start, uintptr_t end);

/* Zeroes those that have a guard, or those that have none. */
void sim_pages_drop_some(struct sim_pages *contents, uintptr_t start, uintptr_t end,
                         bool guards);

/* The number of pages in [start, end) that hold something else than a guard. */
size_t sim_pages_count(const struct sim_pages *contents, uintptr_t start,
                       uintptr_t end);

#endif /* MMAPPER_TESTING_SIM_PAGES_H */
