/* SPDX-License-Identifier: MIT */
#include "examples/jemalloc/preload_support.h"

struct mmap_support preload_support(void)
{
    return mmap_support_linux();
}

void preload_support_report(FILE *out)
{
    (void)out;
}
