/* SPDX-License-Identifier: MIT */
/* The calls that have begun and of which the end is still to come. */
#ifndef STRESS_HISTORY_PENDING_H
#define STRESS_HISTORY_PENDING_H

#include <stdint.h>

#include "stress/history_syntax.h"

struct history_pending {
    uint32_t pid;
    uint64_t line;
    char *text; /* up to where it was interrupted */
    size_t bytes;
};

struct history_pending_table {
    struct history_pending *calls;
    size_t count;
    size_t capacity;
};

/* A process has one number in all lines, but on a terminal strace leaves it out while
 * there is only one: then a call can begin without and end with it, or the reverse.
 * NULL when nothing fits. */
struct history_pending *history_pending_find(struct history_pending_table *table,
                                             uint32_t pid);

/* Copies `text`. */
void history_pending_add(struct history_pending_table *table, uint32_t pid,
                         uint64_t line, struct history_text text);
void history_pending_drop(struct history_pending_table *table,
                          struct history_pending *pending);

/* Drops all of that process and returns how many. */
uint64_t history_pending_forget(struct history_pending_table *table, uint32_t pid);

/* What `from` has begun goes on as `to`'s; what `to` had begun is dropped, and counted
 * in the result. Does nothing when `from` has begun nothing. */
uint64_t history_pending_hand_on(struct history_pending_table *table, uint32_t from,
                                 uint32_t to);
void history_pending_free(struct history_pending_table *table);

#endif /* STRESS_HISTORY_PENDING_H */
