/* SPDX-License-Identifier: MIT */
#include "mmapper/chunk_table.h"

size_t mm_chunk_table_region_bytes(const struct chunk_table *table)
{
    return (chunk_region(table, table->chunks - 1) + 1) * sizeof(mm_atomic_u32);
}

size_t mm_chunk_table_slot_bytes(const struct chunk_table *table)
{
    return table->chunks * sizeof(mm_atomic_u16);
}

/* How a value is written in a slot, where zero is taken. */
static uint16_t slot_of(map_value value)
{
    return map_state_of(value) == MAP_UNMAPPED ? MAP_UNMAPPED_EXPLICIT : value;
}

/* Skips groups of slots that all say the same: explicitly, or each of a group explicitly
 * or each of it as the base. range.first is the first of a group. */
static size_t skip_groups(const struct chunk_table *table, struct chunk_range range,
                          uint64_t all_explicit, uint64_t all_as_base)
{
    const mm_atomic_u16 *slots = table->slots;
    size_t chunk = range.first;
    /* Two at a time: all of it explicit is the rule, and then this is what costs. */
    while (range.end - chunk >= 2 * MM_GROUP) {
        /* edge: PUBLISH-SLOT */
        const uint64_t one = mm_load_acquire_u16_group(&slots[chunk]);
        /* edge: PUBLISH-SLOT */
        const uint64_t two = mm_load_acquire_u16_group(&slots[chunk + MM_GROUP]);
        if (((one ^ all_explicit) | (two ^ all_explicit)) != 0) {
            break;
        }
        chunk += 2 * MM_GROUP;
    }
    while (range.end - chunk >= MM_GROUP) {
        /* edge: PUBLISH-SLOT */
        const uint64_t group = mm_load_acquire_u16_group(&slots[chunk]);
        if (group != all_explicit && group != all_as_base) {
            break;
        }
        chunk += MM_GROUP;
    }
    return chunk;
}

/* mm_chunk_run_end within one split region. */
static size_t slots_run_end(const struct chunk_table *table, uint32_t word,
                            struct chunk_range range, map_value value)
{
    const uint64_t all_explicit = MM_GROUP_OF(slot_of(value));
    const uint64_t all_as_base = chunk_word_value(word) == value ? 0 : all_explicit;
    size_t chunk = range.first;
    while (chunk < range.end) {
        if (chunk % MM_GROUP == 0) {
            range.first = chunk;
            chunk = skip_groups(table, range, all_explicit, all_as_base);
            if (chunk == range.end) {
                break;
            }
        }
        /* edge: PUBLISH-SLOT */
        const uint16_t slot = mm_load_acquire_u16(&table->slots[chunk]);
        if (chunk_slot_value(word, slot) != value) {
            break;
        }
        chunk++;
    }
    return chunk;
}

size_t mm_chunk_run_end(const struct chunk_table *table, struct chunk_range range,
                        map_value value)
{
    while (range.first < range.end) {
        /* edge: PUBLISH-WORD */
        const uint32_t word =
            mm_load_acquire_u32(&table->regions[chunk_region(table, range.first)]);
        const size_t region_end = chunk_region_end(table, range.first);
        const size_t end = region_end < range.end ? region_end : range.end;
        size_t stop = end;
        if (word & REGION_SPLIT) {
            stop = slots_run_end(table, word, (struct chunk_range){range.first, end},
                                 value);
        } else if (chunk_word_value(word) != value) {
            return range.first;
        }
        if (stop < end) {
            return stop;
        }
        range.first = end;
    }
    return range.first;
}

/* Whether a CAS on the word may stand for the unit: it must be the whole region. */
static bool is_whole_region(const struct chunk_table *table, size_t first,
                            const struct chunk_unit *unit)
{
    return first == chunk_region_first(table, first) &&
           unit->end == chunk_region_end(table, first);
}

/* Nobody else can have split it to another base: a lost race leaves it split as well,
 * or changed as a whole, and either way the caller loads again. */
static enum chunk_swap split_region(mm_atomic_u32 *word, uint32_t seen)
{
    /* edge: PUBLISH-WORD, PIN-CLAIM. What made the base visible stays visible through
     * the split word; and a split is the first half of a claim: a pinned thread that
     * still sees the uniform word must be seen by the claimer's look at the pins. */
    return mm_cas_seq_cst_u32(word, seen, seen | REGION_SPLIT) ? CHUNK_SPLIT
                                                               : CHUNK_LOST;
}

/* What came of a swap of the unit's slots, of which the first `swapped` were. */
static enum chunk_swap slots_swapped(struct chunk_unit *unit, size_t first,
                                     unsigned swapped)
{
    if (swapped == 0) {
        return CHUNK_LOST;
    }
    unit->end = first + swapped;
    return CHUNK_SWAPPED;
}

enum chunk_swap mm_chunk_claim(struct chunk_table *table, size_t first,
                               struct chunk_unit *unit, map_value value)
{
    mm_atomic_u32 *word = &table->regions[chunk_region(table, first)];
    mm_atomic_u16 *slot = &table->slots[first];
    const uint16_t seen = (uint16_t)unit->seen;
    if (!unit->uniform && unit->end - first == MM_GROUP) {
        /* edge: PIN-CLAIM */
        return slots_swapped(unit, first,
                             mm_cas_seq_cst_u16_group(slot, seen, slot_of(value)));
    }
    if (!unit->uniform) {
        /* edge: PIN-CLAIM */
        return slots_swapped(unit, first,
                             mm_cas_seq_cst_u16(slot, seen, slot_of(value)));
    }
    if (!is_whole_region(table, first, unit)) {
        return split_region(word, unit->seen);
    }
    /* edge: PIN-CLAIM */
    return mm_cas_seq_cst_u32(word, unit->seen, value) ? CHUNK_SWAPPED : CHUNK_LOST;
}

enum chunk_swap mm_chunk_publish(struct chunk_table *table, size_t first,
                                 struct chunk_unit *unit, map_value value)
{
    mm_atomic_u32 *word = &table->regions[chunk_region(table, first)];
    mm_atomic_u16 *slot = &table->slots[first];
    const uint16_t seen = (uint16_t)unit->seen;
    if (!unit->uniform && unit->end - first == MM_GROUP) {
        /* edge: PUBLISH-SLOT */
        return slots_swapped(unit, first,
                             mm_cas_release_u16_group(slot, seen, slot_of(value)));
    }
    if (!unit->uniform) {
        /* edge: PUBLISH-SLOT */
        return slots_swapped(unit, first,
                             mm_cas_release_u16(slot, seen, slot_of(value)));
    }
    if (!is_whole_region(table, first, unit)) {
        return split_region(word, unit->seen);
    }
    /* edge: PUBLISH-WORD */
    return mm_cas_release_u32(word, unit->seen, value) ? CHUNK_SWAPPED : CHUNK_LOST;
}
