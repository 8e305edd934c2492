/* SPDX-License-Identifier: MIT */
/*
 * The calls of the trait.
 */
#include "bindings/mmtk/mmtk_mmapper.h"

#include "bindings/mmtk/binding.h"

size_t mmtk_mmapper_granularity(const struct mmtk_mmapper *binding)
{
    return mmapper_chunk_bytes(binding->mapper);
}

/* The smallest n with value <= 2^n; value is not 0. */
static unsigned log2_up(uintptr_t value)
{
    unsigned log = 0;
    for (uintptr_t rest = value - 1; rest != 0; rest >>= 1) {
        log++;
    }
    return log;
}

unsigned mmtk_mmapper_log_granularity(const struct mmtk_mmapper *binding)
{
    return log2_up(mmapper_chunk_bytes(binding->mapper));
}

unsigned mmtk_mmapper_log_mappable_bytes(const struct mmtk_mmapper *binding)
{
    return log2_up(mm_extent_end(mmapper_window(binding->mapper)));
}

/* mmapper_quarantine or mmapper_adopt. */
typedef enum mm_status (*take_call)(struct mmapper *, struct mm_owner *,
                                    struct mm_extent, struct mm_error *);

/* Taking what is free of a range for an owner. */
struct taking {
    const struct mmtk_mmapper *binding;
    const struct mmtk_request *request;
    struct mm_owner *owner;
    take_call take;
};

/* Whether the chunks of a run are what taking them makes of them, or more. */
static bool is_taken(const struct taking *taking, const struct mm_run *run)
{
    return run->owner == taking->owner &&
           (run->state == MM_QUARANTINED || run->state == MM_MAPPED ||
            run->state == MM_SEALED);
}

/* The part of the request from `at` on that is of one state and owner. */
static struct mm_run run_at(const struct taking *taking, uintptr_t at)
{
    struct mm_run run = {.state = MM_UNMAPPED};
    const uintptr_t end = mm_extent_end(taking->request->extent);
    /* Not past the window: the request is inside. */
    (void)mmapper_next_run(taking->binding->mapper, at, &run);
    const uintptr_t run_end = mm_extent_end(run.extent);
    run.extent = mm_extent_of(at, (run_end < end ? run_end : end) - at);
    return run;
}

/* Takes a run that was seen not to be taken. Free or transient chunks that refuse as being
 * the owner's were taken by a fellow thread in between: looking again will tell. */
static enum mm_status take_run(const struct taking *taking, const struct mm_run *run)
{
    const struct mmtk_request *request = taking->request;
    struct mm_error error;
    const enum mm_status status =
        taking->take(taking->binding->mapper, taking->owner, run->extent, &error);
    if (status == MM_OK || (status == MM_WRONG_STATE && run->state != MM_EXCLUDED)) {
        return MM_OK;
    }
    if (request->error != NULL) {
        *request->error = error;
        request->error->request = request->extent;
    }
    return status;
}

/* Looks through the request for what cannot be taken. */
static enum mm_status find_obstacle(const struct taking *taking)
{
    const struct mm_extent extent = taking->request->extent;
    enum mm_status status = MM_OK;
    struct mm_run run;
    for (uintptr_t at = extent.start; status == MM_OK && at < mm_extent_end(extent);
         at = mm_extent_end(run.extent)) {
        run = run_at(taking, at);
        if (run.state != MM_UNMAPPED && !is_taken(taking, &run)) {
            /* The mapper says best what is wrong with it. If it is gone by then, so that
             * it can be taken after all, that was to be done anyway. */
            status = take_run(taking, &run);
        }
    }
    return status;
}

/* Takes what is free of the request and leaves what is the owner's already. */
static enum mm_status take_free(const struct taking *taking)
{
    const struct mm_extent extent = taking->request->extent;
    enum mm_status status = find_obstacle(taking);
    uintptr_t at = extent.start;
    while (status == MM_OK && at < mm_extent_end(extent)) {
        const struct mm_run run = run_at(taking, at);
        if (is_taken(taking, &run)) {
            at = mm_extent_end(run.extent);
        } else {
            status = take_run(taking, &run);
        }
    }
    return status;
}

