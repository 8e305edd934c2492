/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/fault_run.h"

#include <errno.h>
#include <string.h>

#include "mmapper/testing/fault_world.h"

/* ------------------------------------------------------------------- failures */

static enum mm_operation operation_of(enum step_kind kind)
{
    const enum mm_operation operations[STEP_KIND_COUNT] = {
        [STEP_QUARANTINE] = MM_OPERATION_QUARANTINE,
        [STEP_ANYWHERE] = MM_OPERATION_QUARANTINE,
        [STEP_PREFERRED] = MM_OPERATION_QUARANTINE,
        [STEP_ENSURE] = MM_OPERATION_ENSURE_MAPPED,
        [STEP_DECOMMIT] = MM_OPERATION_DECOMMIT,
        [STEP_RELEASE] = MM_OPERATION_RELEASE,
        [STEP_TRANSFER] = MM_OPERATION_TRANSFER,
        [STEP_ADOPT] = MM_OPERATION_ADOPT,
        [STEP_EXCLUDE] = MM_OPERATION_EXCLUDE,
    };
    return operations[kind];
}

static bool is_placement(const struct step *step)
{
    return step->kind == STEP_ANYWHERE || step->kind == STEP_PREFERRED;
}

/* A failure that the plan made. */
static void check_planned(const struct world *world, const struct step *step,
                          const struct mm_error *error)
{
    const struct fault_plan *plan = &world->run->plan;
    const enum mm_status expected = plan->os_error == ENOMEM   ? MM_NO_MEMORY
                                    : plan->os_error == EEXIST ? MM_CONFLICT
                                                               : MM_OS_ERROR;
    REQUIRE(world, error->status == expected);
    REQUIRE(world, error->os_error == plan->os_error);
    REQUIRE(world, plan->call == MM_OS_NONE || error->os_call == plan->call);
    REQUIRE(world,
            error->cause == (plan->os_error == ENOMEM ? plan->cause : MM_CAUSE_NONE));
    REQUIRE(world, error->holder.owner == NULL);
    if (!is_placement(step) && error->os_call != MM_OS_RELEASE_TABLE) {
        REQUIRE(world, error->address >= world_chunk(step->first) &&
                           error->address < world_chunk(step->first + step->count));
    }
}

/* A failure that the model foresaw. */
static void check_predicted(const struct world *world,
                            const struct prediction *expected,
                            const struct mm_error *error)
{
    REQUIRE(world, error->status == expected->status);
    if (expected->chunk == WORKLOAD_CHUNKS) {
        return;
    }
    const struct model_chunk *chunk = &world->model.chunks[expected->chunk];
    if (expected->foreign) {
        const uintptr_t page = world_chunk(expected->chunk + 1) - WORKLOAD_PAGE;
        REQUIRE(world, error->os_call == MM_OS_RESERVE && error->os_error == EEXIST);
        if (!world_may_fail(world, MM_OS_EACH_MAPPING)) {
            REQUIRE(world, error->foreign.extent.start == page);
            REQUIRE(world, error->foreign.extent.bytes == WORKLOAD_PAGE);
            REQUIRE(world, error->foreign.access == MM_ACCESS_READ);
            REQUIRE(world, error->address == page);
        }
        return;
    }
    REQUIRE(world, error->os_call == MM_OS_NONE && error->os_error == 0);
    REQUIRE(world, error->address == world_chunk(expected->chunk));
    REQUIRE(world, error->holder.state == chunk->state);
    REQUIRE(world, error->holder.owner == world->owners[chunk->owner]);
    if (chunk->owner != OWNER_NONE) {
        REQUIRE(world, strcmp(error->holder.name, world_owner_name(chunk->owner)) == 0);
        REQUIRE(world, error->holder.kind == MM_KIND_TEST);
    }
}

/* After a failed ensure_mapped chunks of the range may be further on, in order. */
static void absorb_progress(struct world *world, const struct step *step,
                            const struct mm_error *error)
{
    size_t first_missing = WORKLOAD_CHUNKS;
    for (size_t i = step->first; i < step->first + step->count; i++) {
        struct model_chunk *chunk = &world->model.chunks[i];
        const struct mm_lookup seen = mmapper_lookup(world->mapper, world_chunk(i));
        const enum mm_state now = seen.state;
        if (now != chunk->state) {
            REQUIRE(world, now == MM_MAPPED || now == MM_QUARANTINED);
            REQUIRE(world, chunk->state == MM_UNMAPPED ||
                               (chunk->state == MM_QUARANTINED && now == MM_MAPPED));
            chunk->state = now;
            chunk->owner = step->owner;
        }
        const bool is_done =
            now == MM_MAPPED && seen.owner == world->owners[step->owner];
        if (!is_done && first_missing == WORKLOAD_CHUNKS) {
            first_missing = i;
        }
    }
    REQUIRE(world, first_missing != WORKLOAD_CHUNKS);
    if (error->os_call != MM_OS_NONE && error->status != MM_CONFLICT) {
        REQUIRE(world, error->address == world_chunk(first_missing));
    }
}

