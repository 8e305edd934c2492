# SPDX-License-Identifier: MIT
"""tools/harness explore, replay and minimize, on explorers that are shell scripts."""

import contextlib
import io
import json
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from harness_lib import command_line, explore_results, explorer, workspace

DATA = Path(__file__).resolve().parent / "testdata"
TRACE = DATA / "claim_race.trace.json"
SCHEDULE = DATA / "claim_race.schedule"

# Takes the arguments of the explorer apart, and keeps them.
ARGUMENTS = """#!/bin/bash
echo "$*" >> "$0.calls"
while [ $# -gt 0 ]; do
    case "$1" in
    --json=*) json=${1#--json=} ;;
    --save=*) save=${1#--save=} ;;
    --seed=*) seed=${1#--seed=} ;;
    --save) save=$2 ;;
    --trace) trace=$2 ;;
    esac
    shift
done
"""
REPORT = """echo '{"verdict": "%s", "schedules": 100, "seconds": 2, %s "scenarios": [
    {"name": "a", "threads": 2, "schedules": 60, "yields": 600, "seconds": 2,
     "exhausted": %s},
    {"name": "b", "threads": 3, "schedules": 40, "yields": 800, "seconds": 1,
     "exhausted": true}]}' > "$json"
"""
GOOD = REPORT % ("good", "", "false")
BAD = (
    REPORT % ("violation", '"oracle": "O5", "problem": "M -> U",', "false")
    + 'echo "mmapper-schedule 1" > "$save"\n'
    + 'echo "VIOLATION O5 in scenario a: M -> U"; exit 1\n'
)


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.binary = self.folder / "explore"
        for name, value in (
            ("BINARY", str(self.binary)),
            ("FOLDER", self.folder / "state"),
            ("build", lambda: None),
        ):
            patch = mock.patch.object(explorer, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def run_with(self, script, *arguments):
        """The exit code; what was said is in self.said and self.json."""
        self.binary.write_text(ARGUMENTS + script, encoding="utf-8")
        self.binary.chmod(0o755)
        out, json_file = io.StringIO(), self.folder / "out.json"
        argv = [*map(str, arguments), "--json", str(json_file)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                code = command_line.main(argv)
            except SystemExit as ended:
                code = ended.code
        self.said = out.getvalue()
        self.json = {}
        if json_file.exists():
            self.json = json.loads(json_file.read_text(encoding="utf-8"))
        return code

    def calls(self):
        lines = (self.folder / "explore.calls").read_text(encoding="utf-8").splitlines()
        return sorted(lines)


class ExploreTest(CommandTest):
    def test_adds_up(self):
        code = self.run_with(GOOD, "explore", "--seconds", 1, "--jobs", 2, "--seed", 7)
        self.assertEqual(code, workspace.GOOD, self.said)
        self.assertEqual((self.json["schedules"], self.json["yields"]), (200, 2800))
        self.assertEqual(self.json["schedules_per_second"], 100)
        self.assertFalse(self.json["exhausted"])
        a, b = self.json["scenarios"]
        self.assertEqual((a["schedules"], a["schedules_per_second"]), (120, 60))
        self.assertEqual((b["yields_per_second"], b["exhausted"]), (1600, True))
        self.assertRegex(self.said, r"(?m)^a +2 +120 +60 +600 +no$")
        self.assertRegex(self.said, r"(?m)^all +3 +200 +100 +1,400 +no$")
        line = "GOOD: no violation in 2 scenarios (200 schedules, portfolio, seeds 7-8)\n"
        self.assertTrue(self.said.endswith(line), self.said)

    def test_arguments(self):
        code = self.run_with(
            GOOD,
            *"explore --scenario x --strategy pct --depth 4 --preemptions 3 --stale 0".split(),
            *"--faults 1 --threads 3 --schedules 5 --jobs 2 --seed 0x10".split(),
        )
        self.assertEqual(code, workspace.GOOD, self.said)
        first, second = self.calls()
        common = "--scenario=x --strategy=pct --depth=4 --preemptions=3 --stale=0 "
        common += "--faults=1 --threads=3 "
        # The odd schedule goes to the first process.
        self.assertTrue(second.startswith(common + "--schedules=3 --seed=16 "), second)
        self.assertTrue(first.startswith(common + "--schedules=2 --seed=17 "), first)

    def test_no_more_processes_than_schedules(self):
        self.run_with(GOOD, "explore", "--schedules", 1, "--jobs", 8)
        self.assertEqual(len(self.calls()), 1)

    def test_exhaustive_search_is_one_process_without_a_limit(self):
        code = self.run_with(GOOD, "explore", "--strategy", "dfs")
        self.assertEqual(code, workspace.GOOD, self.said)
        (call,) = self.calls()
        self.assertNotIn("--seconds", call)
        self.assertIn("--seed=1 ", call)
        self.assertNotIn("all exhausted", self.said)
        self.run_with(GOOD.replace("false", "true"), "explore", "--strategy", "dfs")
        self.assertTrue(self.said.endswith("(100 schedules, dfs, seed 1, all exhausted)\n"))
        code = self.run_with(GOOD, "explore", "--strategy", "dfs", "--jobs", 2)
        self.assertEqual(code, workspace.USAGE)
        self.assertIn("--jobs", self.said)

    def test_violation(self):
        code = self.run_with(BAD, "explore", "--seconds", 1, "--jobs", 1, "--seed", 7)
        self.assertEqual(code, workspace.VIOLATION, self.said)
        file = self.folder / "state" / "all-portfolio-7.schedule"
        self.assertTrue(file.exists())
        self.assertIn("VIOLATION O5 in scenario a: M -> U\n", self.said)
        self.assertIn(f"tools/harness replay {file}\n", self.said)
        self.assertIn(f"tools/harness minimize {file}\n", self.said)
        self.assertEqual(self.json["verdict"], "violation")
        trouble = self.json["trouble"][0]
        self.assertEqual((trouble["oracle"], trouble["scenario"]), ("O5", "a"))
        self.assertEqual(trouble["saved"], str(file))

    def test_violation_stops_the_others(self):
        script = 'if [ "$seed" = 8 ]; then exec sleep 300; fi\n' + BAD
        code = self.run_with(script, "explore", "--seconds", 99, "--jobs", 2, "--seed", 7)
        self.assertEqual(code, workspace.VIOLATION, self.said)
        self.assertEqual([entry["seed"] for entry in self.json["trouble"]], [7])
        self.assertEqual(self.json["schedules"], 100)

    def test_interrupted(self):
        def interrupt(todo, lanes, on_end):
            for one in todo:
                one.start()
            while not all(one.poll() for one in todo[:1]):
                time.sleep(0.01)
            todo[1].stop()
            raise KeyboardInterrupt

        script = 'if [ "$seed" = 8 ]; then exec sleep 300; fi\n' + GOOD
        with mock.patch("harness_lib.task.run_all", interrupt):
            code = self.run_with(script, "explore", "--jobs", 2, "--seed", 7)
        self.assertEqual((code, self.json["schedules"]), (workspace.GOOD, 100), self.said)
        with mock.patch("harness_lib.task.run_all", interrupt):
            code = self.run_with("exit 0", "explore", "--jobs", 2, "--seed", 7)
        self.assertEqual(code, workspace.USAGE)

    def test_crash(self):
        code = self.run_with("kill -ABRT $$", "explore", "--jobs", 1, "--seed", 7)
        self.assertEqual(code, workspace.VIOLATION, self.said)
        self.assertIn("ended by signal 6", self.said)
        reproduce = f"{self.binary} --scenario=all --strategy=portfolio --seconds=60 --seed=7"
        self.assertIn(f"reproduce:  {reproduce}\n", self.said)

    def test_could_not_run(self):
        for script, words in (
            ("echo there is no scenario x; exit 2", "there is no scenario x"),
            ("exit 0", "explored nothing"),
            ('echo "{\\"scenarios\\": [3]}" > "$json"', "makes no sense"),
        ):
            code = self.run_with(script, "explore", "--jobs", 1)
            self.assertEqual(code, workspace.USAGE, self.said)
            self.assertIn(words, self.said)
            self.assertEqual(self.json["verdict"], "environment")

    def test_usage(self):
        for arguments in (
            "--seconds 0",
            "--schedules 0",
            "--seconds 1 --schedules 1",
            "--strategy none",
            "--preemptions -1",
            "--depth 0",
            "--seed -1",
            "--bogus",
        ):
            code = self.run_with(GOOD, "explore", *arguments.split())
            self.assertEqual(code, workspace.USAGE, arguments)
        self.assertFalse((self.folder / "explore.calls").exists())

    def test_list(self):
        code = self.run_with("echo a; echo b", "explore", "--list")
        self.assertEqual((code, self.said), (workspace.GOOD, "a\nb\n"))
        self.assertEqual(self.calls(), ["--list"])

    def test_seeds_continue(self):
        self.run_with(GOOD, "explore", "--jobs", 2)
        self.run_with(GOOD, "explore", "--jobs", 1)
        self.assertIn("seed 3", self.said)

    def test_sums_of_nothing(self):
        total = explore_results.sums([], [])
        self.assertEqual((total.schedules, total.exhausted), (0, False))


class ChoiceTest(unittest.TestCase):
    def test_explained(self):
        for kind, value, words in (
            ("t", 1, "before step 9 thread 1 takes over"),
            ("v", 2, "step 9 reads the value 2 older than the newest"),
            ("f", 3, "fault 3 at step 9"),
            ("z", 5, "stopped for good before step 9: thread 0 and thread 2"),
            ("q", 1, "at step 9"),
        ):
            self.assertEqual(explorer.Choice(9, kind, value).explained(), words)


class ReplayTest(CommandTest):
    FAILS = f'cp {TRACE} "$trace"; echo "VIOLATION O1 in scenario claim_race: x"; exit 1\n'

    def schedule(self, text):
        path = self.folder / "one.schedule"
        path.write_text(text, encoding="utf-8")
        return path

    def test_fails(self):
        code = self.run_with(self.FAILS, "replay", SCHEDULE)
        self.assertEqual(code, workspace.VIOLATION, self.said)
        self.assertIn("58✗", self.said)
        self.assertTrue(self.said.endswith(f"VIOLATION: {SCHEDULE} fails by O1\n"))
        self.assertNotIn("note:", self.said)
        self.assertNotIn("\033", self.said)
        self.assertEqual((self.json["oracle"], self.json["step"]), ("O1", 58))
        self.assertTrue(self.json["same_hash"])

    def test_fails_no_longer(self):
        trace = json.loads(TRACE.read_text(encoding="utf-8"))
        trace |= {"verdict": None, "hash": "0" * 16}
        good = self.folder / "good.json"
        good.write_text(json.dumps(trace), encoding="utf-8")
        code = self.run_with(f'cp {good} "$trace"', "replay", SCHEDULE)
        self.assertEqual(code, workspace.GOOD, self.said)
        self.assertIn("note: the run has the hash 0000000000000000", self.said)
        self.assertIn("note: the file expects O1, the run gives no violation", self.said)
        self.assertIn("GOOD: ", self.said)

    def test_page(self):
        page = self.folder / "out.html"
        code = self.run_with(self.FAILS, "replay", SCHEDULE, "--html", page)
        self.assertEqual(code, workspace.VIOLATION)
        self.assertIn("</html>", page.read_text(encoding="utf-8"))
        code = self.run_with(self.FAILS, "replay", SCHEDULE, "--html", self.folder)
        self.assertEqual(code, workspace.USAGE)
        self.assertIn("cannot write", self.said)

    def test_colour(self):
        self.run_with(self.FAILS, "replay", SCHEDULE, "--color", "always")
        self.assertIn("\033[", self.said)

    def test_bad_files(self):
        for text, words in (
            ("", ":1: not a schedule"),
            ("mmapper-schedule 2\n", ":1: not a schedule"),
            ("mmapper-schedule 1\nchoices 3:t1 4:X1\n", ":2: `4:X1` is not a choice"),
        ):
            code = self.run_with(self.FAILS, "replay", self.schedule(text))
            self.assertEqual(code, workspace.USAGE)
            self.assertIn(words, self.said)
        code = self.run_with(self.FAILS, "replay", self.folder / "missing")
        self.assertEqual(code, workspace.USAGE)
        self.assertIn("No such file", self.said)

    def test_bad_explorers(self):
        for script, words in (
            ("echo no such operation; exit 2", "no such operation"),
            ("kill -SEGV $$", "ended by signal 11"),
            ("exit 1", "cannot read the trace"),
            (f'cp {TRACE} "$trace"; exit 0', "disagree"),
            ('echo "{}" > "$trace"; exit 1', '"scenario" is missing'),
        ):
            code = self.run_with(script, "replay", SCHEDULE)
            self.assertEqual(code, workspace.USAGE, self.said)
            self.assertIn(words, self.said)

    def test_no_explorer(self):
        with mock.patch.object(explorer, "BINARY", str(self.folder / "none")):
            self.assertEqual(self.run_with("", "replay", SCHEDULE), workspace.USAGE)
        self.assertIn("cannot run", self.said)


class MinimizeTest(CommandTest):
    LESS = (
        "printf 'mmapper-schedule 1\\nprogram x\\nsetup heap quarantine 0 1\\nthread 0\\n"
        "heap ensure 0 1\\nthread 1\\nchoices 3:t1\\n' > \"$save\"\n"
    )

    def setUp(self):
        super().setUp()
        self.file = Path(shutil.copy(SCHEDULE, self.folder))

    def test_minimizes(self):
        code = self.run_with(self.LESS, "minimize", self.file)
        self.assertEqual(code, workspace.GOOD, self.said)
        output = self.folder / "claim_race.min.schedule"
        self.assertIn("1 of 8 choices and 2 of 5 operations remain\n", self.said)
        self.assertIn(f"tools/harness replay {output}\n", self.said)
        self.assertEqual(self.json["choices_after"], 1)
        self.assertEqual(self.calls(), [f"--minimize {self.file} --save {output}"])

    def test_output(self):
        output = self.folder / "small"
        code = self.run_with(self.LESS + "exit 1", "minimize", self.file, "--output", output)
        self.assertEqual(code, workspace.GOOD, self.said)
        self.assertTrue(output.exists())
        code = self.run_with("", "minimize", self.file, "--output", self.folder / "no/x")
        self.assertEqual(code, workspace.USAGE)
        self.assertIn("there is no folder", self.said)

    def test_does_not_fail(self):
        code = self.run_with("echo it does not fail; exit 2", "minimize", self.file)
        self.assertEqual(code, workspace.USAGE)
        self.assertIn("it does not fail", self.said)

    def test_wrote_nothing(self):
        (self.folder / "claim_race.min.schedule").write_text("old", encoding="utf-8")
        self.assertEqual(self.run_with("", "minimize", self.file), workspace.USAGE)
        self.assertIn("wrote no", self.said)


if __name__ == "__main__":
    sys.exit(unittest.main())
