/* SPDX-License-Identifier: MIT */
/* The calls into the kernel, for chunk.pml. Each is one step, as under the kernel's own
 * lock, and asserts that it touches the memory of nobody but its caller. */

/* Each call is one step over [from, to), under the kernel's own lock. What a library
 * maps meanwhile can only be noticed here, so that here is where it may appear. */
inline intrude(from)
{
    if
    :: fault && kernel[from] == 0 -> kernel[from] = FOREIGN; fault = 0
    :: true
    fi
}

/* mmap with MAP_FIXED_NOREPLACE. */
inline os_reserve(from, to)
{
    atomic {
        intrude(to - 1);
        i = from;
        do
        :: i < to && kernel[i] == 0 -> i++
        :: else -> break
        od;
        if
#ifdef BUG_MAP_FIXED
        :: i < to ->
            i = from;
            do
            :: i < to -> assert(kernel[i] == 0); kernel[i] = me; i++
            :: else -> break
            od
#else
        :: i < to -> WITNESS(EEXIST) status = OS_ERROR
#endif
        :: i == to && fault -> WITNESS(ENOMEM) fault = 0; status = OS_ERROR
        :: i == to ->
            i = from;
            do
            :: i < to -> kernel[i] = me; i++
            :: else -> break
            od
        fi;
        i = 0
    }
}

/* mprotect: idempotent; refused, it may have done a part. */
inline os_commit(from, to)
{
    atomic {
        intrude(from);
        i = from;
        do
        :: i < to -> assert(kernel[i] == me); i++
        :: else -> break
        od;
        if
        :: fault -> WITNESS(HALF_COMMITTED) fault = 0; committed[from] = 1; status = OS_ERROR
        :: true ->
            i = from;
            do
            :: i < to -> committed[i] = 1; i++
            :: else -> break
            od
        fi;
        i = 0
    }
}

/* madvise and mprotect; the same. */
inline os_decommit(from, to)
{
    atomic {
        intrude(from);
        i = from;
        do
        :: i < to -> assert(kernel[i] == me); i++
        :: else -> break
        od;
        if
        :: fault -> WITNESS(HALF_DECOMMITTED) fault = 0; committed[from] = 0; status = OS_ERROR
        :: true ->
            i = from;
            do
            :: i < to -> committed[i] = 0; i++
            :: else -> break
            od
        fi;
        i = 0
    }
}

/* munmap: all or, at max_map_count, nothing. */
inline os_release(from, to)
{
    atomic {
        intrude(from);
        i = from;
        do
        :: i < to -> assert(kernel[i] == me); i++
        :: else -> break
        od;
        if
        :: fault -> WITNESS(RELEASE_REFUSED) fault = 0; status = OS_ERROR
        :: true ->
            i = from;
            do
            :: i < to -> kernel[i] = 0; committed[i] = 0; i++
            :: else -> break
            od
        fi;
        i = 0
    }
}
