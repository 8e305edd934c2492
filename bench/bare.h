/* SPDX-License-Identifier: MIT */
/* The floor: the bare system calls, and nothing around them. Each ends the program when
 * the kernel refuses. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include "mmapper/extent.h"

/* mmap: inaccessible, unaccounted, never replacing. */
void bench_bare_reserve(struct mm_extent extent);
/* mprotect: readable and writable. */
void bench_bare_commit(struct mm_extent extent);
/* madvise and mprotect: contents and access are gone. */
void bench_bare_decommit(struct mm_extent extent);
/* munmap. */
void bench_bare_release(struct mm_extent extent);

/* mmap: accessible memory over whatever is there. What a mapper has to do that keeps no
 * reservation; the floor of nothing. */
void bench_bare_replace(struct mm_extent extent);
/* mmap: accessible memory, wherever the kernel puts it. */
void *bench_bare_map_anywhere(size_t bytes);

#endif /* BENCH_BARE_H */
