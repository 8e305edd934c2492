# SPDX-License-Identifier: MIT
"""Searches the models exhaustively with Spin: check_models.py [MODEL...] [--only TEXT]
[--trail] [--deep]. A model must hold and come by all its witnesses; with a bug planted it
must fail, and in the expected way. Exit codes: 0 good, 1 a search said otherwise, 2 usage."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from model_runs import MODELS

FOLDER = Path(__file__).resolve().parent
DEPTH = 10000
MEGABYTES = 3000
SECONDS = 900
TRAIL_LINES = 60

_WITNESS = re.compile(r'Printf\("([A-Z_]+)"\);')
_ERROR = re.compile(r"^pan:\d+: (.*?) \(at depth \d+\)$", re.MULTILINE)
_INCOMPLETE = (
    "max search depth too small",
    "Search not completed",
    "out of memory",
    "MEMLIM",
    "aborting",
)


class Broken(Exception):
    """A tool failed: nothing is known about the model."""


def _call(command, folder):
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise Broken(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{command[0]} took more than {SECONDS} s") from error
    return result.returncode, result.stdout


def _compiler():
    return shutil.which("clang-19") or shutil.which("cc") or "cc"


def _spin(run, model, folder, *options):
    defines = [f"-D{name}" for name in run.defines]
    preprocessor = f"-P{_compiler()} -E -x c"
    return _call(["spin", preprocessor, *options, *defines, f"{model}.pml"], folder)


def _speak_once(folder):
    """A witness is a print in the model: let each say its name the first time only."""
    moves = Path(folder, "pan.m")
    text = moves.read_text()
    once = r'{ static int said; if (!said) { said = 1; puts("witness \1"); } }'
    moves.write_text(_WITNESS.sub(once, text))


def _search(run, model, folder):
    """The output of a whole search, which ends at the first error."""
    for source in FOLDER.glob("*.pml"):
        shutil.copy(source, folder)
    code, output = _spin(run, model, folder, "-a")
    if code != 0 or "rror" in output:
        raise Broken(output)
    _speak_once(folder)
    # Without optimisation: compiling takes longer than it saves.
    options = ["-O0", "-w", "-DSAFETY", f"-DMEMLIM={MEGABYTES}"]
    if run.frozen:
        options.append("-DNOREDUCE")  # the reduction does not know `provided`
    code, output = _call([_compiler(), *options, "-o", "pan", "pan.c"], folder)
    if code != 0:
        raise Broken(output)
    # Table sizes for what is expected; a smaller one is slower, not less exhaustive.
    table = 20 if run.error else 26 if run.deep else 23
    code, output = _call(["./pan", f"-m{DEPTH}", f"-w{table}"], folder)
    if code < 0 or "errors:" not in output:
        raise Broken(output)
    return output


def judge(run, output):
    """What is wrong with the search's output; None when it is as it should be."""
    errors = _ERROR.findall(output)
    if run.error is not None:
        if not errors:
            return "the planted bug was not found"
        if run.error not in errors[0]:
            return f"failed as `{errors[0]}`, not by `{run.error}`"
        return None
    if errors:
        return errors[0]
    for sign in _INCOMPLETE:
        if sign in output:
            return f"not searched to the end: {sign}"
    if not re.search(r"errors: 0$", output, re.MULTILINE):
        return "no verdict"
    reached = set(re.findall(r"^witness (\w+)$", output, re.MULTILINE))
    missing = sorted(set(run.witnesses) - reached)
    return f"never came by {', '.join(missing)}" if missing else None


def _states(output):
    found = re.search(r"^\s*(\d+) states, stored", output, re.MULTILINE)
    return int(found[1]) if found else 0


def _print_trail(run, model, folder):
    _, output = _spin(run, model, folder, "-t", "-p", "-g")
    lines = [line for line in output.splitlines() if "<valid end state>" not in line]
    print("\n".join(lines[-TRAIL_LINES:]))


def check(run, model, show_trail):
    """Prints one line; whether all is well."""
    temporary = os.environ.get("TEST_TMPDIR")
    with tempfile.TemporaryDirectory(dir=temporary, prefix="model-") as folder:
        start = time.monotonic()
        try:
            output = _search(run, model, folder)
        except Broken as broken:
            print(f"not-ok {model} {run.name}: {broken}", flush=True)
            return False
        seconds = time.monotonic() - start
        problem = judge(run, output)
        verdict = "holds" if run.error is None else "fails as it must"
        print(
            f"{'not-ok' if problem else 'ok':6} {model:6} {run.name:24} "
            f"{_states(output):>9} states {seconds:6.1f} s  {problem or verdict}",
            flush=True,
        )
        if _ERROR.search(output) and (show_trail or problem):
            _print_trail(run, model, folder)
        return problem is None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help=f"of {', '.join(MODELS)}; all")
    parser.add_argument("--only", default="", help="runs whose name contains this")
    parser.add_argument("--trail", action="store_true", help="print how a bug happens")
    parser.add_argument("--deep", action="store_true", help="the large searches instead")
    arguments = parser.parse_args()
    unknown = set(arguments.models) - set(MODELS)
    if unknown:
        parser.error(f"no model {', '.join(sorted(unknown))}")
    runs = [
        (model, run)
        for model in arguments.models or MODELS
        for run in MODELS[model]
        if arguments.only in run.name and run.deep == arguments.deep
    ]
    if not runs:
        parser.error("no such run")
    results = [check(run, model, arguments.trail) for model, run in runs]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
