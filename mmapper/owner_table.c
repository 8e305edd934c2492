/* SPDX-License-Identifier: MIT */
#include "mmapper/owner_table.h"

#include <string.h>

size_t mm_owner_table_bytes(unsigned max)
{
    return ((size_t)max + 2) * sizeof(struct mm_owner);
}

/* The words are written with release and the reader's last look at the status comes
 * after acquire loads of them: a reader that saw a new word sees a new status too. */
static void store_name(struct mm_owner *owner, const char *name)
{
    char text[MM_NAME_BYTES] = {0};
    strncpy(text, name, MM_NAME_BYTES - 1);
    for (unsigned i = 0; i < OWNER_NAME_WORDS; i++) {
        uint64_t word;
        memcpy(&word, text + (size_t)i * sizeof word, sizeof word);
        /* edge: OWNER-COPY */
        mm_store_release_u64(&owner->name[i], word);
    }
}

static uint64_t pack(struct mm_strategy strategy)
{
    return (uint64_t)strategy.backing |
           (uint64_t)strategy.protection << OWNER_PROTECTION_SHIFT |
           (uint64_t)strategy.huge_pages << OWNER_HUGE_PAGES_SHIFT |
           (uint64_t)strategy.accounting << OWNER_ACCOUNTING_SHIFT |
           (uint64_t)strategy.commit_ahead << OWNER_COMMIT_AHEAD_SHIFT |
           (uint64_t)strategy.numa << OWNER_NUMA_SHIFT;
}

static bool take_entry(struct mm_owner *owner, const struct mm_owner_options *options)
{
    /* Relaxed: only to try; what counts is what the swap sees. */
    const uint32_t status = mm_load_relaxed_u32(&owner->status);
    if ((status & OWNER_STATE_MASK) != OWNER_FREE) {
        return false;
    }
    /* edge: OWNER-FREE. No release: the words stored below carry it (OWNER-COPY). */
    if (!mm_cas_acquire_u32(&owner->status, status, status + OWNER_REGISTERING)) {
        return false;
    }
    store_name(owner, options->name);
    mm_store_release_u32(&owner->kind, (uint32_t)options->kind); /* edge: OWNER-COPY */
    /* Relaxed: who uses it has seen LIVE. */
    mm_store_relaxed_u64(&owner->strategy, pack(options->strategy));
    mm_store_relaxed_u64(&owner->numa_nodes, options->strategy.numa_nodes);
    mm_store_relaxed_u32(&owner->has_odd_pages, 0);
    /* edge: OWNER-LIVE */
    mm_store_release_u32(&owner->status, status + OWNER_LIVE);
    return true;
}

enum mm_status mm_owner_register(struct owner_table *table,
                                 const struct mm_owner_options *options,
                                 struct mm_owner **owner)
{
    /* Round robin, so that the entry of an owner just unregistered is as a rule not the
     * next to be reused. Relaxed: only a hint. */
    const uint64_t start = mm_fetch_add_relaxed_u64(&table->next, 1);
    for (uint64_t i = 0; i < table->max; i++) {
        struct mm_owner *candidate =
            &table->owners[MAP_OWNER_FIRST + (start + i) % table->max];
        if (take_entry(candidate, options)) {
            /* The next search begins behind it. Relaxed: as above. */
            (void)mm_fetch_add_relaxed_u64(&table->next, i);
            *owner = candidate;
            return MM_OK;
        }
    }
    return MM_LIMIT;
}

void mm_owner_unregister(struct mm_owner *owner)
{
    const uint32_t status = mm_load_relaxed_u32(&owner->status); /* only its own call */
    /* edge: OWNER-FREE */
    mm_store_release_u32(&owner->status, (status & ~(uint32_t)OWNER_STATE_MASK) +
                                             OWNER_GENERATION + OWNER_FREE);
}

/* Entries beyond this one were never handed out, and are not worth a page fault: the
 * first round of mm_owner_register gives entry n to call n. Relaxed: a snapshot as good
 * as any while others register. */
static unsigned last_entry(const struct owner_table *table)
{
    const uint64_t taken = mm_load_relaxed_u64(&table->next);
    return taken < table->max ? (unsigned)taken : table->max;
}

