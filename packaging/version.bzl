# SPDX-License-Identifier: MIT
"""The version: here and nowhere else."""

VERSION = "0.5.0"

# Of the manual pages. Changes with the version.
DATE = "2026-11-27"

# The number in the soname, libmmapper.so.0: of the binary interface, not of the version.
# It counts the incompatible changes of what was released (a function gone, a struct that
# became larger): //packaging:abi_test shows those. None so far, so 0.
ABI = 0
