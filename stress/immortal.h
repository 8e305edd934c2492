/* SPDX-License-Identifier: MIT */
/*
 * The immortal stress: what its threads share, its steps and its checks.
 */
#ifndef STRESS_IMMORTAL_H
#define STRESS_IMMORTAL_H

#include <stdint.h>

#include "mmapper/mmapper.h"
#include "spaces/immortal_window.h"
#include "stress/allocations.h"
#include "stress/ownership_log.h"
#include "stress/runner.h"

enum {
    IMMORTAL_SPACES = 4,
    IMMORTAL_SPACE_CHUNKS = 96,
    IMMORTAL_CHUNK_BYTES = 64 << 10,
    IMMORTAL_WINDOW_BYTES = 8 << 10,
    COUNT_EXHAUSTED = STRESS_COUNTER_OWN,
    COUNT_RIVAL,
    COUNT_SPACES,
};

struct arena {
    struct immortal_space *space;
    bool
        windowed; /* threads allocate from their windows, too: the cursor is not exact */
    struct immortal_window windows[STRESS_MAX_THREADS]; /* each thread's own */
    struct allocations given[STRESS_MAX_THREADS];
};

struct immortal {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *rival;
    struct immortal_space *huge;
    struct arena arenas[IMMORTAL_SPACES];
    struct ownership_log *log;
    struct ownership_session *session; /* the main thread's */
    uint64_t epoch;                    /* of the spaces; constant in a round */
};

/* One operation of a thread (immortal_steps.c). */
void immortal_allocate(struct stress_thread *thread, struct immortal *immortal,
                       struct arena *arena);
void immortal_intrude(struct stress_thread *thread, struct immortal *immortal,
                      const struct arena *arena);

/* While all threads stand still (immortal_checks.c). */
void immortal_check_arena(struct stress_run *run, const struct arena *arena);
void immortal_check_verify(struct stress_run *run, const struct immortal *immortal);
void immortal_check_huge(struct stress_run *run, struct immortal *immortal);

#endif /* STRESS_IMMORTAL_H */
