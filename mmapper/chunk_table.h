/* SPDX-License-Identifier: MIT */
/*
 * The two-level table of chunk values. Knows addresses and chunks, and no policy.
 *
 * A region is a power of two of chunks and has one word: UNIFORM(value), all its chunks
 * are that, or SPLIT(base), each chunk is what its slot says, and a zero slot says "as
 * the base". A region splits once, when a part of it is to change, and stays split:
 * the base never changes again, so nothing has to be copied and no slow thread can
 * overwrite anything. All zero is a valid table: everything UNMAPPED.
 */
#ifndef MMAPPER_CHUNK_TABLE_H
#define MMAPPER_CHUNK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/atomic.h"
#include "mmapper/extent.h"
#include "mmapper/map_state.h"

enum {
    /* A region word: a value in the low 16 bits, and this. */
    REGION_SPLIT = 1 << 16,
    REGION_VALUE_MASK = REGION_SPLIT - 1,
};

struct chunk_table {
    uintptr_t base;      /* of the window; chunk 0 begins here */
    size_t bytes;        /* of the window */
    size_t chunks;       /* in the window */
    unsigned log_chunk;  /* of bytes in a chunk */
    unsigned log_region; /* of chunks in a region */
    unsigned log_region_bytes;
    mm_atomic_u32 *regions; /* one word each, the last may be short */
    mm_atomic_u16 *slots;   /* one for each chunk */
};

/* Chunks [first, end), within the table, not empty. */
struct chunk_range {
    size_t first;
    size_t end;
};

/* The largest prefix of a range that one word, slot or group of equal slots speaks for.
 */
struct chunk_unit {
    size_t end;      /* one past its last chunk, at most the range's end */
    map_value value; /* UNMAPPED is 0, however it is stored */
    uint32_t seen;   /* the raw word or slot, for the CAS */
    bool uniform;    /* seen is a region word */
};

/* Bytes for the words and for the slots of a table of this shape. */
size_t mm_chunk_table_region_bytes(const struct chunk_table *table);
size_t mm_chunk_table_slot_bytes(const struct chunk_table *table);

static inline size_t chunk_region(const struct chunk_table *table, size_t chunk)
{
    return chunk >> table->log_region;
}

static inline size_t chunk_region_first(const struct chunk_table *table, size_t chunk)
{
    return chunk_region(table, chunk) << table->log_region;
}

/* One past the last chunk of the region of `chunk`. */
static inline size_t chunk_region_end(const struct chunk_table *table, size_t chunk)
{
    const size_t end = (chunk_region(table, chunk) + 1) << table->log_region;
    return end < table->chunks ? end : table->chunks;
}

/* The index of the chunk of `address`; at least table->chunks when outside. */
static inline size_t chunk_of(const struct chunk_table *table, uintptr_t address)
{
    return (address - table->base) >> table->log_chunk;
}

static inline uintptr_t chunk_address(const struct chunk_table *table, size_t chunk)
{
    return table->base + (chunk << table->log_chunk);
}

static inline struct mm_extent chunk_extent(const struct chunk_table *table,
                                            struct chunk_range range)
{
    return mm_extent_of(chunk_address(table, range.first), (range.end - range.first)
                                                               << table->log_chunk);
}

static inline map_value chunk_word_value(uint32_t word)
{
    return (map_value)(word & REGION_VALUE_MASK);
}

static inline map_value chunk_slot_value(uint32_t word, uint16_t slot)
{
    if (slot == 0) {
        return chunk_word_value(word);
    }
    return slot == MAP_UNMAPPED_EXPLICIT ? map_make(MAP_UNMAPPED, MAP_NOBODY) : slot;
}

/* The value at `offset` bytes in the window as it is written there, where UNMAPPED has
 * two forms: one or two acquire loads. *log_unit is the logarithm of the bytes around it
 * that it is good for: of a chunk or of a region. */
static inline map_value chunk_load_raw(const struct chunk_table *table, size_t offset,
                                       unsigned *log_unit)
{
    /* edge: PUBLISH-WORD */
    const uint32_t word =
        mm_load_acquire_u32(&table->regions[offset >> table->log_region_bytes]);
    if (!(word & REGION_SPLIT)) {
        *log_unit = table->log_region_bytes;
        return chunk_word_value(word);
    }
    *log_unit = table->log_chunk;
    /* edge: PUBLISH-SLOT */
    const uint16_t slot =
        mm_load_acquire_u16(&table->slots[offset >> table->log_chunk]);
    return slot != 0 ? slot : chunk_word_value(word);
}

/* The value of a chunk inside the table. */
static inline map_value chunk_load(const struct chunk_table *table, size_t chunk)
{
    unsigned log_unit;
    const map_value raw = chunk_load_raw(table, chunk << table->log_chunk, &log_unit);
    return raw == MAP_UNMAPPED_EXPLICIT ? map_make(MAP_UNMAPPED, MAP_NOBODY) : raw;
}

