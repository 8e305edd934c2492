# SPDX-License-Identifier: MIT
"""Where things are, the exit codes, and Bazel."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

GOOD = 0
VIOLATION = 1
USAGE = 2

ROOT = Path(__file__).resolve().parents[2]
# What outlives a run: corpora, crashes, logs. Ignored by git.
STATE = ROOT / ".harness"

VERDICTS = {GOOD: "good", VIOLATION: "violation", USAGE: "environment"}


class EnvironmentProblem(Exception):
    """Nothing is known to be wrong with the code: the run could not take place."""


def relative(path):
    """`path` as one types it in the workspace, where it is inside."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def cores():
    return len(os.sched_getaffinity(0))


def environment():
    """The environment for Bazel and for what it built."""
    env = dict(os.environ)
    # Bazel wants a home for its output; a bare chroot may not name one.
    env.setdefault("HOME", "/root" if os.geteuid() == 0 else tempfile.gettempdir())
    symbolizer = Path("/usr/lib/llvm-19/bin/llvm-symbolizer")
    if symbolizer.exists():
        for name in ("ASAN", "UBSAN", "TSAN"):
            env.setdefault(f"{name}_SYMBOLIZER_PATH", str(symbolizer))
    return env


def bazel(*arguments, **options):
    return subprocess.run(
        ["bazel", *arguments], cwd=ROOT, env=environment(), check=False, **options
    )


def build(labels):
    """Builds, showing warnings and errors; raises when that fails."""
    flags = ["--ui_event_filters=-info", "--show_result=0"]
    if bazel("build", *flags, *labels).returncode != 0:
        raise EnvironmentProblem("the build failed")


def query(expression):
    """Sorted labels."""
    result = bazel(
        "query", "--keep_going", expression, capture_output=True, text=True
    )
    # 3: a part of the packages does not load; the build will say so.
    if result.returncode not in (0, 3):
        raise EnvironmentProblem(f"bazel query failed:\n{result.stderr.strip()}")
    return sorted(line for line in result.stdout.splitlines() if line.startswith("//"))


def write_json(path, value):
    if path is None:
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {path}: {error.strerror}") from error
