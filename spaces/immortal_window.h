/* SPDX-License-Identifier: MIT */
/*
 * A window on an immortal space: a piece that one thread takes from the space at a time
 * and then allocates from without touching anything that other threads touch.
 *
 *     space    | used | window of thread A | used | window of thread B | free      |
 *                       used | rest                 used    | rest
 *
 * The space's own cursor is exact: what fits is given. Windows pay for their speed with
 * that: the rests of other threads' windows are free and yet nobody else's, and the rest
 * of a window that is replaced is lost, which the space counts as used. It is less than
 * what did not fit in it with its padding, so less than half a window, and less than a
 * quarter where nothing is aligned.
 *
 * A window is for one thread at a time; nothing in it is shared. Several windows, and
 * callers without one, may use a space at the same time. A window holds nothing that would
 * have to be given back: it can be forgotten at any time, which loses its rest, and must
 * not be used after its space was destroyed.
 */
#ifndef SPACES_IMMORTAL_WINDOW_H
#define SPACES_IMMORTAL_WINDOW_H

#include "spaces/bump.h"
#include "spaces/immortal_space.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The fields are immortal_window_alloc's. */
struct immortal_window {
    struct immortal_space *space;
    uintptr_t cursor; /* the rest is [cursor, end) */
    uintptr_t end;
    size_t bytes; /* what is taken from the space at a time */
};

/* An empty window on `space` that will take `bytes` bytes at a time, as a rule some
 * hundred times what one allocation has. */
static inline struct immortal_window immortal_window_of(struct immortal_space *space,
                                                        size_t bytes)
{
    const struct immortal_window window = {space, 0, 0, bytes};
    return window;
}

/* The long way of immortal_window_alloc: what does not fit in the rest. */
enum mm_status immortal_window_refill(struct immortal_window *window, size_t bytes,
                                      size_t alignment, uintptr_t *address,
                                      struct mm_error *error);

/*
 * As immortal_space_alloc, from the window. What does not fit in its rest comes from the
 * space if it is, or is aligned to, more than a quarter of a window, else from a new
 * window; when the space has no room for one any more, from the space, as long as that
 * has room. Lock-free; wait-free while the rest lasts. Errors, after which the window is
 * as it was: those of immortal_space_alloc. NO_SPACE may leave rests of other windows
 * unused.
 */
static inline enum mm_status immortal_window_alloc(struct immortal_window *window,
                                                   size_t bytes, size_t alignment,
                                                   uintptr_t *address,
                                                   struct mm_error *error)
{
    uintptr_t start;
    const size_t grain = alignment == 0 ? 1 : alignment;
    if (bytes == 0 || !mm_is_power_of_two(grain) ||
        !bump_place(window->cursor, window->end, bytes, grain, &start)) {
        return immortal_window_refill(window, bytes, alignment, address, error);
    }
    window->cursor = start + bytes;
    *address = start;
    return MM_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* SPACES_IMMORTAL_WINDOW_H */
