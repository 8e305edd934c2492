/* SPDX-License-Identifier: MIT */
/*
 * What a forked child does about calls that the parent's other threads were in. There
 * is one thread here, and what those calls had claimed stays claimed until this
 * resolves it.
 */
#include "mmapper/call.h"
#include "mmapper/check.h"
#include "mmapper/os.h"

struct resolution {
    struct call call; /* of the owner whose chunk is being resolved */
    struct mm_fork_report report;
};

/* Whether the kernel has anything in the extent. If its list cannot be read it may. */
static bool may_be_mapped(const struct mmapper *mapper, struct mm_extent extent)
{
    struct mm_mapping first;
    const int os_error = mm_os_first_mapping(mapper, extent, &first);
    return first.extent.bytes > 0 || os_error != 0;
}

/* A cut-off reserve or release: the kernel knows how far it came, but not whose a
 * mapping is that lies there. It may be the call's own, or one that somebody else made
 * where the call had just unmapped. Keeping it costs address space, unmapping it may
 * cost somebody's data. */
static enum map_step resolve_by_kernel(const struct resolution *resolution,
                                       struct mm_extent extent, enum map_step if_empty)
{
    const struct mm_owner *owner = resolution->call.owner;
    if (owner_backing(owner) == MM_BACKING_EXTERNAL) {
        return if_empty; /* the call had nothing to do with the kernel */
    }
    return may_be_mapped(resolution->call.mapper, extent) ? MAP_STEP_ABANDON : if_empty;
}

static enum map_step resolving_step(const struct resolution *resolution,
                                    enum map_state state, struct mm_extent extent)
{
    switch (state) {
    case MAP_RESERVING:
        return resolve_by_kernel(resolution, extent, MAP_STEP_UNDO);
    case MAP_RELEASING_Q:
    case MAP_RELEASING_M:
    case MAP_RELEASING_X:
        return resolve_by_kernel(resolution, extent, MAP_STEP_FINISH);
    case MAP_DECOMMITTING_Q:
    case MAP_DECOMMITTING_M:
        /* Still reserved, for sure. Done again, whole: fresh memory must read as zero.
         * What the kernel refuses is no worse than in the parent (G4). */
        if (owner_has_odd_pages(resolution->call.owner)) {
            (void)mm_os_unguard(resolution->call.mapper, extent);
        }
        (void)mm_os_decommit(resolution->call.mapper, resolution->call.owner, extent);
        return MAP_STEP_FINISH;
    case MAP_SEALING:
        /* Done again: sealing what is sealed changes nothing. */
        return mm_os_seal(resolution->call.mapper, extent) == 0 ? MAP_STEP_FINISH
                                                                : MAP_STEP_UNDO;
    default:
        return MAP_STEP_UNDO; /* a transfer: still the giver's */
    }
}

static void count(struct mm_fork_report *report, enum map_step step, map_value next,
                  uint64_t chunks)
{
    if (step == MAP_STEP_ABANDON) {
        report->abandoned += chunks;
    } else if (map_state_of(next) == MAP_UNMAPPED) {
        report->freed += chunks;
    } else {
        report->restored += chunks;
    }
}

static void resolve_unit(struct resolution *resolution, size_t first,
                         struct chunk_unit *unit)
{
    struct mmapper *mapper = resolution->call.mapper;
    const struct chunk_range range = {first, unit->end};
    resolution->call.id = map_owner_of(unit->value);
    resolution->call.owner = owner_at(&mapper->owners, resolution->call.id);
    const enum map_step step = resolving_step(resolution, map_state_of(unit->value),
                                              chunk_extent(&mapper->table, range));
    map_value next;
    const enum mm_status status =
        mm_map_transition(step, unit->value, resolution->call.id,
                          owner_abandoned(&mapper->owners), &next);
    MM_CHECK(status == MM_OK);
    const enum chunk_swap swap = mm_chunk_publish(&mapper->table, first, unit, next);
    MM_CHECK(swap == CHUNK_SWAPPED);
    count(&resolution->report, step, next, unit->end - first);
}

static void resolve_all(struct resolution *resolution)
{
    const struct chunk_table *table = &resolution->call.mapper->table;
    struct chunk_range range = {0, table->chunks};
    while (range.first < range.end) {
        struct chunk_unit unit = chunk_unit_load(table, range);
        if (map_is_transient(map_state_of(unit.value))) {
            if (!unit.uniform) {
                /* Slot by slot: what the kernel has is another matter for each. */
                unit = chunk_unit_load(
                    table, (struct chunk_range){range.first, range.first + 1});
            }
            resolve_unit(resolution, range.first, &unit);
        }
        range.first = unit.end;
    }
}

enum mm_status mmapper_after_fork_in_child(struct mmapper *mapper,
                                           struct mm_fork_report *report,
                                           struct mm_error *error)
{
    struct resolution resolution = {.call = {.mapper = mapper,
                                             .operation = MM_OPERATION_FORK,
                                             .request = mmapper_window(mapper),
                                             .error = error}};
    const size_t page_bytes = mapper->support->page_bytes;
    const struct mm_extent first_page = mm_extent_of(mapper->table.base, page_bytes);
    struct mm_mapping ignored;
    const int os_error = mm_os_first_mapping(mapper, first_page, &ignored);
    if (os_error != 0) {
        return mm_call_fail_os(&resolution.call, MM_OS_EACH_MAPPING, first_page,
                               os_error);
    }
    resolution.report.pins = mm_owner_table_after_fork(&mapper->owners);
    resolve_all(&resolution);
    if (report != NULL) {
        *report = resolution.report;
    }
    return MM_OK;
}
