/* SPDX-License-Identifier: MIT */
/*
 * The binding itself, and one call of the trait under way: what it asks for, checked, and
 * the owner that it is for.
 */
#ifndef BINDINGS_MMTK_BINDING_H
#define BINDINGS_MMTK_BINDING_H

#include "bindings/mmtk/clients.h"

struct mmtk_mmapper {
    struct mmapper *mapper;
    struct mm_owner *vm; /* of what the runtime has mapped itself */
    size_t page_bytes;
    struct mmtk_clients *clients;
};

struct mmtk_request {
    enum mm_operation operation;
    struct mm_extent extent; /* rounded outwards to chunks */
    const struct mmtk_strategy *strategy;
    const struct mmtk_annotation *annotation;
    struct mm_error *error; /* may be NULL */
};

/* Makes the extent [start, start + count * unit), rounded outwards. It is in the window if
 * it is `placed`; otherwise its start is only a wish. */
enum mm_status mmtk_request_extent(const struct mmtk_mmapper *binding,
                                   struct mmtk_request *request, uintptr_t start,
                                   size_t count, size_t unit, bool placed);

/* The owner that a request is for, whose extent is made: registered if there is none.
 * INVALID_ARGUMENT when the request asks for more than the owner's memory has. */
enum mm_status mmtk_request_owner(const struct mmtk_mmapper *binding,
                                  const struct mmtk_request *request,
                                  struct mm_owner **owner);

/* Fails the request. With `owner`, the record names him as the one in the way. */
enum mm_status mmtk_request_fail(const struct mmtk_mmapper *binding,
                                 const struct mmtk_request *request,
                                 enum mm_status status, const struct mm_owner *owner,
                                 const char *detail);

#endif /* BINDINGS_MMTK_BINDING_H */
