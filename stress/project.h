/* SPDX-License-Identifier: MIT */
/*
 * Several threads of one owner map one range at the same time: the race inside
 * ensure_mapped, where fellow threads help each other, wait for one another's
 * reservation, and all may use the memory afterwards.
 *
 * Quiescence by construction: a project's owner maps only inside the project, and what
 * it holds is released by the last thread that leaves.
 */
#ifndef STRESS_PROJECT_H
#define STRESS_PROJECT_H

#include <pthread.h>

#include "stress/player.h"

enum {
    PROJECT_CHUNKS = 24,
    PROJECT_MEMBERS = 3,
    PLAYER_NO_PROJECT = FIELD_PROJECTS,
};

enum project_state {
    PROJECT_CLOSED,
    PROJECT_OPEN,
    PROJECT_CLOSING,
};

struct project {
    pthread_mutex_t lock; /* of all here */
    enum project_state state;
    struct span span; /* constant while open */
    uint64_t epoch;   /* the same */
    unsigned joined;  /* threads that ever joined: it ends when they left */
    unsigned members; /* of those, still in it */
    uint32_t written[STRESS_MAX_THREADS]; /* each thread's: chunks with its token */
};

struct projects {
    struct project all[FIELD_PROJECTS];
};

void projects_create(struct projects *projects);
void projects_destroy(struct projects *projects);

/* Joins or opens one, works in it, or leaves it. */
void project_step(struct player *player, struct projects *projects);

/* At a checkpoint: ends all of them. */
void projects_close_all(struct player *players, struct projects *projects);

#endif /* STRESS_PROJECT_H */
