/* SPDX-License-Identifier: MIT */
/*
 * Runs a string of bytes as operations on a raw memory free list and on the naive
 * model, and compares results and the complete state after every one. A difference
 * aborts, and says where. For the fuzz target, and for the random test, which makes up
 * the bytes.
 */
#ifndef SPACES_FREELIST_DRIVER_H
#define SPACES_FREELIST_DRIVER_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* Bytes that say the shape of the list and its policy. */
    FREELIST_DRIVER_HEADER = 4,
    /* Bytes of one operation: head and kind, unit, units. */
    FREELIST_DRIVER_STEP = 3,
    /* Operations past this are not looked at. */
    FREELIST_DRIVER_MAX_STEPS = 48,
    FREELIST_DRIVER_MAX_BYTES =
        FREELIST_DRIVER_HEADER + FREELIST_DRIVER_STEP * FREELIST_DRIVER_MAX_STEPS,
};

/* Returns how many operations succeeded. Keeps no state. */
size_t freelist_driver_run(const uint8_t *data, size_t size);

#endif /* SPACES_FREELIST_DRIVER_H */
