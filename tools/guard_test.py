# SPDX-License-Identifier: MIT
"""tools/harness guard: its demonstrations under its library, and what it makes of them."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness_lib import guard_command, guard_report, memory_calls, symbols, workspace

# Tests run in the folder of this file, in the sources or in the runfiles.
TOP = Path("..").resolve()
GUARD = TOP / "guard"
LIBRARY = GUARD / "libmmapper_guard.so"
# Of each kind of bypass_demo: the call that is reported, and what it does.
KINDS = {
    "mmap": ("mmap", "replaces"),
    "mmap64": ("mmap", "replaces"),
    "munmap": ("munmap", "unmaps"),
    "munmap-partly": ("munmap", "unmaps"),
    "mremap-from": ("mremap", "moves"),
    "mremap-onto": ("mremap", "replaces"),
    "mremap-shrinking": ("mremap", "unmaps"),
    "mprotect": ("mprotect", "protects"),
    "pkey_mprotect": ("pkey_mprotect", "protects"),
    "madvise-dontneed": ("madvise", "discards"),
    "madvise-dontfork": ("madvise", "changes"),
    "process_madvise": ("process_madvise", "discards"),
    "remap_file_pages": ("remap_file_pages", "replaces"),
    "shmat": ("shmat", "replaces"),
    "brk": ("brk", "unmaps"),
    "sbrk": ("brk", "unmaps"),
    "syscall-mmap": ("mmap", "replaces"),
    "syscall-munmap": ("munmap", "unmaps"),
    "syscall-mremap": ("mremap", "replaces"),
    "syscall-mprotect": ("mprotect", "protects"),
    "syscall-madvise": ("madvise", "discards"),
    "syscall-mseal": ("mseal", "seals"),
    "syscall-brk": ("brk", "unmaps"),
    "table": ("mprotect", "protects"),
    "signal-handler": ("munmap", "unmaps"),
    "thread": ("munmap", "unmaps"),
    "instruction": ("mmap", "lands in"),
}


def run(*argv, deny=False, limit=1000, code=0):
    """The outcome, what the program printed, and what the guard said."""
    said = io.StringIO()
    with tempfile.TemporaryFile("w+") as output, contextlib.redirect_stderr(said):
        outcome = guard_command.run(LIBRARY, [str(w) for w in argv], deny, limit, stdout=output)
        output.seek(0)
        printed = output.read()
    if outcome.returncode != code:
        raise AssertionError(f"{argv} ended with {outcome.returncode}: {printed}")
    return outcome, printed, said.getvalue()


def told(outcome):
    """{owner: (call, what it does)}."""
    found = {}
    for bypass in outcome.report.bypasses:
        hit = bypass.record["hits"][0]
        name = "table" if hit["table"] else hit["name"].rpartition(":")[2]
        found[name] = (bypass.record["call"], hit["how"])
    return found


class BypassTest(unittest.TestCase):
    def test_every_kind_is_told(self):
        outcome, printed, _ = run(GUARD / "bypass_demo")
        self.assertEqual(told(outcome), KINDS)
        self.assertEqual(outcome.verdict(), workspace.VIOLATION)
        self.assertIn("munmap went through, memory changed", printed)
        self.assertEqual(len(outcome.report.bypasses), len(KINDS))

    def test_every_kind_is_refused(self):
        outcome, printed, _ = run(GUARD / "bypass_demo", deny=True)
        self.assertEqual(told(outcome), KINDS)
        for kind in KINDS:
            if kind != "instruction":  # the guard does not see what it does
                self.assertIn(f"{kind} refused, memory intact\n", printed)

    def test_whole_program_optimization(self):
        outcome, _, _ = run(GUARD / "bypass_demo_inlined", "munmap", "mprotect")
        self.assertEqual(set(told(outcome)), {"munmap", "mprotect"})
        self.assertEqual(run(GUARD / "quiet_demo_inlined")[0].verdict(), workspace.GOOD)

    def test_stripped(self):
        with tempfile.TemporaryDirectory() as folder:
            for demo in ("bypass_demo", "quiet_demo"):
                shutil.copy(GUARD / demo, folder)
                subprocess.run(["strip", "-s", f"{folder}/{demo}"], check=True)
            self.assertEqual(set(told(run(f"{folder}/bypass_demo", "shmat")[0])), {"shmat"})
            self.assertEqual(run(f"{folder}/quiet_demo")[0].verdict(), workspace.GOOD)

    def test_words(self):
        _, _, said = run(GUARD / "bypass_demo", "thread", "munmap-partly")
        self.assertRegex(said, r"guard: #1 munmap\(0x\w+, 8192\): it is let through\n")
        self.assertRegex(
            said,
            r"    unmaps 0x\w+-0x\w+ \(8 KiB\), of which 0x\w+-0x\w+ \(4 KiB\) is "
            r'reserved for space "munmap-partly"\n',
        )
        self.assertRegex(said, r'thread \d+ "intruder" of process \d+, /\S+bypass_demo\n')
        if symbols.Symbolizer().program:
            self.assertRegex(
                said, r"at by_munmap_partly guard/bypass_kinds.c:\d+  \(bypass_demo\+0x"
            )
            self.assertRegex(said, r"   intrude guard/bypass_kinds.c:\d+  \(bypass_demo")
            self.assertIn("(inlined)", said)

    def test_limit(self):
        outcome, _, said = run(GUARD / "bypass_demo", limit=2)
        self.assertEqual(outcome.report.total(), 2)
        self.assertIn("the limit of reports is reached", said)
        self.assertIn("at least 2 calls", outcome.last_line(outcome.verdict()))

    def test_children(self):
        """What a program starts is watched too, and told apart."""
        script = f"{GUARD}/bypass_demo munmap; {GUARD}/bypass_demo munmap"
        outcome, _, said = run("/bin/bash", "-c", script)
        self.assertEqual(len(outcome.report.with_mapper()), 2)
        self.assertEqual(outcome.report.total(), 2)
        self.assertEqual(len(outcome.report.bypasses), 1)
        self.assertIn("guard: #1 2 times in all", said)


class QuietTest(unittest.TestCase):
    def quiet(self, *argv):
        outcome, _, said = run(*argv)
        self.assertEqual(said, "")
        self.assertEqual(outcome.verdict(), workspace.GOOD)
        self.assertTrue(outcome.report.with_mapper())
        self.assertRegex(outcome.last_line(workspace.GOOD), "^GOOD: no call bypasses")

    def test_demonstration(self):
        self.quiet(GUARD / "quiet_demo")

    def test_program_of_the_readme(self):
        self.quiet(TOP / "readme_test")

    def test_stress(self):
        for name in ("mapping", "mixed"):
            self.quiet(TOP / "stress" / name, "--seconds=1", "--threads=3")

    def test_other_allocators(self):
        """They map before any constructor runs, inside the first malloc."""
        self.addCleanup(os.environ.pop, "LD_PRELOAD", None)
        for pattern in ("libjemalloc.so.2", "libmimalloc.so.2.0"):
            found = sorted(Path("/usr/lib").glob(f"*/{pattern}"))
            self.assertTrue(found, f"{pattern} is not installed: tools/packages.txt")
            os.environ["LD_PRELOAD"] = str(found[0])
            self.quiet(GUARD / "quiet_demo")


    def test_examples(self):
        examples = TOP / "examples"
        self.quiet(examples / "lua" / "mmlua", examples / "lua" / "programs" / "json.lua")
        self.quiet(examples / "collector" / "gcbench", "lists")
        self.quiet(examples / "jemalloc" / "arenas_churn", "--seconds=1")
        self.quiet(examples / "mimalloc" / "arena_churn", "--seconds=1")


class SignalTest(unittest.TestCase):
    SCRIPT = """
