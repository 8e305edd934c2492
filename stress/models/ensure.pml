/* SPDX-License-Identifier: MIT */
/* ensure.c, for chunk.pml: any thread of the owner commits, then swaps. */

inline glance(c)
{
    seen = chunk[c];
    verdict = OK;
    if
    :: STATE(seen) == UNMAPPED && RESERVED(me) -> look = SEE_RESERVE
    :: STATE(seen) == UNMAPPED && !RESERVED(me) -> look = SEE_FAIL; verdict = WRONG_STATE
#ifdef BUG_WAIT_FOR_ANYONE
    :: STATE(seen) == RESERVING -> look = SEE_WAIT
    :: STATE(seen) > RESERVING && OWNER(seen) != me -> look = SEE_FAIL; verdict = CONFLICT
#else
    :: STATE(seen) != UNMAPPED && OWNER(seen) != me -> look = SEE_FAIL; verdict = CONFLICT
    :: seen == VALUE(RESERVING, me) -> look = SEE_WAIT
#endif
    :: seen == VALUE(MAPPED, me) -> look = SEE_MAPPED; promised[c] = me
    :: seen == VALUE(QUARANTINED, me) -> look = SEE_COMMIT
    :: STATE(seen) > MAPPED && OWNER(seen) == me ->
        look = SEE_FAIL;
        WITNESS(OWN_TRANSIENT) verdict = (TRANSIENT(seen) -> BUSY : WRONG_STATE)
    fi
}

/* The whole range, without a pin: a failure is found before any system call. */
inline survey()
{
    at = first;
    do
    :: d_step {
        at < end && status == OK ->
        glance(at);
        status = verdict;
        at++;
        if
        :: look == SEE_MAPPED && first + 1 == at -> first = at
        :: else
        fi;
        seen = 0;
        look = 0
       }
    :: at == end || status != OK -> break
    od
}

inline publish_mapped()
{
    do
    :: d_step {
        first < at && status == OK ->
        seen = chunk[first];
        transition(COMMIT, seen, me, me)
       };
        if
        :: d_step { seen == VALUE(MAPPED, me) -> WITNESS(HELPED) first++; seen = 0 }
        :: d_step {
            seen == VALUE(QUARANTINED, me) ->
            if
            :: chunk[first] == seen -> check_final(first, next); chunk[first] = next; first++
            :: else -> WITNESS(COMMIT_LOST) skip /* load again */
            fi;
            seen = 0;
            next = 0
           }
        :: d_step { verdict != OK && seen != VALUE(MAPPED, me) ->
            WITNESS(COMMITTED_INTO_A_CLAIM) status = verdict; seen = 0 }
        fi
    :: first == at || status != OK -> break
    od
}

inline commit_run()
{
    at = first;
    do
    :: d_step { at < end && chunk[at] == VALUE(QUARANTINED, me) -> at++ }
    :: at == end || chunk[at] != VALUE(QUARANTINED, me) -> break
    od;
    if
    :: first < at ->
#ifdef BUG_EARLY_MAPPED
        publish_mapped()
#else
        os_commit(first, at);
        if
        :: status == OK -> publish_mapped()
        :: else
        fi
#endif
    :: else /* changed since: look again */
    fi
}

/* As many as are free; what ends them, the next look will name. */
inline reserve_run()
{
    at = first;
    claim_prefix(RESERVE);
    status = OK;
    if
    :: first < at ->
        reserve_claimed()
    :: else
    fi
}

inline ensure_mapped()
{
    survey();
    do
    :: first < end && status == OK ->
        pins[me]++; /* mm_owner_pin */
        do /* work */
        :: first < end && status == OK && look != SEE_WAIT ->
            d_step { glance(first); seen = (look == SEE_WAIT -> seen : 0) };
            if
            :: look == SEE_MAPPED -> first++
            :: look == SEE_COMMIT -> commit_run()
            :: look == SEE_RESERVE -> reserve_run()
            :: look == SEE_WAIT
            :: look == SEE_FAIL -> status = verdict
            fi
        :: else -> break
        od;
        pins[me]--; /* mm_owner_unpin */
        if
        :: look == SEE_WAIT ->
            /* mm_wait and a look again, until it is another value. */
            waits_for[_pid] = first + 1;
            d_step { chunk[first] != seen -> WITNESS(WAITED) waits_for[_pid] = 0; seen = 0 }
        :: else
        fi;
        look = 0
    :: else -> break
    od
}
