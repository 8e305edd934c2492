# SPDX-License-Identifier: MIT
# For tests that preload an object into unmodified programs: sourced by them. They say which
# library the object needs behind it (LIBRARY), and which variable asks for a report (VARIABLE).

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
    env "$VARIABLE=$PWD/report" LD_PRELOAD="$object $LIBRARY" "$@"
}

# expect_report PROGRAM PROCESSES OWNERS NAME: that many processes reported, all good, and at
# least that many owners whose names begin so hold memory, by the dump.
expect_report() {
    local good owners
    [ -e report ] || fail "$1: no report"
    good=$(grep -c '^verify: ok, 0 differences$' report) || true
    [ "$good" -eq "$2" ] || fail "$1: $good of $2 processes agree with the kernel"
    ! grep -q '^oracle: [^0]' report || fail "$1: the oracle has seen something"
    owners=$(grep ' mapped ' report | grep -o "\"$4[^\"]*\"" | sort -u | wc -l)
    [ "$owners" -ge "$3" ] || fail "$1: only $owners owners are in the dump"
}

write_inputs() {
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
}

# run_programs OBJECT OWNERS NAME: they do what they do without it.
run_programs() {
    with "$1" LC_ALL=C sort --parallel=2 -S 20M -o result numbers
    cmp sorted result
    expect_report sort 1 "$2" "$3"

    with "$1" xz -T2 --block-size=256KiB -c numbers >numbers.xz
    expect_report xz 1 "$2" "$3"
    xz -dc numbers.xz | cmp numbers -

    run_python "$1" python 1 "$2" "$3"
}

# run_python OBJECT WHAT PROCESSES OWNERS NAME [fork]: its small objects come from malloc, too.
run_python() {
    [ "$(with "$1" PYTHONMALLOC=malloc /usr/bin/python3 threads.py "${6-}")" = good ] ||
        fail "$2: it did not end well"
    expect_report "$2" "$3" "$4" "$5"
}
