/* SPDX-License-Identifier: MIT */
#include "bench/fail.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void bench_fail(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "bench: %s:%d: %s\n", file, line, what);
    exit(2);
}

_Noreturn void bench_fail_status(enum mm_status status, const struct mm_error *error)
{
    char text[1024];
    const char *said = mm_status_name(status);
    if (error != NULL) {
        (void)mm_error_format(error, text, sizeof text);
        said = text;
    }
    (void)fprintf(stderr, "bench: %s\n", said);
    exit(2);
}
