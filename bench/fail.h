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

/* Ends the program unless `status` is OK, with what `error` says. */
void bench_must(enum mm_status status, const struct mm_error *error);

#endif /* BENCH_FAIL_H */
