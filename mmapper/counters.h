/* SPDX-License-Identifier: MIT */
/*
 * Event counters, striped over cache lines. Relaxed: they order nothing, and a sum read
 * while others count is as good as one a moment earlier. No fast path counts.
 */
#ifndef MMAPPER_COUNTERS_H
#define MMAPPER_COUNTERS_H

#include "mmapper/atomic.h"
#include "mmapper/mmapper.h"

enum counter {
    COUNTER_OS_CALLS = 0,
    COUNTER_OS_FAILURES = COUNTER_OS_CALLS + MM_OS_CALL_COUNT,
    COUNTER_CONFLICTS = COUNTER_OS_FAILURES + MM_OS_CALL_COUNT,
    COUNTER_BUSY,
    COUNTER_RACES_LOST,
    COUNTER_WAITS,
    COUNTER_REGIONS_SPLIT,
    COUNTER_COUNT,
};

struct counters {
    struct {
        _Alignas(64) mm_atomic_u64 values[COUNTER_COUNT];
    } stripes[1 << MM_STRIPE_BITS];
};

static inline void counter_add(struct counters *counters, unsigned counter)
{
    mm_count_u64(&counters->stripes[mm_thread_stripe()].values[counter]);
}

static inline uint64_t counter_sum(const struct counters *counters, unsigned counter)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 1U << MM_STRIPE_BITS; i++) {
        sum += mm_load_relaxed_u64(&counters->stripes[i].values[counter]);
    }
    return sum;
}

#endif /* MMAPPER_COUNTERS_H */
