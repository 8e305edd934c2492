/* SPDX-License-Identifier: MIT */
/*
 * Where the stress targets put their windows: inside the address space that the
 * sanitizers leave to the program, and away from where Linux puts programs, libraries
 * and stacks. ThreadSanitizer leaves less than 1.5 TiB, so that huge things are smaller
 * under it.
 */
#ifndef STRESS_LAYOUT_H
#define STRESS_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "stress/sanitizers.h"

#define STRESS_BASE ((uintptr_t)0x7e8000000000)

#if STRESS_TSAN
#define STRESS_HUGE_BASE STRESS_BASE
#define STRESS_HUGE_BYTES ((size_t)1 << 38)
#else
#define STRESS_HUGE_BASE ((uintptr_t)0x200000000000)
#define STRESS_HUGE_BYTES ((size_t)1 << 41)
#endif

/* A window with room for one huge thing and much else. */
#define STRESS_HUGE_WINDOW_BYTES (STRESS_HUGE_BYTES * 2)

#endif /* STRESS_LAYOUT_H */
