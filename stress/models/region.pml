/* SPDX-License-Identifier: MIT */
/*
 * Two levels: a region word, UNIFORM(value) or SPLIT(base), and a slot for each chunk, in
 * which zero means "as the base". What chunk_table.c does must look like an array of
 * independent chunks; that array is the ghost `truth`.
 *
 * Two threads take and give ranges inside regions, of whole regions and across a border,
 * while a third looks up one chunk. No kernel and no pins here: see chunk.pml and pins.pml.
 *
 *   -DBUG_...  one planted bug, see the table in README.md
 */
#include "map_state.pml"
#include "witness.pml"

#ifndef CALLS
#define CALLS 1 /* by each thread */
#endif
#ifndef OTHER
#define OTHER 2 /* the owner of the second thread */
#endif

#define REGIONS 2
#define REGION 2 /* chunks in one */
#define CHUNKS 4

#define SPLIT 256
#define BASE(word) ((word) & 255)
/* In a slot zero is taken: UNMAPPED has a name of its own there. */
#define UNMAPPED_EXPLICIT VALUE(UNMAPPED, 15)
#define SLOT_OF(value) (STATE(value) == UNMAPPED -> UNMAPPED_EXPLICIT : (value))
#define SLOT_VALUE(word, slot) \
    ((slot) == 0 -> BASE(word) : ((slot) == UNMAPPED_EXPLICIT -> UNMAPPED : (slot)))

short word[REGIONS];
byte slot[CHUNKS];

/* Ghosts. */
byte truth[CHUNKS];
short truths_seen; /* what truth[watched] was during the lookup, as a set */
byte watched = CHUNKS;
byte finished;

#define BIT(value) (1 << (STATE(value) + 7 * (OWNER(value) == 2)))

/* Every look at the table shows the truth, to everybody, at once. */
inline check_table()
{
    c = 0;
    do
    :: c < CHUNKS ->
        assert(truth[c] == (word[c / REGION] >= SPLIT -> SLOT_VALUE(word[c / REGION], slot[c])
                                                      : word[c / REGION]));
        c++
    :: else -> break
    od;
    c = 0
}

/* A thread believes that it just changed [at, unit_end) from `from` to `to`. */
inline believe(from, to)
{
    c = at;
    do
    :: c < unit_end ->
        assert(truth[c] == from);
        truth[c] = to;
        if
        :: c == watched -> truths_seen = truths_seen | BIT(to)
        :: else
        fi;
        c++
    :: else -> break
    od;
    check_table()
}

/* ----------------------------------------------------------------- chunk_table.c */

/* chunk_unit_load at `at`, not beyond `end`: `seen` is the word or the slot. */
inline load_unit()
{
    seen = word[at / REGION];
    if
    :: seen < SPLIT ->
        value = seen;
        uniform = 1;
        unit_end = at / REGION * REGION + REGION;
        unit_end = (unit_end < end -> unit_end : end)
    :: else ->
        /* The word is not loaded again: a base never changes. */
        atomic {
            value = SLOT_VALUE(seen, slot[at]);
            seen = slot[at];
            uniform = 0;
            unit_end = at + 1
        }
    fi
}

#define WHOLE_REGION (at % REGION == 0 && unit_end == at + REGION)

/* mm_chunk_claim and mm_chunk_publish differ in their order alone. Advances `at` when
 * swapped; otherwise the caller loads again. */
inline swap(to)
{
    d_step {
        if
        :: !uniform ->
            if
            :: slot[at] == seen ->
#ifdef BUG_UNMAPPED_AS_ZERO
                slot[at] = to;
#else
                slot[at] = SLOT_OF(to);
#endif
                believe(value, to);
                at = unit_end
            :: else -> WITNESS(SLOT_LOST) skip
            fi
        :: uniform && WHOLE_REGION ->
            if
#ifdef BUG_SPLIT_IGNORED
            :: BASE(word[at / REGION]) == seen ->
#else
            :: word[at / REGION] == seen ->
#endif
                word[at / REGION] = to;
                WITNESS(WHOLE_REGION_SWAPPED)
                believe(value, to);
                at = unit_end
            :: else -> WITNESS(WORD_LOST) skip
            fi
        :: else ->
            if
#ifdef BUG_BLIND_SPLIT
            :: true ->
#else
            :: word[at / REGION] == seen ->
#endif
#ifdef BUG_BASE_LOST
                word[at / REGION] = SPLIT;
#else
                word[at / REGION] = seen | SPLIT;
#endif
                WITNESS(REGION_SPLIT)
#ifdef BUG_SPLIT_IS_CLAIM
                believe(value, to);
                at = unit_end
#else
                check_table()
#endif
#ifdef BUG_SLOTS_COPIED
                ; copying = 1
#endif
            :: else -> WITNESS(SPLIT_LOST) skip
            fi
        fi
    }
#ifdef BUG_SLOTS_COPIED
    /* The base is written into every slot, each of which may be another's by then. */
    if
    :: copying ->
        at_copy = at / REGION * REGION;
        do
        :: d_step { at_copy < at / REGION * REGION + REGION ->
                    slot[at_copy] = SLOT_OF(seen); at_copy++; check_table() }
        :: else -> break
        od;
        copying = 0
    :: else
    fi
#endif
}

