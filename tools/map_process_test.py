# SPDX-License-Identifier: MIT
"""tools/harness map on processes: the demo of examples/address_space_demo, whose dump and
whose kernel's list have to agree, and do not once it has bypassed its mapper; and processes
that cannot be looked at."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness_lib import command_line, map_dump, map_kernel, map_layout, map_pages

TOOLS = Path(__file__).resolve().parent
DEMO = "examples/address_space_demo/address_space_demo"


def demo_binary():
    """Beside the tools in a test's files; in the workspace, as Bazel left it."""
    for folder in (Path.cwd().parent, TOOLS.parent / "bazel-bin"):
        if (folder / DEMO).exists():
            return str(folder / DEMO)
    raise unittest.SkipTest(f"bazel build //{DEMO.rsplit('/', 1)[0]}")


class ProcessTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.dump = self.folder / "dump"

    def start(self, *argv):
        """A process that has said a line, and ends with the test."""
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.assertTrue(process.stdout.readline(), "it ended at once")
        return process

    def demo(self, *options):
        return self.start(demo_binary(), *options, str(self.dump))

    def python(self, program):
        wait = "; import sys; print(flush=True); sys.stdin.read()"
        return self.start(sys.executable, "-c", program + wait)

    def map(self, *arguments, code=0):
        """What the command says, and its JSON."""
        found = self.folder / "json"
        found.unlink(missing_ok=True)
        out, err = io.StringIO(), io.StringIO()
        argv = ["map", f"--json={found}", *map(str, arguments)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            result = command_line.main(argv)
        self.assertEqual(result, code, out.getvalue() + err.getvalue())
        value = json.loads(found.read_text()) if found.exists() else None
        return (out if code < 2 else err).getvalue(), value

    def on_signal(self, process, *more, **options):
        return self.map(process.pid, "--signal", "USR2", "--dump", self.dump, *more, **options)

    def problem(self, *arguments):
        said, found = self.map(*arguments, code=2)
        self.assertEqual(found["verdict"], "environment")
        return said


class DemoTest(ProcessTest):
    def test_agrees_with_its_dump(self):
        process = self.demo()
        said, found = self.on_signal(process, "--smaps")
        self.assertIn("GOOD: table and kernel agree in ", said)
        self.assertEqual((found["pid"], found["program"]), (process.pid, "address_space_demo"))
        (dump,) = map_dump.read(self.dump)
        self.assertEqual(dump.process, process.pid)
        # Every run of the dump is there, piece by piece, with its state and owner.
        ranges = [one for one in found["ranges"] if "owner" in one]
        for run in dump.runs:
            inside = [
                one
                for one in ranges
                if run.start <= int(one["start"], 16) and int(one["end"], 16) <= run.end
            ]
            self.assertEqual(sum(one["bytes"] for one in inside), run.end - run.start)
            self.assertEqual({one["state"] for one in inside}, {run.state})
            owners = {found["owners"][one["owner"]]["name"] for one in inside}
            self.assertEqual(owners, {run.name})
        owners = {(one["kind"], one["name"]): one for one in found["owners"]}
        objects = owners["immortal", "objects"]
        self.assertEqual(objects["reserved_bytes"], 2 << 40)
        self.assertGreaterEqual(objects["resident_bytes"], 40 << 20)
        self.assertEqual(owners["misc", "compiler arena"]["mapped_bytes"], 0)
        # Its one page is in a mapping that it may share with the heap.
        self.assertEqual(owners["side-metadata", "marks"]["resident_bytes"], 4096)

    def test_the_kernel_is_all_there(self):
        """Each byte that the kernel lists is in one range, and no other."""
        process = self.demo()
        _, found = self.on_signal(process)
        mapped = sum(one.end - one.start for one in map_kernel.read_process(process.pid))
        shown = sum(one["bytes"] for one in found["ranges"] if "kernel" in one)
        self.assertEqual(shown, mapped)

    def test_bypassed(self):
        process = self.demo("--bypass")
        said, found = self.on_signal(process, code=1)
        kinds = [mark["kind"] for one in found["ranges"] for mark in one.get("marks", ())]
        self.assertEqual(sorted(kinds), ["accessible", "backing", "missing", "protection"])
        self.assertIn("VIOLATION: table and kernel disagree in 3 places, first at 0x", said)
        self.assertIn("! missing: the table says mapped, the kernel has nothing there", said)
        # Elsewhere nothing is wrong.
        said, _ = self.map(process.pid, "--dump", self.dump, "--zoom", "nodes")
        self.assertIn("GOOD: ", said)
        self.assertIn("note: the dump is ", said)

    def test_copies(self):
        process = self.demo()
        maps, picture, page = (self.folder / name for name in ("maps", "svg", "html"))
        self.on_signal(process, "--svg", picture, "--html", page)
        maps.write_bytes(Path(f"/proc/{process.pid}/smaps").read_bytes())
        for file in (picture, page):
            self.assertIn(f"process {process.pid} address_space_demo", file.read_text())
        said, found = self.map(self.dump, "--maps", maps)
        self.assertIn("GOOD: table and kernel agree", said)
        self.assertIsNotNone(found["owners"][0]["resident_bytes"])
        said, _ = self.map(self.dump)
        self.assertIn("note: without --maps the kernel's part is missing", said)
        self.assertIn("nothing compared", said)

    def test_again_and_again(self):
        """A dump that is there already is not taken for the new one."""
        process = self.demo()
        before = None
        for _ in range(3):
            self.on_signal(process)
            after = self.dump.stat().st_mtime_ns
            self.assertNotEqual(before, after)
            before = after

    def test_one_of_another_process(self):
        first = self.demo()
        self.on_signal(first)
        second = self.demo()
        said = self.problem(second.pid, "--dump", self.dump)
        self.assertIn(f"the dump is of process {first.pid}, not of {second.pid}", said)
        maps = self.folder / "maps"
        maps.write_bytes(Path("/proc/self/maps").read_bytes())
        said = self.problem(self.dump, "--maps", maps)
        self.assertIn("the dump is of another process", said)

    def test_cut_off(self):
        process = self.demo()
        self.on_signal(process)
        text = self.dump.read_text()
        self.dump.write_text(text[: len(text) // 2])
        said = self.problem(process.pid, "--dump", self.dump)
        self.assertRegex(said, r"dump:\d+: ")

    def test_by_names_alone(self):
        """What is known depends on the kernel, which may have no names: then it is said."""
        process = self.demo()
        listed = map_kernel.read_process(process.pid)
        if any(one.label() for one in listed):
            said, found = self.map(process.pid)
            self.assertIn("by the kernel's names; nothing compared", said)
            self.assertIn("heap", [one["name"] for one in found["owners"]])
        else:
            said = self.problem(process.pid)
            self.assertIn("no mapping has the name of a mapper's owner", said)
            self.assertIn("--dump FILE", said)


class NotOursTest(ProcessTest):
    def test_no_such_process(self):
        self.assertIn("there is no process 4194305", self.problem(4194305))
        said = self.problem(4194305, "--signal", "USR2", "--dump", self.dump)
        self.assertIn("there is no process 4194305", said)
        self.assertIn("cannot read nothing.dump: No such file", self.problem("nothing.dump"))

    def test_a_signal_that_would_end_it(self):
        process = self.python("pass")
        said = self.problem(process.pid, "--signal", "USR2", "--dump", self.dump)
        self.assertIn(f"process {process.pid} does not catch USR2", said)
        self.assertIsNone(process.poll())
        said = self.problem(process.pid, "--signal", "USR9", "--dump", self.dump)
        self.assertIn("there is no signal USR9", said)

    def test_no_dump_comes(self):
        process = self.python("import signal; signal.signal(12, lambda *_: None)")
        options = ["--signal", "SIGUSR2", "--dump", self.dump, "--wait", "0.3"]
        said = self.problem(process.pid, *options)
        self.assertIn("no whole dump within 0.3 s", said)
        self.assertIn("was not written", said)
        self.dump.write_text("mmapper-dump 1\n")
        self.assertIn("was not written", self.problem(process.pid, *options))

    def test_a_cut_dump_comes(self):
        write = f"lambda *_: open({str(self.dump)!r}, 'w').write('mmapper-dump 1\\n')"
        process = self.python(f"import signal; signal.signal(12, {write})")
        said = self.problem(process.pid, "--signal", "12", "--dump", self.dump, "--wait", "0.3")
        self.assertIn("no whole dump within 0.3 s", said)
        self.assertIn("dump:1: the dump is cut off here", said)

    def test_another_users(self):
        if os.geteuid() == 0:
            self.skipTest("root may look at all")
        self.assertIn("may not be looked at", self.problem(1))

    def test_usage(self):
        process = self.python("pass")
        for arguments, words in (
            ([process.pid, "--signal", "USR2"], "--signal needs --dump FILE"),
            ([process.pid, "--maps", "x"], "--maps is for a dump"),
            ([self.dump, "--smaps"], "--smaps is for a process"),
            ([self.dump, "--dump", "x"], "--dump is for a process"),
        ):
            self.assertIn(words, self.problem(*arguments))


class PagesTest(unittest.TestCase):
    def test_as_smaps(self):
        """Where nobody shares a mapping, both ways to count agree."""
        with map_pages.Pages(os.getpid()) as pages:
            stack = [one for one in map_kernel.read_process("self", True) if one.name == "[stack]"]
            counted = pages.count(stack[0].start, stack[0].end)
        if counted is None:
            self.skipTest("the kernel has no PAGEMAP_SCAN (Linux 6.7)")
        self.assertAlmostEqual(counted[0], stack[0].resident, delta=64 << 10)

    def test_nobody(self):
        with map_pages.Pages(4194305) as pages:
            self.assertIsNone(pages.count(0, 4096))
        self.assertEqual(map_layout.human(None), "?")


if __name__ == "__main__":
    unittest.main()
