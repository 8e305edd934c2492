/* SPDX-License-Identifier: MIT */
/* The memory behind the table's runs. */
#include <string.h>

#include "mmapper/call.h"
#include "mmapper/os.h"

/* Whether the mapper has memory of the run's owner there. */
static bool counts(const struct mm_run *run, const struct mm_owner *owner)
{
    if (run->state == MM_UNMAPPED || (owner != NULL && run->owner != owner)) {
        return false;
    }
    return owner_backing(run->owner) == MM_BACKING_RESERVED;
}

enum mm_status mmapper_residency(const struct mmapper *mapper,
                                 const struct mm_owner *owner,
                                 struct mm_residency *residency, struct mm_error *error)
{
    /* A failing call counts, which is all that is changed. */
    const struct call call = {.mapper = (struct mmapper *)mapper,
                              .operation = MM_OPERATION_RESIDENCY,
                              .request = mmapper_window(mapper),
                              .error = error};
    if (owner != NULL && owner_id(&mapper->owners, owner) == MAP_NOBODY) {
        return mm_call_fail(&call, MM_UNKNOWN_OWNER, call.request.start,
                            "the owner is not registered with this mapper");
    }
    struct mm_residency sum = {0};
    struct mm_run run;
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (!counts(&run, owner)) {
            continue;
        }
        const int os_error = mm_os_residency(mapper, run.extent, &sum);
        if (os_error != 0) {
            return mm_call_fail_os(&call, MM_OS_RESIDENCY, run.extent, os_error);
        }
    }
    *residency = sum;
    return MM_OK;
}
