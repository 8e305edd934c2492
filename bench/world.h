/* SPDX-License-Identifier: MIT */
/* A mapper to be measured, with an owner for each thread. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "bench/case.h"
#include "bench/support.h"
#include "mmapper/mmapper.h"

/* Where the sides of a case work: each has 16 TiB and room behind it, so that no two make
 * one mapping for the kernel. Multiples of a region, and free in any process. */
#define BENCH_OURS UINT64_C(0x100000000000)
#define BENCH_FLOOR UINT64_C(0x210000000000)
#define BENCH_MUTEX UINT64_C(0x320000000000)

#define BENCH_CHUNK ((size_t)4 << 20)
#define BENCH_REGION ((size_t)65536 * BENCH_CHUNK)

struct bench_world_options {
    bool idle;       /* no system calls for extents */
    bool named;      /* annotations in the kernel's list */
    bool accounted;  /* else MM_UNACCOUNTED, as for heaps larger than memory */
    unsigned owners; /* 0: one */
    unsigned ahead;  /* commit-ahead, in chunks */
};

struct bench_world {
    struct bench_support support;
    struct bench_random random;
    struct mmapper *mapper;
    struct mm_owner *owners[BENCH_MAX_THREADS];
};

/* A mapper with the default options. The world must not be moved. */
void bench_world_open(struct bench_world *world, uint64_t seed,
                      const struct bench_world_options *options);
void bench_world_close(struct bench_world *world);

struct mm_strategy bench_strategy(const struct bench_world_options *options);

/* These end the program when they fail. */
void bench_world_quarantine(struct bench_world *world, struct mm_extent extent);
void bench_world_map(struct bench_world *world, struct mm_extent extent);
void bench_world_release(struct bench_world *world, struct mm_extent extent);

/* Splits every region that `extent` meets, for good, and leaves it unmapped. */
void bench_world_split(struct bench_world *world, struct mm_extent extent);

#endif /* BENCH_WORLD_H */
