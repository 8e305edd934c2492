/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "mmapper/check.h"
#include "spaces/freelist_space_internal.h"
#include "spaces/space_error.h"

enum {
    MIN_LOG_PAGE = 12, /* the smallest page of any system */
};

static enum mm_status refuse(struct mm_error *error, const char *fault,
                             struct mm_extent extent)
{
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE, fault, extent);
}

static size_t page_bytes_of(const struct mmapper *mapper,
                            const struct freelist_space_options *options)
{
    return options->page_bytes == 0 ? mmapper_page_bytes(mapper) : options->page_bytes;
}

static unsigned stripes_of(const struct freelist_space_options *options)
{
    return options->stripes == 0 ? 1 : options->stripes;
}

/* Of the list of a stripe that has so many pages. */
static struct raw_memory_freelist_shape
shape_for(const struct freelist_space_options *options, uint32_t pages)
{
    return (struct raw_memory_freelist_shape){
        .max_units = pages,
        .units = 0,
        .grain = pages, /* what is added at a time is one block */
        .heads = 1,
        .policy = options->policy,
    };
}

/* The bytes of a list's table and of a set of idle chunks, each up to a multiple of
 * `line` bytes. */
static size_t list_bytes(const struct freelist_space_options *options, uint32_t pages,
                         size_t line)
{
    const struct raw_memory_freelist_shape shape = shape_for(options, pages);
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    return (bytes + line - 1) / line * line;
}

static size_t set_bytes(const struct freelist_space_options *options, uint32_t chunks,
                        size_t line)
{
    const size_t bytes =
        options->freed == FREELIST_SPACE_DECOMMIT ? chunk_set_bytes(chunks) : 0;
    return (bytes + line - 1) / line * line;
}

/* Several stripes have their parts of the table on cache lines of their own. */
static size_t line_for(const struct freelist_space_options *options)
{
    return stripes_of(options) == 1 ? sizeof(uint64_t) : FREELIST_SPACE_CACHE_LINE;
}

/*
 * The bytes of the chunks for the tables and sets of all stripes; 0 when there are too
 * many pages. They are for as many pages as there would be beside a table of one chunk:
 * some more than there are, in exchange for a place that needs no search.
 */
static size_t find_table_bytes(const struct mmapper *mapper,
                               const struct freelist_space_options *options,
                               size_t bytes)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(mapper);
    const size_t most = (bytes - chunk_bytes) / page_bytes_of(mapper, options);
    const size_t line = line_for(options);
    if (most > UINT32_MAX || list_bytes(options, (uint32_t)most, line) == 0) {
        return 0;
    }
    /* As one stripe; each further one has lists of its own, and ends its parts. */
    const size_t chunks = bytes / chunk_bytes - 1;
    const size_t needed =
        list_bytes(options, (uint32_t)most, line) +
        set_bytes(options, (uint32_t)chunks, line) +
        (stripes_of(options) - 1) *
            (list_bytes(options, 1, line) + set_bytes(options, 1, line) + line);
    return (needed + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
}

/* Commits that reach ahead would map idle chunks again, which nobody would then give
 * back: mmapper.h, G5. */
static const char decommits_undone[] = "a space that decommits must not commit ahead";

static bool undoes_decommits(const struct freelist_space_options *options,
                             struct mm_strategy strategy)
{
    return options->freed == FREELIST_SPACE_DECOMMIT && strategy.commit_ahead != 0;
}

static const char *find_fault(const struct mmapper *mapper,
                              const struct freelist_space_options *options,
                              size_t bytes)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(mapper);
    const size_t page_bytes = page_bytes_of(mapper, options);
    if (options->freed != FREELIST_SPACE_KEEP &&
        options->freed != FREELIST_SPACE_DECOMMIT) {
        return "no such treatment of freed chunks";
    }
    if (options->policy != RAW_MEMORY_FREELIST_FIRST_FIT &&
        options->policy != RAW_MEMORY_FREELIST_BINNED) {
        return "no such policy";
    }
    if (options->stripes > FREELIST_SPACE_MAX_STRIPES) {
        return "too many stripes";
    }
    if (!mm_is_power_of_two(page_bytes) || page_bytes < (size_t)1 << MIN_LOG_PAGE ||
        page_bytes > chunk_bytes) {
        return "no such page size";
    }
    if (!mm_is_aligned(bytes, chunk_bytes) || bytes / chunk_bytes < 2) {
        return "not at least two whole chunks";
    }
    const size_t table_bytes = find_table_bytes(mapper, options, bytes);
    if (table_bytes == 0) {
        return "too many pages";
    }
    return bytes < table_bytes + stripes_of(options) * chunk_bytes
               ? "not a chunk of pages for each stripe"
               : NULL;
}

