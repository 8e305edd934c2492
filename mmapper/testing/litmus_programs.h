/* SPDX-License-Identifier: MIT */
/*
 * The litmus programs, as data. An outcome is one digit for each register, then one for
 * each place that `finals` asks for: its value at the end.
 */
#ifndef MMAPPER_TESTING_LITMUS_PROGRAMS_H
#define MMAPPER_TESTING_LITMUS_PROGRAMS_H

#include <stdint.h>

#include "mmapper/testing/sim_run.h"

enum { LITMUS_PLACES = 3, LITMUS_REGISTERS = 4, LITMUS_STEPS = 3 };

enum place { X = 0, Y, Z };
enum what { NOTHING = 0, LOAD, STORE, CAS, ADD };
enum order { RLX = 0, ACQ, REL, ACQ_REL, SC };

struct litmus_step {
    enum what what;
    enum place place;
    enum order order;
    uint64_t value;
    uint64_t expected;
    int into; /* a register, -1: none. Of a CAS: whether it swapped. */
};

struct litmus {
    const char *name;
    const char *outcomes; /* all of them, in ascending order */
    const char *limit;    /* LIMIT: an outcome that C11 allows and the model has not */
    unsigned registers;
    unsigned finals; /* places, from X on */
    struct litmus_step threads[SIM_MAX_THREADS][LITMUS_STEPS];
};

extern const struct litmus litmus_programs[];
extern const unsigned litmus_program_count;

#endif /* MMAPPER_TESTING_LITMUS_PROGRAMS_H */