/* One past the last of the chunks at the head of `range` that all have `value`;
 * range.first when there is none. Acquire. A step a region, or four chunks a step where
 * one is split. */
size_t mm_chunk_run_end(const struct chunk_table *table, struct chunk_range range,
                        map_value value);

static inline struct chunk_unit chunk_unit_of_word(const struct chunk_table *table,
                                                   struct chunk_range range,
                                                   uint32_t word)
{
    const size_t end = chunk_region_end(table, range.first);
    const struct chunk_unit unit = {.end = end < range.end ? end : range.end,
                                    .value = chunk_word_value(word),
                                    .seen = word,
                                    .uniform = true};
    return unit;
}

/* The first `count` chunks of the range have this slot. */
static inline struct chunk_unit chunk_unit_of_slots(struct chunk_range range,
                                                    uint32_t word, uint16_t slot,
                                                    size_t count)
{
    const struct chunk_unit unit = {.end = range.first + count,
                                    .value = chunk_slot_value(word, slot),
                                    .seen = slot,
                                    .uniform = false};
    return unit;
}

/* The same of a group of slots at the head of the range: of all four if they are equal,
 * else of the first. */
static inline struct chunk_unit chunk_unit_of_group(struct chunk_range range,
                                                    uint32_t word, uint64_t group)
{
    const uint16_t slot = (uint16_t)group;
    return chunk_unit_of_slots(range, word, slot,
                               group == MM_GROUP_OF(slot) ? MM_GROUP : 1);
}

/* Whether the range begins with a group of slots of one region. */
static inline bool chunk_begins_group(const struct chunk_table *table,
                                      struct chunk_range range)
{
    return range.end - range.first >= MM_GROUP && range.first % MM_GROUP == 0 &&
           (size_t)1 << table->log_region >= MM_GROUP;
}

/* The unit at the head of `range`. Acquire. */
static inline struct chunk_unit chunk_unit_load(const struct chunk_table *table,
                                                struct chunk_range range)
{
    const size_t region = chunk_region(table, range.first);
    /* edge: PUBLISH-WORD */
    const uint32_t word = mm_load_acquire_u32(&table->regions[region]);
    if (!(word & REGION_SPLIT)) {
        return chunk_unit_of_word(table, range, word);
    }
    const mm_atomic_u16 *slot = &table->slots[range.first];
    if (chunk_begins_group(table, range)) {
        /* edge: PUBLISH-SLOT */
        return chunk_unit_of_group(range, word, mm_load_acquire_u16_group(slot));
    }
    /* edge: PUBLISH-SLOT */
    return chunk_unit_of_slots(range, word, mm_load_acquire_u16(slot), 1);
}

/* The same, and after any pin that the calling thread made before (seq_cst). */
static inline struct chunk_unit chunk_unit_load_pinned(const struct chunk_table *table,
                                                       struct chunk_range range)
{
    const size_t region = chunk_region(table, range.first);
    /* edge: PIN-CLAIM, PIN-PAGES, PUBLISH-WORD */
    const uint32_t word = mm_load_seq_cst_u32(&table->regions[region]);
    if (!(word & REGION_SPLIT)) {
        return chunk_unit_of_word(table, range, word);
    }
    const mm_atomic_u16 *slot = &table->slots[range.first];
    if (chunk_begins_group(table, range)) {
        /* edge: PIN-CLAIM, PIN-PAGES, PUBLISH-SLOT */
        return chunk_unit_of_group(range, word, mm_load_seq_cst_u16_group(slot));
    }
    /* edge: PIN-CLAIM, PIN-PAGES, PUBLISH-SLOT */
    return chunk_unit_of_slots(range, word, mm_load_seq_cst_u16(slot), 1);
}

/* What a replacement came to. */
enum chunk_swap {
    CHUNK_SWAPPED,
    CHUNK_LOST,  /* somebody changed it first: load again */
    CHUNK_SPLIT, /* the region is split now, by whomever: load again */
};

/*
 * Replaces the value of `unit`, loaded at the head `first` of a range, by `value`. A
 * uniform unit that is not its whole region splits the region instead. Of a group of
 * slots a part may be replaced: CHUNK_SWAPPED then has cut unit->end to that.
 * claim: seq_cst, so that the pins read afterwards are not older than the claim.
 * publish: release, of the OS calls made before.
 */
enum chunk_swap mm_chunk_claim(struct chunk_table *table, size_t first,
                               struct chunk_unit *unit, map_value value);
enum chunk_swap mm_chunk_publish(struct chunk_table *table, size_t first,
                                 struct chunk_unit *unit, map_value value);

#endif /* MMAPPER_CHUNK_TABLE_H */
