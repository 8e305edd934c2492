/* SPDX-License-Identifier: MIT */
/*
 * One public operation under way: who asks, for what, and where its failure goes.
 */
#ifndef MMAPPER_CALL_H
#define MMAPPER_CALL_H

#include "mmapper/mapper.h"

struct call {
    struct mmapper *mapper;
    struct mm_owner *owner; /* valid once mm_call_begin returned MM_OK */
    map_owner id;
    enum mm_operation operation;
    struct mm_extent request;
    struct mm_error *error; /* may be NULL */
};

/* A call for `owner`. UNKNOWN_OWNER when it is not one of this mapper's. */
enum mm_status mm_call_begin(struct call *call, struct mmapper *mapper,
                             struct mm_owner *owner, enum mm_operation operation,
                             struct mm_extent request, struct mm_error *error);

/* The request as chunks: exactly (INVALID_ARGUMENT when it is empty, overflows or is
 * not whole chunks), or rounded outwards; OUT_OF_RANGE when not in the window. */
enum mm_status mm_call_exact_range(const struct call *call, struct chunk_range *range);
enum mm_status mm_call_outer_range(const struct call *call, struct chunk_range *range);

/* WRONG_STATE unless the owner's memory is backed as `backing` says. */
enum mm_status mm_call_expect_backing(const struct call *call, enum mm_backing backing);

/* Failures: fill the record, count, and return the status. */
enum mm_status mm_call_fail(const struct call *call, enum mm_status status,
                            uintptr_t address, const char *detail);
/* `value`, seen at `chunk`, is why. */
enum mm_status mm_call_fail_at(const struct call *call, enum mm_status status,
                               size_t chunk, map_value value);
/* The OS refused `os_call` on `extent`. EEXIST is a CONFLICT with what the kernel lists
 * there, ENOMEM is NO_MEMORY with its cause. */
enum mm_status mm_call_fail_os(const struct call *call, enum mm_os_call os_call,
                               struct mm_extent extent, int os_error);

#endif /* MMAPPER_CALL_H */
