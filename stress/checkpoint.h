/* SPDX-License-Identifier: MIT */
/*
 * What only holds when all threads of the mapping stress stand still: the mapper, the
 * kernel, the ownership log and the threads' own view agree on every chunk.
 */
#ifndef STRESS_CHECKPOINT_H
#define STRESS_CHECKPOINT_H

#include "stress/player.h"
#include "stress/project.h"

void checkpoint_all(struct field *field, struct player *players,
                    struct projects *projects);

/* At the end: everything is released, and nothing may be left anywhere. */
void checkpoint_release_all(struct field *field, struct player *players,
                            struct projects *projects);

#endif /* STRESS_CHECKPOINT_H */
