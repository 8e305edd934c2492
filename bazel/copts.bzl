# SPDX-License-Identifier: MIT
"""Compiler options for the project's own code."""

MMAPPER_COPTS = [
    "-std=c17",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Werror",
]

# For the simulation and its oracles. What is fuzzed is the product: their coverage would
# fill a corpus with units that show nothing new of it, and is most of libFuzzer's time.
UNCOVERED = ["-fno-sanitize=fuzzer-no-link"]