static void take_failure(struct world *world, const struct step *step,
                         const struct mm_error *error, bool faulted)
{
    const struct prediction expected = model_predict(&world->model, step);
    const bool by_os = error->os_call != MM_OS_NONE;
    const bool planned = faulted && by_os && world_may_fail(world, error->os_call) &&
                         error->os_error == world->run->plan.os_error;
    REQUIRE(world, error->operation == operation_of(step->kind));
    REQUIRE(world, error->detail != NULL && error->detail[0] != '\0');
    REQUIRE(world, error->request.bytes == step->count * WORKLOAD_CHUNK);
    REQUIRE(world, step->kind == STEP_ANYWHERE ||
                       error->request.start == world_chunk(step->first));
    if (planned) {
        check_planned(world, step, error);
    } else if (is_placement(step) && faulted) {
        REQUIRE(world, error->status == MM_NO_SPACE); /* the kernel refused each */
    } else {
        check_predicted(world, &expected, error);
    }
    if (step->kind == STEP_ENSURE) {
        absorb_progress(world, step, error);
    } else if (step->kind == STEP_DECOMMIT && by_os) {
        model_take(&world->model, step, step->first);
        memset(&world->undefined[step->first], true, step->count);
    }
}

static void take_success(struct world *world, const struct step *step,
                         struct mm_extent extent, bool faulted)
{
    const enum mm_os_call planned = world->run->plan.call;
    const struct prediction expected = model_predict(&world->model, step);
    size_t first = step->first;
    REQUIRE(world, expected.status == MM_OK);
    if (is_placement(step)) {
        const size_t alignment =
            step->kind == STEP_ANYWHERE && step->first > 1 ? step->first : 1;
        first = world_chunk_of(extent.start);
        REQUIRE(world, extent.bytes == step->count * WORKLOAD_CHUNK);
        REQUIRE(world, first + step->count <= WORKLOAD_CHUNKS);
        REQUIRE(world, extent.start % (alignment * WORKLOAD_CHUNK) == 0);
    } else {
        REQUIRE(world, !faulted || planned == MM_OS_NONE || planned == MM_OS_ANNOTATE ||
                           planned == MM_OS_ADVISE || planned == MM_OS_EACH_MAPPING);
    }
    model_take(&world->model, step, first);
    if (step->kind == STEP_DECOMMIT || step->kind == STEP_RELEASE) {
        memset(&world->undefined[step->first], false, step->count);
    }
}

/* ---------------------------------------------------------------------- steps */

static void foreign_step(struct world *world, const struct step *step)
{
    struct model_chunk *chunk = &world->model.chunks[step->first];
    const struct mm_mapping page = {
        .extent = {world_chunk(step->first + 1) - WORKLOAD_PAGE, WORKLOAD_PAGE},
        .access = MM_ACCESS_READ};
    if (step->kind == STEP_FOREIGN_MAP) {
        const bool taken = chunk->foreign || world_is_reserved(chunk);
        REQUIRE(world,
                sim_kernel_foreign_map(world->kernel, &page) == (taken ? EEXIST : 0));
        chunk->foreign = chunk->foreign || !taken;
    } else if (chunk->foreign) {
        sim_kernel_foreign_unmap(world->kernel, page.extent);
        chunk->foreign = false;
    }
}

/* The foreign code that comes between a claim and its reserve call. */
static void intrude(void *argument, enum mm_os_call call, uint64_t index,
                    struct mm_extent extent)
{
    struct world *world = argument;
    (void)index;
    if (call == MM_OS_RESERVE && ++world->reserves == world->run->intrude_at) {
        const struct step step = {.kind = STEP_FOREIGN_MAP,
                                  .first =
                                      world_chunk_of(extent.start + extent.bytes / 2)};
        foreign_step(world, &step);
        world->intruded = true;
    }
}

static enum mm_status perform(struct world *world, const struct step *step,
                              struct mm_extent *extent, struct mm_error *error)
{
    struct mmapper *mapper = world->mapper;
    struct mm_owner *owner = world->owners[step->owner];
    const size_t bytes = step->count * WORKLOAD_CHUNK;
    *extent = mm_extent_of(world_chunk(step->first), bytes);
    switch (step->kind) {
    case STEP_QUARANTINE:
        return mmapper_quarantine(mapper, owner, *extent, error);
    case STEP_ANYWHERE:
        return mmapper_quarantine_anywhere(mapper, owner, bytes,
                                           step->first * WORKLOAD_CHUNK, extent, error);
    case STEP_PREFERRED:
        return mmapper_quarantine_preferred(mapper, owner, *extent, 0, extent, error);
    case STEP_ENSURE:
        return mmapper_ensure_mapped(mapper, owner, *extent, error);
    case STEP_DECOMMIT:
        return mmapper_decommit(mapper, owner, *extent, error);
    case STEP_RELEASE:
        return mmapper_release(mapper, owner, *extent, error);
    case STEP_TRANSFER:
        return mmapper_transfer(mapper, owner, world->owners[step->other], *extent,
                                error);
    case STEP_ADOPT:
        return mmapper_adopt(mapper, owner, *extent, error);
    default:
        return mmapper_exclude(mapper, owner, *extent, error);
    }
}

