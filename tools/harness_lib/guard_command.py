# SPDX-License-Identifier: MIT
"""tools/harness guard: runs a program under the library of guard/, and puts what that
tells into words while the program runs. All of it goes to standard error: the output is
the program's."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from harness_lib import guard_report, symbols, workspace
from harness_lib.argument_types import at_least_one

LABEL = "//guard:libmmapper_guard.so"
LIBRARY = "bazel-bin/guard/libmmapper_guard.so"
POLL_SECONDS = 0.2
SUMMARY = """Runs a program that is linked with the mapper and reports every call from outside
the mapper that reaches address space which the mapper manages, before it happens."""
USAGE = "tools/harness guard [--deny] [--limit N] [--json FILE] -- PROGRAM [ARGUMENT...]"
# ELF: the offsets of its class and kind and of the table of segments.
_ELF_64, _EXECUTABLE, _DYNAMIC, _INTERPRETER = 2, 2, 3, 3


def add_options(guard):
    guard.usage = USAGE
    guard.add_argument("--deny", action="store_true", help="refuse such calls with EPERM")
    guard.add_argument(
        "--limit",
        type=at_least_one,
        default=1000,
        metavar="N",
        help="calls that a process may have reported (default %(default)s)",
    )
    guard.set_defaults(program=[])


def split(argv):
    """What is behind the first --, which is the program's alone."""
    if argv[:1] != ["guard"] or "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def guard(options):
    if not options.program:
        raise workspace.EnvironmentProblem(f"guard: no program: {USAGE}")
    program = find(options.program[0])
    workspace.build([LABEL])
    library = (workspace.ROOT / LIBRARY).resolve()
    outcome = run(library, [program, *options.program[1:]], options.deny, options.limit)
    code = outcome.verdict()
    workspace.write_json(options.json, outcome.as_json(code))
    say(outcome.last_line(code))
    return code


def some(count, word, plural="s"):
    return f"{count} {word}{plural if count != 1 else ''}"


def say(line):
    print(line, file=sys.stderr, flush=True)


# The program


def find(name):
    """Its path, when something can be preloaded into it."""
    path = shutil.which(name)
    if path is None:
        raise workspace.EnvironmentProblem(f"guard: there is no program {name}")
    mode = os.stat(path).st_mode
    if mode & (stat.S_ISUID | stat.S_ISGID):
        raise workspace.EnvironmentProblem(
            f"guard: {path} is set-user-ID or set-group-ID: the loader preloads nothing "
            "into such programs"
        )
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise workspace.EnvironmentProblem(
            f"guard: cannot read {path}: {error.strerror}"
        ) from error
    if head[:4] == b"\x7fELF" and not _is_dynamic(head):
        raise workspace.EnvironmentProblem(
            f"guard: {path} is linked statically, or not for 64 bits: nothing can be "
            "preloaded into it"
        )
    return path


def _is_dynamic(head):
    """Whether an ELF file names a loader."""
    if head[4] != _ELF_64 or int.from_bytes(head[16:18], "little") not in (
        _EXECUTABLE,
        _DYNAMIC,
    ):
        return False
    start = int.from_bytes(head[32:40], "little")
    size = int.from_bytes(head[54:56], "little")
    count = int.from_bytes(head[56:58], "little")
    kinds = (head[start + i * size :][:4] for i in range(count))
    return any(int.from_bytes(kind, "little") == _INTERPRETER for kind in kinds)


# The run


