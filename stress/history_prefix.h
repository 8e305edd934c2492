/* SPDX-License-Identifier: MIT */
/* What stands before the call in an strace line. */
#ifndef STRESS_HISTORY_PREFIX_H
#define STRESS_HISTORY_PREFIX_H

#include <stdint.h>

#include "stress/history_syntax.h"

enum history_prefix {
    HISTORY_PREFIX_CALL, /* the rest is a call, half a call, a signal or an end */
    HISTORY_PREFIX_BLANK,
    HISTORY_PREFIX_NOTE,  /* strace speaks of itself */
    HISTORY_PREFIX_WRONG, /* a process number out of range */
};

/*
 * Takes process number, timestamps (-t, -tt, -ttt, -r), instruction pointer (-i) and
 * call number (-n) off the front of a trimmed line. `pid` is 0 when the line has none.
 */
enum history_prefix history_take_prefix(struct history_text *text, uint32_t *pid);

/* Where strace speaks of a process that it attaches to, also in the middle of a line;
 * NULL when it does not. */
const char *history_find_note(struct history_text text);

#endif /* STRESS_HISTORY_PREFIX_H */
