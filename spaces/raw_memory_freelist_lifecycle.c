/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "spaces/raw_memory_freelist_internal.h"
#include "spaces/space_error.h"

_Static_assert((uint32_t)RAW_MEMORY_FREELIST_MAX_UNITS +
                       RAW_MEMORY_FREELIST_MAX_HEADS <=
                   FREELIST_VALUE,
               "the index of the bottom sentinel fits in a link");
_Static_assert((uint32_t)RAW_MEMORY_FREELIST_MAX_BINNED_UNITS + FREELIST_CLASSES <=
                   FREELIST_VALUE,
               "and so it does behind the bins");

/* The lists that a table of this shape has; 0 if there is no such shape. */
static uint32_t count_lists(const struct raw_memory_freelist_shape *shape)
{
    switch (shape->policy) {
    case RAW_MEMORY_FREELIST_FIRST_FIT:
        return shape->heads <= RAW_MEMORY_FREELIST_MAX_HEADS ? shape->heads : 0;
    case RAW_MEMORY_FREELIST_BINNED:
        return shape->heads == 1 ? FREELIST_CLASSES : 0;
    default:
        return 0;
    }
}

size_t raw_memory_freelist_table_bytes(const struct raw_memory_freelist_shape *shape)
{
    const uint32_t lists = count_lists(shape);
    const uint32_t most = shape->policy == RAW_MEMORY_FREELIST_BINNED
                              ? RAW_MEMORY_FREELIST_MAX_BINNED_UNITS
                              : RAW_MEMORY_FREELIST_MAX_UNITS;
    if (lists == 0 || shape->max_units == 0 || shape->max_units > most) {
        return 0;
    }
    return ((size_t)shape->max_units + lists + 1) * sizeof(struct freelist_entry);
}

/* What is wrong with a shape, or with the place for its table; NULL if nothing. */
static const char *find_fault(const struct raw_memory_freelist_shape *shape,
                              uintptr_t start, size_t bytes)
{
    if (shape == NULL) {
        return "no shape";
    }
    const size_t needed = raw_memory_freelist_table_bytes(shape);
    if (needed == 0) {
        return "no such policy, or units or heads that it does not have";
    }
    if (shape->units > shape->max_units) {
        return "more units than the list can have";
    }
    if (shape->grain == 0) {
        return "a grain of no units";
    }
    if (start == 0 || !mm_is_aligned(start, sizeof(struct freelist_entry))) {
        return "the table is nowhere, or not aligned";
    }
    return bytes < needed ? "the table does not fit" : NULL;
}

static enum mm_status refuse(struct mm_error *error, const char *fault,
                             struct mm_extent extent)
{
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE, fault, extent);
}

static struct raw_memory_freelist *
make_handle(const struct raw_memory_freelist_shape *shape, struct mm_error *error)
{
    struct raw_memory_freelist *list = calloc(1, sizeof(*list));
    if (list == NULL) {
        (void)space_fail(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                         "no memory for the list itself", mm_extent_of(0, 0));
        return NULL;
    }
    list->max_units = shape->max_units;
    list->grain = shape->grain;
    return list;
}

static void write_table(struct raw_memory_freelist *list, void *memory,
                        const struct raw_memory_freelist_shape *shape)
{
    freelist_table_initialise(&list->table, memory, count_lists(shape),
                              shape->policy == RAW_MEMORY_FREELIST_BINNED);
    freelist_table_extend(&list->table, 0, shape->units, shape->grain);
}

enum mm_status
raw_memory_freelist_create_on(void *memory, size_t bytes,
                              const struct raw_memory_freelist_shape *shape,
                              struct raw_memory_freelist **list, struct mm_error *error)
{
    const char *fault = find_fault(shape, (uintptr_t)memory, bytes);
    if (fault != NULL) {
        return refuse(error, fault, mm_extent_of((uintptr_t)memory, bytes));
    }
    struct raw_memory_freelist *made = make_handle(shape, error);
    if (made == NULL) {
        return MM_NO_MEMORY;
    }
    write_table(made, memory, shape);
    *list = made;
    return MM_OK;
}

enum mm_status
raw_memory_freelist_create_at(struct mmapper *mapper, struct mm_owner *owner,
                              struct mm_extent extent,
                              const struct raw_memory_freelist_shape *shape,
                              struct raw_memory_freelist **list, struct mm_error *error)
{
    /* Before anything is mapped. */
    const char *fault = find_fault(shape, extent.start, extent.bytes);
    if (fault != NULL) {
        return refuse(error, fault, extent);
    }
    const enum mm_status status = mmapper_ensure_mapped(mapper, owner, extent, error);
    if (status != MM_OK) {
        return status;
    }
    return raw_memory_freelist_create_on((void *)extent.start, extent.bytes, shape,
                                         list, error);
}

/* Reserves and maps the chunks of a table of the list's own. */
static enum mm_status acquire_table(struct raw_memory_freelist *list,
                                    const struct raw_memory_freelist_options *options,
                                    struct mm_error *error)
{
    const size_t needed = raw_memory_freelist_table_bytes(&options->shape);
    uintptr_t bytes;
    if (!mm_align_up(needed, mmapper_chunk_bytes(list->mapper), &bytes)) {
        return refuse(error, "the table does not fit", mm_extent_of(0, needed));
    }
    enum mm_status status = space_placement_quarantine(
        list->mapper, list->owner, &options->placement, bytes, &list->extent, error);
    if (status != MM_OK) {
        return status;
    }
    status = mmapper_ensure_mapped(list->mapper, list->owner, list->extent, error);
    if (status != MM_OK) {
        (void)mmapper_release(list->mapper, list->owner, list->extent, NULL);
    }
    return status;
}

enum mm_status
raw_memory_freelist_create(struct mmapper *mapper,
                           const struct raw_memory_freelist_options *options,
                           struct raw_memory_freelist **list, struct mm_error *error)
{
    /* A place that suits every table: the mapper finds the real one. */
    const char *fault = find_fault(options == NULL ? NULL : &options->shape,
                                   sizeof(uint64_t), SIZE_MAX);
    if (fault == NULL && options->strategy.backing != MM_BACKING_RESERVED) {
        fault = "the mapper must map a table";
    }
    if (fault != NULL) {
        return refuse(error, fault, mm_extent_of(0, 0));
    }
    struct raw_memory_freelist *made = make_handle(&options->shape, error);
    if (made == NULL) {
        return MM_NO_MEMORY;
    }
    made->mapper = mapper;
    const struct mm_owner_options owner = {
        .name = options->name,
        .kind = MM_KIND_FREELIST,
        .strategy = options->strategy,
    };
    enum mm_status status = mmapper_register_owner(mapper, &owner, &made->owner, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    status = acquire_table(made, options, error);
    if (status != MM_OK) {
        /* Fails, as it must, when the reservation could not be given back. */
        (void)mmapper_unregister_owner(mapper, made->owner, NULL);
        free(made);
        return status;
    }
    write_table(made, (void *)made->extent.start, &options->shape);
    *list = made;
    return MM_OK;
}

enum mm_status raw_memory_freelist_destroy(struct raw_memory_freelist *list,
                                           struct mm_error *error)
{
    if (list->mapper != NULL) {
        if (list->extent.bytes > 0) {
            const enum mm_status status =
                mmapper_release(list->mapper, list->owner, list->extent, error);
            if (status != MM_OK) {
                return status;
            }
            list->extent.bytes = 0;
        }
        const enum mm_status status =
            mmapper_unregister_owner(list->mapper, list->owner, error);
        if (status != MM_OK) {
            return status;
        }
    }
    free(list);
    return MM_OK;
}