class Outcome:
    def __init__(self, argv, denied):
        self.argv = argv
        self.denied = denied
        self.report = guard_report.Report()
        self.symbols = symbols.Symbolizer()
        self.returncode = None

    def verdict(self):
        if self.report.bypasses:
            return workspace.VIOLATION
        if self.report.problems or not self.report.with_mapper():
            return workspace.USAGE
        return workspace.GOOD

    def ending(self):
        if self.returncode < 0:
            return f"the program was ended by {signal.Signals(-self.returncode).name}"
        return f"the program ended with exit code {self.returncode}"

    def last_line(self, code):
        report = self.report
        watched = len(report.with_mapper())
        where = f"{some(watched, 'process', 'es')} with a mapper"
        if code == workspace.VIOLATION:
            least = "at least " if report.problems else ""
            return (
                f"VIOLATION: {least}{some(report.total(), 'call')} from "
                f"{some(len(report.bypasses), 'place')} that reach what the mapper manages, "
                f"in {where}; {self.ending()}"
            )
        if code == workspace.GOOD:
            return f"GOOD: no call bypasses the mapper, in {where}; {self.ending()}"
        if watched:
            return f"NOT RUN: not all could be watched; {self.ending()}"
        why = "none made a call of a mapper" if report.processes else "none was preloaded"
        return (
            f"NOT RUN: nothing was watched: of {some(len(report.processes), 'process', 'es')} "
            f"{why} "
            f"(see guard/README.md); {self.ending()}"
        )

    def as_json(self, code):
        return {
            "command": "guard",
            "verdict": workspace.VERDICTS[code],
            "program": self.argv,
            "exit_code": self.returncode if self.returncode >= 0 else None,
            "signal": -self.returncode if self.returncode < 0 else None,
            "deny": self.denied,
            "calls": self.report.total(),
            "processes": [vars(process) for process in self.report.processes.values()],
            "problems": [{"process": p, "problem": text} for p, text in self.report.problems],
            "bypasses": [
                guard_report.as_json(bypass, self.symbols) for bypass in self.report.bypasses
            ],
        }

    def take(self, text):
        """Complete lines of the report; prints what is new."""
        fresh = []
        before = len(self.report.problems)
        for line in text.splitlines():
            try:
                bypass = self.report.add(line)
            except guard_report.BadRecord as problem:
                self.report.problems.append((0, str(problem)))
                continue
            if bypass:
                fresh.append(bypass)
        self.symbols.look_up([at for bypass in fresh for at in bypass.addresses()])
        for bypass in fresh:
            for line in guard_report.lines(bypass, self.symbols):
                say(line)
        for pid, problem in self.report.problems[before:]:
            say(f"guard: process {pid}: {problem}")


def environment(library, report, deny, limit):
    """Children inherit it, and are watched too."""
    if any(c in str(library) for c in " :"):
        raise workspace.EnvironmentProblem(
            f"guard: {library}: the loader takes blanks and colons in LD_PRELOAD apart"
        )
    env = dict(os.environ)
    others = env.get("LD_PRELOAD", "")
    env["LD_PRELOAD"] = f"{library}:{others}" if others else str(library)
    env["MMAPPER_GUARD_REPORT"] = str(report)
    env["MMAPPER_GUARD_LIMIT"] = str(limit)
    env.pop("MMAPPER_GUARD_DENY", None)
    if deny:
        env["MMAPPER_GUARD_DENY"] = "1"
    return env


def run(library, argv, deny=False, limit=1000, **popen):
    outcome = Outcome(argv, deny)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report"
        path.touch()
        path.chmod(0o666)  # also for a program that gives its rights away
        Path(folder).chmod(0o711)
        env = environment(library, path, deny, limit)
        with open(path, encoding="utf-8", errors="replace") as file:
            try:
                process = subprocess.Popen(argv, env=env, **popen)
            except OSError as error:
                raise workspace.EnvironmentProblem(
                    f"guard: cannot start {argv[0]}: {error.strerror}"
                ) from error
            follow(process, file, outcome)
    for bypass in outcome.report.bypasses:
        if bypass.times > 1:
            say(f"guard: #{bypass.number} {bypass.times} times in all")
    return outcome


def follow(process, file, outcome):
    """Reads on until the program has ended. An interrupt is the program's too: it ends by
    it, or goes on."""
    while outcome.returncode is None:
        try:
            outcome.returncode = process.wait(timeout=POLL_SECONDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
        # A line is written by one write: what is there is whole lines.
        outcome.take(file.read())
