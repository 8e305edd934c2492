/* SPDX-License-Identifier: MIT */
/*
 * O8 of metadata values and slots: each is one value that calls change and look at, so
 * its calls must have an order that explains them.
 */
#include <stdio.h>

#include "stress/explore/spaces.h"

static bool is_metadata(unsigned kind)
{
    return kind == OP_METADATA_STORE || kind == OP_METADATA_EXCHANGE ||
           kind == OP_METADATA_LOAD || kind == OP_METADATA_GUARD;
}

struct value_search {
    struct world *world;
    const struct space_call *parts[SPACES_CALLS];
    uint64_t before[SPACES_CALLS]; /* a bit for each that comes first for sure */
    unsigned count;
    uint64_t end;
};

static bool explain(const struct space_call *call, uint64_t value, uint64_t *next)
{
    *next = value;
    switch (call->op->kind) {
    case OP_METADATA_STORE:
        *next = call->asked;
        return true;
    case OP_METADATA_EXCHANGE:
        *next = value == 0 ? call->asked : value;
        return call->found == value;
    case OP_METADATA_LOAD:
    case OP_SLOT_OF:
        return call->found == value;
    case OP_SLOT_TAKE:
        *next = call->status == MM_OK ? call->asked : value;
        return call->status == MM_OK            ? value == 0
               : call->status == MM_WRONG_STATE ? value != 0
                                                : true;
    default:
        *next = call->status == MM_OK ? 0 : value;
        return call->status == MM_OK            ? value == call->asked
               : call->status == MM_WRONG_STATE ? value == 0
               : call->status == MM_CONFLICT    ? value != 0 && value != call->asked
                                                : true;
    }
}

static bool can_finish(const struct value_search *search, uint64_t done, uint64_t value)
{
    if (done == (UINT64_C(1) << search->count) - 1) {
        return value == search->end;
    }
    for (unsigned i = 0; i < search->count; i++) {
        uint64_t next;
        if ((done >> i & 1) == 0 && (search->before[i] & ~done) == 0 &&
            explain(search->parts[i], value, &next) &&
            can_finish(search, done | UINT64_C(1) << i, next)) {
            return true;
        }
    }
    return false;
}

static void collect(struct value_search *search, bool metadata, unsigned first)
{
    const struct spaces_facts *facts = &search->world->spaces->facts;
    search->count = 0;
    for (unsigned i = 0; i < facts->call_count; i++) {
        const struct space_call *call = &facts->calls[i];
        const bool fits =
            metadata ? is_metadata(call->op->kind) : call->op->kind >= OP_SLOT_TAKE;
        if (fits && call->op->first == first && !call->skipped) {
            search->parts[search->count++] = call;
        }
    }
    for (unsigned i = 0; i < search->count; i++) {
        search->before[i] = 0;
        for (unsigned j = 0; j < search->count; j++) {
            /* In setup, one call after the other. */
            const bool first_of_setup = search->parts[i]->begin.step == 0 && j > i;
            if (i != j && !first_of_setup &&
                spaces_before(search->world, &search->parts[j]->end,
                              search->parts[i])) {
                search->before[i] |= UINT64_C(1) << j;
            }
        }
    }
}

static void check(struct world *world, struct value_search *search, const char *what,
                  unsigned number)
{
    char text[WORLD_TEXT] = "";
    size_t length = 0;
    if (can_finish(search, 0, 0)) {
        return;
    }
    for (unsigned i = 0; i < search->count && length < sizeof(text) - 100; i++) {
        char op[64];
        op_print(search->parts[i]->op, op, sizeof(op));
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "%s%s = %s (%llu)", i > 0 ? ", " : "", op,
                                   mm_status_name(search->parts[i]->status),
                                   (unsigned long long)search->parts[i]->found);
    }
    world_fail(world, ORACLE_O8, "%s %u ends %llu: no order explains %s", what, number,
               (unsigned long long)search->end, text);
}

/* Whether the unit is used as a lock: then two steps of a call are seen, and what must
 * hold is that it is free at the end, unless others store there as well. */
static bool is_lock(struct value_search *search)
{
    bool guards = false;
    bool others = false;
    for (unsigned i = 0; i < search->count; i++) {
        const unsigned kind = search->parts[i]->op->kind;
        guards |= kind == OP_METADATA_GUARD;
        others |= kind == OP_METADATA_STORE || kind == OP_METADATA_EXCHANGE;
    }
    if (guards && !others && search->end != 0) {
        world_fail(search->world, ORACLE_O8, "a unit is left locked: %llu",
                   (unsigned long long)search->end);
    }
    return guards;
}

void values_check_end(struct world *world)
{
    const struct spaces *spaces = world->spaces;
    struct value_search search = {.world = world};
    for (unsigned unit = 0; spaces->metadata != NULL && unit < SPACES_UNITS; unit++) {
        collect(&search, true, unit);
        search.end = 0;
        if ((spaces->facts.mapped_units >> unit & 1) != 0) {
            (void)side_metadata_load(spaces->metadata, 1, unit_address(unit),
                                     &search.end);
        }
        if (!is_lock(&search)) {
            check(world, &search, "unit", unit);
        }
    }
    for (unsigned slot = 0; spaces->slots != NULL && slot < SLOT_COUNT; slot++) {
        collect(&search, false, slot);
        search.end = space_map_space_of(
            spaces->slots, space_map_slot_extent(spaces->slots, slot).start);
        check(world, &search, "slot", slot);
    }
}
