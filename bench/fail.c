/* SPDX-License-Identifier: MIT */
#include "bench/fail.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void bench_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "bench: %s:%d: %s\n", file, line, what);
    exit(2);
}

void bench_must(enum mm_status status, const struct mm_error *error)
{
    if (status != MM_OK) {
        char text[1024];
        (void)mm_error_format(error, text, sizeof text);
        (void)fprintf(stderr, "bench: %s\n", text);
        exit(2);
    }
}
