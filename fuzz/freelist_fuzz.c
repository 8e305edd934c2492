/* SPDX-License-Identifier: MIT */
/* The raw memory free list against a naive model, compared after every operation. The
 * table lies in plain memory: the mapper has targets of its own. */
#include "fuzz/fuzz_target.h"

#include "spaces/freelist_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FREELIST_DRIVER_MAX_BYTES) {
        return -1; /* what is past that would not be looked at */
    }
    (void)freelist_driver_run(data, size);
    return 0;
}
