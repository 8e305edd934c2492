# SPDX-License-Identifier: MIT
"""tools/harness mutants: patches, programs, objects, and what a run is taken for."""

import subprocess
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from checks import mutants as mutants_check
from harness_lib import workspace
from mutation import build, diff, graph, killing, planted, trial

HEADER = "# story: it breaks\n# oracle: O5 | O1\n# budget: 9\n"
DIFF = "--- a/mmapper/a.c\n+++ b/mmapper/a.c\n@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n"
TEXT = "one\ntwo\nthree\nfour\nfive\n"


class DiffTest(unittest.TestCase):
    def apply(self, text, patch=DIFF):
        (file,) = diff.parse(patch)
        return diff.apply(file, text)

    def test_applies(self):
        self.assertEqual(self.apply(TEXT), "one\ntwo\n3\nfour\nfive\n")

    def test_moved(self):
        self.assertEqual(self.apply("new\n" * 9 + TEXT), "new\n" * 9 + "one\ntwo\n3\nfour\nfive\n")

    def test_nearest_place(self):
        far = "two\nthree\nfour\n" + "x\n" * 9
        (file,) = diff.parse(DIFF.replace("@@ -2,", "@@ -14,"))
        self.assertEqual(diff.apply(file, far + TEXT), far + "one\ntwo\n3\nfour\nfive\n")

    def test_changed_context(self):
        self.assertEqual(self.apply("one\n2\nthree\nfour\n"), "one\n2\n3\nfour\n")

    def test_does_not_apply(self):
        for text in ("one\ntwo\nfour\n", None):
            with self.assertRaisesRegex(diff.DiffError, "mmapper/a.c"):
                self.apply(text)

    def test_hunks_in_order(self):
        second = DIFF + "@@ -5,1 +5,2 @@\n five\n+six\n"
        self.assertEqual(self.apply(TEXT, second), "one\ntwo\n3\nfour\nfive\nsix\n")

    def test_new_and_removed_files(self):
        (file,) = diff.parse("--- /dev/null\n+++ b/mmapper/n.h\n@@ -0,0 +1,1 @@\n+int n;\n")
        self.assertEqual((file.path, diff.apply(file, None)), ("mmapper/n.h", "int n;\n"))
        with self.assertRaises(diff.DiffError):
            diff.apply(file, "there\n")
        (file,) = diff.parse("--- a/mmapper/a.c\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-one\n")
        self.assertIsNone(diff.apply(file, "one\n"))

    def test_text_between_is_skipped(self):
        files = diff.parse("From: me\n\ndiff --git a/x b/x\nindex 1..2\n" + DIFF + "-- \n2.1\n")
        self.assertEqual([file.path for file in files], ["mmapper/a.c"])

    def test_no_diff(self):
        for text in ("", "words\n", "--- a/x\n+++ b/x\n", DIFF.removesuffix(" four\n")):
            with self.assertRaises(diff.DiffError):
                diff.parse(text)


class HeaderTest(unittest.TestCase):
    def read(self, header):
        patch = planted.read("name", header + DIFF)
        planted.check(patch)
        return patch

    def test_good(self):
        patch = self.read(HEADER + "# scenario: --scenario two --strategy dfs\n# a remark\n")
        self.assertEqual((patch.story, patch.oracles, patch.budget), ("it breaks", ("O5", "O1"), 9))
        self.assertEqual(patch.scenario, ("--scenario", "two", "--strategy", "dfs"))

    def test_only(self):
        patch = self.read("# story: it breaks\n# only: O9\n")
        self.assertEqual((patch.oracles, patch.only), (("O9",), "O9"))

    def test_test(self):
        patch = self.read("# story: it breaks\n# test: //mmapper:old_kernel_test\n")
        self.assertEqual(patch.test, "//mmapper:old_kernel_test")

    def test_bad(self):
        for header in (
            "",
            "# story: no oracle\n",
            "# oracle: O5\n",
            "# story: x\n# oracle: O11\n",
            "# story: x\n# orakel: O5\n",
            "# story: x\n# story: y\n# oracle: O5\n",
            "# story: x\n# oracle: O5\n# budget: soon\n",
            "# story: x\n# oracle: O5\n# test: //mmapper:a_test\n",
            "# story: x\n# oracle: O5|O6\n# only: O5\n",
            "# story: x\n# test: //mmapper:a_test\n# scenario: --faults 1\n",
        ):
            with self.assertRaises(planted.PatchError, msg=header):
                self.read(header)

    def test_of_the_product_only(self):
        patch = planted.read("name", HEADER + DIFF.replace("mmapper/", "mmapper_test/"))
        with self.assertRaisesRegex(planted.PatchError, "not of the product"):
            planted.check(patch)

    def test_from_outside(self):
        self.assertEqual(planted.read("name", DIFF).oracles, ())


class FolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file


