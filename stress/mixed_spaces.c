/* SPDX-License-Identifier: MIT */
/* A space of every sort, on mappers that have other things to do as well. */
#include <inttypes.h>

#include "stress/mixed.h"
#include "stress/tokens.h"

enum {
    PAGE = 4096,
    DATA_LOG = 26,       /* bytes that the metadata is about */
    METADATA_TABLES = 2, /* a byte and two bits */
    METADATA_LOG_GRAIN = 12,
    IMMORTAL_BYTES = 1 << 20,
    PAGES_BYTES = 4 << 20,
    PAGES_STRIPES = 4,
};

/* In a crowded window there may be no room: then there is none for a while. */
static bool create_immortal(struct mixed *mixed)
{
    const struct immortal_space_options options = {.name = "immortal",
                                                   .bytes = IMMORTAL_BYTES,
                                                   .mapping = IMMORTAL_ON_DEMAND,
                                                   .strategy.accounting =
                                                       MM_UNACCOUNTED};
    const enum mm_status status =
        immortal_space_create(mixed->mappers[0], &options, &mixed->immortal, NULL);
    if (status != MM_OK) {
        mixed->immortal = NULL;
    }
    return status == MM_OK || status == MM_NO_SPACE;
}

bool mixed_spaces_create(struct mixed *mixed)
{
    static const struct side_metadata_table tables[METADATA_TABLES] = {
        {.log_data_bytes = METADATA_LOG_GRAIN, .log_bits = 3},
        {.log_data_bytes = METADATA_LOG_GRAIN, .log_bits = 1},
    };
    const struct freelist_space_options pages = {
        .name = "pages",
        .bytes = PAGES_BYTES,
        .page_bytes = PAGE,
        .freed = FREELIST_SPACE_DECOMMIT,
        .policy = RAW_MEMORY_FREELIST_BINNED,
        .stripes = PAGES_STRIPES,
    };
    const struct space_map_options slots = {.log_slot_bytes = 18, .slots = MIXED_SLOTS};
    mixed->data = mm_extent_of((uintptr_t)1 << 40, (size_t)1 << DATA_LOG);
    const struct side_metadata_options metadata = {.name = "metadata",
                                                   .data = mixed->data,
                                                   .tables = tables,
                                                   .table_count = METADATA_TABLES};
    return create_immortal(mixed) &&
           freelist_space_create(mixed->mappers[1], &pages, &mixed->pages, NULL) ==
               MM_OK &&
           side_metadata_create(mixed->mappers[0], &metadata, &mixed->metadata, NULL) ==
               MM_OK &&
           space_map_create(mixed->mappers[1], &slots, &mixed->slots, NULL) == MM_OK;
}

void mixed_spaces_destroy(struct mixed *mixed)
{
    if ((mixed->immortal != NULL &&
         immortal_space_destroy(mixed->immortal, NULL) != MM_OK) ||
        freelist_space_destroy(mixed->pages, NULL) != MM_OK ||
        side_metadata_destroy(mixed->metadata, NULL) != MM_OK ||
        space_map_destroy(mixed->slots, NULL) != MM_OK) {
        stress_violation(mixed->run, NULL, "O4: a quiet space cannot be destroyed");
    }
}

void mixed_spaces_checkpoint(struct mixed *mixed)
{
    if (!freelist_space_verify(mixed->pages)) {
        stress_violation(mixed->run, NULL, "O4: the free list contradicts itself");
    }
    if (mixed->immortal != NULL &&
        immortal_space_usage(mixed->immortal).free > IMMORTAL_BYTES / 16) {
        return;
    }
    if ((mixed->immortal != NULL &&
         immortal_space_destroy(mixed->immortal, NULL) != MM_OK) ||
        !create_immortal(mixed)) {
        stress_violation(mixed->run, NULL, "O4: the immortal space cannot be renewed");
    }
}

/* ------------------------------------------------------------------- immortal */

void mixed_immortal_step(struct mixer *mixer)
{
    const struct mixed *mixed = mixer->mixed;
    uintptr_t address = 0;
    uintptr_t dirt = 0;
    const size_t bytes = 64 + stress_random_below(&mixer->thread->random, 200);
    if (mixed->immortal == NULL) {
        return;
    }
    const enum mm_status status =
        immortal_space_alloc(mixed->immortal, bytes, 8, &address, NULL);
    if (status == MM_NO_SPACE) {
        return;
    }
    if (status != MM_OK) {
        stress_violation(mixed->run, mixer->thread, "O6: immortal alloc gave %s",
                         mm_status_name(status));
        return;
    }
    /* Memory that is there and that the mapper knows nothing of was mapped behind its
     * back. */
    if (!mmapper_is_mapped(mixed->mappers[0], address) ||
        !mmapper_is_mapped(mixed->mappers[0], address + bytes - 1)) {
        stress_violation(mixed->run, mixer->thread,
                         "O6: immortal alloc gave unmapped memory at %#" PRIxPTR,
                         address);
        return;
    }
    /* What another allocation wrote here would show. */
    if (!token_is_zero(address, bytes, &dirt)) {
        stress_violation(mixed->run, mixer->thread,
                         "O3: fresh memory is not zero at %#" PRIxPTR, dirt);
    }
    token_write(address, bytes, mixer->self, UINT64_MAX);
    stress_count(mixer->thread, COUNT_IMMORTAL);
}

/* ---------------------------------------------------------------------- pages */

