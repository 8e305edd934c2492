/* SPDX-License-Identifier: MIT */
/* What the user is told about a history and its replays. */
#ifndef STRESS_HISTORY_PRINT_H
#define STRESS_HISTORY_PRINT_H

#include <stdio.h>

#include "stress/history_model.h"
#include "stress/history_plan.h"
#include "stress/history_replay.h"

/* The sum of several replays of one kind. */
struct history_replays {
    uint64_t rounds;
    struct history_replay_result sum;
};

/* What is in the recording, and who overwrote whom: `rows` rows of that. */
void history_print(const char *name, const struct history_model *model, size_t rows);
void history_print_replays(const char *what, const struct history_plan *plan,
                           const struct history_replays *replays);

/* An object with all of it, all overwritings included. */
void history_json(FILE *file, const char *name, const struct history_model *model,
                  const struct history_replays *alone,
                  const struct history_replays *threads);

#endif /* STRESS_HISTORY_PRINT_H */