class CheckTest(FolderTest):
    def test_good(self):
        self.write("stress/mutants/a.patch", HEADER + DIFF)
        self.write("mmapper/a.c", TEXT)
        self.assertEqual(mutants_check.check(self.root), [])

    def test_no_patch(self):
        self.assertEqual(len(mutants_check.check(self.root)), 1)

    def test_stale_patch(self):
        self.write("stress/mutants/a.patch", HEADER + DIFF)
        self.write("mmapper/a.c", "one\n")
        self.assertIn("does not apply any more", mutants_check.check(self.root)[0])

    def test_survivors(self):
        self.write("stress/mutants/a.patch", HEADER + DIFF)
        self.write("mmapper/a.c", TEXT + "int f(void)\n{\n    return 1;\n}\n")
        good = "mmapper/a.c:f:sign:1  equivalent: f is never called\n"
        self.write("stress/mutants/survivors.txt", "# which\n" + good)
        self.assertEqual(mutants_check.check(self.root), [])
        for bad in (good + good, "mmapper/a.c:g:sign:1 equivalent: x\n", "a b c\n", good[:21]):
            self.write("stress/mutants/survivors.txt", bad)
            self.assertEqual(len(mutants_check.check(self.root)), 1, bad)


class GraphTest(unittest.TestCase):
    QUERY = """<query version="2">
    <rule class="cc_test" name="//a:a_test"><list name="srcs"><label value="//a:a_test.c"/>
    </list><list name="linkopts"><string value="-Wl,--wrap=mmap"/></list><list name="deps">
    <label value="//a/b:b"/><label value="@rules_cc//:x"/></list></rule>
    <rule class="cc_library" name="//a/b:b"><list name="srcs"><label value="//a/b:b.c"/>
    <label value="//a/b:p.h"/></list><list name="hdrs"><label value="//a/b:b.h"/></list>
    <list name="copts"><string value="-std=c17"/><string value="-Werror"/>
    <string value="-DX"/></list><list name="deps"><label value="//a/b:b"/></list></rule>
    <rule class="sim_binary" name="//a:sim"><label name="binary" value="//a:a_test"/></rule>
    <rule class="genrule" name="//a:g"/></query>"""

    def test_program(self):
        program = graph.program(graph.parse(self.QUERY), "//a:a_test")
        self.assertEqual(program.sources, {"a/a_test.c": [], "a/b/b.c": ["-DX"]})
        self.assertEqual(program.headers, ["a/b/p.h", "a/b/b.h"])
        self.assertEqual(program.linkopts, ["-Wl,--wrap=mmap"])
        self.assertEqual((program.name, program.is_test), ("a_test", True))

    def test_behind_a_transition(self):
        program = graph.program(graph.parse(self.QUERY), "//a:sim")
        self.assertEqual(sorted(program.sources), ["a/a_test.c", "a/b/b.c"])
        self.assertEqual((program.name, program.is_test), ("sim", False))


class DependenciesTest(unittest.TestCase):
    def test_headers(self):
        text = "x.o: /w/base/m/a.c /w/over/m/b.h \\\n /w/base/m/c.h /usr/include/x.h\n"
        found = build.headers_of(text, [Path("/w/over"), Path("/w/base")])
        self.assertEqual(found, ["m/b.h", "m/c.h"])


@unittest.skipUnless(shutil.which(build.COMPILER), build.COMPILER)
class BuildTest(FolderTest):
    """Objects are made once, and again for everything that they depend on."""

    def setUp(self):
        super().setUp()
        self.write("base/m/a.h", "enum { A = 1 };\n")
        self.write("base/m/a.c", '#include "m/a.h"\nint a(void);\nint a(void) { return A; }\n')
        self.program = graph.Program("//m:a", {"m/a.c": []}, ["m/a.h"], [], [])

    def builder(self, flags=()):
        return build.Builder(self.root / "cache", self.root / "base", flags)

    def tree(self, name="m/a.h", text=None):
        tree = build.Tree(self.root / "base", self.root / "overlay")
        if text is not None:
            tree.write(name, text)
        return tree

    def compile(self, tree, builder=None):
        builder = builder or self.builder()
        return builder.object(tree, "m/a.c")[0], builder.compiled

    def test_kept(self):
        first, compiled = self.compile(self.tree())
        self.assertEqual(compiled, 1)
        self.assertEqual(self.compile(self.tree()), (first, 0))

    def test_keys(self):
        builder, tree = self.builder(), self.tree()
        first, _ = self.compile(tree, builder)
        changed, compiled = self.compile(self.tree(text="enum { A = 2 };\n"), builder)
        self.assertEqual(compiled, 2)
        self.assertNotEqual(first, changed)
        self.assertNotEqual(first.read_bytes(), changed.read_bytes())
        other, _ = self.compile(tree, self.builder(("-DX",)))
        self.assertNotEqual(first, other)
        self.assertEqual(self.compile(tree, self.builder()), (first, 0))

    def test_same_code(self):
        first, _ = self.compile(self.tree())
        same, compiled = self.compile(self.tree(text="enum { A = 3 - 2 };\n"))
        self.assertEqual(compiled, 1)
        self.assertEqual(first.read_bytes(), same.read_bytes())

    def test_compiler_refuses(self):
        with self.assertRaisesRegex(build.BuildError, "m/a.c:1"):
            self.compile(self.tree("m/a.c", "int a(void) { return b; }\n"))

    def test_link(self):
        self.write("base/m/a.c", "int main(void) { return 7; }\n")
        builder, tree = self.builder(), self.tree()
        objects = builder.objects(tree, self.program)
        binary = builder.link(objects, self.program, self.root / "bin" / "a")
        kill = killing.test(binary, self.program, 10)
        self.assertEqual((kill.by, kill.problem), ("//m:a", "ended with exit code 7"))


