/* SPDX-License-Identifier: MIT */
/* Arrays that grow. Running out of memory ends the program: it is a test. */
#ifndef STRESS_HISTORY_GROW_H
#define STRESS_HISTORY_GROW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Room for at least `wanted` items of `item_bytes` bytes; contents are kept. */
static inline void *history_grow(void *items, size_t *capacity, size_t wanted,
                                 size_t item_bytes)
{
    if (wanted <= *capacity) {
        return items;
    }
    size_t bigger = *capacity < 16 ? 16 : *capacity;
    while (bigger < wanted) {
        bigger *= 2;
    }
    void *grown =
        bigger > SIZE_MAX / item_bytes ? NULL : realloc(items, bigger * item_bytes);
    if (grown == NULL) {
        (void)fprintf(stderr, "history: no memory for %zu items of %zu bytes\n", bigger,
                      item_bytes);
        exit(2);
    }
    *capacity = bigger;
    return grown;
}

#endif /* STRESS_HISTORY_GROW_H */
