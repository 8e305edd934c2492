/* SPDX-License-Identifier: MIT */
/* The raw memory free list against a naive model, compared after every operation. The
 * table lies in plain memory: the mapper has targets of its own. */
#include "fuzz/fuzz_target.h"

#include "spaces/freelist_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)freelist_driver_run(data, size);
    return 0;
}
