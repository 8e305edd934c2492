/* SPDX-License-Identifier: MIT */
/*
 * The chunk protocol: claim all, act, finish all; and ensure_mapped, which commits and
 * then swaps. See README.md for what corresponds to what in the C sources.
 *
 * Three threads make one call each, on any range, from any initial table: two are
 * owner 1's, one is owner 2's. Sequentially consistent: pins.pml has weak memory.
 *
 *   -DCHUNKS=n     chunks in the table (2)
 *   -DTHREADS=2    two threads only, of one owner or of two
 *   -DWIDE=1       any call by any thread on any table
 *   -DEXTERNAL     owner 1 maps for itself: adopt, exclude, release
 *   -DFREEZE       one thread may be stopped anywhere, for as long as the others run
 *   -DBUG_...      one planted bug, see the table in README.md
 */
#ifndef CHUNKS
#define CHUNKS 2
#endif
#ifndef THREADS
#define THREADS 3
#endif
#ifdef FREEZE
#define FAULTS 0
#else
#define FAULTS 1
#endif
#ifndef WIDE
#define WIDE 0
#endif

#include "map_state.pml"
#include "witness.pml"

mtype:calls = { QUARANTINE_IT, ENSURE_IT, DECOMMIT_IT, RELEASE_IT, TRANSFER_IT, ADOPT_IT,
                EXCLUDE_IT };
mtype:looks = { SEE_MAPPED, SEE_COMMIT, SEE_RESERVE, SEE_WAIT, SEE_FAIL };

#ifdef EXTERNAL
#define RESERVED(owner) ((owner) == 2)
#else
#define RESERVED(owner) true
#endif

/* ------------------------------------------------------------------- shared state */

byte chunk[CHUNKS];
byte pins[3];

/* The kernel: who has the mapping (0, an owner, FOREIGN), and whether it is accessible.
 * An adopted chunk is a mapping of its owner that the mapper did not make. */
#define FOREIGN 3
byte kernel[CHUNKS];
bit committed[CHUNKS];
bit fault = FAULTS; /* once, the kernel may refuse, or a library map something */

/* Ghosts: seen by assertions only. The ledger is written by who takes and gives back,
 * from his own name and never from the table. */
byte ledger[CHUNKS];
byte claimant[CHUNKS]; /* the thread whose claim it is */
byte before[CHUNKS];   /* what it claimed */
byte promised[CHUNKS]; /* an owner was told MAPPED, and nobody took it away since */

byte finished;
bit returned[THREADS + 1];
byte waits_for[THREADS + 1]; /* chunk + 1 */
byte frozen;

inline ledger_take(c, owner) { assert(ledger[c] == 0); ledger[c] = owner }
inline ledger_drop(c, owner) { assert(ledger[c] == owner); ledger[c] = 0 }

#include "kernel.pml"

/* ----------------------------------------------------------------- claim and finish */

/* What must hold whenever a final state is written. */
inline check_final(c, value)
{
    if
    :: STATE(value) == MAPPED && RESERVED(OWNER(value)) ->
        assert(kernel[c] == OWNER(value) && committed[c])
    :: STATE(value) == QUARANTINED -> assert(kernel[c] == OWNER(value))
    :: STATE(value) == UNMAPPED ->
        assert(kernel[c] == 0 || kernel[c] == FOREIGN || !RESERVED(kernel[c]))
    :: else
    fi
}

/* mm_claim_prefix: from `at` on, in ascending order, until the end or an obstacle, whose
 * verdict becomes the status. */
inline claim_prefix(step)
{
    do
    :: atomic {
        d_step { seen = chunk[at]; transition(step, seen, me, me); status = verdict };
        if
        :: status != OK -> seen = 0; break
        :: else
        fi
       };
       atomic {
        if
#ifdef BUG_BLIND_CLAIM
        :: true ->
#else
        :: chunk[at] == seen ->
#endif
            d_step {
                chunk[at] = next;
                claimant[at] = _pid;
                before[at] = seen;
                promised[at] = 0;
                if
                :: step == RELEASE -> ledger_drop(at, me)
                :: else
                fi;
                at++;
                seen = 0;
                next = 0
            };
            if
            :: at == end -> break
            :: else
            fi
        :: else -> d_step { WITNESS(CLAIM_LOST) seen = 0; next = 0 } /* load again */
        fi
       }
    od
}

