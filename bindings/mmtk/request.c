/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "bindings/mmtk/binding.h"

enum mm_status mmtk_request_fail(const struct mmtk_mmapper *binding,
                                 const struct mmtk_request *request,
                                 enum mm_status status, const struct mm_owner *owner,
                                 const char *detail)
{
    struct mm_error *error = request->error;
    (void)mmtk_fail(error, status, request->operation, detail, request->extent);
    if (error != NULL && owner != NULL) {
        const struct mm_lookup lookup =
            mmapper_lookup(binding->mapper, request->extent.start);
        error->holder.state = lookup.owner == owner ? lookup.state : MM_UNMAPPED;
        error->holder.owner = owner;
        error->holder.kind = mm_owner_kind(owner);
        (void)snprintf(error->holder.name, sizeof error->holder.name, "%s",
                       mm_owner_name(owner));
    }
    return status;
}

enum mm_status mmtk_request_extent(const struct mmtk_mmapper *binding,
                                   struct mmtk_request *request, uintptr_t start,
                                   size_t count, size_t unit, bool placed)
{
    static const char passes[] = "the range passes the end of memory";
    const struct mm_extent window = mmapper_window(binding->mapper);
    const size_t chunk_bytes = mmapper_chunk_bytes(binding->mapper);
    const uintptr_t first = mm_align_down(start, chunk_bytes);
    uintptr_t end;
    request->extent = mm_extent_of(start, 0); /* for failures: it has no end yet */
    if (count == 0) {
        return mmtk_request_fail(binding, request, MM_INVALID_ARGUMENT, NULL,
                                 "the range is empty");
    }
    if (count > SIZE_MAX / unit ||
        !mm_extent_valid(mm_extent_of(start, count * unit)) ||
        !mm_align_up(start + count * unit, chunk_bytes, &end)) {
        return mmtk_request_fail(binding, request, MM_INVALID_ARGUMENT, NULL, passes);
    }
    request->extent = mm_extent_of(first, end - first);
    /* Every window is of whole chunks, so that rounding crosses no border of it. */
    if (placed && !mm_extent_contains(window, request->extent)) {
        (void)mmtk_request_fail(binding, request, MM_OUT_OF_RANGE, NULL,
                                "the range is not inside the mapper's window");
        if (request->error != NULL && mm_extent_contains_address(window, first)) {
            request->error->address = mm_extent_end(window);
        }
        return MM_OUT_OF_RANGE;
    }
    return MM_OK;
}

static enum mm_status check_arguments(const struct mmtk_mmapper *binding,
                                      const struct mmtk_request *request)
{
    const struct mmtk_strategy *strategy = request->strategy;
    const char *wrong = NULL;
    if (!mmtk_annotation_valid(request->annotation)) {
        wrong = "no annotation, one of no kind, or one without a name";
    } else if (strategy == NULL ||
               (unsigned)strategy->huge_pages > MMTK_HUGE_PAGES_TRANSPARENT ||
               (unsigned)strategy->protection > MMTK_NO_ACCESS) {
        wrong = "no strategy, or one that there is not";
    } else if (strategy->protection == MMTK_NO_ACCESS &&
               request->operation == MM_OPERATION_ENSURE_MAPPED) {
        wrong = "mapped memory without access is what quarantine is for";
    }
    return wrong == NULL
               ? MM_OK
               : mmtk_request_fail(binding, request, MM_INVALID_ARGUMENT, NULL, wrong);
}

/* The strategy of an owner whom this call makes. */
static struct mm_strategy strategy_of(const struct mmtk_request *request)
{
    const struct mmtk_strategy *asked = request->strategy;
    const struct mm_strategy strategy = {
        .protection = asked->protection == MMTK_READ_WRITE_EXECUTE ? MM_PROTECTION_RWX
                                                                   : MM_PROTECTION_RW,
        .huge_pages = asked->huge_pages == MMTK_HUGE_PAGES_TRANSPARENT
                          ? MM_HUGE_PAGES_TRANSPARENT
                          : MM_HUGE_PAGES_DEFAULT,
        /* In the trait quarantine is never counted, and what is mapped in it always is. */
        .accounting = asked->reserve || request->operation == MM_OPERATION_QUARANTINE
                          ? MM_ACCOUNTED
                          : MM_UNACCOUNTED,
    };
    return strategy;
}

/* What the request asks for that memory of `has` does not have, or NULL. */
static const char *excess(const struct mmtk_request *request,
                          const struct mm_strategy *has)
{
    const struct mmtk_strategy *asked = request->strategy;
    if (asked->huge_pages == MMTK_HUGE_PAGES_TRANSPARENT &&
        has->huge_pages != MM_HUGE_PAGES_TRANSPARENT) {
        return "asks for huge pages, which its owner's memory was not to have";
    }
    if (request->operation == MM_OPERATION_QUARANTINE) {
        return NULL;
    }
    if (asked->protection == MMTK_READ_WRITE_EXECUTE &&
        has->protection != MM_PROTECTION_RWX) {
        return "asks for leave to execute, which its owner's memory was not to have";
    }
    if (asked->reserve && has->accounting != MM_ACCOUNTED) {
        return "asks for accounted memory, which its owner's was not to be";
    }
    return NULL;
}

enum mm_status mmtk_request_owner(const struct mmtk_mmapper *binding,
                                  const struct mmtk_request *request,
                                  struct mm_owner **owner)
{
    enum mm_status status = check_arguments(binding, request);
    if (status != MM_OK) {
        return status;
    }
    const struct mm_strategy first = strategy_of(request);
    const struct mmtk_client *client;
    status = mmtk_clients_add(binding->clients, request->annotation, &first, NULL,
                              &client, request->error);
    if (status != MM_OK) {
        return status;
    }
    const struct mm_strategy has = mm_owner_strategy(client->owner);
    const char *more = excess(request, &has);
    if (more != NULL) {
        return mmtk_request_fail(binding, request, MM_INVALID_ARGUMENT, client->owner,
                                 more);
    }
    *owner = client->owner;
    return MM_OK;
}
