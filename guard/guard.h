/* SPDX-License-Identifier: MIT */
/*
 * What happens to a call that the guard looks at. It knows of managed address space only
 * what it has seen: the mapper's own mmap adds to it, the mapper's own munmap takes from
 * it.
 *
 * One lock, held over the call itself: else what is unmapped could be mapped by somebody
 * else before it is known to be gone, and a call could be let through to what becomes
 * managed meanwhile. Signals are blocked while it is held, so that a handler cannot wait for the thread
 * that it interrupted, and fork takes it, so that the child finds everything whole.
 */
#ifndef GUARD_GUARD_H
#define GUARD_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "guard/reach.h"

/* What the mapper called its memory: prctl(PR_SET_VMA_ANON_NAME), whether the kernel keeps
 * names or not. */
void guard_note_name(struct guard_range range, const char *name, uintptr_t caller);

/* Makes the call for the one that it returns to, or refuses it; reports a bypass before.
 * The result is the kernel's: from -4095 to -1 for an error. */
long guard_make(const struct guard_call *call, uintptr_t caller);

/* The same for a call that has to be made by other means, between these two: begin says
 * whether it may be made. The last word is end's. */
struct guard_visit {
    unsigned long signals; /* that were blocked before */
    int saved_errno;
};
bool guard_begin(struct guard_visit *visit, const struct guard_call *call,
                 uintptr_t caller);
void guard_end(const struct guard_visit *visit);

#endif /* GUARD_GUARD_H */