static void check_run(const struct mixer *mixer, const struct page_run *run)
{
    for (size_t i = 0; i < run->pages; i++) {
        struct token found;
        if (!token_check(run->address + i * PAGE, PAGE, mixer->self, run->epoch,
                         &found)) {
            stress_violation(mixer->mixed->run, mixer->thread,
                             "O3: page %#" PRIxPTR
                             " of a run was overwritten by %" PRIu64,
                             run->address + i * PAGE, found.owner);
        }
    }
}

static void free_run(struct mixer *mixer, size_t index)
{
    const struct page_run run = mixer->runs[index];
    size_t pages = 0;
    mixer->runs[index] = mixer->runs[--mixer->run_count];
    check_run(mixer, &run);
    const enum mm_status status =
        freelist_space_free(mixer->mixed->pages, run.address, &pages, NULL);
    if (status != MM_OK || pages != run.pages) {
        stress_violation(mixer->mixed->run, mixer->thread,
                         "O6: free of a run gave %s, %zu pages", mm_status_name(status),
                         pages);
    }
}

void mixed_pages_step(struct mixer *mixer)
{
    struct stress_random *random = &mixer->thread->random;
    struct page_run run = {.pages = 1 + stress_random_below(random, 6)};
    if (mixer->run_count > 0 &&
        (mixer->run_count == MIXED_RUNS || stress_random_one_in(random, 2))) {
        free_run(mixer, stress_random_below(random, mixer->run_count));
        return;
    }
    const enum mm_status status =
        freelist_space_alloc(mixer->mixed->pages, run.pages, &run.address, NULL);
    if (status == MM_NO_SPACE) {
        return;
    }
    if (status != MM_OK) {
        stress_violation(mixer->mixed->run, mixer->thread, "O6: page alloc gave %s",
                         mm_status_name(status));
        return;
    }
    run.epoch = mm_fetch_add_relaxed_u64(&mixer->mixed->epochs, 1) + 1;
    for (size_t i = 0; i < run.pages; i++) {
        token_write(run.address + i * PAGE, PAGE, mixer->self, run.epoch);
    }
    mixer->runs[mixer->run_count++] = run;
    stress_count(mixer->thread, COUNT_PAGES);
}

void mixed_pages_release(struct mixer *mixer)
{
    while (mixer->run_count > 0) {
        free_run(mixer, mixer->run_count - 1);
    }
}

/* ------------------------------------------------------------------- metadata */

/* Each thread has every 64th grain for itself: neighbours share bytes and chunks. */
void mixed_metadata_step(struct mixer *mixer)
{
    const struct mixed *mixed = mixer->mixed;
    struct stress_random *random = &mixer->thread->random;
    struct mm_error error;
    const size_t stride = (size_t)STRESS_MAX_THREADS << METADATA_LOG_GRAIN;
    const uintptr_t address =
        mixed->data.start +
        stress_random_below(random, mixed->data.bytes / stride) * stride +
        ((uintptr_t)mixer->thread->index << METADATA_LOG_GRAIN);
    const unsigned table = (unsigned)stress_random_below(random, METADATA_TABLES);
    const uint64_t value = stress_random_below(random, 4);
    uint64_t seen = 0;
    const enum mm_status status =
        side_metadata_map(mixed->metadata, mm_extent_of(address, 1), &error);
    if (status != MM_OK) {
        mixed_report(mixer, "mapping of metadata", status, &error);
        return;
    }
    (void)side_metadata_store(mixed->metadata, table, address, value);
    (void)side_metadata_load(mixed->metadata, table, address, &seen);
    if (seen != value) {
        stress_violation(mixed->run, mixer->thread,
                         "O3: metadata of %#" PRIxPTR " is %" PRIu64 ", not %" PRIu64,
                         address, seen, value);
    }
    stress_count(mixer->thread, COUNT_METADATA);
}

/* ---------------------------------------------------------------------- slots */

void mixed_slots_step(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    struct mm_error error;
    struct mm_extent extent;
    const uintptr_t self = (uintptr_t)mixer->self;
    enum mm_status status =
        space_map_take(mixed->slots, mixer->owners[1], self, &extent, &error);
    if (status == MM_NO_SPACE || status == MM_CONFLICT || status == MM_WRONG_STATE) {
        return; /* all taken, or in the way of others' mappings, or of our own */
    }
    if (status != MM_OK) {
        mixed_report(mixer, "taking a slot", status, &error);
        return;
    }
    const uint64_t epoch = mm_fetch_add_relaxed_u64(&mixed->epochs, 1) + 1;
    mixed_take(mixer, extent, epoch, "a space map");
    if (space_map_space_of(mixed->slots, extent.start) != self ||
        space_map_space_of(mixed->slots, mm_extent_end(extent) - 1) != self) {
        stress_violation(mixed->run, mixer->thread,
                         "O6: a slot that is held is another space's");
    }
    status = mmapper_ensure_mapped(mixed->mappers[1], mixer->owners[1],
                                   mm_extent_of(extent.start, 1), &error);
    if (status != MM_OK) {
        mixed_report(mixer, "mapping in a slot", status, &error);
    } else {
        token_write(extent.start, PAGE, mixer->self, epoch);
    }
    mixed_give(mixer, extent);
    status = space_map_give_back(mixed->slots, extent.start, self, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "giving a slot back", status, &error);
    }
    stress_count(mixer->thread, COUNT_SLOTS);
}
