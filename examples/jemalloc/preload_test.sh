#!/bin/bash
# SPDX-License-Identifier: MIT
# Unmodified programs with several threads, on arenas that a mapper maps for: they do what they
# do without it, and at their end the table agrees with the kernel and the oracle has seen
# nothing wrong. Arguments: the object, and the one with the oracle in it.
set -euo pipefail

plain=$PWD/$1
checked=$PWD/$2
cd "$TEST_TMPDIR"

fail() {
    echo "$1" >&2
    [ ! -e report ] || cat report >&2
    exit 1
}

# with OBJECT COMMAND...: runs it, and leaves its report in `report`.
with() {
    local object=$1
    shift
    rm -f report
    MMAPPER_JEMALLOC_REPORT=$PWD/report LD_PRELOAD="$object libjemalloc.so.2" "$@"
}

# expect_report PROGRAM PROCESSES ARENAS: that many processes reported, all good, and at least
# that many arenas hold something, by name.
expect_report() {
    local good arenas
    [ -e report ] || fail "$1: no report"
    good=$(grep -c '^verify: ok, 0 differences$' report) || true
    [ "$good" -eq "$2" ] || fail "$1: $good of $2 processes agree with the kernel"
    ! grep -q '^oracle: [^0]' report || fail "$1: the oracle has seen something"
    arenas=$(grep -o 'mapped .*"jemalloc arena [0-9]*"' report | sed 's/.*arena//' | sort -u | wc -l)
    [ "$arenas" -ge "$3" ] || fail "$1: only $arenas arenas are in the dump"
}

seq 200000 | awk '{ print ($1 * 7919) % 200003, $1 }' >numbers
LC_ALL=C sort --parallel=2 -S 20M numbers >sorted
cat >threads.py <<'PYTHON'
import json, os, sys, threading

def work(seed):
    kept = []
    for i in range(1500):
        kept.append({"name": "x" * ((i * seed) % 700), "list": [i] * (i % 9)})
        if len(kept) > 400:
            del kept[:300]
    assert json.loads(json.dumps(kept)) == kept
    for size in (1 << 16, 3 << 20, 12 << 20):
        block = bytearray(size)
        block[::4096] = b"x" * len(block[::4096])

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
for thread in threads:
    thread.start()
if "fork" in sys.argv:
    for seed in range(5):
        child = os.fork()
        if child == 0:
            work(seed + 11)
            sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
for thread in threads:
    thread.join()
try:
    bytearray(1 << 47)
    raise SystemExit("more memory than there are addresses")
except MemoryError:
    work(3)
print("good")
PYTHON

for object in "$plain" "$checked"; do
    with "$object" env LC_ALL=C sort --parallel=2 -S 20M -o result numbers
    cmp sorted result
    expect_report "sort" 1 2

    with "$object" xz -T2 --block-size=256KiB -c numbers >numbers.xz
    expect_report "xz" 1 2
    xz -dc numbers.xz | cmp numbers -

    # Its small objects come from malloc, too.
    [ "$(with "$object" env PYTHONMALLOC=malloc /usr/bin/python3 threads.py)" = good ]
    expect_report "python" 1 2
done

# The oracle's lock may be held by another thread when a process forks; the mapper's state may
# be anything.
[ "$(with "$plain" env PYTHONMALLOC=malloc /usr/bin/python3 threads.py fork)" = good ]
expect_report "python, forking" 6 2

# Settings of jemalloc: background threads that purge, nothing retained, purged at once.
export MALLOC_CONF=background_thread:true,dirty_decay_ms:10
[ "$(with "$checked" env PYTHONMALLOC=malloc /usr/bin/python3 threads.py)" = good ]
expect_report "python, background threads" 1 2
export MALLOC_CONF=retain:false,dirty_decay_ms:0
[ "$(with "$checked" env PYTHONMALLOC=malloc /usr/bin/python3 threads.py)" = good ]
expect_report "python, nothing retained" 1 2
grep -q 'release [1-9]' report || fail "nothing was released"
unset MALLOC_CONF

# Where it cannot work it says so, and the program runs without.
message=$( (ulimit -v 1500000 && with "$plain" sort -o result numbers) 2>&1)
[[ $message == *"no mapper, jemalloc maps by itself"*"RLIMIT_AS"* ]] || fail "said: $message"
message=$(LD_PRELOAD=$plain /bin/true 2>&1)
[[ $message == *"malloc is not jemalloc's"* ]] || fail "said: $message"
