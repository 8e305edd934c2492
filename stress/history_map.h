/* SPDX-License-Identifier: MIT */
/*
 * The pages of one address space of a history: disjoint pieces in ascending order.
 */
#ifndef STRESS_HISTORY_MAP_H
#define STRESS_HISTORY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history_piece {
    uint64_t start;
    uint64_t end;
    uint64_t line; /* of the call that mapped it */
    uint32_t origin;
    uint8_t protection; /* HISTORY_PROT_*, 0 for none */
    bool no_fork;       /* MADV_DONTFORK */
};

struct history_map {
    struct history_piece *pieces;
    size_t count;
    size_t capacity;
    uint64_t bytes; /* of all pieces */
};

void history_map_free(struct history_map *map);

/* The first piece that ends above `address`; map->count when there is none. */
size_t history_map_find(const struct history_map *map, uint64_t address);

/* Whether any piece meets [start, end). */
bool history_map_meets(const struct history_map *map, uint64_t start, uint64_t end);

/* Splits pieces so that none reaches over `address`. */
void history_map_cut(struct history_map *map, uint64_t address);

/* Removes what lies in [start, end). */
void history_map_remove(struct history_map *map, uint64_t start, uint64_t end);

/* Adds a piece where nothing is. Merges it with equal neighbours. */
void history_map_add(struct history_map *map, struct history_piece piece);

/* Merges equal neighbours in and around [start, end), after an edit. */
void history_map_merge(struct history_map *map, uint64_t start, uint64_t end);

/* The end of what is mapped without a hole from `start` on; at most `end`. */
uint64_t history_map_hole(const struct history_map *map, uint64_t start, uint64_t end);

/* Ascending, disjoint, not empty, merged, and `bytes` adds up. */
bool history_map_valid(const struct history_map *map);

#endif /* STRESS_HISTORY_MAP_H */
