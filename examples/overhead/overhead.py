#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a mapper below an allocator costs: programs on the allocator alone, and on the same with
a mapper below it, in turn.

    bazel build //examples/...
    examples/overhead/overhead.py jemalloc

Figures are of processor time, user and system, of the fastest run of each side: whatever else a
machine does makes a program slower, never faster. `least` is their ratio, `median` that of
each run and the one beside it, whose quartiles say how quiet the machine was.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / "bazel-bin" / "examples"
LIBRARIES = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2.0"}
LINES = 500_000

PYTHON = """
import json, threading
def work(seed):
    kept = []
    for i in range(25000):
        kept.append({"name": "x" * ((i * seed) % 700), "list": [i] * (i % 9)})
        if len(kept) > 8000:
            json.dumps(kept[:500])
            del kept[:6000]
threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def programs(folder):
    """(name, arguments) of each."""
    lines = folder / "lines"
    source = random.Random(1)
    with open(lines, "w", encoding="utf-8") as out:
        for _ in range(LINES):
            out.write(f"{source.random()}\n")
    script = folder / "threads.py"
    script.write_text(PYTHON, encoding="utf-8")
    return {
        "workload": [str(BIN / "overhead" / "workload")],
        "sort": ["sort", "--parallel=2", "-S", "256M", "-o", str(folder / "sorted"), str(lines)],
        "xz": ["xz", "-T2", "-0", "-k", "-f", "--block-size=1MiB", str(lines)],
        "python": ["/usr/bin/python3", str(script)],
    }


def run(argv, preload, settings):
    """(processor seconds, peak of resident KiB)."""
    environment = os.environ | settings
    environment |= {"LD_PRELOAD": " ".join(preload), "PYTHONMALLOC": "malloc", "LC_ALL": "C"}
    child = os.posix_spawnp(argv[0], argv, environment)
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        sys.exit(f"overhead: `{' '.join(argv)}` on {preload}: wait status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def compare(argv, without, with_mapper, settings, repeat):
    """Runs of both, in turn, the first of a pair being now one, now the other."""
    sides = {"without": [], "with": []}
    for turn in range(repeat + 1):
        order = [("without", without), ("with", with_mapper)]
        for side, preload in order if turn % 2 else reversed(order):
            figures = run(argv, preload, settings)
            if turn > 0:  # the first pair warms up
                sides[side].append(figures)
    return sides


def ratio(sides):
    """Quartiles of the ratios of neighbours."""
    pairs = zip(sides["with"], sides["without"])
    return statistics.quantiles([a[0] / b[0] for a, b in pairs], n=4)


def line(name, sides):
    cpu = [min(run[0] for run in sides[side]) for side in ("without", "with")]
    peak = [int(statistics.median(run[1] for run in sides[side])) >> 10 for side in ("without", "with")]
    low, middle, high = ratio(sides)
    return (
        f"{name:<10} {cpu[0]:>7.3f} s {cpu[1]:>7.3f} s   {cpu[1] / cpu[0]:.3f}"
        f"   {middle:.3f} ({low:.3f} to {high:.3f})   {peak[0]:>7} {peak[1]:>5}"
    )


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("allocator", choices=sorted(LIBRARIES))
    parser.add_argument("--repeat", type=int, default=15, help="pairs of runs (15)")
    parser.add_argument("--program", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a variable of the environment, for both sides",
    )
    options = parser.parse_args()
    if options.repeat < 2:
        parser.error("--repeat: at least 2, to have quartiles")
    if any("=" not in setting for setting in options.set):
        parser.error("--set: NAME=VALUE")
    return options


def main():
    options = arguments()
    library = LIBRARIES[options.allocator]
    mapper = BIN / options.allocator / f"libmmapper_{options.allocator}.so"
    settings = dict(setting.split("=", 1) for setting in options.set)
    folder = Path(tempfile.mkdtemp(prefix="overhead-"))
    try:
        known = programs(folder)
        chosen = options.program or list(known)
        for name in chosen:
            if name not in known:
                sys.exit(f"overhead: no program `{name}`: {', '.join(known)}")
        for needed in (mapper, BIN / "overhead" / "workload"):
            if not needed.exists():
                sys.exit(f"overhead: {needed} is missing: bazel build //examples/...")
        print("program    processor time        ratio of them                    peak MiB")
        print("           without   with        least   median (quartiles)       without  with")
        for name in chosen:
            sides = compare(
                known[name], [library], [str(mapper), library], settings, options.repeat
            )
            print(line(name, sides), flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
