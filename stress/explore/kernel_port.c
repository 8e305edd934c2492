/* SPDX-License-Identifier: MIT */
/*
 * The operating system that the mappers of a world get: the simulated kernel, where
 * each call is a step, may fail if the program has faults, and is checked before it is
 * let through: nobody may touch memory that he did not claim or that was reserved for
 * somebody else.
 */
#include <errno.h>

#include "stress/explore/kernel_port.h"
#include "stress/explore/spaces.h"

void port_step(enum mm_os_call call, struct mm_extent extent)
{
    sim_step(UINT64_C(0x4000) + ((uint64_t)call << 8) + (first_chunk(extent) << 4) +
             end_chunk(extent));
}

/* What a call was told, and what came of it. */
int port_done(const struct port *port, enum mm_os_call call, struct mm_extent extent,
              const struct mm_strategy *strategy, int result)
{
    struct world *world = port->world;
    const int thread = sim_thread();
    world_mix_os(world, (uint64_t)call << 48 | (uint64_t)port->mapper << 40 |
                            (uint64_t)(unsigned)result);
    world_mix_os(world, extent.start);
    world_mix_os(world, extent.bytes);
    if (strategy != NULL) {
        world_mix_os(world, (uint64_t)strategy->backing << 24 |
                                (uint64_t)strategy->protection << 16 |
                                (uint64_t)strategy->huge_pages << 8 |
                                (uint64_t)strategy->accounting);
    }
    if (result == ENOMEM && thread >= 0 && world->current[thread] != NULL) {
        world->current[thread]->refused = true;
    }
    return result;
}

/* Which fault this call meets. */
unsigned port_choose_fault(struct world *world, unsigned kinds)
{
    if (world->faults_left == 0) {
        return FAULT_NONE;
    }
    const unsigned fault = sim_choose_fault(kinds);
    if (fault != FAULT_NONE) {
        world->faults_left--;
        world_mix_os(world, fault);
    }
    return fault;
}

/* The chunks are in the middle of a call of the running thread, one that may do this. */
void port_expect_claimed(const struct port *port, enum mm_os_call call,
                         struct mm_extent extent, unsigned states)
{
    struct world *world = port->world;
    if (!world_on(world, ORACLE_O1) || sim_thread() < 0) {
        return;
    }
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        const struct watch_value value =
            slot_watch_chunk(world->mappers[port->mapper], chunk);
        if ((states >> value.state & 1) == 0) {
            world_fail(world, ORACLE_O1, "%s of chunk %zu, which is %s",
                       mm_os_call_name(call), chunk, watch_state_name(value.state));
        } else if (world->facts.claimer[port->mapper][chunk] != sim_thread()) {
            world_fail(world, ORACLE_O1, "%s of chunk %zu, which thread %d has claimed",
                       mm_os_call_name(call), chunk,
                       world->facts.claimer[port->mapper][chunk]);
        }
    }
}

/* The owner on whose behalf the running thread commits. */
static const struct mm_owner *behalf(const struct port *port)
{
    const struct world *world = port->world;
    const int thread = sim_thread();
    const int pinned = world->facts.pinned[thread];
    const struct call_log *log = world->current[thread];
    if (pinned >= OWNER_COUNT) {
        return world->spaces->owners[pinned - OWNER_COUNT];
    }
    if (pinned >= 0) {
        return world->owners[port->mapper][pinned];
    }
    return log != NULL && op_has_owner(log->op->kind)
               ? world->owners[port->mapper][log->op->owner]
               : NULL;
}

void port_expect_own(const struct port *port, enum mm_os_call call,
                     struct mm_extent extent)
{
    struct world *world = port->world;
    if (!world_on(world, ORACLE_O1) || sim_thread() < 0) {
        return;
    }
    const struct mm_owner *owner = behalf(port);
    if (owner == NULL) {
        return;
    }
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        const struct mm_owner *holder = world->facts.reserved_for[chunk];
        if (holder != owner) {
            world_fail(world, ORACLE_O1,
                       "%s for %s of chunk %zu, which is reserved for %s",
                       mm_os_call_name(call), mm_owner_name(owner), chunk,
                       holder != NULL ? mm_owner_name(holder) : "nobody");
        }
    }
}

