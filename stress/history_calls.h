/* SPDX-License-Identifier: MIT */
/* What a call means: from its name and arguments to an event. */
#ifndef STRESS_HISTORY_CALLS_H
#define STRESS_HISTORY_CALLS_H

#include "stress/history_reader.h"
#include "stress/history_syntax.h"

/*
 * Fills kind, range, protection, flags, descriptor and result of `event`. `path` is the
 * mapped file's, empty when the line does not tell. NULL, or what is wrong with it.
 */
const char *history_interpret(const struct history_call *call,
                              struct history_event *event, struct history_text *path);

#endif /* STRESS_HISTORY_CALLS_H */
