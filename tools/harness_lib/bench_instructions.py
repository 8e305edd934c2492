# SPDX-License-Identifier: MIT
"""Instructions of the hot paths, counted by callgrind, against bench/instructions.txt.

The counts do not depend on the machine or its load: what a benchmark cannot see for noise,
they show. They do depend on the compiler and on libc, which are Debian 12's."""

import re
import subprocess
import tempfile
from pathlib import Path

from harness_lib import workspace

FILE = workspace.ROOT / "bench" / "instructions.txt"
LABEL = "//bench:counted"
PREFIX = "counted_"
REGENERATE = "tools/harness bench --instructions"

_HEADER = f"""# SPDX-License-Identifier: MIT
# Instructions of a call, counted by callgrind: bench/counted.c has the calls. Written by
# `{REGENERATE}`; //bench:instructions_test compares. A rise needs a
# reason, which belongs into the message of the commit.
"""


def count(program):
    """{name: instructions of a call, on average}."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = [
            "valgrind",
            "--tool=callgrind",
            # Names and numbers in full: the file is read here, line by line.
            "--compress-strings=no",
            "--compress-pos=no",
            f"--callgrind-out-file={out}",
            str(program),
        ]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise workspace.EnvironmentProblem("valgrind is not installed") from error
        if ran.returncode != 0 or not out.exists():
            raise workspace.EnvironmentProblem(f"valgrind failed:\n{ran.stderr.strip()}")
        return read_callgrind(out.read_text(encoding="utf-8"))


def read_callgrind(text):
    """Of each function counted_NAME, as called: the inclusive cost by the calls.

    A call is three lines: `cfn=NAME`, `calls=COUNT ...`, and a place with its cost."""
    calls, costs = {}, {}
    name = None
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("cfn="):
            name = line[len("cfn=") :]
        elif line.startswith("calls=") and name is not None:
            cost = int(next(lines).split()[-1])
            if name.startswith(PREFIX):
                made = int(line[len("calls=") :].split()[0])
                calls[name] = calls.get(name, 0) + made
                costs[name] = costs.get(name, 0) + cost
            name = None
    if not calls:
        raise workspace.EnvironmentProblem(f"callgrind saw no function {PREFIX}...")
    return {name[len(PREFIX) :]: costs[name] / calls[name] for name in calls}


def read(text):
    """{name: instructions} of the checked-in file."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"(\w+) +([\d.]+)", line)
        if not match:
            raise workspace.EnvironmentProblem(f"line {number}: not NAME INSTRUCTIONS")
        found[match[1]] = float(match[2])
    return found


def format_counts(counts):
    width = max(len(name) for name in counts) + 2
    return _HEADER + "".join(
        f"{name:{width}}{value:8.1f}\n" for name, value in counts.items()
    )


def differences(before, now):
    """What changed, a line each. A fall is told too: kept as it was, the file would let the
    next rise pass."""
    problems = []
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if new is None:
            problems.append(f"{name} is in the file, but is not counted any more")
        elif old is None:
            problems.append(f"{name} takes {new:.1f} instructions, and is not in the file")
        elif round(old, 1) != round(new, 1):
            word = "rose" if new > old else "fell"
            problems.append(
                f"{name} {word} from {old:.1f} to {new:.1f} instructions ({new - old:+.1f})"
            )
    return problems


def check(program, path):
    """Problems, none when the counts are those of the file."""
    return differences(read(Path(path).read_text(encoding="utf-8")), count(program))


def regenerate():
    """Counts, writes the file, and returns what changed."""
    workspace.build([LABEL])
    counts = count(workspace.ROOT / "bazel-bin" / "bench" / "counted")
    before = read(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    FILE.write_text(format_counts(counts), encoding="utf-8")
    return differences(before, counts)
