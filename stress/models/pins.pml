/* SPDX-License-Identifier: MIT */
/*
 * Pins: a thread that is about to commit pins its owner and then looks at the chunk; one
 * that takes the chunk away claims it and then looks at the pins. At least one of them must
 * see the other, on weak memory (weak.pml).
 *
 * One owner, one chunk in a region of several: helpers call ensure_mapped, a taker
 * releases the chunk or its whole region.
 *
 *   -DHELPERS=n  threads inside ensure_mapped (2)
 *   -DWAITING    a fellow is stopped for good in its mmap of the chunk; the helpers wait
 *                for it, and the taker, who wants something else of the owner's, tries
 *                again as long as it is BUSY
 *   -DBUG_...    one planted bug, see the table in README.md
 */
#include "map_state.pml"
#include "witness.pml"
#include "weak.pml"

#ifndef HELPERS
#define HELPERS 2
#endif

#define WORD 0
#define SLOT 1
#define PINS 2

#define SPLIT 64
#define BASE(word) ((word) & 63)
#define UNMAPPED_EXPLICIT VALUE(UNMAPPED, 15)
#define ME 1

#ifdef BUG_PIN_ACQ_REL
#define PIN_ORDER ACQ_REL
#else
#define PIN_ORDER SEQ_CST
#endif
#ifdef BUG_LOOK_ACQUIRE
#define LOOK_ORDER ACQUIRE
#else
#define LOOK_ORDER SEQ_CST
#endif
#ifdef BUG_CLAIM_ACQ_REL
#define CLAIM_ORDER ACQ_REL
#else
#define CLAIM_ORDER SEQ_CST
#endif
#ifdef BUG_SPLIT_ACQ_REL
#define SPLIT_ORDER ACQ_REL
#else
#define SPLIT_ORDER SEQ_CST
#endif
#ifdef BUG_PINS_ACQUIRE
#define PINS_ORDER ACQUIRE
#else
#define PINS_ORDER SEQ_CST
#endif

byte holder = ME; /* the kernel: whose the memory is; 0 is anybody's from then on */
byte finished;

/* chunk_unit_load and its pinned sister: sets `value`, `seen` and `uniform`. */
inline look_at_chunk(order)
{
    load(WORD, order);
    if
    :: got >= SPLIT ->
        base = BASE(got);
        load(SLOT, order);
        d_step {
            seen = got;
            uniform = 0;
            if
            :: got == 0 -> value = base
            :: got == UNMAPPED_EXPLICIT -> value = UNMAPPED
            :: else -> value = got
            fi;
            base = 0
        }
    :: else -> d_step { seen = got; value = got; uniform = 1 }
    fi
}

/* mm_chunk_claim and mm_chunk_publish of a part of a region, or of the whole. */
inline swap(into, publish_or_claim, whole)
{
    if
    :: !uniform ->
        compare_and_swap(SLOT, seen, into, publish_or_claim)
    :: uniform && whole -> compare_and_swap(WORD, seen, into, publish_or_claim)
    :: uniform && !whole ->
        compare_and_swap(WORD, seen, seen | SPLIT, SPLIT_ORDER);
        swapped = 0 /* in either case: look again */
    fi
}

/* mprotect. */
inline commit_memory()
{
    assert(holder == ME)
}

inline pin() { add(PINS, 1, PIN_ORDER) }
inline unpin() { add(PINS, -1, RELEASING_ORDER) }

#define LOCALS \
    byte view[LOCATIONS]; \
    byte got, value, seen, base, l; \
    bit uniform, swapped

#define FORGET \
    got = 0; value = 0; seen = 0; uniform = 0; swapped = 0; \
    view[0] = 0; view[1] = 0; view[2] = 0; \
    finished++

