/* SPDX-License-Identifier: MIT */
/* The port's calls on pages and seals. */
#include <errno.h>

#include "stress/explore/kernel_port.h"

/* What changes pages: behind every commit, and by the owner of the chunks. */
static bool begin_pages(struct port *port, enum mm_os_call call,
                        struct mm_extent extent)
{
    enum { KINDS = 2 };
    port_step(call, extent);
    port_expect_own(port, call, extent);
    marks_before(port->world, port->mapper, call, first_chunk(extent),
                 end_chunk(extent));
    return port_choose_fault(port->world, KINDS) == FAULT_NONE;
}

int port_protect(void *context, struct mm_extent extent, unsigned access)
{
    struct port *port = context;
    if (!begin_pages(port, MM_OS_PROTECT, extent)) {
        return port_done(port, MM_OS_PROTECT, extent, NULL, ENOMEM);
    }
    const int result =
        port->inner.operations->protect(port->inner.context, extent, access);
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        port->world->facts.access[chunk] = (uint8_t)(access + 1);
    }
    world_mix_os(port->world, access);
    return port_done(port, MM_OS_PROTECT, extent, NULL, result);
}

int port_guard(void *context, struct mm_extent extent)
{
    struct port *port = context;
    if (!begin_pages(port, MM_OS_GUARD, extent)) {
        return port_done(port, MM_OS_GUARD, extent, NULL, ENOMEM);
    }
    const int result = port->inner.operations->guard(port->inner.context, extent);
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        port->world->facts.tokens[chunk] = 0;
    }
    return port_done(port, MM_OS_GUARD, extent, NULL, result);
}

/* A guard that protect takes off must not show a page with more access than is asked for. */
static void expect_access(const struct port *port, struct mm_extent extent)
{
    struct world *world = port->world;
    const int thread = sim_thread();
    const struct call_log *log = thread >= 0 ? world->current[thread] : NULL;
    for (size_t chunk = first_chunk(extent);
         log != NULL && log->op->kind == OP_PROTECT && chunk < end_chunk(extent);
         chunk++) {
        const unsigned access =
            sim_kernel_view(world->kernel, world_extent(chunk, 1).start).mapping.access;
        if ((access & ~(unsigned)log->op->arg) != 0 && world_on(world, ORACLE_O2)) {
            world_fail(
                world, ORACLE_O2,
                "chunk %zu loses its guard before it has the access that protect "
                "is to give",
                chunk);
        }
    }
}

/* A decommit begins: whatever comes of it, a later commit gives full access. */
static void begin_decommit(const struct port *port, struct mm_extent extent)
{
    struct world *world = port->world;
    const int thread = sim_thread();
    if (thread < 0 || world->current[thread] == NULL ||
        world->current[thread]->op->kind != OP_DECOMMIT) {
        return;
    }
    world->current[thread]->decommitted = true;
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        world->facts.access[chunk] = 0;
    }
}

/* Of a page call, or before a decommit: then the chunks are claimed. */
int port_unguard(void *context, struct mm_extent extent)
{
    enum { KINDS = 2 };
    struct port *port = context;
    port_step(MM_OS_UNGUARD, extent);
    port_expect_own(port, MM_OS_UNGUARD, extent);
    expect_access(port, extent);
    begin_decommit(port, extent);
    if (port_choose_fault(port->world, KINDS) != FAULT_NONE) {
        return port_done(port, MM_OS_UNGUARD, extent, NULL, ENOMEM);
    }
    return port_done(port, MM_OS_UNGUARD, extent, NULL,
                     port->inner.operations->unguard(port->inner.context, extent));
}

int port_seal(void *context, struct mm_extent extent)
{
    enum { KINDS = 2 };
    struct port *port = context;
    port_step(MM_OS_SEAL, extent);
    port_expect_claimed(port, MM_OS_SEAL, extent, 1U << WATCH_SEALING);
    marks_before(port->world, port->mapper, MM_OS_SEAL, first_chunk(extent),
                 end_chunk(extent));
    if (port_choose_fault(port->world, KINDS) != FAULT_NONE) {
        return port_done(port, MM_OS_SEAL, extent, NULL, ENOMEM);
    }
    return port_done(port, MM_OS_SEAL, extent, NULL,
                     port->inner.operations->seal(port->inner.context, extent));
}

int port_is_sealed(void *context, struct mm_extent extent, unsigned access,
                   bool *sealed)
{
    const struct port *port = context;
    port_step(MM_OS_IS_SEALED, extent);
    return port->inner.operations->is_sealed(port->inner.context, extent, access,
                                             sealed);
}
