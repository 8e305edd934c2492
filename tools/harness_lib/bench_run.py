# SPDX-License-Identifier: MIT
"""Runs the benchmark's programs: rounds over all cases, each case in a process of its own.

A round puts tables and arrays elsewhere, and so does every process by itself. The rounds
go over all cases, so that what disturbs the machine for a while disturbs a part of the
samples of many cases, and not all of one."""

import shlex
import subprocess
from dataclasses import dataclass

from harness_lib import bench_samples, display, workspace

PROGRAMS = (("bench", ""), ("bench_inlined", bench_samples.INLINED))


@dataclass
class Case:
    """One case of one program."""

    program: str
    name: str
    suffix: str

    @property
    def full_name(self):
        return self.name + self.suffix


@dataclass
class Plan:
    """How much is measured."""

    rounds: int
    repetitions: int
    microseconds: int


def path_of(program):
    return workspace.ROOT / "bazel-bin" / "bench" / program


def build():
    workspace.build([f"//bench:{program}" for program, _ in PROGRAMS])


def _run(arguments):
    result = subprocess.run(
        arguments, cwd=workspace.ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        said = result.stderr.strip() or f"exit code {result.returncode}"
        raise workspace.EnvironmentProblem(f"{shlex.join(map(str, arguments))}: {said}")
    return result.stdout.splitlines()


def cases(text):
    """Those whose names contain `text`."""
    found = []
    for program, suffix in PROGRAMS:
        flags = ["--inlined"] if suffix else []
        for name in _run([path_of(program), *flags, "--list"]):
            case = Case(program, name, suffix)
            if text in case.full_name:
                found.append(case)
    return found


def measure(chosen, plan):
    """The samples of all rounds."""
    samples = bench_samples.Samples()
    status = display.StatusLines()
    total = plan.rounds * len(chosen)
    for number in range(plan.rounds):
        for i, case in enumerate(chosen):
            done = number * len(chosen) + i
            status.show([f"{100 * done // total:3} %  round {number + 1}  {case.full_name}"])
            lines = _run(
                [
                    path_of(case.program),
                    f"--repetitions={plan.repetitions}",
                    f"--microseconds={plan.microseconds}",
                    f"--seed={number + 1}",
                    case.name,
                ]
            )
            for line in lines:
                samples.add(line, number, case.suffix)
    status.clear()
    return samples
