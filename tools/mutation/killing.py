# SPDX-License-Identifier: MIT
"""Runs a program on a mutant, and reads what it made of it."""

import os
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness_lib import workspace
from harness_lib.explorer import LABEL
from harness_lib.targets import ending, read_json

FLAGS = ("-DMMAPPER_ATOMIC_SIM",)
GRACE_SECONDS = 30
OUTPUT_CHARACTERS = 4000

# Where the process itself came to grief, and no oracle.
CRASH = "CRASH"
HANG = "HANG"

_VIOLATION = re.compile(r"^VIOLATION (\w+) in scenario ([^:\s]+): ?(.*)", re.MULTILINE)


class RunError(Exception):
    """The program did not do what it is for."""


@dataclass
class Kill:
    """`by` is the oracle or test that noticed, "" when nothing did."""

    by: str
    problem: str = ""
    scenario: str = ""
    runs: int = 0  # schedules, or executions of tests
    seconds: float = 0


@dataclass
class Ended:
    """`code` is None when it had to be stopped."""

    code: int
    output: str
    seconds: float


def run(argv, seconds, cwd=None):
    """Runs to the end, or for so many seconds."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=workspace.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            # Its children too, which a test that died may have left behind.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        log.seek(0)
        output = log.read(OUTPUT_CHARACTERS).decode("utf-8", "replace")
    return Ended(code, output, time.monotonic() - start)


def arguments(scenario, seconds):
    """Of the explorer, for a bug: its own ones, else all it has, for as long."""
    found = list(scenario)
    if "--scenario" not in found:
        found += ["--scenario", "all"]
    if "--strategy" not in found:
        found += ["--strategy", "portfolio"]
    if "--seconds" not in found and "--schedules" not in found:
        found += ["--seconds", f"{seconds:g}"]
    return found


def read(ended, report):
    """What a run of the explorer came to: its JSON, and its exit code."""
    runs = int(report.get("schedules", 0))
    if ended.code is None:
        return Kill(HANG, "did not end in its time", "", runs, ended.seconds)
    if ended.code == workspace.GOOD:
        if report.get("verdict", "good") != "good":
            raise RunError("the explorer reports a violation and exit code 0")
        return Kill("", "", "", runs, ended.seconds)
    if ended.code == workspace.VIOLATION:
        line = _VIOLATION.search(ended.output)
        oracle = report.get("oracle") or (line[1] if line else "")
        if not oracle:
            raise RunError(f"exit code 1 without an oracle: {ended.output.strip()[-300:]}")
        problem = report.get("problem") or (line[3] if line else "")
        scenario = report.get("scenario") or (line[2] if line else "")
        return Kill(oracle, problem, scenario, runs, ended.seconds)
    if ended.code < 0:
        return Kill(CRASH, ending(ended.code), "", runs, ended.seconds)
    raise RunError(f"the explorer {ending(ended.code)}: {ended.output.strip()[-300:]}")


def explore(binary, argv, seconds):
    """A Kill."""
    with tempfile.TemporaryDirectory() as folder:
        json_file = Path(folder, "report.json")
        ended = run(
            [str(binary), *argv, "--json", str(json_file)], seconds + GRACE_SECONDS, folder
        )
        return read(ended, read_json(json_file))


def test(binary, program, seconds):
    """A Kill: a test that fails, crashes or hangs has noticed."""
    with tempfile.TemporaryDirectory() as folder:
        ended = run([str(binary), *program.args], seconds, folder)
    if ended.code == 0:
        return Kill("", "", "", 1, ended.seconds)
    problem = "hangs" if ended.code is None else ending(ended.code)
    said = ended.output.strip().splitlines()
    if said:
        problem += f": {said[-1]}"
    return Kill(program.label, problem, "", 1, ended.seconds)
