/* SPDX-License-Identifier: MIT */
/* What map_state.h and map_state.c say: values, and the steps between them. */

#define UNMAPPED 0
#define RESERVING 1
#define QUARANTINED 2
#define MAPPED 3
#define DECOMMITTING_Q 4
#define DECOMMITTING_M 5
#define RELEASING_Q 6
#define RELEASING_M 7
#define RELEASING_X 8
#define TRANSFERRING_Q 9
#define TRANSFERRING_M 10
#define EXCLUDED 11

#define VALUE(state, owner) ((state) | ((owner) << 4))
#define STATE(value) ((value) & 15)
#define OWNER(value) ((value) >> 4)
#define TRANSIENT(value) \
    (STATE(value) == RESERVING || \
     (STATE(value) >= DECOMMITTING_Q && STATE(value) <= TRANSFERRING_M))

mtype:steps = { RESERVE, DECOMMIT, RELEASE, TRANSFER, COMMIT, PUBLISH, ADOPT, EXCLUDE,
                FINISH, UNDO };
mtype:statuses = { OK, CONFLICT, BUSY, WRONG_STATE, OS_ERROR };

/* Sets `verdict` and, when that is OK, `next`. */
inline transition(step, value, owner, recipient)
{
    verdict = OK;
    if
    :: STATE(value) != UNMAPPED && OWNER(value) != owner -> verdict = CONFLICT
    :: else ->
        if
        :: step == RESERVE && STATE(value) == UNMAPPED -> next = VALUE(RESERVING, owner)
        :: step == DECOMMIT && STATE(value) == QUARANTINED -> next = VALUE(DECOMMITTING_Q, owner)
        :: step == DECOMMIT && STATE(value) == MAPPED -> next = VALUE(DECOMMITTING_M, owner)
        :: step == RELEASE && STATE(value) == QUARANTINED -> next = VALUE(RELEASING_Q, owner)
        :: step == RELEASE && STATE(value) == MAPPED -> next = VALUE(RELEASING_M, owner)
        :: step == RELEASE && STATE(value) == EXCLUDED -> next = VALUE(RELEASING_X, owner)
        :: step == TRANSFER && STATE(value) == QUARANTINED -> next = VALUE(TRANSFERRING_Q, owner)
        :: step == TRANSFER && STATE(value) == MAPPED -> next = VALUE(TRANSFERRING_M, owner)
        :: step == COMMIT && STATE(value) == QUARANTINED -> next = VALUE(MAPPED, owner)
        :: step == PUBLISH && STATE(value) == RESERVING -> next = VALUE(QUARANTINED, owner)
        :: step == ADOPT && STATE(value) == RESERVING -> next = VALUE(MAPPED, owner)
        :: step == EXCLUDE && STATE(value) == RESERVING -> next = VALUE(EXCLUDED, owner)
        :: step == FINISH && STATE(value) >= DECOMMITTING_Q && STATE(value) <= DECOMMITTING_M ->
            next = VALUE(QUARANTINED, owner)
        :: step == FINISH && STATE(value) >= RELEASING_Q && STATE(value) <= RELEASING_X ->
            next = UNMAPPED
        :: step == FINISH && STATE(value) == TRANSFERRING_Q -> next = VALUE(QUARANTINED, recipient)
        :: step == FINISH && STATE(value) == TRANSFERRING_M -> next = VALUE(MAPPED, recipient)
        :: step == UNDO && STATE(value) == RESERVING -> next = UNMAPPED
        :: step == UNDO && (STATE(value) == DECOMMITTING_Q || STATE(value) == RELEASING_Q ||
                            STATE(value) == TRANSFERRING_Q) -> next = VALUE(QUARANTINED, owner)
        :: step == UNDO && (STATE(value) == DECOMMITTING_M || STATE(value) == RELEASING_M ||
                            STATE(value) == TRANSFERRING_M) -> next = VALUE(MAPPED, owner)
        :: step == UNDO && STATE(value) == RELEASING_X -> next = VALUE(EXCLUDED, owner)
        :: else -> verdict = (TRANSIENT(value) -> BUSY : WRONG_STATE)
        fi
    fi
}