/* mm_finish_all, over [first, to): only what this call claimed. */
inline finish(step, to, recipient)
{
    i = first;
    do
    :: d_step {
        i < to ->
        transition(step, chunk[i], me, recipient);
        assert(verdict == OK); /* as mm_finish_all does */
        assert(claimant[i] == _pid);
        assert(step != UNDO || next == before[i]);
        if
        :: step == PUBLISH || step == ADOPT || step == EXCLUDE -> ledger_take(i, me)
        :: step == UNDO && STATE(chunk[i]) >= RELEASING_Q &&
               STATE(chunk[i]) <= RELEASING_X -> ledger_take(i, me)
        :: step == FINISH && recipient != me ->
            ledger_drop(i, me);
            ledger_take(i, recipient);
            kernel[i] = recipient /* in name: the mapping stays */
        :: else
        fi;
        check_final(i, next);
        chunk[i] = next;
        claimant[i] = 0;
        before[i] = 0;
        next = 0;
        i++
       }
    :: i >= to -> i = 0; break
    od
}

/* mm_reserve_claimed, over [first, at). */
inline reserve_claimed()
{
    os_reserve(first, at);
    if
#ifdef BUG_EEXIST_IS_OURS
    :: true -> status = OK; finish(PUBLISH, at, me)
#else
    :: status == OK -> finish(PUBLISH, at, me)
#endif
#ifdef BUG_NO_ROLLBACK
    :: else
#else
    :: status != OK -> finish(UNDO, at, me)
#endif
    fi
}

/* ------------------------------------------------------------------ operations.c */

/* mm_claim_all and mm_claim_all_quiescent. After a failure nothing is claimed. */
inline claim_all(step, quiescent)
{
    at = first;
    claim_prefix(step);
    if
#ifdef BUG_UNDO_ALL
    :: status != OK -> finish(UNDO, end, me)
#else
    :: status != OK ->
        if
        :: d_step { first < at -> WITNESS(PREFIX_UNDONE) skip }
        :: else
        fi;
        finish(UNDO, at, me)
#endif
    :: status == OK && quiescent ->
        if
#ifndef BUG_NO_PINS
        :: d_step { pins[me] != 0 -> WITNESS(BUSY_PINNED) status = BUSY };
            finish(UNDO, at, me)
#endif
        :: else
        fi
    :: else
    fi
}

inline quarantine()
{
    claim_all(RESERVE, false);
    if
    :: status == OK -> reserve_claimed()
    :: else
    fi
}

inline decommit()
{
    claim_all(DECOMMIT, true);
    if
    :: status == OK ->
        os_decommit(first, at);
        if
#ifdef BUG_DECOMMIT_UNDONE
        :: status != OK -> finish(UNDO, at, me)
#endif
        :: else -> finish(FINISH, at, me)
        fi
    :: else
    fi
}

inline release()
{
    claim_all(RELEASE, true);
    if
    :: status == OK ->
#ifdef BUG_RELEASE_EARLY
        finish(FINISH, at, me);
        os_release(first, at)
#else
        if
        :: RESERVED(me) -> os_release(first, at)
        :: else
        fi;
        if
        :: status == OK -> finish(FINISH, at, me)
        :: else -> finish(UNDO, at, me)
        fi
#endif
    :: else
    fi
}

inline transfer()
{
    claim_all(TRANSFER, true);
    if
    :: d_step { status == OK -> WITNESS(TRANSFERRED) skip };
        finish(FINISH, at, 3 - me)
    :: else
    fi
}

/* adopt and exclude: no call to the kernel, and claimed all the same. */
inline record_external(step)
{
#ifdef BUG_DIRECT_ADOPT
    at = first;
    do
    :: d_step { at < end && status == OK && chunk[at] == UNMAPPED ->
                chunk[at] = VALUE(MAPPED, me); ledger_take(at, me); at++ }
    :: d_step { at < end && status == OK && chunk[at] != UNMAPPED -> status = CONFLICT }
    :: d_step { status != OK && first < at ->
                chunk[first] = UNMAPPED; ledger_drop(first, me); first++ }
    :: (status != OK && first == at) || at == end -> break
    od
#else
    claim_all(RESERVE, false);
    if
    :: status == OK -> finish(step, at, me)
    :: else
    fi
#endif
}

#include "ensure.pml"
#include "chunk_scene.pml"
