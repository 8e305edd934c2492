/* SPDX-License-Identifier: MIT */
/*
 * What a preloaded object says of its mapper.
 */
#ifndef EXAMPLES_PRELOAD_REPORT_H
#define EXAMPLES_PRELOAD_REPORT_H

#include <stdio.h>

#include "mmapper/mmapper.h"

/* The process, the dump, the calls made, and the comparison with the kernel. */
void preload_report(const struct mmapper *mapper, FILE *out);

/* A line on stderr. */
void preload_complain(const char *who, const char *what, const struct mm_error *error);

#endif /* EXAMPLES_PRELOAD_REPORT_H */
