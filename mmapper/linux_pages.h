/* SPDX-License-Identifier: MIT */
/*
 * What Linux does with pages of a mapping: access, guards, seals, huge pages, nodes. The
 * operations of those names in struct mmap_support, of whom `context` is not used; errno
 * is left as it was.
 */
#ifndef MMAPPER_LINUX_PAGES_H
#define MMAPPER_LINUX_PAGES_H

#include "mmapper/mmap_support.h"

int mm_linux_protect(void *context, struct mm_extent extent, unsigned access);
int mm_linux_guard(void *context, struct mm_extent extent);
int mm_linux_unguard(void *context, struct mm_extent extent);
int mm_linux_seal(void *context, struct mm_extent extent);
int mm_linux_is_sealed(void *context, struct mm_extent extent, unsigned access,
                       bool *sealed);
int mm_linux_collapse(void *context, struct mm_extent extent);
int mm_linux_advise(void *context, struct mm_extent extent,
                    const struct mm_strategy *strategy);

/* In linux_residency.c. */
int mm_linux_residency(void *context, struct mm_extent extent,
                       struct mm_residency *residency);

#endif /* MMAPPER_LINUX_PAGES_H */
