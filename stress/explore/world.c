/* SPDX-License-Identifier: MIT */
#include "stress/explore/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *oracle_name(enum oracle oracle)
{
    static const char *const names[ORACLE_COUNT] = {"none", "O1",   "O2",  "O3", "O4",
                                                    "O5",   "O6",   "O7",  "O8", "O9",
                                                    "O10",  "RACE", "TRAP"};
    return (unsigned)oracle < ORACLE_COUNT ? names[oracle] : "?";
}

void world_fail(struct world *world, enum oracle oracle, const char *format, ...)
{
    if (!world_on(world, oracle)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(world->text, sizeof(world->text), format, arguments);
    va_end(arguments);
    world->failed = oracle;
    if (sim_thread() >= 0) {
        sim_stop();
    }
}

void world_mix_os(struct world *world, uint64_t what)
{
    world->facts.os = world_mix(world->facts.os, what);
}

bool world_remember(uint64_t *set, uint64_t hash)
{
    uint64_t *slot = &set[hash >> (64 - WORLD_SET_BITS)];
    const bool known = *slot == hash;
    *slot = hash;
    return known;
}

void world_forget(uint64_t *set, uint64_t hash)
{
    set[hash >> (64 - WORLD_SET_BITS)] = 0;
}

struct stamp world_stamp(void)
{
    const struct stamp stamp = {
        .step = sim_now(),
        .time = sim_time(),
        .thread = (uint8_t)(sim_thread() < 0 ? 0 : sim_thread()),
    };
    return stamp;
}

bool world_before(const struct world *world, const struct stamp *stamp,
                  const struct call_log *call)
{
    if (stamp->step == UINT32_MAX) {
        return false;
    }
    return world->weak ? call->clock[stamp->thread] >= stamp->time
                       : stamp->step <= call->begin.step;
}

struct mm_extent world_extent(size_t first, size_t count)
{
    return mm_extent_of(WORLD_BASE + first * WORLD_CHUNK, count * WORLD_CHUNK);
}

int world_owner(const struct world *world, unsigned mapper,
                const struct mm_owner *owner)
{
    int i = owner != NULL ? OWNER_COUNT - 1 : -1;
    while (i >= 0 && world->owners[mapper][i] != owner) {
        i--;
    }
    return i;
}

bool world_external(unsigned owner)
{
    return owner == OWNER_IMAGE || owner == OWNER_GUEST;
}

/* --------------------------------------------------------------------- making */

static const char *make_mapper(struct world *world, unsigned mapper)
{
    static const struct mm_strategy strategies[OWNER_EXTRA] = {
        [OWNER_CODE] = {.protection = MM_PROTECTION_RWX, .accounting = MM_UNACCOUNTED},
        [OWNER_IMAGE] = {.backing = MM_BACKING_EXTERNAL},
        [OWNER_GUEST] = {.backing = MM_BACKING_EXTERNAL},
    };
    const struct program *program = world->program;
    const struct mmapper_options options = {
        .chunk_bytes = WORLD_CHUNK,
        .base = WORLD_BASE,
        .limit = WORLD_BASE + (uintptr_t)program->chunks * WORLD_CHUNK,
        .log_region_chunks = program->log_region,
        /* Room for one that an operation registers, and for those of spaces. */
        .max_owners = program->spaces != 0 ? OWNER_COUNT + 4 : OWNER_EXTRA + 1,
    };
    port_init(world, mapper);
    if (mmapper_create(&options, &world->support[mapper], &world->mappers[mapper],
                       NULL) != MM_OK) {
        return "the mapper could not be made";
    }
    for (unsigned i = 0; i < OWNER_EXTRA; i++) {
        struct mm_owner_options owner = {.name = program_owner_name(i),
                                         .kind = MM_KIND_TEST,
                                         .strategy = strategies[i]};
        owner.strategy.commit_ahead = program->ahead;
        if (mmapper_register_owner(world->mappers[mapper], &owner,
                                   &world->owners[mapper][i], NULL) != MM_OK) {
            return "an owner could not be registered";
        }
    }
    return NULL;
}

/* The facts that follow from what the table and the kernel hold after setup. */
static void settle_facts(struct world *world)
{
    struct world_facts *facts = &world->facts;
    memset(facts->claimer, -1, sizeof(facts->claimer));
    memset(facts->pinned, -1, sizeof(facts->pinned));
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
            const struct watch_value value =
                slot_watch_chunk(world->mappers[mapper], chunk);
            const int owner = world_owner(world, mapper, value.owner);
            facts->states[mapper][chunk] = history_state(world, mapper, chunk);
            past_begin(world, mapper, chunk, value);
            if (value.owner != NULL) {
                facts->reserved_for[chunk] = value.owner;
            }
            if (owner < 0) {
                continue;
            }
            facts->ledger[chunk] =
                (uint8_t)(mapper * OWNER_COUNT + (unsigned)owner + 1);
            facts->tenure[mapper][chunk][owner].left.step = UINT32_MAX;
            facts->marks[chunk].from_setup |= value.state == WATCH_MAPPED;
        }
    }
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const struct sim_view view =
            sim_kernel_view(world->kernel, world_extent(chunk, 1).start);
        facts->foreign[chunk].step = view.mapped && view.client < 0 ? UINT32_MAX : 0;
    }
}

