/* SPDX-License-Identifier: MIT */
/*
 * Test double: the real kernel, whose commits fail from a chosen one on. Everything
 * else passes through. For tests that use one thread.
 */
#ifndef SPACES_FAILING_SUPPORT_H
#define SPACES_FAILING_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "mmapper/mmap_support.h"

struct failing_support {
    struct mmap_support inner;
    struct mmap_support support; /* what the mapper is given */
    bool armed;
    uint64_t commits_left; /* once armed: this many more succeed, the rest are ENOMEM */
};

/* `failing` must not move afterwards. Not armed. */
void failing_support_init(struct failing_support *failing, struct mmap_support inner);

#endif /* SPACES_FAILING_SUPPORT_H */
