/* SPDX-License-Identifier: MIT */
/*
 * Weak memory for pins.pml, after C11. Each location keeps all its values in modification
 * order. A thread has a view: for each location, the oldest value that it may still read.
 * A load may read any value from there on. A release takes the thread's view along with
 * the value, an acquire takes that view over. A read-modify-write reads the newest value
 * and carries on the view of what it replaced (a release sequence).
 *
 * seq_cst: all seq_cst accesses are in one order. A seq_cst load reads nothing older than
 * what a seq_cst access of the same location wrote or read before it in that order. A
 * store that is not seq_cst is not in that order: this is weaker than a full barrier, and
 * is what lets BUG_SPLIT_ACQ_REL fail as the standard allows.
 */
#define LOCATIONS 3
#define LENGTH 9 /* values a location may have in one run */

mtype:orders = { ACQUIRE, RELEASING_ORDER, ACQ_REL, SEQ_CST };

byte history[LOCATIONS * LENGTH];
byte carried[LOCATIONS * LENGTH * LOCATIONS]; /* the view that goes with each value */
byte last[LOCATIONS];                         /* the newest value */
byte agreed[LOCATIONS];                       /* the oldest that a seq_cst load may read */

#define VALUE_AT(loc, time) history[(loc) * LENGTH + (time)]
#define CARRIED(loc, time, other) carried[((loc) * LENGTH + (time)) * LOCATIONS + (other)]
#define NEWEST(loc) VALUE_AT(loc, last[loc])
#define RAISE(x, y) x = ((x) < (y) -> (y) : (x))

/* Every thread has a byte view[LOCATIONS]. */
inline take_over(loc, time)
{
    RAISE(view[0], CARRIED(loc, time, 0));
    RAISE(view[1], CARRIED(loc, time, 1));
    RAISE(view[2], CARRIED(loc, time, 2))
}

/* Waits for a change: what was stored becomes visible at some time. */
#define NEWER_THAN_SEEN(loc) d_step { view[loc] < last[loc] -> view[loc]++ }

/* Sets `got`. */
inline load(loc, order)
{
    atomic {
        if
        :: order == SEQ_CST -> RAISE(view[loc], agreed[loc])
        :: else
        fi;
        do
        :: view[loc] < last[loc] -> view[loc]++
        :: true -> break
        od;
        d_step {
            got = VALUE_AT(loc, view[loc]);
            if
            :: got != NEWEST(loc) -> WITNESS(STALE_LOAD) skip
            :: else
            fi;
            take_over(loc, view[loc]);
            if
            :: order == SEQ_CST -> RAISE(agreed[loc], view[loc])
            :: else
            fi
        }
    }
}

/* Part of an atomic step that has looked at NEWEST(loc). */
inline replace(loc, to, order)
{
    assert(last[loc] + 1 < LENGTH);
    if
    :: order != RELEASING_ORDER -> take_over(loc, last[loc])
    :: else
    fi;
    VALUE_AT(loc, last[loc] + 1) = to; /* which may speak of the newest */
    last[loc]++;
    view[loc] = last[loc];
    l = 0;
    do
    :: l < LOCATIONS ->
        CARRIED(loc, last[loc], l) = CARRIED(loc, last[loc] - 1, l);
        RAISE(CARRIED(loc, last[loc], l), view[l]);
        l++
    :: else -> break
    od;
    l = 0;
    if
    :: order == SEQ_CST -> agreed[loc] = last[loc]
    :: else
    fi
}

/* Sets `swapped`. */
inline compare_and_swap(which, old, new, how)
{
    d_step {
        swapped = (NEWEST(which) == old);
        if
        :: swapped -> replace(which, new, how)
        :: else
        fi
    }
}

inline add(which, amount, how)
{
    d_step { replace(which, NEWEST(which) + amount, how) }
}
