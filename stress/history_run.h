/* SPDX-License-Identifier: MIT */
/* Private to the replay: what its files share. */
#ifndef STRESS_HISTORY_RUN_H
#define STRESS_HISTORY_RUN_H

#include <pthread.h>

#include "mmapper/atomic.h"
#include "mmapper/mmapper.h"
#include "stress/history_replay.h"
#include "stress/random.h"

struct replay_space {
    pthread_mutex_t lock; /* of making the mapper */
    mm_atomic_u64 ready;  /* 1: it is made */
    mm_atomic_u64 done;   /* steps taken */
    struct mmapper *mapper;
    struct mm_owner **owners; /* by slot */
    uintptr_t base;
};

struct replay_task {
    pthread_t thread;
    bool started;
    mm_atomic_u64 taken; /* steps */
    struct replay *replay;
    struct stress_random random;
};

struct replay {
    const struct history_plan *plan;
    const struct history_replay_options *options;
    struct history_replay_result *result;
    struct mmap_support support;
    struct replay_space *spaces;
    struct replay_task *tasks;
    mm_atomic_u64 stop;
    mm_atomic_u64 busy;
    pthread_mutex_t lock; /* of the result and of stderr */
};

/* True when the replay is to end early. */
bool replay_stopping(struct replay *replay);

/* Prints what must not be, with the history's line, and ends the replay. */
__attribute__((format(printf, 3, 4))) void
replay_violation(struct replay *replay, uint64_t line, const char *format, ...);
/* A status that ends the replay: a violation, or the machine's limits. */
void replay_failure(struct replay *replay, const struct history_step *step,
                    const struct mm_error *error);

/* history_steps.c */
void replay_take_step(struct replay *replay, const struct history_step *step);

/* history_check.c: when the last step in a space is taken. */
void replay_check_space(struct replay *replay, uint32_t space);

struct mm_extent replay_extent(const struct replay *replay, uint32_t space,
                               uint64_t start, uint64_t end);
struct mm_owner *replay_owner(const struct replay *replay, uint32_t origin);

#endif /* STRESS_HISTORY_RUN_H */
