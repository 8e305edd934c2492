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

static struct chunk_unit uniform_unit(const struct chunk_table *table,
                                      struct chunk_range range, uint32_t word)
{
    const size_t end = chunk_region_end(table, range.first);
    const struct chunk_unit unit = {.end = end < range.end ? end : range.end,
                                    .value = chunk_word_value(word),
                                    .seen = word,
                                    .uniform = true};
    return unit;
}

static struct chunk_unit slot_unit(struct chunk_range range, uint32_t word,
                                   uint16_t slot)
{
    const struct chunk_unit unit = {.end = range.first + 1,
                                    .value = chunk_slot_value(word, slot),
                                    .seen = slot,
                                    .uniform = false};
    return unit;
}

struct chunk_unit mm_chunk_unit_load(const struct chunk_table *table,
                                     struct chunk_range range)
{
    const size_t region = chunk_region(table, range.first);
    /* edge: PUBLISH-WORD */
    const uint32_t word = mm_load_acquire_u32(&table->regions[region]);
    if (!(word & REGION_SPLIT)) {
        return uniform_unit(table, range, word);
    }
    /* edge: PUBLISH-SLOT */
    return slot_unit(range, word, mm_load_acquire_u16(&table->slots[range.first]));
}

struct chunk_unit mm_chunk_unit_load_pinned(const struct chunk_table *table,
                                            struct chunk_range range)
{
    const size_t region = chunk_region(table, range.first);
    /* edge: PIN-CLAIM, PUBLISH-WORD */
    const uint32_t word = mm_load_seq_cst_u32(&table->regions[region]);
    if (!(word & REGION_SPLIT)) {
        return uniform_unit(table, range, word);
    }
    /* edge: PIN-CLAIM, PUBLISH-SLOT */
    return slot_unit(range, word, mm_load_seq_cst_u16(&table->slots[range.first]));
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

enum chunk_swap mm_chunk_claim(struct chunk_table *table, size_t first,
                               const struct chunk_unit *unit, map_value value)
{
    mm_atomic_u32 *word = &table->regions[chunk_region(table, first)];
    bool swapped;
    if (!unit->uniform) {
        /* edge: PIN-CLAIM */
        swapped = mm_cas_seq_cst_u16(&table->slots[first], (uint16_t)unit->seen,
                                     slot_of(value));
    } else if (is_whole_region(table, first, unit)) {
        /* edge: PIN-CLAIM */
        swapped = mm_cas_seq_cst_u32(word, unit->seen, value);
    } else {
        return split_region(word, unit->seen);
    }
    return swapped ? CHUNK_SWAPPED : CHUNK_LOST;
}

enum chunk_swap mm_chunk_publish(struct chunk_table *table, size_t first,
                                 const struct chunk_unit *unit, map_value value)
{
    mm_atomic_u32 *word = &table->regions[chunk_region(table, first)];
    bool swapped;
    if (!unit->uniform) {
        /* edge: PUBLISH-SLOT */
        swapped = mm_cas_release_u16(&table->slots[first], (uint16_t)unit->seen,
                                     slot_of(value));
    } else if (is_whole_region(table, first, unit)) {
        /* edge: PUBLISH-WORD */
        swapped = mm_cas_release_u32(word, unit->seen, value);
    } else {
        return split_region(word, unit->seen);
    }
    return swapped ? CHUNK_SWAPPED : CHUNK_LOST;
}
