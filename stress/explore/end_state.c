/* SPDX-License-Identifier: MIT */
/*
 * When all threads have ended: nothing is in the middle of anything (O10), the table,
 * the ledger and the kernel agree (O1, O2), sums are right (O4), contents are what was
 * written (O3), and the calls have an order (O8).
 */
#include "stress/explore/spaces.h"

static void check_settled(struct world *world, unsigned mapper)
{
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const struct watch_value value =
            slot_watch_chunk(world->mappers[mapper], chunk);
        if (value.state != WATCH_UNMAPPED && value.state != WATCH_QUARANTINED &&
            value.state != WATCH_MAPPED && value.state != WATCH_EXCLUDED &&
            value.state != WATCH_SEALED) {
            world_fail(world, ORACLE_O10, "chunk %zu is left %s", chunk,
                       watch_state_name(value.state));
        }
    }
    for (unsigned owner = 0; owner < OWNER_COUNT; owner++) {
        const struct mm_owner *registered = world->owners[mapper][owner];
        if (registered != NULL && slot_watch_pins(registered) != 0) {
            world_fail(world, ORACLE_O10, "a pin of %s is left",
                       program_owner_name(owner));
        }
    }
}

static void check_chunks(struct world *world, unsigned mapper, size_t *held)
{
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const struct watch_value value =
            slot_watch_chunk(world->mappers[mapper], chunk);
        const int owner = world_owner(world, mapper, value.owner);
        const unsigned ledger = world->facts.ledger[chunk];
        if (world_on(world, ORACLE_O2)) {
            world_check_kernel(world, mapper, chunk, value);
        }
        *held += value.owner != NULL &&
                 mm_owner_strategy(value.owner).backing == MM_BACKING_RESERVED;
        if (!spaces_have(world, chunk) && world_on(world, ORACLE_O1) &&
            (world->facts.unsure >> chunk & 1) == 0) {
            const unsigned entry =
                owner < 0 ? 0 : mapper * OWNER_COUNT + (unsigned)owner + 1;
            const bool elsewhere = ledger != 0 && (ledger - 1) / OWNER_COUNT != mapper;
            if (entry != ledger && !(entry == 0 && elsewhere)) {
                world_fail(world, ORACLE_O1,
                           "chunk %zu is %s's in the table, %s's by all results", chunk,
                           owner < 0 ? "nobody" : program_owner_name((unsigned)owner),
                           ledger == 0
                               ? "nobody"
                               : program_owner_name((ledger - 1) % OWNER_COUNT));
            }
        }
    }
}

static void check_sums(struct world *world, size_t held)
{
    if (!world_on(world, ORACLE_O4)) {
        return;
    }
    const struct sim_statistics kernel = sim_kernel_statistics(world->kernel);
    if (kernel.client_bytes != held * WORLD_CHUNK) {
        world_fail(world, ORACLE_O4, "the kernel has %zu bytes of ours, the tables %zu",
                   kernel.client_bytes, held * WORLD_CHUNK);
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        struct mm_statistics statistics;
        uint64_t sum = 0;
        mmapper_statistics(world->mappers[mapper], &statistics);
        for (unsigned state = 0; state < MM_STATE_COUNT; state++) {
            sum += statistics.chunks[state];
        }
        if (sum != world->program->chunks) {
            world_fail(world, ORACLE_O4, "the chunks of all states are %llu, not %u",
                       (unsigned long long)sum, world->program->chunks);
        }
    }
}

static void check_contents(struct world *world)
{
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const uint64_t token = world->facts.tokens[chunk];
        uint64_t found;
        const uint8_t access = world->facts.access[chunk];
        const bool hidden = access != 0 && ((access - 1) & MM_ACCESS_READ) == 0;
        if (token == 0 || token == UINT64_MAX || hidden ||
            !world_on(world, ORACLE_O3)) {
            continue;
        }
        if (sim_kernel_read(world->kernel, world_extent(chunk, 1).start, &found) != 0) {
            world_fail(world, ORACLE_O3, "chunk %zu was written and cannot be read",
                       chunk);
        } else if (found != token) {
            world_fail(world, ORACLE_O3, "chunk %zu holds %llu, its owner left %llu",
                       chunk, (unsigned long long)found, (unsigned long long)token);
        }
    }
}

/* Of all that the checks below look at: what the calls said, the tables, the kernel. */
static uint64_t hash_end(const struct world *world)
{
    const struct world_facts *facts = &world->facts;
    uint64_t hash = world_mix(sim_memory_digest(), facts->os);
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        hash = world_mix(hash, facts->tokens[chunk] << 8 | facts->ledger[chunk]);
    }
    for (unsigned i = 0; i < world->calls; i++) {
        const struct call_log *log = &world->log[i];
        hash = world_mix(hash, (uint64_t)log->op->kind << 16 |
                                   (uint64_t)log->status << 8 | log->op->owner);
    }
    return world_mix(hash, facts->unsure) | 1; /* 0: an empty place */
}

static void check_end_state(struct world *world)
{
    size_t held = 0;
    const uint64_t hash = hash_end(world);
    if (world_remember(world->good_ends, hash)) {
        return;
    }
    if (sim_kernel_violations(world->kernel) > 0) {
        world_fail(world, ORACLE_O1, "%s", sim_kernel_violation_text(world->kernel));
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        if (world_on(world, ORACLE_O10)) {
            check_settled(world, mapper);
        }
        check_chunks(world, mapper, &held);
    }
    check_sums(world, held);
    check_contents(world);
    if (world->failed != ORACLE_NONE) {
        world_forget(world->good_ends, hash);
    }
}

void world_check_end(struct world *world)
{
    check_end_state(world);
    history_check(world);
    if (world->spaces != NULL) {
        spaces_check_end(world);
    }
}
