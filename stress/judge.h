/* SPDX-License-Identifier: MIT */
/*
 * Judges how a call was refused: the status must be a legal one, and the error record
 * must be true.
 */
#ifndef STRESS_JUDGE_H
#define STRESS_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "stress/player.h"

/* A set of statuses. */
#define JUDGE_ALLOW(status) (1U << (status))

struct attempt {
    struct player *player;
    size_t owner; /* who called */
    enum mm_operation operation;
    struct mm_extent request; /* what may be at fault: the window for "anywhere" */
    uint64_t since;           /* holder_record_now before the call */
};

/* Before the call. */
struct attempt judge_attempt(struct player *player, size_t owner,
                             enum mm_operation operation, struct mm_extent request);

/* After it failed, with a status other than MM_OK. */
void judge_refusal(const struct attempt *attempt, enum mm_status status,
                   const struct mm_error *error, unsigned allowed);

/* For a call that should have succeeded or was refused in a way that is not allowed. */
void judge_report(const struct attempt *attempt, enum mm_status status,
                  const struct mm_error *error, const char *why);

#endif /* STRESS_JUDGE_H */
