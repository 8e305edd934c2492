# SPDX-License-Identifier: MIT
"""tools/harness replay: one schedule again, step by step."""

import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

from harness_lib import explorer, trace, trace_html, trace_style, trace_text, workspace

WIDTH = 120


def replay(options):
    schedule = explorer.read_schedule(options.file)
    explorer.build()
    found, code, said = run(schedule.path)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where lines and arrows cannot be shown
    print(trace_text.render(found, options.width or width(), style(options)), end="")
    for line in differences(schedule, found):
        print(f"note: {line}")
    if options.html is not None:
        write_page(options.html, trace_html.render(found, schedule))
        print(f"page: {options.html}")
    bad = found.verdict is not None
    if bad != (code == workspace.VIOLATION):
        raise workspace.EnvironmentProblem(
            f"the trace and the exit code {code} of {explorer.BINARY} disagree: "
            f"{explorer.last_line(said)}"
        )
    workspace.write_json(options.json, as_json(schedule, found))
    if bad:
        print(f"VIOLATION: {schedule.path} fails by {found.verdict.oracle}")
        return workspace.VIOLATION
    print(f"GOOD: {schedule.path} runs through {found.scenario} and no oracle fails")
    return workspace.GOOD


def run(path):
    """The trace of a schedule, the exit code, and what the explorer said."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trace.json"
        # Absolute: the explorer runs in the workspace, the user may be elsewhere.
        arguments = ["--replay", os.path.abspath(path), "--trace", str(file)]
        code, said = explorer.run(arguments)
        if code not in (workspace.GOOD, workspace.VIOLATION):
            raise workspace.EnvironmentProblem(explorer.failure(code, said))
        return trace.read(file), code, said


def width():
    """Of the terminal; else what fits a report."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def style(options):
    if options.color == "auto":
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    else:
        colour = options.color == "always"
    return trace_style.Colour() if colour else trace_style.Plain()


def differences(schedule, found):
    """Where the replay is not what the file recorded."""
    if schedule.hash and found.hash and schedule.hash != found.hash:
        yield (
            f"the run has the hash {found.hash}, the file says {schedule.hash}: the code or "
            "the explorer changed since, and the choices may fall elsewhere"
        )
    oracle = found.verdict.oracle if found.verdict else "no violation"
    expected = schedule.expect.split()[:1]
    known = expected and expected[0].upper() in trace.ORACLES
    if known and expected[0].upper() != oracle.upper():
        yield f"the file expects {schedule.expect}, the run gives {oracle}"


def write_page(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise workspace.EnvironmentProblem(
            f"cannot write {path}: {error.strerror}"
        ) from error


def as_json(schedule, found):
    verdict = found.verdict
    return {
        "command": "replay",
        "verdict": workspace.VERDICTS[workspace.VIOLATION if verdict else workspace.GOOD],
        "file": str(schedule.path),
        "scenario": found.scenario,
        "steps": len(found.steps),
        "choices": len(schedule.choices),
        "hash": found.hash,
        "same_hash": found.hash == schedule.hash,
        "oracle": verdict.oracle if verdict else "",
        "problem": verdict.text if verdict else "",
        "step": verdict.step if verdict else None,
    }