/* The slow path of mmapper_ensure_mapped, on one chunk. */
proctype helper()
{
    LOCALS;

#ifdef BUG_LOOK_BEFORE_PIN
    look_at_chunk(LOOK_ORDER);
    pin();
#else
again:
    pin();
    look_at_chunk(LOOK_ORDER);
#endif
    if
    :: value == VALUE(QUARANTINED, ME) ->
#ifdef BUG_UNPIN_EARLY
        unpin();
        commit_memory();
        pin();
#else
        commit_memory();
#endif
        do /* publish_mapped */
        :: look_at_chunk(LOOK_ORDER);
           if
           :: value == VALUE(MAPPED, ME) -> WITNESS(HELPED) break
           :: value == VALUE(QUARANTINED, ME) -> swap(VALUE(MAPPED, ME), RELEASING_ORDER, false)
           :: else -> WITNESS(COMMITTED_INTO_A_CLAIM) break
           fi
        od
#ifdef WAITING
    :: value == VALUE(RESERVING, ME) ->
#ifdef BUG_WAIT_PINNED
        NEWER_THAN_SEEN(SLOT);
        unpin();
#else
        unpin();
        WITNESS(WAITING)
end_waiting: /* for a fellow, who may be stopped for good */
        NEWER_THAN_SEEN(SLOT);
#endif
        goto again
#endif
    :: else /* MAPPED, BUSY or another's */
    fi;
    unpin();
    atomic { FORGET }
}

#ifdef WAITING

/* A fellow inside mmapper_quarantine, which may never return from its mmap. */
proctype reserver()
{
    LOCALS;

    if
    :: true ->
        seen = VALUE(RESERVING, ME);
        swap(VALUE(QUARANTINED, ME), RELEASING_ORDER, false)
    :: true -> end_stopped: false
    fi
}

/* mmapper_release of another chunk, which nobody else wants: it has only the pins in its
 * way, and its caller tries again. */
proctype taker()
{
    LOCALS;

    do
    :: load(PINS, PINS_ORDER);
       if
       :: got == 0 -> break
       :: else ->
           WITNESS(BUSY_PINNED)
           NEWER_THAN_SEEN(PINS)
       fi
    od;
    atomic { FORGET }
}

init {
    byte n;

    atomic {
        VALUE_AT(WORD, 0) = SPLIT;
        VALUE_AT(SLOT, 0) = VALUE(RESERVING, ME);
        run taker();
        run reserver();
        do
        :: n < HELPERS -> run helper(); n++
        :: else -> break
        od
    }
}

#else

/* mmapper_release of the chunk, or of the whole region. */
proctype taker()
{
    LOCALS;
    bit all;
    byte claimed;

    if
    :: all = 0
    :: all = 1
    fi;
#ifdef BUG_PINS_BEFORE_CLAIM
    load(PINS, PINS_ORDER);
    if
    :: got != 0 -> goto out
    :: else
    fi;
#endif
    do /* mm_claim_prefix; in a split region the other chunks are not modelled */
    :: look_at_chunk(ACQUIRE);
       if
       :: value == VALUE(QUARANTINED, ME) ->
           claimed = VALUE(RELEASING_Q, ME);
           swap(claimed, CLAIM_ORDER, all)
       :: value == VALUE(MAPPED, ME) ->
           claimed = VALUE(RELEASING_M, ME);
           swap(claimed, CLAIM_ORDER, all)
       :: else -> goto out
       fi;
       if
       :: swapped -> break
       :: else -> WITNESS(CLAIM_LOST) skip
       fi
    od;
    seen = claimed;
#if defined(BUG_PINS_BEFORE_CLAIM) || defined(BUG_NO_PINS_READ)
    got = 0;
#else
    load(PINS, PINS_ORDER);
#endif
    if
    :: got != 0 ->
        WITNESS(BUSY_PINNED)
        swap(VALUE((STATE(claimed) == RELEASING_Q -> QUARANTINED : MAPPED), ME),
             RELEASING_ORDER, all)
    :: else ->
        WITNESS(RELEASED)
        d_step { assert(holder == ME); holder = 0 } /* munmap */
        swap((uniform -> UNMAPPED : UNMAPPED_EXPLICIT), RELEASING_ORDER, all)
    fi;
    assert(swapped);
out:
    atomic { claimed = 0; all = 0; FORGET }
}

init {
    byte n;

    atomic {
        if
        :: VALUE_AT(WORD, 0) = VALUE(QUARANTINED, ME)
        :: VALUE_AT(WORD, 0) = SPLIT | VALUE(QUARANTINED, ME)
        fi;
        run taker();
        do
        :: n < HELPERS -> run helper(); n++
        :: else -> break
        od;
        n = 0
    }
    atomic { finished == HELPERS + 1 -> assert(NEWEST(PINS) == 0) }
}

#endif