static void run_step(struct world *world, const struct step *step)
{
    if (step->kind == STEP_FOREIGN_MAP || step->kind == STEP_FOREIGN_UNMAP) {
        foreign_step(world, step);
        return;
    }
    world_write_tokens(world);
    const struct model before = world->model;
    const uint64_t faults = fault_decorator_faults(world->faults);
    struct mm_extent extent;
    struct mm_error error = {.status = MM_STATUS_COUNT};
    const enum mm_status status = perform(world, step, &extent, &error);
    const bool faulted = fault_decorator_faults(world->faults) > faults;
    if (status == MM_OK) {
        REQUIRE(world, error.status == MM_STATUS_COUNT); /* untouched */
        take_success(world, step, extent, faulted);
    } else {
        REQUIRE(world, error.status == status);
        take_failure(world, step, &error, faulted);
    }
    world_check(world, &before);
}

/* ----------------------------------------------------------------- life cycle */

static bool create_mapper(struct world *world)
{
    const struct mmapper_options options = {.chunk_bytes = WORKLOAD_CHUNK,
                                            .base = world_chunk(0),
                                            .limit = world_chunk(WORKLOAD_CHUNKS),
                                            .log_region_chunks =
                                                world->run->log_region_chunks,
                                            .max_owners = WORKLOAD_OWNERS};
    struct mm_error error;
    const enum mm_status status =
        mmapper_create(&options, &world->support, &world->mapper, &error);
    if (status != MM_OK) {
        const struct fault_plan *plan = &world->run->plan;
        REQUIRE(world, error.status == status);
        REQUIRE(world,
                status == (plan->os_error == ENOMEM ? MM_NO_MEMORY : MM_OS_ERROR));
        REQUIRE(world, error.operation == MM_OPERATION_CREATE);
        REQUIRE(world, error.os_call == MM_OS_ACQUIRE_TABLE);
        REQUIRE(world, error.os_error == plan->os_error);
        REQUIRE(world, error.cause ==
                           (plan->os_error == ENOMEM ? plan->cause : MM_CAUSE_NONE));
        return false;
    }
    for (enum workload_owner i = 0; i < WORKLOAD_OWNERS; i++) {
        const struct mm_owner_options owner = {.name = world_owner_name(i),
                                               .kind = MM_KIND_TEST,
                                               .strategy = workload_strategy(i)};
        REQUIRE(world, mmapper_register_owner(world->mapper, &owner, &world->owners[i],
                                              &error) == MM_OK);
    }
    return true;
}

/* Destroys the mapper; when the plan prevents it, all must still be well, and a second
 * time must do. Whether the planned fault was reached, here or before. */
static bool destroy_mapper(struct world *world)
{
    struct mm_error error;
    world_write_tokens(world);
    if (mmapper_destroy(world->mapper, &error) == MM_OK) {
        return fault_decorator_faults(world->faults) > 0;
    }
    const struct step all = {.kind = STEP_RELEASE, .count = WORKLOAD_CHUNKS};
    const struct model before = world->model;
    check_planned(world, &all, &error);
    for (size_t i = 0; i < WORKLOAD_CHUNKS; i++) {
        if (mmapper_lookup(world->mapper, world_chunk(i)).state == MM_UNMAPPED) {
            world->model.chunks[i].state = MM_UNMAPPED;
            world->model.chunks[i].owner = OWNER_NONE;
        }
    }
    world_check(world, &before);
    fault_decorator_plan(world->faults, NULL);
    world_verify(world);
    REQUIRE(world, mmapper_destroy(world->mapper, &error) == MM_OK);
    return true;
}

static void check_end(const struct world *world)
{
    const struct sim_statistics left = sim_kernel_statistics(world->kernel);
    REQUIRE(world, left.client_bytes == 0 && left.charged_bytes == 0);
    REQUIRE(world, left.tables == 0 && left.table_bytes == 0);
    REQUIRE(world, sim_kernel_violations(world->kernel) == 0);
}

bool fault_run_execute(const struct fault_run *run)
{
    const struct sim_kernel_options options = {.old_kernel = run->old_kernel,
                                               .single_threaded = true};
    struct world world = {.run = run, .kernel = sim_kernel_create(&options)};
    const struct mmap_support inner = sim_kernel_support(world.kernel, 0);
    world.faults = fault_decorator_create(&inner);
    world.support = fault_decorator_support(world.faults);
    model_reset(&world.model);
    fault_decorator_plan(world.faults, &run->plan);
    fault_decorator_observe(world.faults, intrude, &world);
    bool reached = true;
    if (create_mapper(&world)) {
        for (; world.step < run->workload->count; world.step++) {
            run_step(&world, &run->workload->steps[world.step]);
        }
        reached = destroy_mapper(&world) || world.intruded;
    }
    check_end(&world);
    fault_decorator_destroy(world.faults);
    sim_kernel_destroy(world.kernel);
    return reached;
}