/* Where the table and the pages are in the extent. */
static void lay_out(struct freelist_space *space,
                    const struct freelist_space_options *options)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(space->mapper);
    const size_t page_bytes = page_bytes_of(space->mapper, options);
    const size_t table_bytes =
        find_table_bytes(space->mapper, options, space->extent.bytes);
    space->log_page_bytes = (unsigned)__builtin_ctzll(page_bytes);
    space->log_chunk_pages = (unsigned)__builtin_ctzll(chunk_bytes / page_bytes);
    space->decommits = options->freed == FREELIST_SPACE_DECOMMIT;
    space->table = mm_extent_of(space->extent.start, table_bytes);
    space->pages = mm_extent_of(space->extent.start + table_bytes,
                                space->extent.bytes - table_bytes);

    const size_t part_bytes =
        space->pages.bytes / chunk_bytes / space->stripe_count * chunk_bytes;
    space->stripe_pages = (uint32_t)(part_bytes / page_bytes);
    for (unsigned i = 0; i < space->stripe_count; i++) {
        const size_t offset = i * part_bytes;
        space->stripes[i].pages = mm_extent_of(
            space->pages.start + offset,
            i + 1 < space->stripe_count ? part_bytes : space->pages.bytes - offset);
    }
}

/* Makes the lists of the stripes, and their sets, one behind the other in the table. */
static enum mm_status make_lists(struct freelist_space *space,
                                 const struct freelist_space_options *options,
                                 struct mm_error *error)
{
    const size_t line = line_for(options);
    uintptr_t at = space->table.start;
    for (unsigned i = 0; i < space->stripe_count; i++) {
        struct freelist_stripe *stripe = &space->stripes[i];
        const uint32_t pages = (uint32_t)(stripe->pages.bytes >> space->log_page_bytes);
        const struct raw_memory_freelist_shape shape = shape_for(options, pages);
        const size_t bytes = list_bytes(options, pages, line);
        const uintptr_t set = at + bytes;
        const uintptr_t next =
            set + set_bytes(options, pages >> space->log_chunk_pages, line);
        MM_CHECK(next <= mm_extent_end(space->table));
        const enum mm_status status = raw_memory_freelist_create_on(
            (void *)at, bytes, &shape, &stripe->list, error);
        if (status != MM_OK) {
            return status;
        }
        stripe->idle.words = (uint64_t *)set;
        at = next;
    }
    return MM_OK;
}

/* Hands the table's chunks to an owner of their own, and makes the lists there. */
static enum mm_status make_table(struct freelist_space *space,
                                 const struct freelist_space_options *options,
                                 struct mm_error *error)
{
    const struct mm_owner_options owner = {
        .name = options->name,
        .kind = MM_KIND_FREELIST,
        .strategy = mm_owner_strategy(space->owner),
    };
    enum mm_status status =
        mmapper_register_owner(space->mapper, &owner, &space->table_owner, error);
    if (status != MM_OK) {
        return status;
    }
    status = mmapper_transfer(space->mapper, space->owner, space->table_owner,
                              space->table, error);
    if (status != MM_OK) {
        return status;
    }
    space->holds_table = true;
    status =
        mmapper_ensure_mapped(space->mapper, space->table_owner, space->table, error);
    return status == MM_OK ? make_lists(space, options, error) : status;
}

/* Undoes what was done, as the flags say, last step first. Goes on where it left off if
 * it is called again after an error. */
static enum mm_status dismantle(struct freelist_space *space, struct mm_error *error)
{
    enum mm_status status = MM_OK;
    if (space->holds_table) {
        status = mmapper_transfer(space->mapper, space->table_owner, space->owner,
                                  space->table, error);
        space->holds_table = status != MM_OK;
    }
    if (status == MM_OK && space->table_owner != NULL) {
        status = mmapper_unregister_owner(space->mapper, space->table_owner, error);
        space->table_owner = status == MM_OK ? NULL : space->table_owner;
    }
    if (status == MM_OK && space->holds_extent) {
        status =
            space->owns_extent
                ? mmapper_release(space->mapper, space->owner, space->extent, error)
                : mmapper_decommit(space->mapper, space->owner, space->extent, error);
        space->holds_extent = status != MM_OK;
    }
    if (status == MM_OK && space->owns_extent) {
        status = mmapper_unregister_owner(space->mapper, space->owner, error);
    }
    return status;
}

