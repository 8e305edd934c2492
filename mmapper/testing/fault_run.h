/* SPDX-License-Identifier: MIT */
/*
 * One workload on a new mapper over the simulated kernel, with one fault planned, and
 * everything checked after every step:
 *   - the status is the model's prediction, or what the planned fault must become (G7);
 *   - the error record: operation, request, address, holder, foreign mapping, errno,
 * cause;
 *   - every chunk's state and owner: as predicted after success, unchanged or monotone
 *     after failure (G4);
 *   - the kernel's mappings, page by page: what is held is there with the right access,
 *     accounting, advice and name, what is not is not (O2, O4);
 *   - contents: no mapped page lost its token, no fresh page has one (O3);
 *   - at the end: no difference, no violation, nothing left (O10).
 * What is wrong is printed with the workload, plan and step; then it aborts.
 */
#ifndef MMAPPER_TESTING_FAULT_RUN_H
#define MMAPPER_TESTING_FAULT_RUN_H

#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/workload.h"

struct fault_run {
    const struct workload *workload;
    struct fault_plan plan;
    unsigned log_region_chunks;
    /* Just before reserve call number `intrude_at` (0: none) foreign code maps a page
     * in the middle of what is about to be reserved. */
    uint64_t intrude_at;
    bool old_kernel; /* one that ignores MAP_FIXED_NOREPLACE */
};

/* Whether the planned fault, or the intrusion, was reached. */
bool fault_run_execute(const struct fault_run *run);

#endif /* MMAPPER_TESTING_FAULT_RUN_H */