/* A foreign mapping appears in the middle of what is about to be reserved. */
static void intrude(struct world *world, struct mm_extent extent)
{
    const size_t chunk = (first_chunk(extent) + end_chunk(extent)) / 2;
    const struct mm_mapping mapping = {.extent = world_extent(chunk, 1),
                                       .access = MM_ACCESS_READ};
    if (sim_kernel_foreign_map(world->kernel, &mapping) == 0) {
        world->facts.foreign[chunk] = world_stamp();
        world->facts.foreign[chunk].step = UINT32_MAX;
    }
}

static int port_reserve(void *context, struct mm_extent extent,
                        const struct mm_strategy *strategy)
{
    enum { MEMORY = 1, INTRUDER, KINDS };
    struct port *port = context;
    struct world *world = port->world;
    port_step(MM_OS_RESERVE, extent);
    port_expect_claimed(port, MM_OS_RESERVE, extent, 1U << WATCH_RESERVING);
    marks_before(world, port->mapper, MM_OS_RESERVE, first_chunk(extent),
                 end_chunk(extent));
    switch (port_choose_fault(world, KINDS)) {
    case MEMORY:
        return port_done(port, MM_OS_RESERVE, extent, strategy, ENOMEM);
    case INTRUDER:
        intrude(world, extent);
        break;
    default:
        break;
    }
    const int result =
        port->inner.operations->reserve(port->inner.context, extent, strategy);
    for (size_t chunk = first_chunk(extent); result == 0 && chunk < end_chunk(extent);
         chunk++) {
        world->facts.reserved_for[chunk] =
            slot_watch_chunk(world->mappers[port->mapper], chunk).owner;
    }
    if (result == 0) {
        marks_after(world, port->mapper, MM_OS_RESERVE, first_chunk(extent),
                    end_chunk(extent));
    }
    return port_done(port, MM_OS_RESERVE, extent, strategy, result);
}

typedef int (*range_operation)(void *context, struct mm_extent extent,
                               const struct mm_strategy *strategy);

/* Spaces have real memory, which loses what the kernel's pages lose. */
static int apply(const struct port *port, range_operation operation,
                 struct mm_extent extent, const struct mm_strategy *strategy)
{
    if (port->world->spaces != NULL && operation == port->inner.operations->decommit) {
        spaces_zero(port->world, extent);
    }
    return operation(port->inner.context, extent, strategy);
}

/* An operation that may fail half way. */
static int with_faults(const struct port *port, enum mm_os_call call,
                       range_operation operation, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    const size_t first = first_chunk(extent);
    const size_t end = end_chunk(extent);
    marks_before(port->world, port->mapper, call, first, end);
    const unsigned fault = port_choose_fault(port->world, FAULT_COUNT);
    if (fault == FAULT_HALF) {
        extent.bytes = mm_align_down(extent.bytes / 2, port->inner.page_bytes);
    }
    const int result = fault == FAULT_BEFORE || extent.bytes == 0
                           ? ENOMEM
                           : apply(port, operation, extent, strategy);
    /* What was done in part may be all that the next one builds on. */
    marks_after(port->world, port->mapper, call, first, end);
    return port_done(port, call, extent, strategy,
                     fault == FAULT_NONE ? result : ENOMEM);
}

/* A late commit would give back what protect took. */
static void expect_unprotected(const struct port *port, struct mm_extent extent)
{
    struct world *world = port->world;
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        if (world->facts.access[chunk] != 0 && world_on(world, ORACLE_O2) &&
            sim_thread() >= 0) {
            world_fail(world, ORACLE_O2,
                       "a commit of chunk %zu gives its pages back the access that "
                       "protect took",
                       chunk);
        }
    }
}

static int port_commit(void *context, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    const struct port *port = context;
    port_step(MM_OS_COMMIT, extent);
    port_expect_own(port, MM_OS_COMMIT, extent);
    expect_unprotected(port, extent);
    return with_faults(port, MM_OS_COMMIT, port->inner.operations->commit, extent,
                       strategy);
}

static void note_decommit(struct world *world)
{
    const int thread = sim_thread();
    if (thread >= 0 && world->current[thread] != NULL) {
        world->current[thread]->decommitted = true;
    }
}