enum mm_status mmtk_mmapper_quarantine_address_range(
    struct mmtk_mmapper *binding, uintptr_t start, size_t pages,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    struct mm_error *error)
{
    struct mmtk_request request = {
        MM_OPERATION_QUARANTINE, {0, 0}, strategy, annotation, error};
    struct mm_owner *owner = NULL;
    if (pages == 0) {
        return MM_OK;
    }
    enum mm_status status =
        mmtk_request_extent(binding, &request, start, pages, binding->page_bytes, true);
    if (status == MM_OK) {
        status = mmtk_request_owner(binding, &request, &owner);
    }
    const struct taking taking = {binding, &request, owner, mmapper_quarantine};
    return status == MM_OK ? take_free(&taking) : status;
}

/* What both ways to reserve without a fixed address begin with. */
static enum mm_status begin_placing(const struct mmtk_mmapper *binding,
                                    struct mmtk_request *request, uintptr_t start,
                                    size_t pages, const uintptr_t *address,
                                    struct mm_owner **owner)
{
    const enum mm_status status =
        mmtk_request_extent(binding, request, start, pages, binding->page_bytes, false);
    if (status != MM_OK) {
        return status;
    }
    if (address == NULL) {
        return mmtk_request_fail(binding, request, MM_INVALID_ARGUMENT, NULL,
                                 "nowhere to say where");
    }
    return mmtk_request_owner(binding, request, owner);
}

enum mm_status mmtk_mmapper_quarantine_address_range_anywhere(
    struct mmtk_mmapper *binding, size_t pages, size_t alignment,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    uintptr_t *address, struct mm_error *error)
{
    struct mmtk_request request = {
        MM_OPERATION_QUARANTINE, {0, 0}, strategy, annotation, error};
    struct mm_owner *owner = NULL;
    struct mm_extent placed;
    enum mm_status status = begin_placing(binding, &request, 0, pages, address, &owner);
    if (status == MM_OK) {
        status = mmapper_quarantine_anywhere(
            binding->mapper, owner, request.extent.bytes, alignment, &placed, error);
    }
    if (status == MM_OK) {
        *address = placed.start;
    }
    return status;
}

enum mm_status mmtk_mmapper_quarantine_address_range_preferred(
    struct mmtk_mmapper *binding, uintptr_t start, size_t pages, size_t alignment,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    uintptr_t *address, struct mm_error *error)
{
    struct mmtk_request request = {
        MM_OPERATION_QUARANTINE, {0, 0}, strategy, annotation, error};
    struct mm_owner *owner = NULL;
    struct mm_extent placed;
    enum mm_status status =
        begin_placing(binding, &request, start, pages, address, &owner);
    if (status == MM_OK) {
        status = mmapper_quarantine_preferred(binding->mapper, owner, request.extent,
                                              alignment, &placed, error);
    }
    if (status == MM_OK) {
        *address = placed.start;
    }
    return status;
}

enum mm_status mmtk_mmapper_ensure_mapped(struct mmtk_mmapper *binding, uintptr_t start,
                                          size_t pages,
                                          const struct mmtk_strategy *strategy,
                                          const struct mmtk_annotation *annotation,
                                          struct mm_error *error)
{
    struct mmtk_request request = {
        MM_OPERATION_ENSURE_MAPPED, {0, 0}, strategy, annotation, error};
    struct mm_owner *owner = NULL;
    if (pages == 0) {
        return MM_OK;
    }
    enum mm_status status =
        mmtk_request_extent(binding, &request, start, pages, binding->page_bytes, true);
    if (status == MM_OK) {
        status = mmtk_request_owner(binding, &request, &owner);
    }
    if (status == MM_OK) {
        status = mmapper_ensure_mapped(binding->mapper, owner, request.extent, error);
    }
    return status;
}

enum mm_status mmtk_mmapper_mark_as_mapped(struct mmtk_mmapper *binding,
                                           uintptr_t start, size_t bytes,
                                           struct mm_error *error)
{
    struct mmtk_request request = {MM_OPERATION_ADOPT, {0, 0}, NULL, NULL, error};
    const struct taking taking = {binding, &request, binding->vm, mmapper_adopt};
    if (bytes == 0) {
        return MM_OK;
    }
    const enum mm_status status =
        mmtk_request_extent(binding, &request, start, bytes, 1, true);
    return status == MM_OK ? take_free(&taking) : status;
}

bool mmtk_mmapper_is_mapped_address(const struct mmtk_mmapper *binding,
                                    uintptr_t address)
{
    return mmapper_is_mapped(binding->mapper, address);
}
