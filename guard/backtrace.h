/* SPDX-License-Identifier: MIT */
/* Who is calling. */
#ifndef GUARD_BACKTRACE_H
#define GUARD_BACKTRACE_H

#include <stddef.h>
#include <stdint.h>

enum { GUARD_FRAMES = 48 };

struct guard_frames {
    uintptr_t pc[GUARD_FRAMES]; /* in the instruction that called, or was interrupted */
    size_t count;
    uintptr_t caller;
};

/* The frames from the one on that a call returns to at `caller`; that one alone where the
 * stack cannot be unwound up to it. Neither allocates nor takes a lock, with a glibc from
 * 2.35 on. */
void guard_backtrace(uintptr_t caller, struct guard_frames *frames);

#endif /* GUARD_BACKTRACE_H */
