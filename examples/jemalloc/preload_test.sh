#!/bin/bash
# SPDX-License-Identifier: MIT
# Unmodified programs with several threads, on arenas that a mapper maps for: they do what they
# do without it, and at their end the table agrees with the kernel and the oracle has seen
# nothing wrong. Arguments: the object, and the one with the oracle in it.
set -euo pipefail

plain=$PWD/$1
checked=$PWD/$2
LIBRARY=libjemalloc.so.2
VARIABLE=MMAPPER_JEMALLOC_REPORT
source examples/preload/preload_checks.sh
cd "$TEST_TMPDIR"
write_inputs

run_programs "$plain" 2 "jemalloc arena "
run_programs "$checked" 2 "jemalloc arena "

# The oracle's lock may be held by another thread when a process forks; the mapper's state may
# be anything.
run_python "$plain" "python, forking" 6 2 "jemalloc arena " fork

# Settings of jemalloc: background threads that purge, nothing retained, purged at once.
export MALLOC_CONF=background_thread:true,dirty_decay_ms:10
run_python "$checked" "python, background threads" 1 2 "jemalloc arena "
export MALLOC_CONF=retain:false,dirty_decay_ms:0
run_python "$checked" "python, nothing retained" 1 2 "jemalloc arena "
grep -q 'release [1-9]' report || fail "nothing was released"
unset MALLOC_CONF

# Where it cannot work it says so, and the program runs without.
message=$( (ulimit -v 50000 && with "$plain" sort -S 1M -o result numbers) 2>&1)
[[ $message == *"no mapper, jemalloc maps by itself"*"RLIMIT_AS"* ]] || fail "said: $message"
message=$(LD_PRELOAD=$plain /bin/true 2>&1)
[[ $message == *"malloc is not jemalloc's"* ]] || fail "said: $message"
