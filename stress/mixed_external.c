/* SPDX-License-Identifier: MIT */
/* Memory that is mapped by others than the mapper: adopted, excluded, or another
 * mapper's. */
#include <inttypes.h>

#include "stress/mixed.h"
#include "stress/tokens.h"

enum { PAGE = 4096, LONGEST = 4 };

/* What a holder of external memory sees as long as it is registered. */
static void check_held(struct mixer *mixer, struct mm_extent extent,
                       enum mm_state state, uint64_t epoch)
{
    const struct mixed *mixed = mixer->mixed;
    const struct mm_lookup seen = mmapper_lookup(mixed->mappers[0], extent.start);
    struct token found;
    struct mm_error error;
    if (seen.state != state || seen.owner != mixer->external) {
        stress_violation(mixed->run, mixer->thread, "O6: %#" PRIxPTR " is %s, not %s",
                         extent.start, mm_state_name(seen.state), mm_state_name(state));
    }
    if (mmapper_quarantine(mixed->mappers[0], mixer->owners[0], extent, &error) !=
            MM_CONFLICT ||
        error.holder.owner != mixer->external) {
        stress_violation(mixed->run, mixer->thread,
                         "O6: an external range was not refused in its owner's name");
    }
    if (mmapper_decommit(mixed->mappers[0], mixer->external, extent, &error) !=
        MM_WRONG_STATE) {
        stress_violation(mixed->run, mixer->thread,
                         "O6: an external range can be decommitted");
    }
    if (!token_check(extent.start, PAGE, mixer->self, epoch, &found)) {
        stress_violation(mixed->run, mixer->thread,
                         "O3: external memory at %#" PRIxPTR " was overwritten",
                         extent.start);
    }
}

static void forget(struct mixer *mixer, struct mm_extent extent)
{
    struct mm_error error;
    const enum mm_status status =
        mmapper_release(mixer->mixed->mappers[0], mixer->external, extent, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "release of an external range", status, &error);
    }
}

/* Maps first, then lets the mapper know. A conflict is possible: an owner may be
 * reserving there at this moment, and will find our mapping. */
void mixed_adopt_step(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    struct mm_error error;
    struct token found;
    const struct mm_extent extent = mixed_random_extent(mixer, 0, LONGEST);
    if (!foreign_map(extent)) {
        return;
    }
    const uint64_t epoch = mm_fetch_add_relaxed_u64(&mixed->epochs, 1) + 1;
    mixed_take(mixer, extent, epoch, "the kernel");
    token_write(extent.start, PAGE, mixer->self, epoch);
    const enum mm_status status =
        mmapper_adopt(mixed->mappers[0], mixer->external, extent, &error);
    if (status == MM_OK) {
        check_held(mixer, extent, MM_MAPPED, epoch);
        forget(mixer, extent);
        stress_count(mixer->thread, COUNT_ADOPTED);
    } else if (status != MM_CONFLICT) {
        mixed_report(mixer, "adopt", status, &error);
    }
    if (!token_check(extent.start, PAGE, mixer->self, epoch, &found)) {
        stress_violation(mixed->run, mixer->thread,
                         "O3: memory at %#" PRIxPTR
                         " was touched when it was adopted or forgotten",
                         extent.start);
    }
    mixed_give(mixer, extent);
    foreign_unmap(extent);
}

/* Excludes first, then maps, if neither the other mapper nor foreign code is there. */
void mixed_exclude_step(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    struct mm_error error;
    const struct mm_extent extent = mixed_random_extent(mixer, 0, LONGEST);
    const enum mm_status status =
        mmapper_exclude(mixed->mappers[0], mixer->external, extent, &error);
    if (status != MM_OK) {
        if (status != MM_CONFLICT) {
            mixed_report(mixer, "exclude", status, &error);
        }
        return;
    }
    if (foreign_map(extent)) {
        const uint64_t epoch = mm_fetch_add_relaxed_u64(&mixed->epochs, 1) + 1;
        mixed_take(mixer, extent, epoch, "the kernel");
        token_write(extent.start, PAGE, mixer->self, epoch);
        check_held(mixer, extent, MM_EXCLUDED, epoch);
        mixed_give(mixer, extent);
        foreign_unmap(extent);
        stress_count(mixer->thread, COUNT_EXCLUDED);
    }
    forget(mixer, extent);
}

/* A mapper of its own for a moment, in the same window; what it holds when it is
 * destroyed is given back. */
void mixed_brief_mapper_step(struct mixer *mixer)
{
    const struct mixed *mixed = mixer->mixed;
    struct mmapper *mapper = NULL;
    struct mm_owner *owner = NULL;
    struct mm_error error;
    struct mm_extent extent;
    const struct mmapper_options options = {.chunk_bytes = MIXED_GRANULE,
                                            .base = mixed->window.start,
                                            .limit = mm_extent_end(mixed->window),
                                            .log_region_chunks = 3};
    const struct mm_owner_options brief = {.name = "brief", .kind = MM_KIND_TEST};
    if (mmapper_create(&options, &mixed->support, &mapper, &error) != MM_OK ||
        mmapper_register_owner(mapper, &brief, &owner, &error) != MM_OK) {
        mixed_report(mixer, "create of a brief mapper", error.status, &error);
        return;
    }
    if (mmapper_quarantine_anywhere(mapper, owner, 3 * (size_t)MIXED_GRANULE, 0,
                                    &extent, &error) == MM_OK) {
        mixed_take(mixer, extent, 0, "a brief mapper");
        if (mmapper_ensure_mapped(mapper, owner, extent, &error) != MM_OK) {
            mixed_report(mixer, "ensure_mapped of a brief mapper", error.status,
                         &error);
        } else {
            token_write(extent.start, PAGE, mixer->self, 0);
        }
        mixed_give(mixer, extent);
    }
    const enum mm_status status = mmapper_destroy(mapper, &error);
    if (status != MM_OK) {
        mixed_report(mixer, "destroy of a brief mapper", status, &error);
    }
    stress_count(mixer->thread, COUNT_MAPPERS);
}
