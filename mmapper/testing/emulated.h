/* SPDX-License-Identifier: MIT */
/*
 * What a test cannot see under an emulator of programs, which imitates the kernel and not
 * all of it. bazel/arm64/emulate.sh sets EMULATED; on a real machine of any kind nothing
 * is left out.
 */
#ifndef MMAPPER_TESTING_EMULATED_H
#define MMAPPER_TESTING_EMULATED_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Whether to leave out what needs a kernel, and says so: `why` tells what the emulator
 * does instead. */
static inline bool left_out_if_emulated(const char *what, const char *why)
{
    const bool emulated = getenv("EMULATED") != NULL;
    if (emulated) {
        (void)printf("left out under an emulator: %s: %s\n", what, why);
    }
    return emulated;
}

/* Pages that the emulator keeps a record of each: terabytes take gigabytes. */
static inline bool left_out_if_huge_is_slow(const char *what)
{
    return left_out_if_emulated(what, "qemu keeps a record of every page");
}

#endif /* MMAPPER_TESTING_EMULATED_H */
