/* SPDX-License-Identifier: MIT */
/*
 * Who may be said to have held a chunk, so that a conflict that names a holder can be
 * checked: the one it names must have held the chunk, or have been in a call to get it,
 * at some instant of the call that was refused.
 *
 * Kept for each pair of chunk and owner, and conservative, so that it never accuses
 * wrongly: an interest begins before the call that may reserve and ends after the call
 * that fails to or that releases.
 */
#ifndef STRESS_HOLDER_RECORD_H
#define STRESS_HOLDER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct holder_record;

/* NULL: no memory. */
struct holder_record *holder_record_create(size_t chunks, size_t owners);
void holder_record_destroy(struct holder_record *record);

/* Before a call that may make `owner` the holder of chunks [first, end). */
void holder_record_begin(struct holder_record *record, size_t first, size_t end,
                         size_t owner);

/* Once for every chunk that was begun, after it is certain that the owner does not hold
 * it, or not by this interest. */
void holder_record_end(struct holder_record *record, size_t first, size_t end,
                       size_t owner);

/* The same for a call that may take any chunk. */
void holder_record_begin_anywhere(struct holder_record *record, size_t owner);
void holder_record_end_anywhere(struct holder_record *record, size_t owner);

/* The moment before a call whose refusal is to be judged. */
uint64_t holder_record_now(struct holder_record *record);

/* Whether `owner` can have held `chunk` at some instant since `since`. */
bool holder_record_plausible(struct holder_record *record, size_t chunk, size_t owner,
                             uint64_t since);

#endif /* STRESS_HOLDER_RECORD_H */
