/* SPDX-License-Identifier: MIT */
/*
 * What a thread of the mapping stress does in one operation. Each move calls the mapper
 * once or twice and checks the outcome: O1 and O3 of what it holds, O6 of the call.
 */
#ifndef STRESS_MOVES_H
#define STRESS_MOVES_H

#include "stress/player.h"

/* On ranges that the thread holds or gets by the call (moves.c, moves_give.c). */
void move_quarantine(struct player *player);
void move_quarantine_anywhere(struct player *player);
void move_ensure_held(struct player *player);
void move_ensure_unheld(struct player *player);
void move_decommit(struct player *player);
void move_release(struct player *player);
void move_transfer(struct player *player);
void move_collect_mail(struct player *player);

/* Calls that must fail and change nothing (moves_misuse.c). */
void move_misuse(struct player *player);

/* Queries (moves_query.c). */
void move_query(struct player *player);
void move_walk(struct player *player);

/* Anything, anywhere, with owners that nobody relies on (reckless.c). */
void move_reckless(struct player *player);

/* A random range of 1 to `most` chunks. */
struct span move_random_span(struct player *player, size_t most);

/* A random part of a held range, at least a chunk. */
struct span move_random_part(struct player *player, struct span span);

/* This thread's own owner, or one that all threads share. */
size_t move_pick_owner(struct player *player);

/* BUSY is legal only where other threads of the owner may be pinned. */
unsigned move_allow_busy(const struct player *player, size_t owner);

/* O6, after a failed call: what this thread holds in `span` is as it was, and the rest
 * is not `owner`'s if that is this thread's alone. */
void move_check_unchanged(struct player *player, struct span span, size_t owner);

#endif /* STRESS_MOVES_H */
