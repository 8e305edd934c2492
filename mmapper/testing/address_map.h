/* SPDX-License-Identifier: MIT */
/*
 * The oracle: which token holds which addresses.
 *
 * An interval map under one plain lock, as simple as can be. It shares no code with the
 * mapper nor with the simulated kernel (of extent.h only the struct), so that a mistake
 * there cannot be made here as well. What it models: exclusion, byte by byte. What it
 * does not: chunks, states, protections, time.
 *
 * A token is any number that tells holders apart. Neighbouring claims of one token are
 * one claim. All functions are thread-safe; each is one step. An extent that is empty
 * or overflows aborts: the oracle's users must know what they claim.
 */
#ifndef MMAPPER_TESTING_ADDRESS_MAP_H
#define MMAPPER_TESTING_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/extent.h"

struct address_map;

struct address_claim {
    struct mm_extent extent; /* maximal; bytes == 0: nobody's */
    uint64_t token;
};

/* Aborts when out of memory, as insertion does. */
struct address_map *address_map_create(void);
void address_map_destroy(struct address_map *map);

/* Claims `extent`. When a byte of it is held, whoever by, false, nothing changed, and
 * *found (may be NULL) is the lowest claim in the way. */
bool address_map_insert(struct address_map *map, struct mm_extent extent,
                        uint64_t token, struct address_claim *found);

/* Gives `extent` up, all of which `token` holds. Otherwise false, nothing changed, and
 * *found (may be NULL) says what is at the first byte that it does not: another's
 * claim, or what is free from there on (bytes == 0 when that never ends). */
bool address_map_remove(struct address_map *map, struct mm_extent extent,
                        uint64_t token, struct address_claim *found);

/* Hands `extent`, all of which `from` holds, to `to`. Otherwise as remove. */
bool address_map_change(struct address_map *map, struct mm_extent extent, uint64_t from,
                        uint64_t to, struct address_claim *found);

/* Whether `token` holds all of `extent`. Otherwise *found as for remove. */
bool address_map_holds(struct address_map *map, struct mm_extent extent, uint64_t token,
                       struct address_claim *found);

/* The claim on `address`; false if nobody holds it. */
bool address_map_query(struct address_map *map, uintptr_t address,
                       struct address_claim *claim);

/* The first claim that ends after `address`; false if there is none. Walk with
 *     for (at = 0; address_map_next(m, at, &c); at = c.extent.start + c.extent.bytes)
 */
bool address_map_next(struct address_map *map, uintptr_t address,
                      struct address_claim *claim);

/* Claims and bytes, of all and of one token. */
size_t address_map_count(struct address_map *map);
uint64_t address_map_bytes(struct address_map *map);
uint64_t address_map_token_bytes(struct address_map *map, uint64_t token);

#endif /* MMAPPER_TESTING_ADDRESS_MAP_H */
