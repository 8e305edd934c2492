/* SPDX-License-Identifier: MIT */
/*
 * Assertions that never compile out: a programming error inside the library stops the
 * program before it can touch memory that is not its own.
 */
#ifndef MMAPPER_CHECK_H
#define MMAPPER_CHECK_H

/* Traps unless `condition`, which must have no side effects. */
#define MM_CHECK(condition)                                                            \
    do {                                                                               \
        if (__builtin_expect(!(condition), 0)) {                                       \
            __builtin_trap();                                                          \
        }                                                                              \
    } while (0)

#endif /* MMAPPER_CHECK_H */
