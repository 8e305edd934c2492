/* SPDX-License-Identifier: MIT */
#include "fuzz/mapper_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void require(const struct world *world, bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "operation %u: %s\n", world->step, what);
        abort();
    }
}

/* ------------------------------------------------------------------- faults */

static int fault(struct world *world, enum mm_os_call call)
{
    if (world->fault_call != call) {
        return 0;
    }
    world->fault_call = MM_OS_NONE;
    world->fault_fired = world->fault_error;
    return world->fault_error;
}

static int faulty_reserve(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_RESERVE);
    return error != 0 ? error
                      : world->inner.operations->reserve(world->inner.context, extent,
                                                         strategy);
}

/* Half of a failing commit or decommit is done. */
static int faulty_commit(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_COMMIT);
    if (error != 0) {
        extent.bytes /= 2;
    }
    const int inner =
        world->inner.operations->commit(world->inner.context, extent, strategy);
    return error != 0 ? error : inner;
}

static int faulty_decommit(void *context, struct mm_extent extent,
                           const struct mm_strategy *strategy)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_DECOMMIT);
    if (error != 0) {
        extent.bytes /= 2;
    }
    const int inner =
        world->inner.operations->decommit(world->inner.context, extent, strategy);
    return error != 0 ? error : inner;
}

static int faulty_release(void *context, struct mm_extent extent)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_RELEASE);
    return error != 0 ? error
                      : world->inner.operations->release(world->inner.context, extent);
}

/* Half of a failing protect, guard or unguard is done, nothing of a failing seal. */
static int faulty_protect(void *context, struct mm_extent extent, unsigned access)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_PROTECT);
    if (error != 0) {
        extent.bytes = mm_align_down(extent.bytes / 2, MODEL_PAGE);
    }
    const int inner =
        extent.bytes == 0
            ? 0
            : world->inner.operations->protect(world->inner.context, extent, access);
    return error != 0 ? error : inner;
}

static int faulty_pages(struct world *world, enum mm_os_call call,
                        int (*inner_call)(void *context, struct mm_extent extent),
                        struct mm_extent extent)
{
    const int error = fault(world, call);
    if (error != 0) {
        extent.bytes = mm_align_down(extent.bytes / 2, MODEL_PAGE);
    }
    const int inner = extent.bytes == 0 ? 0 : inner_call(world->inner.context, extent);
    return error != 0 ? error : inner;
}

static int faulty_guard(void *context, struct mm_extent extent)
{
    struct world *world = context;
    return faulty_pages(world, MM_OS_GUARD, world->inner.operations->guard, extent);
}

static int faulty_unguard(void *context, struct mm_extent extent)
{
    struct world *world = context;
    return faulty_pages(world, MM_OS_UNGUARD, world->inner.operations->unguard, extent);
}

static int faulty_seal(void *context, struct mm_extent extent)
{
    struct world *world = context;
    const int error = fault(world, MM_OS_SEAL);
    return error != 0 ? error
                      : world->inner.operations->seal(world->inner.context, extent);
}

static int pass_is_sealed(void *context, struct mm_extent extent, unsigned access,
                          bool *sealed)
{
    struct world *world = context;
    return world->inner.operations->is_sealed(world->inner.context, extent, access,
                                              sealed);
}

static int pass_advise(void *context, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    struct world *world = context;
    return world->inner.operations->advise(world->inner.context, extent, strategy);
}

static int pass_annotate(void *context, struct mm_extent extent, const char *name)
{
    struct world *world = context;
    return world->inner.operations->annotate(world->inner.context, extent, name);
}

static int pass_each_mapping(void *context, struct mm_extent range,
                             mm_mapping_visitor visit, void *argument)
{
    struct world *world = context;
    return world->inner.operations->each_mapping(world->inner.context, range, visit,
                                                 argument);
}

static enum mm_memory_cause pass_explain(void *context, enum mm_os_call call,
                                         const struct mm_strategy *strategy,
                                         size_t bytes)
{
    struct world *world = context;
    return world->inner.operations->explain_no_memory(world->inner.context, call,
                                                      strategy, bytes);
}

static int pass_acquire_table(void *context, size_t bytes, void **table)
{
    struct world *world = context;
    return world->inner.operations->acquire_table(world->inner.context, bytes, table);
}

static int pass_release_table(void *context, void *table, size_t bytes)
{
    struct world *world = context;
    return world->inner.operations->release_table(world->inner.context, table, bytes);
}

static const struct mmap_operations faulty_operations = {
    .reserve = faulty_reserve,
    .commit = faulty_commit,
    .decommit = faulty_decommit,
    .release = faulty_release,
    .advise = pass_advise,
    .annotate = pass_annotate,
    .each_mapping = pass_each_mapping,
    .explain_no_memory = pass_explain,
    .acquire_table = pass_acquire_table,
    .release_table = pass_release_table,
    .protect = faulty_protect,
    .guard = faulty_guard,
    .unguard = faulty_unguard,
    .seal = faulty_seal,
    .is_sealed = pass_is_sealed,
};

/* --------------------------------------------------------------- comparison */

int owner_index(const struct world *world, const struct mm_owner *owner)
{
    for (int i = 0; i < MODEL_OWNERS; i++) {
        if (world->owners[i] == owner) {
            return i;
        }
    }
    return MODEL_NOBODY;
}

