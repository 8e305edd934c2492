/* SPDX-License-Identifier: MIT */
/*
 * A space map: equal slots of address space, one for each space, so that the space of
 * an address is a shift and a load.
 *
 *     base             base + 2^41        base + 2^42
 *       |  slot 0: space A  |  slot 1: free  |  slot 2: space B  | ...
 *
 * A slot's extent is quarantined for its space's owner when it is taken and released
 * when it is given back; a free slot holds no reservation. A space lives inside its
 * slot: the slot's extent is its bound, and all growth in it is the space's matter.
 *
 *               take              quarantined
 *      FREE ───────────▶ CHANGING ───────────▶ HELD
 *        ▲                │    ▲                │
 *        └────────────────┘    └────────────────┘
 *          failed, or released      give back
 *
 * Functions are thread-safe but for create and destroy of the same map; nobody waits
 * for anybody. `error` may be NULL and is written only on failure.
 */
#ifndef SPACES_SPACE_MAP_H
#define SPACES_SPACE_MAP_H

#include "mmapper/mmapper.h"
#include "spaces/space_placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct space_map;

enum { SPACE_MAP_MAX_SLOTS = 1 << 16 };

struct space_map_options {
    /* log2 of the bytes of a slot; at least a chunk. 0: 41, 2 TiB. */
    unsigned log_slot_bytes;
    /* 1 to SPACE_MAP_MAX_SLOTS. 0: 16. */
    unsigned slots;
    /* Of all slots together. Anywhere or preferred: a range that is free at the time,
     * aligned to a slot unless asked otherwise. Exact: taken as given. */
    struct space_placement placement;
};

/*
 * Makes a map with all slots free. To find a free range it reserves one for an instant,
 * unless the placement is exact; the map itself holds nothing afterwards, and whatever
 * others put there is seen when a slot is taken. Errors: INVALID_ARGUMENT,
 * OUT_OF_RANGE (not inside the mapper's window), NO_MEMORY, and for placements that are
 * not exact those of registering an owner and quarantining.
 */
enum mm_status space_map_create(struct mmapper *mapper,
                                const struct space_map_options *options,
                                struct space_map **map, struct mm_error *error);

/* Forgets the map. No call on it may be running or follow. Errors: WRONG_STATE when a
 * slot is held or changing; then nothing happened. */
enum mm_status space_map_destroy(struct space_map *map, struct mm_error *error);

/*
 * Takes the lowest slot that can be had for `space`, a number or pointer that the
 * caller chooses (not 0, need not be unique), and quarantines its extent for `owner`.
 * Slots in which another owner or a foreign mapping lies are passed over.
 * With owner NULL the slot is only assigned, nothing quarantined: for a space that
 * places its own extent there, exactly.
 * Errors: NO_SPACE when each slot was, at some instant of the call, held or changing;
 * CONFLICT, with the first one, when the others hold foreign memory;
 * INVALID_ARGUMENT; those of mmapper_quarantine.
 */
enum mm_status space_map_take(struct space_map *map, struct mm_owner *owner,
                              uintptr_t space, struct mm_extent *extent,
                              struct mm_error *error);

/* The same for one given slot. Errors: OUT_OF_RANGE (no such slot), WRONG_STATE (held),
 * BUSY (changing), INVALID_ARGUMENT, those of mmapper_quarantine. */
enum mm_status space_map_take_slot(struct space_map *map, unsigned slot,
                                   struct mm_owner *owner, uintptr_t space,
                                   struct mm_extent *extent, struct mm_error *error);

/*
 * Gives the slot that begins at `start` back, all of which must be the owner's again
 * (what it handed to others is transferred back or, for an owner of NULL, released
 * before), and releases its extent. Queries name the space until it is done. All or
 * nothing; quiescence as for mmapper_release. Errors: OUT_OF_RANGE and
 * INVALID_ARGUMENT (no slot begins there), WRONG_STATE (free: given back before),
 * BUSY (changing), CONFLICT (held by another space), those of mmapper_release.
 */
enum mm_status space_map_give_back(struct space_map *map, uintptr_t start,
                                   uintptr_t space, struct mm_error *error);

/* The space whose slot `address` lies in; 0 for a free slot and outside the map. Any
 * address is allowed. Wait-free, one load, async-signal-safe; true at an instant during
 * the call. What the taker wrote before it took the slot is visible. */
uintptr_t space_map_space_of(const struct space_map *map, uintptr_t address);

/* Constant while the map lives. */
struct mm_extent space_map_extent(const struct space_map *map);
unsigned space_map_slots(const struct space_map *map);
/* The extent of a slot; empty if there is no such slot. */
struct mm_extent space_map_slot_extent(const struct space_map *map, unsigned slot);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_SPACE_MAP_H */
