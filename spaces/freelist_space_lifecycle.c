/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "mmapper/check.h"
#include "spaces/freelist_space_internal.h"
#include "spaces/space_error.h"

enum {
    DEFAULT_PAGE_BYTES = 4096, /* the smallest there is, too */
};

static enum mm_status refuse(struct mm_error *error, const char *fault,
                             struct mm_extent extent)
{
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE, fault, extent);
}

static size_t page_bytes_of(const struct freelist_space_options *options)
{
    return options->page_bytes == 0 ? DEFAULT_PAGE_BYTES : options->page_bytes;
}

static const char *find_fault(const struct mmapper *mapper,
                              const struct freelist_space_options *options,
                              size_t bytes)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(mapper);
    const size_t page_bytes = page_bytes_of(options);
    if (options->freed != FREELIST_SPACE_KEEP &&
        options->freed != FREELIST_SPACE_DECOMMIT) {
        return "no such treatment of freed chunks";
    }
    if (!mm_is_power_of_two(page_bytes) || page_bytes < DEFAULT_PAGE_BYTES ||
        page_bytes > chunk_bytes) {
        return "no such page size";
    }
    if (!mm_is_aligned(bytes, chunk_bytes) || bytes / chunk_bytes < 2) {
        return "not at least two whole chunks";
    }
    return (bytes - chunk_bytes) / page_bytes > RAW_MEMORY_FREELIST_MAX_UNITS
               ? "too many pages"
               : NULL;
}

/* Of the list of a space that has so many pages. */
static struct raw_memory_freelist_shape shape_for(uint32_t pages)
{
    return (struct raw_memory_freelist_shape){
        .max_units = pages,
        .units = 0,
        .grain = pages, /* what is added at a time is one block */
        .heads = 1,
    };
}

/* Where the table and the pages are in the extent. The table is for as many pages as
 * there would be beside a table of one chunk: some more than there are, in exchange for
 * a place that needs no search. */
static void lay_out(struct freelist_space *space,
                    const struct freelist_space_options *options)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(space->mapper);
    const size_t page_bytes = page_bytes_of(options);
    space->log_page_bytes = (unsigned)__builtin_ctzll(page_bytes);
    space->log_chunk_pages = (unsigned)__builtin_ctzll(chunk_bytes / page_bytes);
    space->decommits = options->freed == FREELIST_SPACE_DECOMMIT;

    const uint32_t most = (uint32_t)((space->extent.bytes - chunk_bytes) / page_bytes);
    const struct raw_memory_freelist_shape shape = shape_for(most);
    const size_t needed =
        raw_memory_freelist_table_bytes(&shape) +
        (space->decommits ? chunk_set_bytes(most >> space->log_chunk_pages) : 0);
    const size_t table_bytes = (needed + chunk_bytes - 1) / chunk_bytes * chunk_bytes;
    /* With at least 4 KiB of extent for each page, there is room for some. */
    MM_CHECK(table_bytes < space->extent.bytes);
    space->table = mm_extent_of(space->extent.start, table_bytes);
    space->pages = mm_extent_of(space->extent.start + table_bytes,
                                space->extent.bytes - table_bytes);
}

/* Hands the table's chunks to an owner of their own, and makes the list there. */
static enum mm_status make_list(struct freelist_space *space, const char *name,
                                struct mm_error *error)
{
    const struct mm_owner_options owner = {
        .name = name,
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
    const struct raw_memory_freelist_shape shape =
        shape_for((uint32_t)(space->pages.bytes >> space->log_page_bytes));
    status = raw_memory_freelist_create_at(space->mapper, space->table_owner,
                                           space->table, &shape, &space->list, error);
    space->idle.words =
        (uint64_t *)(space->table.start + raw_memory_freelist_table_bytes(&shape));
    return status;
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
    if (space->list != NULL) {
        /* Its table is ours: there is nothing in it that could fail. */
        (void)raw_memory_freelist_destroy(space->list, NULL);
    }
    (void)pthread_mutex_destroy(&space->lock);
    free(space);
}

static struct freelist_space *make_handle(struct mmapper *mapper,
                                          struct mm_owner *owner,
                                          struct mm_extent extent,
                                          struct mm_error *error)
{
    struct freelist_space *space = calloc(1, sizeof(*space));
    if (space == NULL || pthread_mutex_init(&space->lock, NULL) != 0) {
        free(space);
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
    const enum mm_status status = make_list(made, options->name, error);
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
    struct freelist_space *made = make_handle(mapper, owner, extent, error);
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
    if (fault != NULL) {
        return refuse(error, fault, mm_extent_of(0, 0));
    }
    struct freelist_space *made = make_handle(mapper, NULL, mm_extent_of(0, 0), error);
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
