/* SPDX-License-Identifier: MIT */
/* Failures that are the example's own, in the form of the mapper's. */
#ifndef EXAMPLES_LUA_FAILURE_H
#define EXAMPLES_LUA_FAILURE_H

#include "mmapper/mmapper.h"

/* Writes the record, unless `error` is NULL, and returns the status. */
static inline enum mm_status fail_with(struct mm_error *error, enum mm_status status,
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

#endif /* EXAMPLES_LUA_FAILURE_H */
