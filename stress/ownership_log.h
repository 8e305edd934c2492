/* SPDX-License-Identifier: MIT */
/*
 * Oracle O1: an independent witness that a piece of address space has one owner.
 *
 * Built on liburcu's lock-free hash table, whose cds_lfht_add_unique promises that of
 * two adds of one key one fails. It shares no code with the mapper. A thread adds every
 * chunk (or page) right after the mapper gave it, and removes it right before it gives
 * it back; whoever finds a chunk taken by another has found two owners.
 */
#ifndef STRESS_OWNERSHIP_LOG_H
#define STRESS_OWNERSHIP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ownership_log;

/* What one thread needs to use the log: made and ended by that thread. */
struct ownership_session;

struct ownership_entry {
    uint64_t key;
    uint64_t owner;
    uint64_t epoch;
};

/* For about `expected` keys at a time. NULL: no memory. */
struct ownership_log *ownership_log_create(size_t expected);

/* All sessions have ended, and their threads were joined. Entries are forgotten. */
void ownership_log_destroy(struct ownership_log *log);

struct ownership_session *ownership_session_begin(struct ownership_log *log);
void ownership_session_end(struct ownership_session *session);

/* False when the key is taken; *other is by whom. */
bool ownership_claim(struct ownership_session *session,
                     const struct ownership_entry *entry,
                     struct ownership_entry *other);

/* Removes the key, which `owner` holds. False when it does not: *found says who does,
 * with owner 0 for nobody. */
bool ownership_drop(struct ownership_session *session, uint64_t key, uint64_t owner,
                    struct ownership_entry *found);

/* Changes the owner of a held key in place, so that nobody can add it in between. False
 * as above. */
bool ownership_hand_over(struct ownership_session *session, uint64_t key, uint64_t from,
                         uint64_t to, struct ownership_entry *found);

/* False when nobody holds the key. */
bool ownership_find(struct ownership_session *session, uint64_t key,
                    struct ownership_entry *found);

/* Calls `visit` (may be NULL) for every entry and returns how many there are. Exact
 * when nothing else runs. */
size_t ownership_each(struct ownership_session *session,
                      void (*visit)(void *argument,
                                    const struct ownership_entry *entry),
                      void *argument);

#endif /* STRESS_OWNERSHIP_LOG_H */