/* Pages of the owners that the mapper maps for, page by page. */
static void compare_pages(const struct world *world, unsigned chunk)
{
    const struct model *model = &world->model;
    if ((model->state[chunk] != MM_MAPPED && model->state[chunk] != MM_SEALED) ||
        model_is_external(model->owner[chunk])) {
        return;
    }
    for (unsigned i = 0; i < MODEL_CHUNK_PAGES; i++) {
        const unsigned page = chunk * MODEL_CHUNK_PAGES + i;
        const struct sim_view view =
            sim_kernel_view(world->kernel, MODEL_BASE + (uintptr_t)page * MODEL_PAGE);
        require(world, view.mapping.access == model->access[page],
                "a page's access differs");
        require(world, view.guarded == model->guarded[page], "a page's guard differs");
        require(world, view.sealed == (model->state[chunk] == MM_SEALED),
                "a page's seal differs");
    }
}

void world_compare(const struct world *world)
{
    for (unsigned i = 0; i < world->model.chunks; i++) {
        const struct mm_lookup lookup =
            mmapper_lookup(world->mapper, address_of(i) + i % MODEL_CHUNK);
        require(world, lookup.state == world->model.state[i], "state differs");
        require(world, owner_index(world, lookup.owner) == world->model.owner[i],
                "owner differs");
        require(world,
                mmapper_is_mapped(world->mapper, address_of(i)) ==
                    (lookup.state == MM_MAPPED || lookup.state == MM_SEALED),
                "is_mapped differs");
        if (world->model.has_odd_pages) { /* it takes its time */
            compare_pages(world, i);
        }
    }
    require(world, sim_kernel_violations(world->kernel) == 0,
            sim_kernel_violation_text(world->kernel));
}

/* ----------------------------------------------------------------- lifecycle */

void world_begin(struct world *world)
{
    static const char *const names[MODEL_OWNERS] = {"a", "b", "c", "image"};
    const uint8_t shape = op_stream_byte(&world->stream);
    const uint8_t kernel = op_stream_byte(&world->stream);
    const struct sim_kernel_options kernel_options = {
        .page_bytes = MODEL_PAGE,
        .old_kernel = kernel & 1,
        .no_names = kernel & 2,
        .no_guards = kernel & 8,
        .no_seals = kernel & 16,
        .single_threaded = true,
    };
    world->model.chunks = 1 + shape % MODEL_CHUNKS;
    const struct mmapper_options options = {
        .chunk_bytes = MODEL_CHUNK,
        .base = MODEL_BASE,
        .limit = address_of(world->model.chunks),
        .log_region_chunks = 1 + (shape / MODEL_CHUNKS) % 4,
        .max_owners = MODEL_OWNERS,
    };
    sim_kernel_reset(world->kernel, &kernel_options);
    world->inner = sim_kernel_support(world->kernel, 0);
    world->support = world->inner;
    world->support.operations = &faulty_operations;
    world->support.context = world;
    world->support.annotations = kernel & 4;
    world->fault_call = MM_OS_NONE;
    require(world,
            mmapper_create(&options, &world->support, &world->mapper, NULL) == MM_OK,
            "no mapper");
    for (int i = 0; i < MODEL_OWNERS; i++) {
        const struct mm_owner_options owner = {
            .name = names[i],
            .kind = MM_KIND_TEST,
            .strategy = {.backing = model_is_external(i) ? MM_BACKING_EXTERNAL
                                                         : MM_BACKING_RESERVED,
                         .commit_ahead = (uint16_t)model_ahead(i)}};
        require(world,
                mmapper_register_owner(world->mapper, &owner, &world->owners[i],
                                       NULL) == MM_OK,
                "no owner");
    }
    for (unsigned i = 0; i < MODEL_CHUNKS; i++) {
        world->model.owner[i] = MODEL_NOBODY;
    }
    memset(world->model.access, MODEL_ACCESS, sizeof world->model.access);
    world->model.no_guards = kernel_options.no_guards;
    world->no_seals = kernel_options.no_seals;
}

/* Adopted ranges have no mapping behind them here, which verify rightly reports. */
static uint64_t adopted_runs_unbacked(const struct world *world)
{
    uint64_t unbacked = 0;
    for (unsigned i = 0; i < world->model.chunks; i++) {
        unbacked += world->model.state[i] == MM_MAPPED &&
                    model_is_external(world->model.owner[i]);
    }
    return unbacked;
}

void world_end(struct world *world)
{
    struct mm_verify_result result;
    require(world, mmapper_verify(world->mapper, NULL, &result, NULL) == MM_OK,
            "verify failed");
    require(world, result.differences == 0 || adopted_runs_unbacked(world) > 0,
            "the kernel and the table differ");
    world->fault_call = MM_OS_NONE;
    require(world, mmapper_destroy(world->mapper, NULL) == MM_OK, "destroy failed");
    const struct sim_statistics statistics = sim_kernel_statistics(world->kernel);
    size_t sealed = 0;
    for (unsigned i = 0; i < world->model.chunks; i++) {
        sealed += world->model.state[i] == MM_SEALED ? MODEL_CHUNK : 0;
    }
    require(world, statistics.client_bytes == sealed, "a reservation is left");
    require(world, statistics.tables == 0, "a table is left");
    require(world, sim_kernel_violations(world->kernel) == 0,
            sim_kernel_violation_text(world->kernel));
}