import mmap
flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
for _ in range(500):
    mmap.mmap(-1, 4 << 20, flags=flags).close()
"""

    def test_signals_wait_for_a_call(self):
        """A handler must not run while the guard is at work: seen from outside, the program
        is now and then in a call with all signals blocked."""
        with tempfile.NamedTemporaryFile() as report:
            env = guard_command.environment(LIBRARY, report.name, False, 1)
            process = subprocess.Popen([sys.executable, "-c", self.SCRIPT], env=env)
            seen = False
            while not seen and process.poll() is None:
                with contextlib.suppress(OSError):
                    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
                    blocked = re.search(r"^SigBlk:\s*([0-9a-f]+)", status, re.MULTILINE)
                    seen = int(blocked[1], 16) >> (signal.SIGUSR1 - 1) & 1 == 1
            process.kill()
            process.wait()
        self.assertTrue(seen)


class NothingWatchedTest(unittest.TestCase):
    def test_no_mapper(self):
        outcome, _, _ = run("/bin/true")
        self.assertEqual(outcome.verdict(), workspace.USAGE)
        line = outcome.last_line(workspace.USAGE)
        self.assertIn("nothing was watched: of 1 process none made a call of a mapper", line)

    def test_ending(self):
        outcome, _, _ = run("/bin/bash", "-c", "exit 7", code=7)
        self.assertIn("exit code 7", outcome.last_line(workspace.USAGE))
        outcome, _, _ = run("/bin/bash", "-c", "kill -9 $$", code=-9)
        self.assertIn("ended by SIGKILL", outcome.last_line(workspace.USAGE))
        self.assertEqual(outcome.as_json(workspace.USAGE)["signal"], 9)

    def problem(self, function, *arguments):
        with self.assertRaises(workspace.EnvironmentProblem) as caught:
            function(*arguments)
        return str(caught.exception)

    def test_programs_that_cannot_be_watched(self):
        find = guard_command.find
        self.assertIn("no program", self.problem(find, "/nonexistent"))
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program")
            program.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + bytes(100))
            program.chmod(0o755)
            self.assertIn("linked statically", self.problem(find, str(program)))
            program.write_text("#!/bin/sh\n", encoding="utf-8")
            self.assertEqual(find(str(program)), str(program))
            program.chmod(0o4755)
            self.assertIn("set-user-ID", self.problem(find, str(program)))
        self.assertEqual(find("true"), shutil.which("true"))

    def test_library_with_a_blank(self):
        environment = guard_command.environment
        self.assertIn("blanks", self.problem(environment, "/a b/x.so", "r", False, 1))

    def test_arguments(self):
        split = guard_command.split
        self.assertEqual(
            split(["guard", "--deny", "--", "prog", "--", "--deny"]),
            (["guard", "--deny"], ["prog", "--", "--deny"]),
        )
        self.assertEqual(split(["guard", "--deny"]), (["guard", "--deny"], []))
        self.assertEqual(split(["test", "--", "x"]), (["test", "--", "x"], []))


class ReportTest(unittest.TestCase):
    def test_bad_lines(self):
        for line in ("", "{", "[]", '{"event": "bypass"}', '{"event": "add"}', '{"event": 1}'):
            with self.assertRaises(guard_report.BadRecord, msg=line):
                guard_report.Report().add(line)

    def test_owner(self):
        def owner(name, table=False):
            return guard_report.owner({"name": name, "table": table})

        self.assertEqual(owner("mmapper:space:heap"), 'reserved for space "heap"')
        self.assertEqual(owner("vm:image:a:b"), 'reserved for image "a:b" of vm')
        self.assertEqual(owner("odd"), 'reserved for "odd" of odd')
        self.assertEqual(owner(""), "a reservation without a name")
        self.assertEqual(owner("", table=True), "the mapper's own table")

    def test_calls(self):
        text = memory_calls.text_of
        self.assertEqual(
            text("mmap", [0x1000, 4096, 3, 0x32, 2**64 - 1, 0]),
            "mmap(0x1000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, "
            "-1, 0x0)",
        )
        self.assertEqual(text("mprotect", [0, 1, 0, 9, 9, 9]), "mprotect(NULL, 1, PROT_NONE)")
        self.assertEqual(
            text("mremap", [0x1000, 1, 2, 1, 7, 0]), "mremap(0x1000, 1, 2, MREMAP_MAYMOVE)"
        )
        self.assertEqual(text("madvise", [0x1000, 1, 999]), "madvise(0x1000, 1, 999)")
        self.assertEqual(memory_calls.flags(0x80000002, memory_calls.MAP_FLAGS),
                         "MAP_PRIVATE|0x80000000")


if __name__ == "__main__":
    sys.exit(unittest.main())