/* ----------------------------------------------------------------------- claim.c */

/* mm_claim_prefix. */
inline claim(step)
{
    at = first;
    do
    :: at < end ->
        load_unit();
        transition(step, value, me, me);
        if
        :: verdict != OK -> break
        :: else -> swap(next)
        fi
    :: else -> break
    od
}

/* mm_finish_all over [first, to): nobody else may have changed it, nor split it. */
inline finish(step, to)
{
    end = to;
    at = first;
    do
    :: at < end ->
        load_unit();
        d_step { transition(step, value, me, me); assert(verdict == OK); at_before = at };
        swap(next);
        assert(at == unit_end && at > at_before)
    :: else -> break
    od
}

inline call(step, finish_step)
{
    claim(step);
    if
    :: at == end -> finish(finish_step, end)
    :: else -> WITNESS(PREFIX_UNDONE) finish(UNDO, at)
    fi
}

/* The second half of ensure_mapped: no claim, and a loser has been helped. */
inline commit()
{
    at = first;
    do
    :: at < end ->
        load_unit();
        transition(COMMIT, value, me, me);
        if
        :: value == VALUE(MAPPED, me) -> at = unit_end
        :: value != VALUE(MAPPED, me) && verdict == OK -> swap(next)
        :: else -> break
        fi
    :: else -> break
    od
}

#ifdef BUG_REUNIFIED
/* A region all of whose slots are UNMAPPED becomes uniform again, so that it costs
 * nothing any more: wrong even if it could be done in one step, as here. */
inline reunify()
{
    d_step {
        at = first / REGION * REGION;
        if
        :: word[at / REGION] >= SPLIT && slot[at] == UNMAPPED_EXPLICIT &&
               slot[at + 1] == UNMAPPED_EXPLICIT ->
            word[at / REGION] = UNMAPPED;
            slot[at] = 0;
            slot[at + 1] = 0;
            check_table()
        :: else
        fi
    }
}
#endif

/* ------------------------------------------------------------------------ threads */

proctype thread(byte me)
{
    byte first, end, at, unit_end, at_before, value, next, c, calls;
    short seen;
    bit uniform;
    mtype:statuses verdict;
#ifdef BUG_SLOTS_COPIED
    byte at_copy;
    bit copying;
#endif

    do
    :: calls < CALLS ->
        atomic {
            calls++;
            if
            :: first = 0; end = 2 /* a region */
            :: first = 0; end = 1 /* parts of it */
            :: first = 1; end = 2
            :: me == 1 -> first = 1; end = 4 /* a part and a region */
            fi
        }
        if
        :: call(RESERVE, PUBLISH)
        :: call(RELEASE, FINISH);
#ifdef BUG_REUNIFIED
           reunify()
#endif
        :: call(DECOMMIT, FINISH)
        :: commit()
        fi;
        atomic { first = 0; end = 0; at = 0; unit_end = 0; at_before = 0; value = 0;
                 next = 0; seen = 0; uniform = 0; verdict = 0 }
    :: else -> break
    od;
    atomic { calls = 0; finished++ }
}

/* chunk_load: two loads at most, and true at an instant between them. */
proctype reader()
{
    short seen;
    byte value;

    d_step {
        if
        :: watched = 0
        :: watched = 1
        fi;
        truths_seen = BIT(truth[watched])
    }
    seen = word[watched / REGION];
    d_step {
        if
        :: seen >= SPLIT ->
            value = SLOT_VALUE(seen, slot[watched]);
            if
            :: truths_seen != BIT(value) -> WITNESS(LOOKUP_DURING_CHANGE) skip
            :: else
            fi
        :: else -> value = seen
        fi;
        assert(truths_seen & BIT(value));
        watched = CHUNKS;
        truths_seen = 0;
        seen = 0;
        value = 0;
        finished++
    }
}

inline initial(region, region_word, first_slot, second_slot)
{
    word[region] = region_word;
    slot[region * REGION] = first_slot;
    slot[region * REGION + 1] = second_slot
}

init {
    byte c;

    atomic {
        if
        :: initial(0, UNMAPPED, 0, 0)
        :: initial(0, VALUE(QUARANTINED, 1), 0, 0)
        :: initial(0, VALUE(MAPPED, 1), 0, 0)
        :: initial(0, SPLIT | VALUE(QUARANTINED, 1), UNMAPPED_EXPLICIT, 0)
        fi;
        do
        :: c < CHUNKS ->
            truth[c] = (word[c / REGION] >= SPLIT -> SLOT_VALUE(word[c / REGION], slot[c])
                                                  : word[c / REGION]);
            c++
        :: else -> break
        od;
        c = 0;
        run thread(1);
        run thread(OTHER);
        run reader()
    }
    d_step {
        finished == 3 ->
        check_table();
        do
        :: c < CHUNKS -> assert(!TRANSIENT(truth[c])); c++
        :: else -> break
        od
    }
}
