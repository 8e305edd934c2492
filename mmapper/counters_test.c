/* SPDX-License-Identifier: MIT */
/* A sum is over the stripes, and over nothing that lies behind them. */
#include "mmapper/counters.h"

#include "mmapper/testing/expect.h"

static struct {
    struct counters counters;
    uint64_t behind[1024];
} g;

int main(void)
{
    memset(g.behind, 0xAA, sizeof g.behind);
    for (unsigned stripe = 0; stripe < 1U << MM_STRIPE_BITS; stripe++) {
        mm_store_relaxed_u64(&g.counters.stripes[stripe].values[COUNTER_BUSY], 10);
    }
    counter_add(&g.counters, COUNTER_BUSY);
    for (unsigned counter = 0; counter < COUNTER_COUNT; counter++) {
        EXPECT_EQ(counter_sum(&g.counters, counter),
                  counter == COUNTER_BUSY ? 1 + (10U << MM_STRIPE_BITS) : 0);
    }
    return 0;
}
