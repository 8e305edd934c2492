#!/bin/bash
# SPDX-License-Identifier: MIT
# Unmodified programs with several threads, on mimalloc with an arena of a mapper: they do what
# they do without it, and at their end the arena is what it was. Argument: the object.
set -euo pipefail

plain=$PWD/$1
LIBRARY=libmimalloc.so.2.0
VARIABLE=MMAPPER_MIMALLOC_REPORT
source examples/preload/preload_checks.sh
cd "$TEST_TMPDIR"
write_inputs

run_programs "$plain" 1 mimalloc
grep -q ' mapped .* 64 GiB  immortal "mimalloc"$' report || fail "the arena is not one piece"
run_python "$plain" "python, forking" 6 1 mimalloc fork

# mimalloc leaves the arena alone, and maps no segment elsewhere once it has it.
strace -f -e trace=%memory -o calls env LD_PRELOAD="$plain $LIBRARY" \
    /usr/bin/python3 threads.py >/dev/null
/usr/bin/python3 - calls <<'PYTHON'
import re, sys

arena = None
for line in open(sys.argv[1], encoding="utf-8"):
    call = re.search(r"(\w+)\((0x[0-9a-f]+|NULL), (\d+)(.*)", line)
    if not call:
        continue
    name, bytes_ = call[1], int(call[3])
    start = 0 if call[2] == "NULL" else int(call[2], 16)
    if name == "mprotect" and bytes_ == 64 << 30:
        arena = range(start, start + bytes_)
    elif arena and start in arena:
        sys.exit(f"the arena was changed: {line}")
    elif arena and name == "mmap" and bytes_ >= 32 << 20:
        sys.exit(f"a segment elsewhere: {line}")
if not arena:
    sys.exit("the arena was not mapped")
PYTHON

# Where it cannot work it says so, and the program runs without.
message=$( (export MMAPPER_ARENA_GIB=nonsense && with "$plain" sort -o result numbers) 2>&1)
[[ $message == *"no arena, mimalloc maps by itself"*"invalid argument"* ]] ||
    fail "said: $message"