static const char *set_up(struct world *world)
{
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        const char *problem = make_mapper(world, mapper);
        if (problem != NULL) {
            return problem;
        }
    }
    const char *problem = NULL;
    world->facts.next_token = 1;
    if (world->program->spaces != 0) {
        world->spaces = spaces_create(world, &problem);
        if (problem != NULL) {
            return problem;
        }
    }
    for (unsigned i = 0; i < world->program->setup_count; i++) {
        if (world_perform(world, &world->program->setup[i], NULL) != MM_OK ||
            world->failed != ORACLE_NONE) {
            return "a setup operation failed";
        }
    }
    memcpy(world->setup_owners, world->owners, sizeof(world->owners));
    settle_facts(world);
    if (world->spaces != NULL) {
        spaces_settle(world);
    }
    world->initial = world->facts;
    world->image = sim_kernel_save(world->kernel);
    return NULL;
}

struct world *world_create(const struct program *program, const char **problem)
{
    const struct sim_kernel_options options = {
        .single_threaded = true,
        .no_names = true,
        .old_kernel = program->old_kernel,
        .max_map_count = program->max_map_count,
    };
    struct world *world = calloc(1, sizeof(*world));
    if (world == NULL) {
        *problem = "no memory";
        return NULL;
    }
    world->program = program;
    world->oracles = ~0U;
    world->kernel = sim_kernel_create(&options);
    sim_memory_forget();
    *problem = set_up(world);
    if (*problem != NULL) {
        world_destroy(world);
        return NULL;
    }
    return world;
}

void world_destroy(struct world *world)
{
    /* The setup's chunks go with the simulated kernel; the tables are its as well. */
    if (world->spaces != NULL) {
        spaces_destroy(world);
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        if (world->mappers[mapper] != NULL) {
            sim_kernel_reset(world->kernel, NULL);
            (void)mmapper_destroy(world->mappers[mapper], NULL);
        }
    }
    sim_kernel_forget(world->image);
    sim_kernel_destroy(world->kernel);
    free(world);
}

/* -------------------------------------------------------------------- running */

void world_begin_run(struct world *world)
{
    world->facts = world->initial;
    world->calls = 0;
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
            world->past[mapper][chunk].count = 1;
        }
    }
    memset(world->current, 0, sizeof(world->current));
    world->faults_left = world->program->faults;
    world->failed = ORACLE_NONE;
    if (world->spaces != NULL) {
        spaces_begin_run(world);
    }
}

void world_end_run(struct world *world)
{
    sim_memory_restore();
    sim_kernel_restore(world->kernel, world->image);
    memcpy(world->owners, world->setup_owners, sizeof(world->owners));
}

void world_thread(void *context, unsigned thread)
{
    struct world *world = context;
    const struct program *program = world->program;
    enum mm_status last = MM_OK;
    bool has_again = true; /* unless the thread failed to register it */
    for (unsigned i = 0; i < program->counts[thread]; i++) {
        const struct op *op = &program->ops[thread][i];
        if ((op->kind == OP_TOUCH && last != MM_OK) ||
            (op->owner == OWNER_AGAIN && op->kind != OP_REGISTER && !has_again)) {
            continue; /* what the thread did not get it must not use */
        }
        sim_step(UINT64_C(0x8000) + ((uint64_t)thread << 8) + i);
        sim_call_begins();
        struct call_log *log = &world->log[world->calls++];
        memset(log, 0, sizeof(*log));
        log->op = op;
        log->begin = world_stamp();
        log->end.step = UINT32_MAX;
        sim_known(log->clock);
        world->current[thread] = log;
        log->status = op->kind < OP_IMMORTAL_ALLOC ? world_perform(world, op, log)
                                                   : spaces_perform(world, op, log);
        log->end = world_stamp();
        last = log->status;
        if (op->kind == OP_REGISTER) {
            has_again = last == MM_OK;
        }
        world->current[thread] = NULL;
        sim_hash((uint64_t)log->status << 8 | log->place);
    }
}
