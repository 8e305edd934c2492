/* SPDX-License-Identifier: MIT */
/*
 * What the guard tells, as lines of JSON in the file that MMAPPER_GUARD_REPORT names, each
 * written by one write so that processes and threads do not mix.
 *
 *   {"event": "process", "pid": N, "program": PATH}
 *   {"event": "mapper", "pid": N, "object": PATH}         its calls are recognised from now
 *   {"event": "bypass", "pid": N, "tid": N, "thread": NAME, "program": PATH, "call": NAME,
 *    "arguments": [HEX...], "denied": B, "placed": B, "more": B,
 *    "hits": [{"how": VERB, "start": HEX, "end": HEX,     what the call reaches
 *              "from": HEX, "to": HEX,                     and of that, what is managed
 *              "table": B, "name": THE MAPPER'S}...],
 *    "frames": [{"pc": HEX, "object": PATH, "offset": HEX}...]}
 *   {"event": "problem", "pid": N, "problem": TEXT}
 */
#ifndef GUARD_RECORD_H
#define GUARD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard/backtrace.h"
#include "guard/reach.h"
#include "guard/text.h"

enum { GUARD_HITS = 8, GUARD_RECORD_BYTES = 65536 };

/* A part of the managed address space that a call reaches. */
struct guard_hit {
    struct guard_reach reach;
    struct guard_held held;
};

struct guard_bypass {
    const struct guard_call *call;
    struct guard_hit hits[GUARD_HITS];
    size_t count;
    bool more;   /* hits than fit */
    bool denied; /* the call will not be made */
    bool placed; /* the kernel itself chose the place: the call has been made */
    struct guard_frames frames;
};

/* Memory to write in; the caller holds the lock. */
struct guard_record {
    char bytes[GUARD_RECORD_BYTES];
    char program[4096]; /* its path */
};

void guard_record_process(struct guard_record *record, const char *path);
void guard_record_mapper(struct guard_record *record, const char *path,
                         const char *object);
void guard_record_bypass(struct guard_record *record, const char *path,
                         const struct guard_bypass *bypass);
void guard_record_problem(struct guard_record *record, const char *path,
                          const char *problem);

#endif /* GUARD_RECORD_H */
