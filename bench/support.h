/* SPDX-License-Identifier: MIT */
/*
 * A decorator of Linux's mmap_support for measurements: it moves the mapper's tables by a
 * random number of pages, and remembers where they are. Idle, it makes no system call for
 * extents and counts none: what is measured then is the mapper alone.
 */
#ifndef BENCH_SUPPORT_H
#define BENCH_SUPPORT_H

#include "bench/random.h"
#include "mmapper/mmap_support.h"

struct bench_support {
    struct mmap_support support; /* for the mapper; not to be moved while it lives */
    struct mmap_operations operations;
    struct mmap_support inner;
    size_t stagger;         /* bytes before a table */
    struct mm_extent table; /* the one that was acquired last */
};

/* Names in the kernel's list are off: each costs a system call of its own. */
void bench_support_init(struct bench_support *support, bool idle,
                        struct bench_random *random);

/* Bytes of the table that are resident: touched, in whole pages. */
size_t bench_support_resident(const struct bench_support *support);

#endif /* BENCH_SUPPORT_H */
