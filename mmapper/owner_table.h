/* SPDX-License-Identifier: MIT */
/*
 * The owners of one mapper: names, strategies, and pins.
 *
 * Pins make quiescence checkable. A thread that is about to commit pins its owner and
 * reads the chunk afterwards; a call that takes chunks away claims them and reads the
 * pins afterwards. One of the two sees the other (edge PIN-CLAIM, seq_cst on both
 * sides: the store-buffering shape). Pins are striped over cache lines, since they are
 * the only thing that helping threads write in common.
 *
 * There are two kinds. Whoever commits gives whole chunks their owner's access, perhaps
 * late, when a fellow thread has done so already; whoever changes the access of single
 * pages must know that no such thread is left. So it reads its chunks as MAPPED first and
 * the committers' pins second: a thread that pins after that look sees MAPPED too and
 * commits nothing there (edge PIN-PAGES, seq_cst throughout).
 */
#ifndef MMAPPER_OWNER_TABLE_H
#define MMAPPER_OWNER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmapper/atomic.h"
#include "mmapper/map_state.h"
#include "mmapper/mmapper.h"

enum {
    OWNER_CACHE_LINE = 64,
    OWNER_PIN_STRIPES = 1 << MM_STRIPE_BITS,
    OWNER_NAME_WORDS = MM_NAME_BYTES / 8,
    OWNER_BYTES = 1024,
};

/* What one pin adds to a count: committers in the low half, changers of pages in the high
 * one. */
static const uint64_t OWNER_PIN_COMMIT = 1;
static const uint64_t OWNER_PIN_PAGES = (uint64_t)1 << 32;

struct owner_pin {
    _Alignas(OWNER_CACHE_LINE) mm_atomic_u64 count;
    mm_atomic_u64 ahead; /* see commit_ahead.h */
};

/* The low two bits of an entry's status; above them a generation, so that a reader who
 * copies a name can tell that the entry was reused meanwhile. */
enum owner_state {
    OWNER_FREE = 0,
    OWNER_REGISTERING,
    OWNER_LIVE,
    OWNER_STATE_MASK = 3,
    OWNER_GENERATION = 4,
};

struct mm_owner {
    _Alignas(OWNER_BYTES) mm_atomic_u32 status;
    mm_atomic_u32 kind;
    /* Constant while LIVE. Atomic words, because an error record may copy the name of
     * an owner that is being replaced: the copy is then thrown away (edge
     * OWNER-COPY). */
    mm_atomic_u64 name[OWNER_NAME_WORDS];
    mm_atomic_u64 strategy; /* four bits for each enum, 16 for commit_ahead */
    mm_atomic_u64 numa_nodes;
    /* Pages of the owner may be guarded or have less access than their chunk. Set by
     * those who make them so, for good. */
    mm_atomic_u32 has_odd_pages;
    struct owner_pin pins[OWNER_PIN_STRIPES];
};

/* Where the parts of a strategy are in its word. */
enum {
    OWNER_PROTECTION_SHIFT = 4,
    OWNER_HUGE_PAGES_SHIFT = 8,
    OWNER_ACCOUNTING_SHIFT = 12,
    OWNER_COMMIT_AHEAD_SHIFT = 16,
    OWNER_NUMA_SHIFT = 32,
    OWNER_ENUM_MASK = 15,
};

_Static_assert(sizeof(struct mm_owner) == OWNER_BYTES, "an index is a shift");
_Static_assert(MM_NAME_BYTES % 8 == 0, "a name is whole words");

struct owner_table {
    /* [0] is never used: owner 0 is nobody. [1, max] are registered by users, [max + 1]
     * is the owner of what a fork left behind. */
    struct mm_owner *owners;
    unsigned max;
    mm_atomic_u64 next; /* where the search for a free entry begins */
};

/* Bytes of `owners`, zero-filled memory aligned to OWNER_BYTES. */
size_t mm_owner_table_bytes(unsigned max);

/* The id of a live owner of this table; MAP_NOBODY for any other pointer, which is not
 * followed. */
static inline map_owner owner_id(const struct owner_table *table,
                                 const struct mm_owner *owner)
{
    const uintptr_t offset = (uintptr_t)owner - (uintptr_t)table->owners;
    if (offset / OWNER_BYTES > (size_t)table->max + 1 || offset % OWNER_BYTES != 0) {
        return MAP_NOBODY;
    }
    /* edge: OWNER-LIVE */
    const uint32_t status = mm_load_acquire_u32(&owner->status);
    return (status & OWNER_STATE_MASK) == OWNER_LIVE ? (map_owner)(offset / OWNER_BYTES)
                                                     : MAP_NOBODY;
}

