/* SPDX-License-Identifier: MIT */
/*
 * Queries, dump and statistics. Nothing here changes anything.
 */
#include <inttypes.h>
#include <string.h>

#include "mmapper/call.h"
#include "mmapper/text.h"

/* As it is written (map_owner_of knows both forms of UNMAPPED); UNMAPPED outside the
 * window. Wait-free: at most two loads. */
static map_value value_at(const struct mmapper *mapper, uintptr_t address)
{
    const size_t offset = address - mapper->table.base;
    unsigned log_unit;
    return offset < mapper->table.bytes
               ? chunk_load_raw(&mapper->table, offset, &log_unit)
               : map_make(MAP_UNMAPPED, MAP_NOBODY);
}

bool mmapper_is_mapped(const struct mmapper *mapper, uintptr_t address)
{
    return map_is_mapped(value_at(mapper, address));
}

struct mm_lookup mmapper_lookup(const struct mmapper *mapper, uintptr_t address)
{
    const map_value value = value_at(mapper, address);
    const struct mm_lookup lookup = {
        .state = map_public_state(map_state_of(value)),
        .owner = owner_at(&mapper->owners, map_owner_of(value))};
    return lookup;
}

/* Equal for chunks that belong to one run. */
static bool same_run(map_value a, map_value b)
{
    return map_public_state(map_state_of(a)) == map_public_state(map_state_of(b)) &&
           map_owner_of(a) == map_owner_of(b);
}

bool mmapper_next_run(const struct mmapper *mapper, uintptr_t address,
                      struct mm_run *run)
{
    const struct chunk_table *table = &mapper->table;
    if (address < table->base) {
        address = table->base;
    }
    if (address >= mapper->limit) {
        return false;
    }
    struct chunk_range rest = {chunk_of(table, address), table->chunks};
    const struct chunk_unit head = chunk_unit_load(table, rest);
    const struct chunk_range begin = rest;
    struct chunk_unit unit = head;
    while (same_run(unit.value, head.value)) {
        rest.first = unit.end;
        if (rest.first == rest.end) {
            break;
        }
        unit = chunk_unit_load(table, rest);
    }
    run->extent = chunk_extent(table, (struct chunk_range){begin.first, rest.first});
    run->state = map_public_state(map_state_of(head.value));
    run->owner = owner_at(&mapper->owners, map_owner_of(head.value));
    return true;
}

static void add_run(struct text *text, const struct mm_run *run)
{
    struct mm_holder holder = {.owner = NULL};
    mm_text_add_extent(text, run->extent);
    mm_text_add(text, "  %-12s  ", mm_state_name(run->state));
    mm_text_add_bytes(text, run->extent.bytes);
    if (run->owner != NULL && mm_owner_describe(run->owner, &holder)) {
        mm_text_add(text, "  %s \"%s\"", mm_kind_name(holder.kind), holder.name);
    }
    mm_text_add(text, "\n");
}

size_t mmapper_dump(const struct mmapper *mapper, char *buffer, size_t bytes)
{
    enum { LINE_BYTES = 256, TAIL_BYTES = 64 };
    struct text dump;
    struct mm_run run;
    uint64_t missing = 0;
    size_t needed = TAIL_BYTES;
    mm_text_init(&dump, buffer, bytes);
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        char line_buffer[LINE_BYTES];
        struct text line;
        if (run.state == MM_UNMAPPED) {
            continue;
        }
        mm_text_init(&line, line_buffer, sizeof line_buffer);
        add_run(&line, &run);
        needed += line.length;
        /* Once a line is missing all later ones are, and the tail always fits. */
        if (missing > 0 || dump.length + line.length + TAIL_BYTES > bytes) {
            missing++;
        } else {
            mm_text_add(&dump, "%s", line_buffer);
        }
    }
    if (missing > 0) {
        mm_text_add(&dump, "... and %" PRIu64 " runs more\n", missing);
    }
    return needed;
}

static void count_chunks(const struct mmapper *mapper, const struct mm_owner *owner,
                         uint64_t chunks[MM_STATE_COUNT], uint64_t *runs)
{
    struct mm_run run;
    memset(chunks, 0, MM_STATE_COUNT * sizeof *chunks);
    *runs = 0;
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (owner != NULL && run.owner != owner) {
            continue;
        }
        chunks[run.state] += run.extent.bytes >> mapper->table.log_chunk;
        *runs += run.state != MM_UNMAPPED;
    }
}

void mmapper_statistics(const struct mmapper *mapper, struct mm_statistics *statistics)
{
    const struct counters *counters = &mapper->counters;
    for (unsigned call = 0; call < MM_OS_CALL_COUNT; call++) {
        statistics->os_calls[call] = counter_sum(counters, COUNTER_OS_CALLS + call);
        statistics->os_failures[call] =
            counter_sum(counters, COUNTER_OS_FAILURES + call);
    }
    statistics->conflicts = counter_sum(counters, COUNTER_CONFLICTS);
    statistics->busy = counter_sum(counters, COUNTER_BUSY);
    statistics->races_lost = counter_sum(counters, COUNTER_RACES_LOST);
    statistics->waits = counter_sum(counters, COUNTER_WAITS);
    statistics->regions_split = counter_sum(counters, COUNTER_REGIONS_SPLIT);
    statistics->owners = mm_owner_count(&mapper->owners);
    count_chunks(mapper, NULL, statistics->chunks, &statistics->runs);
}

enum mm_status mmapper_owner_chunks(const struct mmapper *mapper,
                                    const struct mm_owner *owner,
                                    uint64_t chunks[MM_STATE_COUNT],
                                    struct mm_error *error)
{
    uint64_t runs;
    if (owner_id(&mapper->owners, owner) == MAP_NOBODY) {
        if (error != NULL) {
            memset(error, 0, sizeof *error);
            error->status = MM_UNKNOWN_OWNER;
            error->operation = MM_OPERATION_OWNER_CHUNKS;
            error->detail = "the owner is not registered with this mapper";
            error->os_call = MM_OS_NONE;
        }
        return MM_UNKNOWN_OWNER;
    }
    count_chunks(mapper, owner, chunks, &runs);
    return MM_OK;
}