static int port_decommit(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct port *port = context;
    port_step(MM_OS_DECOMMIT, extent);
    port_expect_claimed(port, MM_OS_DECOMMIT, extent,
                        1U << WATCH_DECOMMITTING_Q | 1U << WATCH_DECOMMITTING_M);
    note_decommit(port->world);
    for (size_t chunk = first_chunk(extent); chunk < end_chunk(extent); chunk++) {
        port->world->facts.access[chunk] = 0;
        if (sim_kernel_view(port->world->kernel, world_extent(chunk, 1).start)
                .guarded) {
            world_fail(port->world, ORACLE_O2,
                       "chunk %zu is decommitted with a guard in it, which stays",
                       chunk);
        }
    }
    return with_faults(port, MM_OS_DECOMMIT, port->inner.operations->decommit, extent,
                       strategy);
}

static int port_release(void *context, struct mm_extent extent)
{
    enum { KINDS = 2 }; /* it fails or not: all or nothing */
    struct port *port = context;
    struct world *world = port->world;
    port_step(MM_OS_RELEASE, extent);
    port_expect_claimed(port, MM_OS_RELEASE, extent,
                        1U << WATCH_RELEASING_Q | 1U << WATCH_RELEASING_M);
    marks_before(world, port->mapper, MM_OS_RELEASE, first_chunk(extent),
                 end_chunk(extent));
    if (port_choose_fault(world, KINDS) != FAULT_NONE) {
        return port_done(port, MM_OS_RELEASE, extent, NULL, ENOMEM);
    }
    const int result = port->inner.operations->release(port->inner.context, extent);
    if (result == 0) {
        marks_after(world, port->mapper, MM_OS_RELEASE, first_chunk(extent),
                    end_chunk(extent));
    }
    for (size_t chunk = first_chunk(extent); result == 0 && chunk < end_chunk(extent);
         chunk++) {
        /* At once: who gets the chunk next need not wait for the call to return. */
        world->facts.reserved_for[chunk] = NULL;
        world->facts.tokens[chunk] = 0;
        world->facts.access[chunk] = 0;
    }
    if (result == 0 && world->spaces != NULL) {
        spaces_zero(world, extent);
    }
    return port_done(port, MM_OS_RELEASE, extent, NULL, result);
}

static int port_advise(void *context, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    const struct port *port = context;
    return port->inner.operations->advise(port->inner.context, extent, strategy);
}

static int port_annotate(void *context, struct mm_extent extent, const char *name)
{
    const struct port *port = context;
    return port->inner.operations->annotate(port->inner.context, extent, name);
}

static int port_each_mapping(void *context, struct mm_extent range,
                             mm_mapping_visitor visit, void *argument)
{
    const struct port *port = context;
    port_step(MM_OS_EACH_MAPPING, range);
    return port->inner.operations->each_mapping(port->inner.context, range, visit,
                                                argument);
}

static enum mm_memory_cause port_explain(void *context, enum mm_os_call call,
                                         const struct mm_strategy *strategy,
                                         size_t bytes)
{
    const struct port *port = context;
    return port->inner.operations->explain_no_memory(port->inner.context, call,
                                                     strategy, bytes);
}

static int port_acquire_table(void *context, size_t bytes, void **table)
{
    const struct port *port = context;
    return port->inner.operations->acquire_table(port->inner.context, bytes, table);
}

static int port_release_table(void *context, void *table, size_t bytes)
{
    const struct port *port = context;
    return port->inner.operations->release_table(port->inner.context, table, bytes);
}

static const struct mmap_operations port_operations = {
    .reserve = port_reserve,
    .commit = port_commit,
    .decommit = port_decommit,
    .release = port_release,
    .advise = port_advise,
    .annotate = port_annotate,
    .each_mapping = port_each_mapping,
    .explain_no_memory = port_explain,
    .acquire_table = port_acquire_table,
    .release_table = port_release_table,
    .protect = port_protect,
    .guard = port_guard,
    .unguard = port_unguard,
    .seal = port_seal,
    .is_sealed = port_is_sealed,
};

void port_init(struct world *world, unsigned mapper)
{
    struct port *port = &world->ports[mapper];
    port->world = world;
    port->mapper = mapper;
    port->inner = sim_kernel_support(world->kernel, mapper);
    world->support[mapper] = port->inner;
    world->support[mapper].operations = &port_operations;
    world->support[mapper].context = port;
    world->support[mapper].annotations = world->program->records;
}
