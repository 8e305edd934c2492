/* SPDX-License-Identifier: MIT */
#include "mmapper/map_state.h"

#include "mmapper/check.h"

/* next_state[step][state]. States are stored plus one, so that a row lists only
 * what is possible and zero means that the step is not. */
#define TO(state) ((uint8_t)((state) + 1))
static const uint8_t next_state[MAP_STEP_COUNT][MAP_STATE_COUNT] = {
    [MAP_STEP_RESERVE] = {[MAP_UNMAPPED] = TO(MAP_RESERVING)},
    [MAP_STEP_DECOMMIT] = {[MAP_QUARANTINED] = TO(MAP_DECOMMITTING_Q),
                           [MAP_MAPPED] = TO(MAP_DECOMMITTING_M)},
    [MAP_STEP_RELEASE] = {[MAP_QUARANTINED] = TO(MAP_RELEASING_Q),
                          [MAP_MAPPED] = TO(MAP_RELEASING_M),
                          [MAP_EXCLUDED] = TO(MAP_RELEASING_X)},
    [MAP_STEP_TRANSFER] = {[MAP_QUARANTINED] = TO(MAP_TRANSFERRING_Q),
                           [MAP_MAPPED] = TO(MAP_TRANSFERRING_M)},
    [MAP_STEP_SEAL] = {[MAP_MAPPED] = TO(MAP_SEALING)},
    [MAP_STEP_COMMIT] = {[MAP_QUARANTINED] = TO(MAP_MAPPED)},
    [MAP_STEP_PUBLISH] = {[MAP_RESERVING] = TO(MAP_QUARANTINED)},
    [MAP_STEP_ADOPTED] = {[MAP_RESERVING] = TO(MAP_MAPPED)},
    [MAP_STEP_EXCLUDED] = {[MAP_RESERVING] = TO(MAP_EXCLUDED)},
    [MAP_STEP_FINISH] = {[MAP_DECOMMITTING_Q] = TO(MAP_QUARANTINED),
                         [MAP_DECOMMITTING_M] = TO(MAP_QUARANTINED),
                         [MAP_RELEASING_Q] = TO(MAP_UNMAPPED),
                         [MAP_RELEASING_M] = TO(MAP_UNMAPPED),
                         [MAP_RELEASING_X] = TO(MAP_UNMAPPED),
                         [MAP_TRANSFERRING_Q] = TO(MAP_QUARANTINED),
                         [MAP_TRANSFERRING_M] = TO(MAP_MAPPED),
                         [MAP_SEALING] = TO(MAP_SEALED)},
    [MAP_STEP_UNDO] = {[MAP_RESERVING] = TO(MAP_UNMAPPED),
                       [MAP_DECOMMITTING_Q] = TO(MAP_QUARANTINED),
                       [MAP_DECOMMITTING_M] = TO(MAP_MAPPED),
                       [MAP_RELEASING_Q] = TO(MAP_QUARANTINED),
                       [MAP_RELEASING_M] = TO(MAP_MAPPED),
                       [MAP_RELEASING_X] = TO(MAP_EXCLUDED),
                       [MAP_TRANSFERRING_Q] = TO(MAP_QUARANTINED),
                       [MAP_TRANSFERRING_M] = TO(MAP_MAPPED),
                       [MAP_SEALING] = TO(MAP_MAPPED)},
    [MAP_STEP_ABANDON] = {[MAP_RESERVING] = TO(MAP_EXCLUDED),
                          [MAP_RELEASING_Q] = TO(MAP_EXCLUDED),
                          [MAP_RELEASING_M] = TO(MAP_EXCLUDED),
                          [MAP_RELEASING_X] = TO(MAP_EXCLUDED)},
};
#undef TO

const struct map_state_properties mm_map_state_properties[MAP_STATE_COUNT] = {
    [MAP_UNMAPPED] = {MM_UNMAPPED, false},
    [MAP_RESERVING] = {MM_RESERVING, true},
    [MAP_QUARANTINED] = {MM_QUARANTINED, false},
    [MAP_MAPPED] = {MM_MAPPED, false},
    [MAP_DECOMMITTING_Q] = {MM_DECOMMITTING, true},
    [MAP_DECOMMITTING_M] = {MM_DECOMMITTING, true},
    [MAP_RELEASING_Q] = {MM_RELEASING, true},
    [MAP_RELEASING_M] = {MM_RELEASING, true},
    [MAP_RELEASING_X] = {MM_RELEASING, true},
    [MAP_TRANSFERRING_Q] = {MM_TRANSFERRING, true},
    [MAP_TRANSFERRING_M] = {MM_TRANSFERRING, true},
    [MAP_EXCLUDED] = {MM_EXCLUDED, false},
    [MAP_SEALING] = {MM_SEALING, true},
    [MAP_SEALED] = {MM_SEALED, false},
};

/* Steps that begin a call; only they can meet somebody else's transient value. */
static bool is_claim(enum map_step step)
{
    return step <= MAP_STEP_COMMIT;
}

enum mm_status mm_map_transition(enum map_step step, map_value value, map_owner owner,
                                 map_owner recipient, map_value *result)
{
    const enum map_state state = map_state_of(value);
    MM_CHECK(step < MAP_STEP_COUNT && state < MAP_STATE_COUNT);
    if (state != MAP_UNMAPPED && map_owner_of(value) != owner) {
        return MM_CONFLICT;
    }
    const uint8_t next = next_state[step][state];
    if (next == 0) {
        return is_claim(step) && mm_map_state_properties[state].transient
                   ? MM_BUSY
                   : MM_WRONG_STATE;
    }
    const enum map_state to = (enum map_state)(next - 1);
    const bool handed_over = step == MAP_STEP_ABANDON ||
                             (step == MAP_STEP_FINISH && (state == MAP_TRANSFERRING_Q ||
                                                          state == MAP_TRANSFERRING_M));
    *result = map_make(to, to == MAP_UNMAPPED ? MAP_NOBODY
                                              : (handed_over ? recipient : owner));
    return MM_OK;
}
