/* SPDX-License-Identifier: MIT */
#include "examples/preload/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

void preload_complain(const char *who, const char *what, const struct mm_error *error)
{
    char text[512];
    (void)mm_error_format(error, text, sizeof(text));
    (void)fprintf(stderr, "%s: %s: %s\n", who, what, text);
}

static void print_difference(void *argument, const struct mm_difference *difference)
{
    (void)fprintf(argument, "difference: %s at 0x%" PRIxPTR "+0x%zx of \"%s\"\n",
                  mm_difference_kind_name(difference->kind), difference->extent.start,
                  difference->extent.bytes, difference->holder.name);
}

static void print_calls(const struct mmapper *mapper, FILE *out)
{
    struct mm_statistics statistics;
    mmapper_statistics(mapper, &statistics);
    (void)fprintf(out, "calls:");
    for (size_t i = 0; i < MM_OS_CALL_COUNT; i++) {
        (void)fprintf(out, " %s %" PRIu64 " (%" PRIu64 " failed)",
                      mm_os_call_name((enum mm_os_call)i), statistics.os_calls[i],
                      statistics.os_failures[i]);
    }
    (void)fprintf(out, "\n");
}

void preload_report(const struct mmapper *mapper, FILE *out)
{
    const struct mm_verify_options options = {.report = print_difference,
                                              .argument = out};
    struct mm_verify_result result = {0};
    const size_t bytes = mmapper_dump(mapper, NULL, 0);
    char *text = malloc(bytes);
    (void)fprintf(out, "process %ld\n", (long)getpid());
    if (text != NULL) {
        (void)mmapper_dump(mapper, text, bytes);
        (void)fputs(text, out);
    }
    free(text);
    print_calls(mapper, out);
    const enum mm_status status = mmapper_verify(mapper, &options, &result, NULL);
    (void)fprintf(out, "verify: %s, %" PRIu64 " differences\n", mm_status_name(status),
                  result.differences);
}
