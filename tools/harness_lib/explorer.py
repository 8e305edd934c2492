# SPDX-License-Identifier: MIT
"""The deterministic explorer, //stress/explore: how it is built and called, and the files
of schedules that it writes."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness_lib import workspace

LABEL = "//stress/explore:explore"
BINARY = "bazel-bin/stress/explore/explore"
FOLDER = workspace.STATE / "explore"
SUFFIX = ".schedule"
STRATEGIES = ["uniform", "sticky", "pct", "dfs", "freeze", "portfolio"]

HEADER = "mmapper-schedule 1"
# By the letter in the file, the mark that the choice has in a trace.
CHOICE_KINDS = {"t": "preemption", "v": "stale", "f": "fault", "z": "freeze"}
_CHOICE = re.compile(r"(\d+):([a-z])(\d+)")


def build():
    workspace.build([LABEL])


def run(arguments):
    """Runs the explorer to its end; returns the exit code and what it said."""
    try:
        result = subprocess.run(
            [BINARY, *arguments],
            cwd=workspace.ROOT,
            env=workspace.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise workspace.EnvironmentProblem(
            f"cannot run {BINARY}: {error.strerror}"
        ) from error
    return result.returncode, result.stdout.decode("utf-8", "replace")


def last_line(text):
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    return next((line for line in reversed(lines) if line), "")


def failure(code, text):
    """Why a call of the explorer came to nothing."""
    if code < 0:
        return f"{BINARY} ended by signal {-code}: {last_line(text) or 'it said nothing'}"
    return last_line(text) or f"{BINARY} ended with exit code {code} and said nothing"


@dataclass(frozen=True)
class Choice:
    """One departure from the boring run."""

    step: int
    kind: str  # a key of CHOICE_KINDS
    value: int

    def __str__(self):
        return f"{self.step}:{self.kind}{self.value}"

    def explained(self):
        if self.kind == "t":
            return f"before step {self.step} thread {self.value} takes over"
        if self.kind == "v":
            return f"step {self.step} reads the value {self.value} older than the newest"
        if self.kind == "f":
            return f"fault {self.value} at step {self.step}"
        if self.kind == "z":
            bits = [bit for bit in range(self.value.bit_length()) if self.value >> bit & 1]
            threads = " and ".join(f"thread {bit}" for bit in bits) or "nobody"
            return f"stopped for good before step {self.step}: {threads}"
        return f"at step {self.step}"


@dataclass
class Schedule:
    """A file of a schedule: a program, and what is to happen while it runs."""

    path: Path
    program: list  # lines
    choices: list
    expect: str = ""
    hash: str = ""

    @property
    def operations(self):
        """How many operations the program has: those of the set-up, and all lines that
        follow the first thread's but those that begin the next one."""
        lines = [line.split()[:1] for line in self.program if line.strip()]
        first = lines.index(["thread"]) if ["thread"] in lines else len(lines)
        of_threads = sum(1 for word in lines[first:] if word != ["thread"])
        return lines[:first].count(["setup"]) + of_threads


def read_schedule(path):
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise workspace.EnvironmentProblem(f"cannot read {path}: {reason}") from error
    lines = text.splitlines()
    if not lines or lines[0].strip() != HEADER:
        raise workspace.EnvironmentProblem(
            f"{path}:1: not a schedule: the first line must be `{HEADER}`"
        )
    schedule = Schedule(path, [], [])
    for number, line in enumerate(lines[1:], 2):
        _read_line(schedule, number, line)
    return schedule


def _read_line(schedule, number, line):
    word, _, rest = line.partition(" ")
    if word == "choices":
        for choice in rest.split():
            match = _CHOICE.fullmatch(choice)
            if not match:
                raise workspace.EnvironmentProblem(
                    f"{schedule.path}:{number}: `{choice}` is not a choice; those look "
                    "like 12:t1, STEP:KIND and a number"
                )
            step, kind, value = match.groups()
            schedule.choices.append(Choice(int(step), kind, int(value)))
    elif word == "expect":
        schedule.expect = rest.strip()
    elif word == "hash":
        schedule.hash = rest.strip()
    elif line.strip() or schedule.program:
        schedule.program.append(line.rstrip())


def counted(number, what):
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
