/* SPDX-License-Identifier: MIT */
/*
 * One thread of the mapping stress: the ranges it holds, and the bookkeeping of taking
 * and giving back chunks that the oracles are fed with.
 */
#ifndef STRESS_PLAYER_H
#define STRESS_PLAYER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stress/field.h"

enum {
    PLAYER_HOLDINGS = 24,
    PLAYER_MAILBOX = 8,
    PLAYER_TOKEN_PAGES = 4, /* of a chunk, at most */
};

/* A range that this thread is responsible for; all of it one owner's. */
struct holding {
    struct span span;
    size_t owner;
};

struct player {
    struct stress_thread *thread;
    struct field *field;
    struct ownership_session *session;
    size_t private; /* this thread's own owner */
    struct holding holdings[PLAYER_HOLDINGS];
    size_t count;
    struct player *players; /* of all threads */
    size_t project;         /* the one it takes part in, PLAYER_NO_PROJECT for none */
    pthread_mutex_t lock;   /* of the mailbox */
    struct holding mailbox[PLAYER_MAILBOX];
    size_t letters;
};

/* What the workload counts beside operations, conflicts and busy. */
enum {
    COUNT_QUARANTINED = STRESS_COUNTER_OWN,
    COUNT_ENSURED,
    COUNT_DECOMMITTED,
    COUNT_RELEASED,
    COUNT_TRANSFERRED,
    COUNT_HANDED_OVER,
    COUNT_REFUSED,
    COUNT_WALKS,
    COUNT_PROJECTS,
    COUNT_RECKLESS,
    COUNT_TOKENS,
    COUNT_HOLDERS_CHECKED,
    COUNT_HOLDERS_GONE,
};

/* The pages of a chunk that carry tokens: returns how many, and where they are. */
size_t player_token_pages(const struct field *field, size_t chunk,
                          uintptr_t pages[PLAYER_TOKEN_PAGES]);

/* The mapper gave chunks of `span` to `owner`: oracle O1 hears of it. */
void player_take(struct player *player, struct span span, size_t owner);

/* Right before they are given back. */
void player_give(struct player *player, struct span span, size_t owner);

/* Giving them back failed: they are held as before. */
void player_keep(struct player *player, struct span span, size_t owner);

/* Adds to the list of holdings; false when it is full. */
bool player_add_holding(struct player *player, struct span span, size_t owner);

/* Takes `span` out of holding `index`, splitting it if need be. The caller made sure
 * with player_has_room that a split finds room. */
void player_cut_holding(struct player *player, size_t index, struct span span);

bool player_has_room(const struct player *player);

/* Whether a holding of this thread meets `span`. */
bool player_holds_any(const struct player *player, struct span span);

/* O3: verifies the tokens of the mapped chunks of `span`. */
void player_check_tokens(struct player *player, struct span span);

/* O6: what the mapper says of held chunks is what this thread knows. */
void player_check_lookups(struct player *player, struct span span);

/* Makes chunks that were just committed carry tokens, after checking that fresh ones
 * are zero. */
void player_use(struct player *player, struct span span);

#endif /* STRESS_PLAYER_H */
