/* SPDX-License-Identifier: MIT */
/* Who does what in chunk.pml, from which table, and what holds at the end. */

inline choose_call()
{
    if
    :: call = ENSURE_IT
    :: WIDE || _pid < 3 -> call = RELEASE_IT
#ifdef EXTERNAL
    :: me == 1 -> call = ADOPT_IT
    :: WIDE || _pid == 1 -> call = EXCLUDE_IT
    :: me == 2 -> call = QUARANTINE_IT
#else
    :: call = QUARANTINE_IT
#ifndef FREEZE /* like release */
    :: WIDE || _pid == 1 -> call = DECOMMIT_IT
    :: WIDE || _pid == 1 -> call = TRANSFER_IT
#endif
#endif
    fi
}

inline choose_range()
{
    if
    :: first = 0; end = CHUNKS
#ifndef FREEZE
    :: _pid == 1 -> first = 0; end = CHUNKS - 1
    :: WIDE -> first = 1; end = CHUNKS
    :: WIDE && _pid == 1 -> first = 0; end = 1
#endif
    fi
}

proctype thread(byte me)
#ifdef FREEZE
provided (frozen != _pid)
#endif
{
    byte first, end, at, i, seen, next;
    bit refused; /* by the kernel, for no visible reason */
    mtype:calls call;
    mtype:statuses status, verdict;
    mtype:looks look;

    atomic {
        choose_call();
        choose_range();
        status = OK
    }
    if
    :: call == ENSURE_IT -> ensure_mapped()
#ifdef EXTERNAL
    :: call == ADOPT_IT -> record_external(ADOPT)
    :: call == EXCLUDE_IT -> record_external(EXCLUDE)
#else
    :: call == TRANSFER_IT -> transfer()
    :: call == DECOMMIT_IT -> decommit()
#endif
    :: call == QUARANTINE_IT -> quarantine()
    :: call == RELEASE_IT -> release()
    fi;
    atomic { /* and forget, so that equal states are one */
        call = 0; first = 0; end = 0; at = 0; status = 0; verdict = 0; look = 0;
        returned[_pid] = 1;
        finished++
    }
}

inline initial(c, value, mapped_by, accessible)
{
    chunk[c] = value;
    ledger[c] = OWNER(value);
    kernel[c] = mapped_by;
    committed[c] = accessible
}

#ifdef EXTERNAL
#define BARE EXCLUDED
#else
#define BARE QUARANTINED
#endif
#define U(c) initial(c, UNMAPPED, 0, 0)
#define B1(c) initial(c, VALUE(BARE, 1), 1, 0)
#define M1(c) initial(c, VALUE(MAPPED, 1), 1, 1)
#define M2(c) initial(c, VALUE(MAPPED, 2), 2, 1)

inline choose_table()
{
#if WIDE
    c = 0;
    do
    :: c < CHUNKS ->
        if
        :: U(c)
        :: B1(c)
        :: M1(c)
        :: M2(c)
        fi;
        c++
    :: else -> break
    od
#else
    if
    :: U(0); U(1)
    :: M1(0); B1(1)
#ifndef FREEZE
    :: B1(0); B1(1)
    :: U(0); M2(1)
    :: M1(0); U(1)
#endif
    fi
#endif
}

/* All calls have returned: the table, the kernel and the ledger tell the same. */
inline check_end()
{
    c = 0;
    do
    :: c < CHUNKS ->
        assert(!TRANSIENT(chunk[c]));
        assert(ledger[c] == OWNER(chunk[c]));
        assert(promised[c] == 0 || chunk[c] == VALUE(MAPPED, promised[c]));
        check_final(c, chunk[c]);
        c++
    :: else -> break
    od;
    assert(pins[1] == 0 && pins[2] == 0)
}

init {
    byte c;

    atomic {
        choose_table();
        c = 0;
        run thread(1);
#if THREADS == 2
        if
        :: run thread(1)
        :: run thread(2)
        fi
#else
        run thread(1);
        run thread(2)
#endif
    }
#ifdef FREEZE
    if /* thread 2 makes no call that thread 1 does not make */
    :: frozen = 1
    :: frozen = 3
    fi;
    timeout; /* nobody can go on */
    d_step {
        c = 1;
        do
        :: c <= THREADS ->
            /* Waiting is for one's own owner's reservation alone. */
            assert(returned[c] || c == frozen ||
                   (waits_for[c] != 0 &&
                    chunk[waits_for[c] - 1] == VALUE(RESERVING, (c == 3 -> 2 : 1))));
            c++
        :: else -> break
        od;
        c = 0;
        frozen = 0
    }
#endif
    d_step { finished == THREADS -> check_end() }
}
