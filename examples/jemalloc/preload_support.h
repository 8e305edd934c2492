/* SPDX-License-Identifier: MIT */
/*
 * How the preloaded object reaches the system: plainly, or watched by an oracle.
 */
#ifndef EXAMPLES_JEMALLOC_PRELOAD_SUPPORT_H
#define EXAMPLES_JEMALLOC_PRELOAD_SUPPORT_H

#include <stdio.h>

#include "mmapper/mmap_support.h"

/* For one mapper. */
struct mmap_support preload_support(void);

/* What the oracle has to say, if there is one. */
void preload_support_report(FILE *out);

#endif /* EXAMPLES_JEMALLOC_PRELOAD_SUPPORT_H */
