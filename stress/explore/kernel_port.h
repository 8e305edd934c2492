/* SPDX-License-Identifier: MIT */
/* What the files of the port share: see kernel_port.c. */
#ifndef STRESS_EXPLORE_KERNEL_PORT_H
#define STRESS_EXPLORE_KERNEL_PORT_H

#include "stress/explore/world.h"

/* HALF and AFTER of commit and decommit; the others are all or nothing. */
enum fault { FAULT_NONE = 0, FAULT_BEFORE, FAULT_HALF, FAULT_AFTER, FAULT_COUNT };

static inline size_t first_chunk(struct mm_extent extent)
{
    return (extent.start - WORLD_BASE) / WORLD_CHUNK;
}

static inline size_t end_chunk(struct mm_extent extent)
{
    return (mm_extent_end(extent) - WORLD_BASE + WORLD_CHUNK - 1) / WORLD_CHUNK;
}

/* The call is a step of its own. */
void port_step(enum mm_os_call call, struct mm_extent extent);

/* What a call was told, and what came of it: returns `result`. */
int port_done(const struct port *port, enum mm_os_call call, struct mm_extent extent,
              const struct mm_strategy *strategy, int result);

/* Which fault this call meets. */
unsigned port_choose_fault(struct world *world, unsigned kinds);

/* O1: the chunks are in the middle of a call of the running thread, one that may do
 * this; or they are reserved for the owner on whose behalf it runs. */
void port_expect_claimed(const struct port *port, enum mm_os_call call,
                         struct mm_extent extent, unsigned states);
void port_expect_own(const struct port *port, enum mm_os_call call,
                     struct mm_extent extent);

/* In kernel_port_pages.c. */
int port_protect(void *context, struct mm_extent extent, unsigned access);
int port_guard(void *context, struct mm_extent extent);
int port_unguard(void *context, struct mm_extent extent);
int port_seal(void *context, struct mm_extent extent);
int port_is_sealed(void *context, struct mm_extent extent, unsigned access,
                   bool *sealed);

#endif /* STRESS_EXPLORE_KERNEL_PORT_H */
