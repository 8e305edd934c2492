#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs one test of --config=arm64. A program for 64-bit Arm runs under qemu's user mode,
# with the page size that QEMU_PAGESIZE says. Anything else is a script for this machine,
# which finds the emulator in EMULATOR to put before the programs that it starts. EMULATED
# tells tests to leave out what qemu does not imitate: mmapper/testing/emulated.h.
set -euo pipefail
export EMULATED=1

readonly emulator=(qemu-aarch64 -L /usr/aarch64-linux-gnu)
readonly elf64_aarch64='7f454c4602 b700'

# Magic number and class, then e_machine, 18 bytes into the file.
kind=$(od -An -v -tx1 -N20 "$1" | tr -d ' \n')
if [ "${kind:0:10} ${kind:36:4}" = "$elf64_aarch64" ]; then
    exec "${emulator[@]}" "$@"
fi
EMULATOR="${emulator[*]}" exec "$@"
