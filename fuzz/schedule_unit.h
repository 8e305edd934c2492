/* SPDX-License-Identifier: MIT */
/*
 * Units of fuzz_schedule: a header, operations at fixed places, and a byte a choice.
 * What is missing at the end is 0: no operation, and the choice that changes nothing.
 */
#ifndef MMAPPER_FUZZ_SCHEDULE_UNIT_H
#define MMAPPER_FUZZ_SCHEDULE_UNIT_H

#include "stress/explore/program.h"

enum {
    UNIT_CHUNKS = 0, /* places of the header; commit-ahead is in here, too */
    UNIT_FLAGS,
    UNIT_SETUP,
    UNIT_OPS, /* UNIT_OP_BYTES each: what, who, where */
    UNIT_OP_BYTES = 3,
    UNIT_THREAD_OPS = 4,
    UNIT_THREADS = 3,
    UNIT_CHOICES = UNIT_OPS + UNIT_OP_BYTES * UNIT_THREAD_OPS * UNIT_THREADS,
    UNIT_PREEMPTS = 192, /* choice bytes from here on are not the default */

    FLAG_REGION = 1, /* of four chunks, not two */
    FLAG_THIRD = 2,  /* three threads */
    FLAG_MAPPERS = 4,
    FLAG_RECORDS = 8,
    FLAG_WEAK = 16,
    FLAG_OLD_KERNEL = 32,
    FLAG_FAULTS_SHIFT = 6, /* two bits */

    /* Programs whose worlds are the same have the same number below this one. */
    UNIT_WORLDS = 5 * 4 * 4 * 16,
};

/* Always a program that program_check finds good. Returns the number of its world. */
unsigned schedule_unit_program(const uint8_t *data, size_t size,
                               struct program *program);

bool schedule_unit_weak(const uint8_t *data, size_t size);

/* What schedule_fuzz.c tells its ordinary test: the hash of the trace. */
uint64_t schedule_fuzz_run(const uint8_t *data, size_t size);

#endif /* MMAPPER_FUZZ_SCHEDULE_UNIT_H */
