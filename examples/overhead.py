#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one command costs more than another: runs both in turn, several times, and prints
the medians of processor time and elapsed time, and of their ratios.

    examples/overhead.py [--runs N] COMMAND... -- COMMAND...

The ratio of a pair of neighbouring runs is what is compared, so that what else the
machine does disturbs both. Exit code 2 when a command fails."""

import argparse
import os
import subprocess
import sys
import time
from statistics import median


def measure(command):
    """(processor seconds, elapsed seconds) of one run."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"overhead.py: {' '.join(command)}: exit code {child.returncode}")
    elapsed = time.monotonic() - begun
    return usage.ru_utime + usage.ru_stime, elapsed


def quartiles(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]


def split(arguments):
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=11, help="of each command (11)")
    parser.add_argument("commands", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    first, second = split(options.commands)
    if not first or not second or options.runs < 1:
        parser.error("two commands with -- between them, and a positive number of runs")
    for command in (first, second):  # once unmeasured: files come from the disk
        measure(command)
    pairs = [(measure(first), measure(second)) for _ in range(options.runs)]
    for column, name in enumerate(["processor time", "elapsed time"]):
        one = median(pair[0][column] for pair in pairs)
        other = median(pair[1][column] for pair in pairs)
        ratios = [pair[0][column] / pair[1][column] for pair in pairs]
        low, high = quartiles(ratios)
        print(
            f"{name:15} {one:8.3f} s against {other:8.3f} s"
            f"  ratio {median(ratios):.3f}  (quartiles {low:.3f} to {high:.3f})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