/* NULL for MAP_NOBODY. */
static inline struct mm_owner *owner_at(const struct owner_table *table, map_owner id)
{
    return id == MAP_NOBODY ? NULL : &table->owners[id];
}

/* What the owner's memory is mapped with. */
static inline struct mm_strategy owner_strategy(const struct mm_owner *owner)
{
    /* Relaxed: constant while registered. */
    const uint64_t packed = mm_load_relaxed_u64(&owner->strategy);
    struct mm_strategy strategy = {
        .backing = (enum mm_backing)(packed & OWNER_ENUM_MASK),
        .protection =
            (enum mm_protection)(packed >> OWNER_PROTECTION_SHIFT & OWNER_ENUM_MASK),
        .huge_pages =
            (enum mm_huge_pages)(packed >> OWNER_HUGE_PAGES_SHIFT & OWNER_ENUM_MASK),
        .accounting =
            (enum mm_accounting)(packed >> OWNER_ACCOUNTING_SHIFT & OWNER_ENUM_MASK),
        .commit_ahead = (uint16_t)(packed >> OWNER_COMMIT_AHEAD_SHIFT),
        .numa = (enum mm_numa)(packed >> OWNER_NUMA_SHIFT & OWNER_ENUM_MASK),
    };
    if (strategy.numa != MM_NUMA_DEFAULT) {
        strategy.numa_nodes = mm_load_relaxed_u64(&owner->numa_nodes); /* as above */
    }
    return strategy;
}

/* The same of the parts that are asked for all the time. */
static inline enum mm_backing owner_backing(const struct mm_owner *owner)
{
    return (enum mm_backing)(mm_load_relaxed_u64(&owner->strategy) & OWNER_ENUM_MASK);
}

static inline uint16_t owner_commit_ahead(const struct mm_owner *owner)
{
    return (uint16_t)(mm_load_relaxed_u64(&owner->strategy) >>
                      OWNER_COMMIT_AHEAD_SHIFT);
}

/* Relaxed, both: who sets it is pinned, or hands chunks over, and who has to know has
 * seen the pin gone (edge UNPIN-READ) or the chunks come. */
static inline bool owner_has_odd_pages(const struct mm_owner *owner)
{
    return mm_load_relaxed_u32(&owner->has_odd_pages) != 0;
}

static inline void owner_note_odd_pages(struct mm_owner *owner)
{
    mm_store_relaxed_u32(&owner->has_odd_pages, 1);
}

/* The access that committed memory has (MM_ACCESS_*). */
static inline unsigned owner_committed_access(struct mm_strategy strategy)
{
    const unsigned rw = MM_ACCESS_READ | MM_ACCESS_WRITE;
    return strategy.protection == MM_PROTECTION_RWX ? rw | MM_ACCESS_EXECUTE : rw;
}

/* Lock-free. MM_LIMIT when every entry is taken. */
enum mm_status mm_owner_register(struct owner_table *table,
                                 const struct mm_owner_options *options,
                                 struct mm_owner **owner);

/* Frees the entry of a live owner. */
void mm_owner_unregister(struct mm_owner *owner);

/* The number of live owners. */
uint64_t mm_owner_count(const struct owner_table *table);

/* Copies what an error record says of an owner; false when it is not live (any more).
 * Safe against reuse of the entry. */
bool mm_owner_describe(const struct mm_owner *owner, struct mm_holder *holder);

/* Pins: see above. `kind` is OWNER_PIN_COMMIT or OWNER_PIN_PAGES, the same for unpin,
 * which takes what pin returned. */
struct owner_pin *mm_owner_pin(struct mm_owner *owner, uint64_t kind);
void mm_owner_unpin(struct owner_pin *pin, uint64_t kind);
bool mm_owner_is_pinned(const struct mm_owner *owner);
/* Whether a committer pins it. */
bool mm_owner_is_committing(const struct mm_owner *owner);

/* In the only thread of a forked child: drops all pins and the registrations that were
 * under way, and makes the owner of abandoned chunks live; returns the number of pins.
 */
uint64_t mm_owner_table_after_fork(struct owner_table *table);

/* The owner of chunks that a fork left behind; live after the first fork. */
static inline map_owner owner_abandoned(const struct owner_table *table)
{
    return (map_owner)(table->max + 1);
}

#endif /* MMAPPER_OWNER_TABLE_H */
