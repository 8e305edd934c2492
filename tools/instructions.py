# SPDX-License-Identifier: MIT
"""The test of bench/instructions.txt: counts the instructions of a program and compares.

usage: instructions.py PROGRAM FILE"""

import sys

from harness_lib import bench_instructions, workspace


def main(program, path):
    try:
        problems = bench_instructions.check(program, path)
    except workspace.EnvironmentProblem as problem:
        problems = [str(problem)]
    for problem in problems:
        print(problem)
    if problems:
        print(f"if that is as it should be: {bench_instructions.REGENERATE}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
