/* SPDX-License-Identifier: MIT */
#include "examples/jemalloc/mapped_extents.h"

/* jemalloc says true for "no". */
enum { DONE = false, REFUSED = true };

static struct mapped_extents *of(extent_hooks_t *hooks)
{
    return (struct mapped_extents *)hooks; /* its first member */
}

static const struct mm_owner *holder(const struct mapped_extents *extents,
                                     const void *address)
{
    return mmapper_lookup(extents->mapper, (uintptr_t)address).owner;
}

/* No extent is partly the owner's: jemalloc makes larger ones by merge alone. */
static bool is_ours(const struct mapped_extents *extents, const void *address)
{
    return holder(extents, address) == extents->owner;
}

static struct mm_extent part(const void *address, size_t offset, size_t bytes)
{
    return mm_extent_of((uintptr_t)address + offset, bytes);
}

static void begin_change(struct mapped_extents *extents)
{
    (void)pthread_mutex_lock(&extents->changing);
}

static bool end_change(struct mapped_extents *extents, enum mm_status status)
{
    (void)pthread_mutex_unlock(&extents->changing);
    return status == MM_OK;
}

/* All of it is mapped at once, whether asked for or not: jemalloc would commit piece by
 * piece, a system call each, and pages that are not touched cost nothing. */
static bool reserve_and_map(struct mapped_extents *extents, uintptr_t wanted,
                            size_t alignment, struct mm_extent *extent)
{
    struct mmapper *mapper = extents->mapper;
    struct mm_owner *owner = extents->owner;
    begin_change(extents);
    enum mm_status status =
        wanted != 0 ? mmapper_quarantine(mapper, owner, *extent, NULL)
                    : mmapper_quarantine_anywhere(mapper, owner, extent->bytes,
                                                  alignment, extent, NULL);
    if (status == MM_OK) {
        status = mmapper_ensure_mapped(mapper, owner, *extent, NULL);
        if (status != MM_OK) {
            (void)mmapper_release(mapper, owner, *extent, NULL);
        }
    }
    return end_change(extents, status);
}

static bool release(struct mapped_extents *extents, struct mm_extent extent)
{
    begin_change(extents);
    return end_change(extents,
                      mmapper_release(extents->mapper, extents->owner, extent, NULL));
}

static bool map(struct mapped_extents *extents, struct mm_extent extent)
{
    begin_change(extents);
    return end_change(
        extents, mmapper_ensure_mapped(extents->mapper, extents->owner, extent, NULL));
}

/*
 * Contents, and access too unless `remap`. Where that fails half way, memory is left without
 * access that jemalloc, told that nothing was done, would use: then, too, it is mapped again.
 * That takes no more mappings than there were before.
 */
static bool drop(struct mapped_extents *extents, struct mm_extent extent, bool remap)
{
    struct mmapper *mapper = extents->mapper;
    struct mm_owner *owner = extents->owner;
    begin_change(extents);
    enum mm_status status = mmapper_decommit(mapper, owner, extent, NULL);
    if (remap || status != MM_OK) {
        const enum mm_status mapped =
            mmapper_ensure_mapped(mapper, owner, extent, NULL);
        status = status == MM_OK ? mapped : status;
    }
    return end_change(extents, status);
}

static void *extent_alloc(extent_hooks_t *hooks, void *wanted, size_t bytes,
                          size_t alignment, bool *zero, bool *commit, unsigned arena)
{
    (void)arena;
    struct mm_extent extent = part(wanted, 0, bytes);
    if (!reserve_and_map(of(hooks), (uintptr_t)wanted, alignment, &extent)) {
        return NULL;
    }
    *zero = true;
    *commit = true;
    return (void *)extent.start;
}

static bool extent_dalloc(extent_hooks_t *hooks, void *address, size_t bytes,
                          bool committed, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    if (!is_ours(extents, address)) {
        return others == NULL || others->dalloc == NULL
                   ? REFUSED
                   : others->dalloc(others, address, bytes, committed, arena);
    }
    if (extents->retain) {
        return REFUSED;
    }
    return !release(extents, part(address, 0, bytes));
}

static void extent_destroy(extent_hooks_t *hooks, void *address, size_t bytes,
                           bool committed, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    if (is_ours(extents, address)) {
        (void)release(extents, part(address, 0, bytes));
    } else if (others != NULL && others->destroy != NULL) {
        others->destroy(others, address, bytes, committed, arena);
    }
}

static bool extent_commit(extent_hooks_t *hooks, void *address, size_t bytes,
                          size_t offset, size_t length, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    if (!is_ours(extents, address)) {
        return others == NULL || others->commit == NULL
                   ? REFUSED
                   : others->commit(others, address, bytes, offset, length, arena);
    }
    return !map(extents, part(address, offset, length));
}

static bool extent_decommit(extent_hooks_t *hooks, void *address, size_t bytes,
                            size_t offset, size_t length, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    if (!is_ours(extents, address)) {
        return others == NULL || others->decommit == NULL
                   ? REFUSED
                   : others->decommit(others, address, bytes, offset, length, arena);
    }
    if (length < extents->decommit_bytes) {
        return REFUSED; /* then jemalloc purges */
    }
    return !drop(extents, part(address, offset, length), false);
}

static bool extent_purge_forced(extent_hooks_t *hooks, void *address, size_t bytes,
                                size_t offset, size_t length, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    if (!is_ours(extents, address)) {
        return others == NULL || others->purge_forced == NULL
                   ? REFUSED
                   : others->purge_forced(others, address, bytes, offset, length,
                                          arena);
    }
    return !drop(extents, part(address, offset, length), true);
}

static bool extent_split(extent_hooks_t *hooks, void *address, size_t bytes,
                         size_t bytes_a, size_t bytes_b, bool committed, unsigned arena)
{
    (void)hooks;
    (void)address;
    (void)bytes;
    (void)bytes_a;
    (void)bytes_b;
    (void)committed;
    (void)arena;
    return DONE;
}

static bool extent_merge(extent_hooks_t *hooks, void *a, size_t bytes_a, void *b,
                         size_t bytes_b, bool committed, unsigned arena)
{
    struct mapped_extents *extents = of(hooks);
    extent_hooks_t *others = extents->others;
    const bool ours = is_ours(extents, a);
    if (ours != is_ours(extents, b)) {
        return REFUSED;
    }
    if (!ours) {
        return others == NULL || others->merge == NULL
                   ? REFUSED
                   : others->merge(others, a, bytes_a, b, bytes_b, committed, arena);
    }
    return DONE;
}

void mapped_extents_init(struct mapped_extents *extents, struct mmapper *mapper,
                         struct mm_owner *owner, bool retain)
{
    const struct mapped_extents made = {
        .hooks = {.alloc = extent_alloc,
                  .dalloc = extent_dalloc,
                  .destroy = extent_destroy,
                  .commit = extent_commit,
                  .decommit = extent_decommit,
                  .purge_forced = extent_purge_forced,
                  .split = extent_split,
                  .merge = extent_merge},
        .mapper = mapper,
        .owner = owner,
        .decommit_bytes = MAPPED_EXTENTS_DECOMMIT_BYTES,
        .retain = retain,
        .changing = PTHREAD_MUTEX_INITIALIZER,
    };
    *extents = made;
}

void mapped_extents_after_fork_in_child(struct mapped_extents *extents)
{
    (void)pthread_mutex_init(&extents->changing, NULL);
}
