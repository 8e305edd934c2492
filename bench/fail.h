/* SPDX-License-Identifier: MIT */
/* What cannot be measured ends the program with exit code 2 and says why. */
#ifndef BENCH_FAIL_H
#define BENCH_FAIL_H

#include "mmapper/mmapper.h"

/* Prints "bench: FILE:LINE: WHAT" and exits. */
_Noreturn void bench_fail(const char *file, int line, const char *what);

/* Ends the program unless `condition`: for what has to hold for figures to mean what they
 * say. Evaluates it once, always. */
#define BENCH_CHECK(condition)                                                         \
    do {                                                                               \
        if (__builtin_expect(!(condition), 0)) {                                       \
            bench_fail(__FILE__, __LINE__, #condition);                                \
        }                                                                              \
    } while (0)

/* Prints what `error` says, or, if that is NULL, the name of `status`, and exits. */
_Noreturn void bench_fail_status(enum mm_status status, const struct mm_error *error);

/* Ends the program unless `status` is OK. Inline: it stands in loops that are timed. */
static inline void bench_must(enum mm_status status, const struct mm_error *error)
{
    if (__builtin_expect(status != MM_OK, 0)) {
        bench_fail_status(status, error);
    }
}

#endif /* BENCH_FAIL_H */
