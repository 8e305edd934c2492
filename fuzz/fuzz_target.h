/* SPDX-License-Identifier: MIT */
/* What a fuzz target defines: called by libFuzzer, or by standalone_main.c. */
#ifndef MMAPPER_FUZZ_FUZZ_TARGET_H
#define MMAPPER_FUZZ_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/*
 * Runs one unit and leaves no state behind. Returns 0, or -1 for a unit that the corpus
 * need not keep; whatever is wrong aborts the process.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif /* MMAPPER_FUZZ_FUZZ_TARGET_H */
