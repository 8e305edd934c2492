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
