/* SPDX-License-Identifier: MIT */
/*
 * The whole test framework: an expectation that fails says where and what, and stops.
 * A test is a main() that calls its cases and returns 0.
 */
#ifndef MMAPPER_TESTING_EXPECT_H
#define MMAPPER_TESTING_EXPECT_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                              \
    do {                                                                               \
        if (!(condition)) {                                                            \
            (void)fprintf(stderr, "%s:%d: %s: expected %s\n", __FILE__, __LINE__,      \
                          __func__, #condition);                                       \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* Both sides are integers (or pointers cast to uintptr_t), evaluated once. */
#define EXPECT_EQ(actual, expected)                                                    \
    do {                                                                               \
        const uint64_t expect_a = (uint64_t)(actual);                                  \
        const uint64_t expect_e = (uint64_t)(expected);                                \
        if (expect_a != expect_e) {                                                    \
            (void)fprintf(stderr,                                                      \
                          "%s:%d: %s: %s is %" PRIu64 " (0x%" PRIx64                   \
                          "), expected %s, "                                           \
                          "%" PRIu64 " (0x%" PRIx64 ")\n",                             \
                          __FILE__, __LINE__, __func__, #actual, expect_a, expect_a,   \
                          #expected, expect_e, expect_e);                              \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* `call` yields an enum mm_status; the message names both. */
#define EXPECT_STATUS(call, expected)                                                  \
    do {                                                                               \
        const enum mm_status expect_a = (call);                                        \
        if (expect_a != (expected)) {                                                  \
            (void)fprintf(stderr, "%s:%d: %s: %s gave %s, expected %s\n", __FILE__,    \
                          __LINE__, __func__, #call, mm_status_name(expect_a),         \
                          mm_status_name(expected));                                   \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#define EXPECT_OK(call) EXPECT_STATUS(call, MM_OK)

#define EXPECT_STR(actual, expected)                                                   \
    do {                                                                               \
        const char *expect_a = (actual);                                               \
        const char *expect_e = (expected);                                             \
        if (strcmp(expect_a, expect_e) != 0) {                                         \
            (void)fprintf(stderr, "%s:%d: %s: %s is \"%s\", expected \"%s\"\n",        \
                          __FILE__, __LINE__, __func__, #actual, expect_a, expect_e);  \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#define EXPECT_CONTAINS(text, part)                                                    \
    do {                                                                               \
        const char *expect_t = (text);                                                 \
        if (strstr(expect_t, (part)) == NULL) {                                        \
            (void)fprintf(stderr, "%s:%d: %s: \"%s\" does not contain \"%s\"\n",       \
                          __FILE__, __LINE__, __func__, expect_t, (part));             \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#endif /* MMAPPER_TESTING_EXPECT_H */