static void free_handle(struct freelist_space *space)
{
    for (unsigned i = 0; i < space->stripe_count; i++) {
        struct freelist_stripe *stripe = &space->stripes[i];
        if (stripe->list != NULL) {
            /* Its table is ours: there is nothing in it that could fail. */
            (void)raw_memory_freelist_destroy(stripe->list, NULL);
        }
        (void)pthread_mutex_destroy(&stripe->lock);
    }
    free(space);
}

static struct freelist_space *make_handle(struct mmapper *mapper,
                                          struct mm_owner *owner,
                                          struct mm_extent extent, unsigned stripes,
                                          struct mm_error *error)
{
    struct freelist_space *space = calloc(1, sizeof(*space));
    bool made = space != NULL;
    while (made && space->stripe_count < stripes) {
        made = pthread_mutex_init(&space->stripes[space->stripe_count].lock, NULL) == 0;
        space->stripe_count += made ? 1 : 0;
    }
    if (!made) {
        if (space != NULL) {
            free_handle(space);
        }
        (void)space_fail(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                         "no memory for the space itself", extent);
        return NULL;
    }
    space->mapper = mapper;
    space->owner = owner;
    space->extent = extent;
    return space;
}

/* The last steps of both ways to make a space, in an extent that it holds. */
static enum mm_status finish(struct freelist_space *made,
                             const struct freelist_space_options *options,
                             struct freelist_space **space, struct mm_error *error)
{
    lay_out(made, options);
    const enum mm_status status = make_table(made, options, error);
    if (status != MM_OK) {
        (void)dismantle(made, NULL);
        free_handle(made);
        return status;
    }
    *space = made;
    return MM_OK;
}

enum mm_status freelist_space_create_at(struct mmapper *mapper, struct mm_owner *owner,
                                        struct mm_extent extent,
                                        const struct freelist_space_options *options,
                                        struct freelist_space **space,
                                        struct mm_error *error)
{
    const char *fault =
        options == NULL ? "no options" : find_fault(mapper, options, extent.bytes);
    if (fault == NULL && (!mm_extent_valid(extent) ||
                          !mm_is_aligned(extent.start, mmapper_chunk_bytes(mapper)))) {
        fault = "not whole chunks";
    }
    if (fault != NULL) {
        return refuse(error, fault, extent);
    }
    struct mm_run run;
    if (owner == NULL || !mmapper_next_run(mapper, extent.start, &run) ||
        run.state != MM_QUARANTINED || run.owner != owner ||
        !mm_extent_contains(run.extent, extent)) {
        return space_fail(error, MM_WRONG_STATE, MM_OPERATION_CREATE,
                          "not all of it is the owner's and quarantined", extent);
    }
    if (undoes_decommits(options, mm_owner_strategy(owner))) {
        return refuse(error, decommits_undone, extent);
    }
    struct freelist_space *made =
        make_handle(mapper, owner, extent, stripes_of(options), error);
    if (made == NULL) {
        return MM_NO_MEMORY;
    }
    made->holds_extent = true;
    return finish(made, options, space, error);
}

enum mm_status freelist_space_create(struct mmapper *mapper,
                                     const struct freelist_space_options *options,
                                     struct freelist_space **space,
                                     struct mm_error *error)
{
    const char *fault =
        options == NULL ? "no options" : find_fault(mapper, options, options->bytes);
    if (fault == NULL && options->strategy.backing != MM_BACKING_RESERVED) {
        fault = "the mapper must map a space";
    }
    if (fault == NULL && undoes_decommits(options, options->strategy)) {
        fault = decommits_undone;
    }
    if (fault != NULL) {
        return refuse(error, fault, mm_extent_of(0, 0));
    }
    struct freelist_space *made =
        make_handle(mapper, NULL, mm_extent_of(0, 0), stripes_of(options), error);
    if (made == NULL) {
        return MM_NO_MEMORY;
    }
    const struct mm_owner_options owner = {
        .name = options->name,
        .kind = MM_KIND_SPACE,
        .strategy = options->strategy,
    };
    enum mm_status status = mmapper_register_owner(mapper, &owner, &made->owner, error);
    if (status != MM_OK) {
        free_handle(made);
        return status;
    }
    made->owns_extent = true;
    status = space_placement_quarantine(mapper, made->owner, &options->placement,
                                        options->bytes, &made->extent, error);
    if (status != MM_OK) {
        (void)dismantle(made, NULL);
        free_handle(made);
        return status;
    }
    made->holds_extent = true;
    return finish(made, options, space, error);
}

enum mm_status freelist_space_destroy(struct freelist_space *space,
                                      struct mm_error *error)
{
    const enum mm_status status = dismantle(space, error);
    if (status == MM_OK) {
        free_handle(space);
    }
    return status;
}
