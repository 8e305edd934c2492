/* SPDX-License-Identifier: MIT */
#include "spaces/immortal_window.h"

enum { LARGE_PART = 4 }; /* more than 1/4 of a window is not worth a new one */

enum mm_status immortal_window_refill(struct immortal_window *window, size_t bytes,
                                      size_t alignment, uintptr_t *address,
                                      struct mm_error *error)
{
    const size_t most = window->bytes / LARGE_PART;
    uintptr_t start;
    /* Bad arguments go on to the space, which knows what is wrong with them. A window
     * that begins at a multiple of the alignment has room for the first allocation. */
    if (bytes == 0 || bytes > most || alignment > most ||
        immortal_space_alloc(window->space, window->bytes, alignment, &start, NULL) !=
            MM_OK) {
        return immortal_space_alloc(window->space, bytes, alignment, address, error);
    }
    window->cursor = start + bytes;
    window->end = start + window->bytes;
    *address = start;
    return MM_OK;
}
