/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/fault_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE ((uintptr_t)0x7e8000000000)

const char *world_owner_name(enum workload_owner owner)
{
    static const char *const names[WORKLOAD_OWNERS] = {"a", "b", "huge", "x"};
    return names[owner];
}

static void print_run(const struct world *world)
{
    const struct fault_run *run = world->run;
    const struct fault_plan *plan = &run->plan;
    (void)fprintf(stderr,
                  "workload \"%s\", regions of %u chunks, %s call %" PRIu64
                  "%s fails with errno %d (done: %d)\n",
                  run->workload->name, 1U << run->log_region_chunks,
                  plan->call == MM_OS_NONE ? "any" : mm_os_call_name(plan->call),
                  plan->at, plan->from_then_on ? " and later" : "", plan->os_error,
                  (int)plan->done);
    if (run->intrude_at != 0 || run->old_kernel) {
        (void)fprintf(stderr, "foreign code intrudes at reserve call %" PRIu64 "%s\n",
                      run->intrude_at, run->old_kernel ? ", old kernel" : "");
    }
    for (size_t i = 0; i <= world->step && i < run->workload->count; i++) {
        const struct step *step = &run->workload->steps[i];
        (void)fprintf(stderr, "  step %zu: %s owner %d other %d first %zu count %zu\n",
                      i, step_kind_name(step->kind), (int)step->owner, (int)step->other,
                      step->first, step->count);
    }
}

void world_require(const struct world *world, bool condition, const char *file,
                   int line, const char *text)
{
    if (!condition) {
        (void)fprintf(stderr, "%s:%d: expected %s\n", file, line, text);
        print_run(world);
        abort();
    }
}
uintptr_t world_chunk(size_t chunk)
{
    return BASE + chunk * WORKLOAD_CHUNK;
}

size_t world_chunk_of(uintptr_t address)
{
    return (address - BASE) / WORKLOAD_CHUNK;
}

bool world_is_reserved(const struct model_chunk *chunk)
{
    return chunk->state != MM_UNMAPPED && chunk->owner != OWNER_X;
}

static bool holds_memory(const struct model_chunk *chunk)
{
    return chunk->state == MM_MAPPED && chunk->owner != OWNER_X;
}

/* ---------------------------------------------------------------- after a step */

static void check_table(const struct world *world)
{
    for (size_t i = 0; i < WORKLOAD_CHUNKS; i++) {
        const struct mm_lookup seen = mmapper_lookup(world->mapper, world_chunk(i));
        const struct model_chunk *chunk = &world->model.chunks[i];
        REQUIRE(world, seen.state == chunk->state);
        REQUIRE(world, seen.owner == world->owners[chunk->owner]);
        REQUIRE(world, mmapper_is_mapped(world->mapper, world_chunk(i)) ==
                           (chunk->state == MM_MAPPED));
    }
}

bool world_may_fail(const struct world *world, enum mm_os_call call)
{
    const enum mm_os_call planned = world->run->plan.call;
    return planned == call || planned == MM_OS_NONE;
}

static void check_page(const struct world *world, const struct model_chunk *chunk,
                       uintptr_t address)
{
    const struct sim_view view = sim_kernel_view(world->kernel, address);
    if (!world_is_reserved(chunk)) {
        REQUIRE(world, !view.mapped || view.client == -1);
        return;
    }
    const bool huge = chunk->owner == OWNER_HUGE;
    const unsigned rw = MM_ACCESS_READ | MM_ACCESS_WRITE;
    REQUIRE(world, view.mapped && view.client == 0);
    REQUIRE(world, view.unaccounted == huge);
    if (chunk->state == MM_MAPPED) {
        REQUIRE(world, view.mapping.access == (huge ? rw | MM_ACCESS_EXECUTE : rw));
    }
    if (!world_may_fail(world, MM_OS_ADVISE)) {
        REQUIRE(world, view.huge == huge);
    }
    if (!world_may_fail(world, MM_OS_ANNOTATE)) {
        char name[MM_NAME_BYTES];
        (void)snprintf(name, sizeof(name), "[anon:mmapper:test:%s]",
                       world_owner_name(chunk->owner));
        REQUIRE(world, strcmp(view.mapping.name, name) == 0);
    }
}

/* `before` is the model before the step. */
static void check_contents(const struct world *world, size_t page,
                           const struct model *before)
{
    const size_t chunk = page * WORKLOAD_PAGE / WORKLOAD_CHUNK;
    uint64_t token = 0;
    if (!holds_memory(&world->model.chunks[chunk])) {
        return;
    }
    REQUIRE(world,
            sim_kernel_read(world->kernel, BASE + page * WORKLOAD_PAGE, &token) == 0);
    if (holds_memory(&before->chunks[chunk])) {
        REQUIRE(world, token == world->tokens[page]);
    } else if (!world->undefined[chunk]) {
        REQUIRE(world, token == 0);
    }
}

/* What external owners adopt here is mapped by nobody, which verify rightly reports. */
static void report(void *argument, const struct mm_difference *difference)
{
    const struct world *world = argument;
    REQUIRE(world, difference->kind == MM_NOTE_ACCESSIBLE ||
                       (difference->kind == MM_DIFFERENCE_MISSING &&
                        difference->holder.owner == world->owners[OWNER_X]));
}

void world_verify(const struct world *world)
{
    const struct mm_verify_options options = {.report = report,
                                              .argument = (void *)(uintptr_t)world};
    struct mm_verify_result result;
    REQUIRE(world, mmapper_verify(world->mapper, &options, &result, NULL) == MM_OK);
    REQUIRE(world, result.unsettled == 0);
}

void world_check(const struct world *world, const struct model *before)
{
    check_table(world);
    for (size_t page = 0; page < WORLD_PAGES; page++) {
        check_page(world, &world->model.chunks[page * WORKLOAD_PAGE / WORKLOAD_CHUNK],
                   BASE + page * WORKLOAD_PAGE);
        check_contents(world, page, before);
    }
    if (!world_may_fail(world, MM_OS_EACH_MAPPING)) {
        world_verify(world);
    }
    const uint64_t violations = sim_kernel_violations(world->kernel);
    if (violations != 0) {
        (void)fprintf(stderr, "%s\n", sim_kernel_violation_text(world->kernel));
    }
    REQUIRE(world, violations == 0);
}

void world_write_tokens(struct world *world)
{
    for (size_t page = 0; page < WORLD_PAGES; page++) {
        const size_t chunk = page * WORKLOAD_PAGE / WORKLOAD_CHUNK;
        if (holds_memory(&world->model.chunks[chunk])) {
            world->tokens[page] = ++world->last_token;
            REQUIRE(world, sim_kernel_write(world->kernel, BASE + page * WORKLOAD_PAGE,
                                            world->tokens[page]) == 0);
            world->undefined[chunk] = false;
        }
    }
}
