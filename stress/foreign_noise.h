/* SPDX-License-Identifier: MIT */
/*
 * The rest of the process: code that maps and unmaps without asking any mapper, in the
 * managed window and elsewhere. It never replaces anybody's mapping, and checks that
 * nobody replaces its own.
 */
#ifndef STRESS_FOREIGN_NOISE_H
#define STRESS_FOREIGN_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "mmapper/extent.h"
#include "stress/ownership_log.h"
#include "stress/runner.h"

/* Maps exactly `extent`, readable and writable, if nothing is there. */
bool foreign_map(struct mm_extent extent);
void foreign_unmap(struct mm_extent extent);

struct foreign_noise;

struct foreign_noise_options {
    struct stress_run *run;
    struct mm_extent window;
    size_t granule; /* bytes: its mappings in the window are multiples of it */
    /* Keys are address / granule; the owner is its own number. */
    struct ownership_log *log;
    uint64_t owner;
    uint64_t seed;
};

/* Starts a thread that makes noise until it is stopped. NULL: it cannot be started. */
struct foreign_noise *foreign_noise_start(const struct foreign_noise_options *options);

/* Stops it; nothing of it is left mapped. Returns how many mappings it made. */
uint64_t foreign_noise_stop(struct foreign_noise *noise);

#endif /* STRESS_FOREIGN_NOISE_H */
