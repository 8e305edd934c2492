/* SPDX-License-Identifier: MIT */
/* The calls into the kernel, for chunk.pml. Each is one step over [from, to), as under the
 * kernel's own lock, and asserts that it touches the memory of nobody but its caller. */

/* Once in a run the kernel refuses, or a library maps something. The latter can only be
 * noticed by a call, so that here is where it happens. */
inline luck(c)
{
    if
    :: true
    :: fault -> fault = 0; refused = 1
    :: fault && kernel[c] == 0 -> fault = 0; kernel[c] = FOREIGN
    fi
}

inline expect_mine(from, to)
{
    i = from;
    do
    :: i < to -> assert(kernel[i] == me); i++
    :: else -> break
    od
}

inline make_mine(from, to)
{
    i = from;
    do
#ifdef BUG_MAP_FIXED
    :: i < to -> assert(kernel[i] == 0); kernel[i] = me; i++
#else
    :: i < to -> kernel[i] = me; i++
#endif
    :: else -> break
    od
}

inline make_accessible(from, to, accessible)
{
    i = from;
    do
    :: i < to -> committed[i] = accessible; i++
    :: else -> break
    od
}

/* mmap with MAP_FIXED_NOREPLACE. */
inline os_reserve(from, to)
{
    atomic {
        luck(to - 1);
        d_step {
            i = from;
            do
            :: i < to && kernel[i] == 0 -> i++
            :: else -> break
            od;
            if
#ifdef BUG_MAP_FIXED
            :: true -> make_mine(from, to)
#else
            :: i < to -> WITNESS(EEXIST) status = OS_ERROR
            :: i == to && refused -> WITNESS(ENOMEM) status = OS_ERROR
            :: i == to && !refused -> make_mine(from, to)
#endif
            fi;
            refused = 0;
            i = 0
        }
    }
}

/* mprotect: idempotent; refused, it may have done a part. */
inline os_commit(from, to)
{
    atomic {
        luck(from);
        d_step {
            expect_mine(from, to);
            if
            :: refused -> WITNESS(HALF_COMMITTED) committed[from] = 1; status = OS_ERROR
            :: else -> make_accessible(from, to, 1)
            fi;
            refused = 0;
            i = 0
        }
    }
}

/* madvise and mprotect; the same. */
inline os_decommit(from, to)
{
    atomic {
        luck(from);
        d_step {
            expect_mine(from, to);
            if
            :: refused -> WITNESS(HALF_DECOMMITTED) committed[from] = 0; status = OS_ERROR
            :: else -> make_accessible(from, to, 0)
            fi;
            refused = 0;
            i = 0
        }
    }
}

/* munmap: all or, at max_map_count, nothing. */
inline os_release(from, to)
{
    atomic {
        luck(from);
        d_step {
            expect_mine(from, to);
            if
            :: refused -> WITNESS(RELEASE_REFUSED) status = OS_ERROR
            :: else ->
                make_accessible(from, to, 0);
                i = from;
                do
                :: i < to -> kernel[i] = 0; i++
                :: else -> break
                od
            fi;
            refused = 0;
            i = 0
        }
    }
}