uint64_t mm_owner_count(const struct owner_table *table)
{
    uint64_t live = 0;
    const unsigned last = last_entry(table);
    for (unsigned id = MAP_OWNER_FIRST; id <= last; id++) {
        const uint32_t status = mm_load_relaxed_u32(&table->owners[id].status);
        live += (status & OWNER_STATE_MASK) == OWNER_LIVE;
    }
    return live;
}

bool mm_owner_describe(const struct mm_owner *owner, struct mm_holder *holder)
{
    /* edge: OWNER-LIVE */
    const uint32_t before = mm_load_acquire_u32(&owner->status);
    if ((before & OWNER_STATE_MASK) != OWNER_LIVE) {
        return false;
    }
    for (unsigned i = 0; i < OWNER_NAME_WORDS; i++) {
        /* edge: OWNER-COPY */
        const uint64_t word = mm_load_acquire_u64(&owner->name[i]);
        memcpy(holder->name + (size_t)i * sizeof word, &word, sizeof word);
    }
    /* edge: OWNER-COPY */
    holder->kind = (enum mm_kind)mm_load_acquire_u32(&owner->kind);
    holder->owner = owner;
    /* Relaxed: the acquire loads above are what orders it. */
    return mm_load_relaxed_u32(&owner->status) == before;
}

struct owner_pin *mm_owner_pin(struct mm_owner *owner, uint64_t kind)
{
    struct owner_pin *pin = &owner->pins[mm_thread_stripe()];
    /* edge: PIN-CLAIM, PIN-PAGES */
    (void)mm_fetch_add_seq_cst_u64(&pin->count, kind);
    return pin;
}

void mm_owner_unpin(struct owner_pin *pin, uint64_t kind)
{
    /* edge: UNPIN-READ (release: the commit is over before the pin is gone) */
    (void)mm_fetch_add_release_u64(&pin->count, 0 - kind);
}

static bool has_pins(const struct mm_owner *owner, uint64_t kinds)
{
    for (unsigned i = 0; i < OWNER_PIN_STRIPES; i++) {
        /* edge: PIN-CLAIM, PIN-PAGES, UNPIN-READ */
        if ((mm_load_seq_cst_u64(&owner->pins[i].count) & kinds) != 0) {
            return true;
        }
    }
    return false;
}

bool mm_owner_is_pinned(const struct mm_owner *owner)
{
    return has_pins(owner, UINT64_MAX);
}

bool mm_owner_is_committing(const struct mm_owner *owner)
{
    return has_pins(owner, OWNER_PIN_PAGES - 1);
}

uint64_t mm_owner_table_after_fork(struct owner_table *table)
{
    /* One thread: relaxed throughout. */
    uint64_t pins = 0;
    const unsigned last = last_entry(table);
    for (unsigned id = MAP_OWNER_FIRST; id <= last; id++) {
        struct mm_owner *owner = &table->owners[id];
        const uint32_t status = mm_load_relaxed_u32(&owner->status);
        if ((status & OWNER_STATE_MASK) == OWNER_REGISTERING) {
            mm_store_relaxed_u32(&owner->status, status - OWNER_REGISTERING);
        }
        for (unsigned i = 0; i < OWNER_PIN_STRIPES; i++) {
            const uint64_t count = mm_load_relaxed_u64(&owner->pins[i].count);
            pins += count % OWNER_PIN_PAGES + count / OWNER_PIN_PAGES;
            mm_store_relaxed_u64(&owner->pins[i].count, 0);
        }
    }
    /* External, so that nothing is ever mapped or unmapped for it. */
    static const struct mm_owner_options abandoned = {
        .name = "abandoned-by-fork",
        .kind = MM_KIND_MISC,
        .strategy = {.backing = MM_BACKING_EXTERNAL},
    };
    (void)take_entry(&table->owners[owner_abandoned(table)], &abandoned);
    return pins;
}

const char *mm_owner_name(const struct mm_owner *owner)
{
    return (const char *)owner->name;
}

enum mm_kind mm_owner_kind(const struct mm_owner *owner)
{
    /* Relaxed: constant while registered. */
    return (enum mm_kind)mm_load_relaxed_u32(&owner->kind);
}

struct mm_strategy mm_owner_strategy(const struct mm_owner *owner)
{
    return owner_strategy(owner);
}
