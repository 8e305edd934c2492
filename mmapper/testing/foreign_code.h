/* SPDX-License-Identifier: MIT */
/*
 * What foreign code does to memory, on the real or on a simulated kernel: it maps
 * without a mapper, unmaps and protects what is not its own, reads and writes.
 */
#ifndef MMAPPER_TESTING_FOREIGN_CODE_H
#define MMAPPER_TESTING_FOREIGN_CODE_H

#include <stdbool.h>

#include "mmapper/extent.h"
#include "mmapper/testing/sim_kernel.h"

/* `kernel` is NULL for the real one. Extents are whole pages. */

/* Maps readable private memory; false when something is there. */
bool foreign_map(struct sim_kernel *kernel, struct mm_extent extent);
void foreign_unmap(struct sim_kernel *kernel, struct mm_extent extent);
/* Makes whatever is there readable only. All of it must be mapped. */
void foreign_protect(struct sim_kernel *kernel, struct mm_extent extent);

/* The first word of a page that is accessible. */
void foreign_write(struct sim_kernel *kernel, uintptr_t page, uint64_t token);
uint64_t foreign_read(struct sim_kernel *kernel, uintptr_t page);

#endif /* MMAPPER_TESTING_FOREIGN_CODE_H */
