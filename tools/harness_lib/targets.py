# SPDX-License-Identifier: MIT
"""The stress and fuzz targets: which there are, how to start one, what it said."""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from harness_lib import workspace
from harness_lib.task import Task

# Units are a few hundred bytes: longer ones are slow and tell nothing new.
FUZZ_MAX_LEN = 512
FUZZ_UNIT_SECONDS = 20
HISTORY = "history"
CRASH_LINES = 12

# What a sanitizer or a failed check prints first.
_TELLING = re.compile(
    r"violation|ERROR: |WARNING: ThreadSanitizer|SUMMARY: |runtime error|check failed"
    r"|Assertion|expected",
    re.IGNORECASE,
)


@dataclass
class Outcome:
    """What one process came to."""

    target: str
    kind: str
    unit: str  # of count: "operations" or "executions"
    count: int
    seconds: float
    violations: int
    problem: str = ""  # of the violation, or why it could not run
    environment: bool = False
    reproduce: str = ""
    crash: str = ""
    log: str = ""
    seed: int = 0

    @property
    def rate(self):
        return self.count / self.seconds if self.seconds > 0 else 0

    def as_json(self):
        return {
            "target": self.target,
            "kind": self.kind,
            self.unit: self.count,
            "seconds": round(self.seconds, 3),
            "rate": round(self.rate, 1),
            "violations": self.violations,
            "problem": self.problem,
            "reproduce": self.reproduce,
            "crash": self.crash,
            "log": self.log,
            "seed": self.seed,
        }


def telling_lines(text):
    """The few lines of a log from the first that says what went wrong."""
    lines = text.replace("\r", "\n").splitlines()
    for number, line in enumerate(lines):
        if _TELLING.search(line) and not line.rstrip().endswith(" 0 violations"):
            return "\n".join(lines[number : number + CRASH_LINES])
    return "\n".join(lines[-CRASH_LINES:])


class StressTarget:
    """A binary of //stress: exit 0 good, 1 violation, 2 usage or environment."""

    kind = "stress"
    unit = "operations"

    def __init__(self, name):
        self.name = name
        self.label = f"//stress:{name}"
        self.binary = f"bazel-bin/stress/{name}"

    def task(self, seconds, seed, log, extra=()):
        """`extra` are further arguments, among them the files of a history."""
        argv = [self.binary, f"--seed={seed}", f"--json={json_of(log)}"]
        if seconds is not None:
            argv.append(f"--seconds={max(1, round(seconds))}")
        argv += extra
        limit = seconds if seconds is not None else 24 * 3600
        return Task(self.name, argv, log, limit, target=self, seed=seed)

    def outcome(self, task):
        report = read_json(json_of(task.log))
        outcome = Outcome(
            self.name,
            self.kind,
            self.unit,
            int(report.get("operations", 0)),
            float(report.get("seconds", task.elapsed())),
            int(report.get("violations", 0)),
            log=workspace.relative(task.log),
            seed=task.seed,
        )
        argv = [word for word in task.argv if not word.startswith("--json=")]
        outcome.reproduce = shlex.join(argv)
        if task.hung:
            outcome.violations = max(1, outcome.violations)
            outcome.problem = f"did not end {task.grace:.0f} s after its time"
        elif task.returncode == workspace.USAGE:
            outcome.environment = True
            outcome.problem = task.last_line()
        elif task.returncode != 0 or outcome.violations > 0:
            outcome.violations = max(1, outcome.violations)
            outcome.problem = ending(task.returncode)
        elif not report:
            # A target that says nothing must not count as a good one.
            outcome.environment = True
            outcome.problem = "ended well but wrote no JSON"
        return outcome


class FuzzTarget:
    """A cc_fuzz_test of //fuzz, run as NAME_bin."""

    kind = "fuzz"
    unit = "executions"

    def __init__(self, name):
        self.name = name
        self.label = f"//fuzz:{name}_bin"
        self.binary = f"bazel-bin/fuzz/{name}_bin"
        self.seeds = workspace.ROOT / "fuzz" / "corpus" / name
        self.dictionary = workspace.ROOT / "fuzz" / f"{name}.dict"
        self.state = workspace.STATE / "fuzz" / name
        self.corpus = self.state / "corpus"
        self.crashes = self.state / "crashes"

    def flags(self):
        self.crashes.mkdir(parents=True, exist_ok=True)
        flags = [
            f"-artifact_prefix={workspace.relative(self.crashes)}/",
            f"-max_len={FUZZ_MAX_LEN}",
            f"-timeout={FUZZ_UNIT_SECONDS}",
            "-print_final_stats=1",
        ]
        if self.dictionary.exists():
            flags.append(f"-dict={workspace.relative(self.dictionary)}")
        return flags

    def task(self, seconds, seed, log, corpus, extra=()):
        """Writes what it finds into `corpus`, and starts from the checked-in one too."""
        corpus.mkdir(parents=True, exist_ok=True)
        argv = [
            self.binary,
            *self.flags(),
            # libFuzzer takes 0 for "from the clock", and 32 bits.
            f"-seed={seed % (2**32 - 1) + 1}",
            f"-max_total_time={max(1, round(seconds))}",
            *extra,
            workspace.relative(corpus),
        ]
        if self.seeds.is_dir():
            argv.append(workspace.relative(self.seeds))
        return Task(self.name, argv, log, seconds, target=self, seed=seed)

    def outcome(self, task):
        text = task.text()
        outcome = Outcome(
            self.name,
            self.kind,
            self.unit,
            executions(text),
            task.elapsed(),
            0,
            log=workspace.relative(task.log),
            seed=task.seed,
        )
        if task.returncode == 0 and not task.hung:
            return outcome
        outcome.violations = 1
        outcome.problem = ending(task.returncode)
        if task.hung:
            outcome.problem = f"did not end {task.grace:.0f} s after its time"
        artifact = re.findall(r"Test unit written to (\S+)", text)
        if artifact:
            outcome.crash = artifact[-1]
            outcome.reproduce = f"{self.binary} {shlex.quote(artifact[-1])}"
        else:
            outcome.reproduce = shlex.join(task.argv)
        return outcome


def ending(returncode):
    if returncode < 0:
        return f"ended by signal {-returncode}"
    return f"ended with exit code {returncode}"


def executions(text):
    """How many units libFuzzer ran, also when it crashed before its statistics."""
    final = re.findall(r"stat::number_of_executed_units: *(\d+)", text)
    if final:
        return int(final[-1])
    return max((int(n) for n in re.findall(r"^#(\d+)\t", text, re.MULTILINE)), default=0)


def json_of(log):
    return Path(log).with_suffix(".json")


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def stress_targets():
    labels = workspace.query(
        "kind(cc_binary, //stress:*) except attr(tags, manual, //stress:*)"
    )
    return [StressTarget(label.rpartition(":")[2]) for label in labels]


def fuzz_targets():
    labels = workspace.query("kind(_fuzz_run, //fuzz:*)")
    return [FuzzTarget(label.rpartition(":")[2].removesuffix("_run")) for label in labels]


def histories():
    """The checked-in mapping histories."""
    files = sorted((workspace.ROOT / "stress").rglob("*.strace*"))
    return [workspace.relative(file) for file in files]


def choose(targets, name):
    """The target called `name`."""
    for target in targets:
        if target.name == name:
            return target
    names = ", ".join(target.name for target in targets) or "none"
    raise workspace.EnvironmentProblem(f"there is no target {name}; there are: {names}")