class RunTest(FolderTest):
    """What programs of all kinds of manners are taken for."""

    def program(self, text):
        path = self.write("program", "#!/bin/bash\n" + text)
        path.chmod(0o755)
        return path

    def explore(self, text, seconds=5):
        write = 'while [ "$1" != --json ]; do shift; done; report() { echo "$1" > "$json"; }; json=$2; '
        return killing.explore(self.program(write + text), ["--scenario", "all"], seconds)

    def test_arguments(self):
        self.assertEqual(
            killing.arguments((), 60),
            ["--scenario", "all", "--strategy", "portfolio", "--seconds", "60"],
        )
        own = ("--scenario", "a", "--strategy", "dfs", "--schedules", "9")
        self.assertEqual(killing.arguments(own, 60), list(own))

    def test_good(self):
        kill = self.explore("""report '{"verdict": "good", "schedules": 12}'""")
        self.assertEqual((kill.by, kill.runs), ("", 12))

    def test_violation(self):
        kill = self.explore(
            """report '{"verdict": "violation", "oracle": "O5", "scenario": "two",
            "schedules": 3, "problem": "an edge"}'; exit 1"""
        )
        self.assertEqual((kill.by, kill.scenario, kill.runs), ("O5", "two", 3))
        self.assertEqual(kill.problem, "an edge")

    def test_violation_without_json(self):
        kill = self.explore("echo 'VIOLATION O9 in scenario one: stuck: for ever'; exit 1")
        self.assertEqual((kill.by, kill.scenario, kill.problem), ("O9", "one", "stuck: for ever"))

    def test_crash(self):
        self.assertEqual(self.explore("kill -SEGV $$").by, killing.CRASH)

    def test_no_sense(self):
        for text in ("exit 1", "exit 2", """report '{"verdict": "violation"}'"""):
            with self.assertRaises(killing.RunError, msg=text):
                self.explore(text)

    def test_hang(self):
        ended = killing.run([str(self.program("sleep 100"))], 0.2)
        self.assertIsNone(ended.code)
        self.assertEqual(killing.read(ended, {}).by, killing.HANG)

    def test_unit_test(self):
        program = graph.Program("//m:a_test", {}, [], [], ["argument"])
        good = self.program('[ "$1" = argument ]')
        self.assertEqual(killing.test(good, program, 5).by, "")
        bad = self.program("echo a.c:1: wrong; exit 1")
        kill = killing.test(bad, program, 5)
        self.assertEqual((kill.by, kill.problem), ("//m:a_test", "ended with exit code 1: a.c:1: wrong"))
        self.assertIn("hangs", killing.test(self.program("sleep 100"), program, 0.2).problem)


class JudgeTest(unittest.TestCase):
    def judge(self, by, seconds=1.0):
        patch = planted.read("name", HEADER + DIFF)
        return trial.judge(patch, killing.Kill(by, "why", "", 1, seconds))

    def test_outcomes(self):
        self.assertEqual(self.judge("O5").outcome, trial.KILLED)
        self.assertEqual(self.judge("O1").outcome, trial.KILLED)
        self.assertEqual(self.judge("O2").outcome, trial.WRONG)
        self.assertEqual(self.judge(killing.CRASH).outcome, trial.WRONG)
        self.assertEqual(self.judge("").outcome, trial.SURVIVED)
        self.assertEqual(self.judge("O5", seconds=10).outcome, trial.WRONG)

    def test_verdict(self):
        self.assertEqual(self.judge("O5").verdict(), "killed by O5")
        self.assertIn("not by O5|O1", self.judge("O2").verdict())


class CommandTest(unittest.TestCase):
    def run_harness(self, *arguments):
        harness = Path(__file__).resolve().parent / "harness.py"
        return subprocess.run(
            [sys.executable, "-B", str(harness), "mutants", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_usage(self):
        for arguments in (
            ("--only", "no_such_bug"),
            ("--patch", "/nowhere.patch"),
            ("--patch", "x", "--operators"),
            ("--sample", "0"),
        ):
            result = self.run_harness(*arguments)
            self.assertEqual(result.returncode, workspace.USAGE, result.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
