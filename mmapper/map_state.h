/* SPDX-License-Identifier: MIT */
/*
 * The states of a chunk and the steps between them, as pure functions on a value.
 *
 * The diagram is in mmapper.h. A transient state remembers what the chunk came from,
 * so that undoing needs nothing but the value:
 *
 *   step            from                            to
 *   RESERVE         UNMAPPED                        RESERVING
 *   DECOMMIT        QUARANTINED, MAPPED             DECOMMITTING_Q, _M
 *   RELEASE         QUARANTINED, MAPPED, EXCLUDED   RELEASING_Q, _M, _X
 *   TRANSFER        QUARANTINED, MAPPED             TRANSFERRING_Q, _M
 *   SEAL            MAPPED                          SEALING
 *   COMMIT          QUARANTINED                     MAPPED
 *   PUBLISH         RESERVING                       QUARANTINED
 *   ADOPTED         RESERVING                       MAPPED
 *   EXCLUDED        RESERVING                       EXCLUDED
 *   FINISH          DECOMMITTING_*                  QUARANTINED
 *                   RELEASING_*                     UNMAPPED
 *                   TRANSFERRING_Q, _M              QUARANTINED, MAPPED (new owner)
 *                   SEALING                         SEALED
 *   UNDO            any transient                   what it came from
 *   ABANDON         RESERVING, RELEASING_*          EXCLUDED (new owner), after a fork
 *
 * No other step exists. Nothing here calls the OS or touches memory.
 */
#ifndef MMAPPER_MAP_STATE_H
#define MMAPPER_MAP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "mmapper/check.h"
#include "mmapper/mmapper.h"

enum map_state {
    MAP_UNMAPPED = 0,
    MAP_RESERVING,
    MAP_QUARANTINED,
    MAP_MAPPED,
    MAP_DECOMMITTING_Q,
    MAP_DECOMMITTING_M,
    MAP_RELEASING_Q,
    MAP_RELEASING_M,
    MAP_RELEASING_X,
    MAP_TRANSFERRING_Q,
    MAP_TRANSFERRING_M,
    MAP_EXCLUDED,
    MAP_SEALING,
    MAP_SEALED,
    MAP_STATE_COUNT,
};

enum map_step {
    MAP_STEP_RESERVE = 0,
    MAP_STEP_DECOMMIT,
    MAP_STEP_RELEASE,
    MAP_STEP_TRANSFER,
    MAP_STEP_SEAL,
    MAP_STEP_COMMIT,
    MAP_STEP_PUBLISH,
    MAP_STEP_ADOPTED,
    MAP_STEP_EXCLUDED,
    MAP_STEP_FINISH,
    MAP_STEP_UNDO,
    MAP_STEP_ABANDON,
    MAP_STEP_COUNT,
};

/* State in the low 4 bits, owner in the 12 above. Zero: UNMAPPED, nobody's. */
typedef uint16_t map_value;
typedef uint16_t map_owner;

enum {
    MAP_STATE_BITS = 4,
    MAP_STATE_MASK = (1 << MAP_STATE_BITS) - 1,
    MAP_NOBODY = 0,
    /* In a slot zero means "as the region's base", so that an UNMAPPED chunk in a
     * region with another base needs a value of its own: UNMAPPED with an owner that
     * is never registered. */
    MAP_OWNER_NONE_EXPLICIT = 0xFFF,
    MAP_UNMAPPED_EXPLICIT = MAP_OWNER_NONE_EXPLICIT << MAP_STATE_BITS,
    MAP_OWNER_FIRST = 1,
    MAP_OWNER_LAST = 0xFFE,
};

_Static_assert(MAP_STATE_COUNT <= 1 << MAP_STATE_BITS, "a state fits its bits");
_Static_assert(MAP_OWNER_LAST - MM_MAX_OWNERS == 1,
               "an owner, and the one of abandoned chunks, fit their bits");

static inline map_value map_make(enum map_state state, map_owner owner)
{
    return (map_value)((unsigned)state | ((unsigned)owner << MAP_STATE_BITS));
}

static inline enum map_state map_state_of(map_value value)
{
    return (enum map_state)(value & MAP_STATE_MASK);
}

/* MAP_NOBODY for UNMAPPED, however it is written. */
static inline map_owner map_owner_of(map_value value)
{
    return map_state_of(value) == MAP_UNMAPPED ? MAP_NOBODY
                                               : (map_owner)(value >> MAP_STATE_BITS);
}

/* Committed, and not on the way to not being so. */
static inline bool map_is_mapped(map_value value)
{
    const unsigned mapped = 1U << MAP_MAPPED | 1U << MAP_TRANSFERRING_M |
                            1U << MAP_SEALING | 1U << MAP_SEALED;
    return (mapped >> map_state_of(value) & 1) != 0;
}

struct map_state_properties {
    uint8_t public_state; /* enum mm_state */
    bool transient;
};
extern const struct map_state_properties mm_map_state_properties[MAP_STATE_COUNT];

/* Which thread's call a transient value belongs to is known to that call alone. */
static inline bool map_is_transient(enum map_state state)
{
    MM_CHECK(state < MAP_STATE_COUNT);
    return mm_map_state_properties[state].transient;
}

/* The state as the public interface names it. */
static inline enum mm_state map_public_state(enum map_state state)
{
    MM_CHECK(state < MAP_STATE_COUNT);
    return (enum mm_state)mm_map_state_properties[state].public_state;
}

/*
 * What `step`, taken by `owner`, makes of `value`. `recipient` is the new owner of
 * MAP_STEP_FINISH on a TRANSFERRING value and of MAP_STEP_ABANDON, unused otherwise.
 * MM_OK and *result; or *result unchanged and
 *  - MM_CONFLICT: somebody else's;
 *  - MM_BUSY: own, but in the middle of another call;
 *  - MM_WRONG_STATE: own or nobody's, and the step is not possible from there.
 */
enum mm_status mm_map_transition(enum map_step step, map_value value, map_owner owner,
                                 map_owner recipient, map_value *result);

#endif /* MMAPPER_MAP_STATE_H */
