/* SPDX-License-Identifier: MIT */
/*
 * Error records for what a space finds wrong before it asks the mapper. `operation` is
 * the mapper's that the refused call would have come to.
 */
#ifndef SPACES_SPACE_ERROR_H
#define SPACES_SPACE_ERROR_H

#include "mmapper/mmapper.h"

/* Fills `error`, which may be NULL, and returns `status`. */
static inline enum mm_status space_fail(struct mm_error *error, enum mm_status status,
                                        enum mm_operation operation, const char *detail,
                                        struct mm_extent request)
{
    if (error != NULL) {
        *error = (struct mm_error){
            .status = status,
            .operation = operation,
            .detail = detail,
            .request = request,
            .address = request.start,
            .os_call = MM_OS_NONE,
        };
    }
    return status;
}

#endif /* SPACES_SPACE_ERROR_H */
