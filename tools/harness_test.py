# SPDX-License-Identifier: MIT
"""tools/harness: what it reads from the programs it runs, and its exit codes."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from harness_lib import (
    bazel_results,
    display,
    fuzz_command,
    night,
    run_command,
    summary,
    targets,
    task,
    workspace,
)

HARNESS = Path(__file__).resolve().parent / "harness"


def outcome(**more):
    values = {
        "target": "t",
        "kind": "stress",
        "unit": "operations",
        "count": 1000,
        "seconds": 2.0,
        "violations": 0,
    }
    return targets.Outcome(**{**values, **more})


class FolderTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, text):
        """A target that is a shell script."""
        path = self.folder / "program"
        path.write_text("#!/bin/bash\n" + text, encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def run_task(self, one):
        ended = []
        task.run_all([one], 1, ended.append)
        self.assertEqual(ended, [one])


class StressTargetTest(FolderTest):
    def outcome_of(self, text, seconds=5, **more):
        target = targets.StressTarget("mapping")
        target.binary = self.program(text)
        one = target.task(seconds, 7, self.folder / "log")
        for name, value in more.items():
            setattr(one, name, value)
        self.run_task(one)
        return target.outcome(one)

    WRITE = (
        'for a in "$@"; do case $a in --json=*) echo \'{"operations": 500, "seconds": 2,'
        ' "violations": %d}\' > ${a#--json=};; esac; done; '
    )

    def test_good(self):
        result = self.outcome_of(self.WRITE % 0 + "exit 0")
        self.assertEqual((result.count, result.rate, result.violations), (500, 250, 0))
        self.assertEqual(summary.verdict([result]), workspace.GOOD)

    def test_violation(self):
        result = self.outcome_of(self.WRITE % 2 + "exit 1")
        self.assertEqual(result.violations, 2)
        self.assertIn("--seed=7", result.reproduce)
        self.assertNotIn("--json", result.reproduce)
        self.assertEqual(summary.verdict([result]), workspace.VIOLATION)

    def test_violations_win_over_the_exit_code(self):
        result = self.outcome_of(self.WRITE % 1 + "exit 0")
        self.assertEqual(result.violations, 1)

    def test_crash(self):
        result = self.outcome_of("kill -SEGV $$")
        self.assertEqual((result.violations, result.problem), (1, "ended by signal 11"))

    def test_usage(self):
        result = self.outcome_of("echo no such flag; exit 2")
        self.assertTrue(result.environment)
        self.assertEqual(result.problem, "no such flag")
        self.assertEqual(summary.verdict([result]), workspace.USAGE)

    def test_silent(self):
        self.assertTrue(self.outcome_of("exit 0").environment)

    def test_hangs(self):
        start = time.monotonic()
        result = self.outcome_of("sleep 100", seconds=0.1, grace=0.3)
        self.assertLess(time.monotonic() - start, 50)
        self.assertEqual(result.violations, 1)
        self.assertIn("did not end", result.problem)


class FuzzTargetTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.target = targets.FuzzTarget("demo_fuzz")
        self.target.crashes = self.folder / "crashes"

    def outcome_of(self, text):
        self.target.binary = self.program(text)
        log, corpus = self.folder / "log", self.folder / "corpus"
        one = self.target.task(5, 2**32 - 1, log, corpus)
        self.assertIn("-seed=1", one.argv)
        self.run_task(one)
        return self.target.outcome(one)

    def test_good(self):
        result = self.outcome_of("echo 'stat::number_of_executed_units: 1234'")
        self.assertEqual((result.count, result.violations), (1234, 0))

    def test_crash(self):
        result = self.outcome_of(
            "printf '#512\\tpulse\\n#1024\\tNEW\\n';"
            "echo \"artifact_prefix='x'; Test unit written to x/crash-1\"; exit 77"
        )
        self.assertEqual((result.count, result.violations), (1024, 1))
        self.assertEqual(result.crash, "x/crash-1")
        self.assertTrue(result.reproduce.endswith("/program x/crash-1"))

    def test_kept_crashes(self):
        self.target.crashes.mkdir()
        (self.target.crashes / "crash-1").write_text("bad", encoding="utf-8")
        (self.target.crashes / "crash-2").write_text("good", encoding="utf-8")
        self.target.binary = self.program('! grep -q bad "${@: -1}"')
        found = fuzz_command.replay_kept(self.target)
        self.assertEqual([Path(one.crash).name for one in found], ["crash-1"])
        self.assertIn("--replay", found[0].reproduce)


    def test_crashing_units_leave_the_corpus(self):
        self.target.corpus = self.folder / "corpus"
        for name in ("corpus/0a1b", "corpus/2c3d", "crashes/crash-0a1b"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text("unit", encoding="utf-8")
        fuzz_command.drop_crashing(self.target)
        self.assertEqual([file.name for file in self.target.corpus.iterdir()], ["2c3d"])


class SmallPartsTest(FolderTest):
    def test_share(self):
        # 9 targets, 2 at once: 5 rounds.
        self.assertEqual(run_command.share(120, 9, 2), 24)
        self.assertEqual(run_command.share(120, 1, 1), 120)

    def test_lanes(self):
        running = []
        most = 0

        def tasks():
            nonlocal most
            for number in range(5):
                log = self.folder / f"{number}.log"
                running.append(task.Task(str(number), ["sleep", "0.2"], log, 5))
                yield running[-1]
                alive = [one for one in running if one.process.poll() is None]
                most = max(most, len(alive))

        task.run_all(tasks(), 2, lambda ended: None)
        self.assertEqual(len(running), 5)
        self.assertLessEqual(most, 2)

    def test_seeds_continue(self):
        seeds = night.Seeds(self.folder, None)
        self.assertEqual([seeds.take(), seeds.take()], [1, 2])
        self.assertEqual(night.Seeds(self.folder, None).take(), 3)
        self.assertEqual(night.Seeds(self.folder, 40).take(), 40)

    def test_bazel_results(self):
        def event(kind, label, **payload):
            return json.dumps({"id": {kind: {"label": label}}, **payload})

        lines = [
            event("targetConfigured", "//a:t1", configured={"testSize": "SMALL"}),
            event("targetConfigured", "//a:t2", configured={"testSize": "SMALL"}),
            event("targetConfigured", "//a:unbuilt", configured={"testSize": "SMALL"}),
            event("targetConfigured", "//a:lib", configured={}),
            event("testSummary", "//a:t1", testSummary={"overallStatus": "PASSED"}),
            event("testSummary", "//a:t2", testSummary={"overallStatus": "TIMEOUT"}),
            '{"cut',
        ]
        expected = {"//a:t1": True, "//a:t2": False, "//a:unbuilt": False}
        self.assertEqual(bazel_results.read(lines), expected)

    def test_table(self):
        text = display.table(["a", "b"], [["long name", 1], ["x", 12345]])
        expected = "a              b\n----------------\nlong name      1\nx          12345"
        self.assertEqual(text, expected)

    def test_status_lines_in_a_log(self):
        out = io.StringIO()
        lines = display.StatusLines(out)
        lines.last -= display.LOG_SECONDS
        lines.show(["one", "two"])
        lines.show(["three"])
        self.assertEqual(out.getvalue(), "one\ntwo\n")

    def test_verdict_line(self):
        good = summary.verdict_line([outcome()], 1)
        self.assertEqual(good, "GOOD: no violation in t (1,000 operations, seed 1)")
        bad = [outcome(), outcome(target="u", violations=3)]
        self.assertIn("VIOLATION: in u", summary.verdict_line(bad, 1))
        self.assertEqual(summary.verdict([]), workspace.USAGE)

    def test_telling_lines(self):
        text = "a\n" * 50 + "==1==ERROR: AddressSanitizer: bad\nframe\n" + "b\n" * 50
        self.assertTrue(targets.telling_lines(text).startswith("==1==ERROR"))


class ScriptTest(FolderTest):
    """The shell script, on systems that are described by files."""

    def run_harness(self, *arguments, **env):
        return subprocess.run(
            [str(HARNESS), *arguments],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_help(self):
        result = self.run_harness("--help")
        self.assertEqual(result.returncode, 0)
        for command in (
            "run test fuzz stress explore replay minimize install setup".split()
        ):
            self.assertIn(command, result.stdout)
            result_of_command = self.run_harness(command, "--help")
            self.assertEqual(result_of_command.returncode, 0)
            self.assertIn("--json", result_of_command.stdout)
            self.assertIn("exit codes", result_of_command.stdout)

    def test_usage(self):
        nothing_needed = self.write("packages", "")
        for arguments in ([], ["bogus"], ["run", "--bogus"], ["run", "--seconds", "0"]):
            result = self.run_harness(*arguments, HARNESS_PACKAGES=nothing_needed)
            self.assertEqual(result.returncode, 2, arguments)

    def test_other_distribution(self):
        result = self.run_harness(
            "setup",
            "--json",
            str(self.folder / "json"),
            HARNESS_PACKAGES=self.write("packages", "# c\nno-such-package no-such-command\n"),
            HARNESS_OS_RELEASE=self.write("os-release", "ID=other\nVERSION_ID=12\n"),
        )
        self.assertEqual(result.returncode, 2)
        self.assertIn("missing: no-such-package", result.stderr)
        value = json.loads((self.folder / "json").read_text(encoding="utf-8"))
        self.assertEqual(value["verdict"], "environment")

    def install(self, *, user, commands, os_release="ID=debian\nVERSION_ID=12\n"):
        """Runs `setup` where one package is missing and the commands are stand-ins."""
        tools = self.folder / "bin"
        tools.mkdir()
        for name, text in {"id": f"echo {user}", **commands}.items():
            path = tools / name
            path.write_text("#!/bin/bash\n" + text + "\n", encoding="utf-8")
            path.chmod(0o755)
        for name in ("bash", "cat", "dirname", "env", "mktemp", "readlink", "rm", "tail"):
            (tools / name).symlink_to(f"/usr/bin/{name}")
        return self.run_harness(
            "setup",
            PATH=str(tools),
            PROBE=str(self.folder / "probe"),
            HARNESS_PACKAGES=self.write("packages", f"a-package {self.folder}/probe\n"),
            HARNESS_OS_RELEASE=self.write("os-release", os_release),
        )

    def test_installs_as_root(self):
        apt = 'echo "$*" >> "$PROBE.log"; case "$*" in *install*) : > "$PROBE";; esac'
        result = self.install(user=0, commands={"apt-get": apt})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("installing Debian packages: a-package", result.stderr)
        self.assertIn("installed: a-package", result.stdout)
        log = (self.folder / "probe.log").read_text(encoding="utf-8").splitlines()
        self.assertTrue(log[0].endswith("update"))
        self.assertTrue(log[1].endswith("install -y --no-install-recommends a-package"))

    def test_installs_with_sudo(self):
        apt = 'case "$*" in *install*) : > "$PROBE";; esac'
        sudo = 'echo "$1" > "$PROBE.sudo"; exec "$@"'
        result = self.install(user=1000, commands={"apt-get": apt, "sudo": sudo})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.folder / "probe.sudo").exists())

    def test_neither_root_nor_sudo(self):
        result = self.install(user=1000, commands={})
        self.assertEqual(result.returncode, 2)
        self.assertIn("missing: a-package; neither root nor sudo", result.stderr)

    def test_installation_fails(self):
        apt = 'echo "no such package"; exit 100'
        result = self.install(user=0, commands={"apt-get": apt})
        self.assertEqual(result.returncode, 2)
        self.assertIn("no such package", result.stderr)
        self.assertIn("could not install a-package", result.stderr)

    def test_installed_but_not_there(self):
        result = self.install(user=0, commands={"apt-get": "exit 0"})
        self.assertEqual(result.returncode, 2)
        self.assertIn("still missing", result.stderr)

    def test_nothing_missing(self):
        result = self.run_harness(
            "setup",
            HARNESS_PACKAGES=self.write("packages", "shell bash\nfile /bin/ba*\n"),
            HARNESS_OS_RELEASE=self.write("os-release", "ID=other\n"),
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("all is there", result.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
