# SPDX-License-Identifier: MIT
"""tools/harness test: bazel test //..., and what takes too long for that."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness_lib import bazel_results, display, mutants_command, targets, task, workspace

FUZZ_SECONDS = 5
# The checks of //tools look at sources and archives: a sanitizer changes nothing.
CONFIG_FILTER = "--test_tag_filters=-checks,-no-{config}"
# Under qemu the explorer takes a quarter of an hour: it is left to --arm64.
UNIT_TESTS = ["//:all", "//mmapper/...", "//spaces/...", "//fuzz/..."]


class Results:
    """What passed, step by step."""

    def __init__(self):
        self.steps = []  # (step, name, passed)

    def add(self, step, name, passed):
        self.steps.append((step, name, passed))

    def failed(self):
        return [f"{step}: {name}" for step, name, passed in self.steps if not passed]

    def last_line(self):
        failed = len(self.failed())
        return f"{len(self.steps) - failed} passed, {failed} failed"

    def as_json(self):
        return {
            "command": "test",
            "verdict": "violation" if self.failed() else "good",
            "passed": len(self.steps) - len(self.failed()),
            "failed": len(self.failed()),
            "tests": [
                {"step": step, "name": name, "passed": passed}
                for step, name, passed in self.steps
            ],
        }


def bazel_test(results, step, flags, patterns=("//...",)):
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.json"
        code = workspace.bazel(
            "test",
            "--keep_going",
            "--ui_event_filters=-info",
            f"--build_event_json_file={events}",
            *flags,
            "--",
            *patterns,
        ).returncode
        lines = events.read_text(encoding="utf-8").splitlines() if events.exists() else []
    tests = bazel_results.read(lines)
    for label, passed in sorted(tests.items()):
        results.add(step, label, passed)
    # 0: all passed; 3: a test failed. 1: something else than a test did not build.
    if code not in (0, 3) and all(tests.values()):
        results.add(step, f"bazel test {' '.join(patterns)} (exit code {code})", False)
    if code == 0 and not tests:
        results.add(step, "no test was found", False)


def in_config(results, config, patterns=("//...",)):
    # Only tests: what is filtered out then does not appear in the events either.
    kind = config.partition("_")[0]
    flags = [f"--config={config}", CONFIG_FILTER.format(config=kind)]
    flags.append("--build_tests_only")
    bazel_test(results, config, flags, patterns)


def tidy(results):
    """clang-tidy, one result for each file."""
    script = workspace.ROOT / "tools" / "check.py"
    command = [sys.executable, "-B", str(script), "tidy", "--each"]
    process = subprocess.Popen(
        command, cwd=workspace.ROOT, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    passed = []
    for line in process.stdout:
        word, _, name = line.rstrip().partition(" ")
        if word in ("ok", "not-ok"):
            passed.append(word == "ok")
            results.add("clang-tidy", name, passed[-1])
        else:
            print(line, end="", flush=True)
    code = process.wait()
    # Neither nothing at all nor a crash in between may look like success.
    if not passed or (code != 0) != (not all(passed)):
        results.add("clang-tidy", f"tools/check.py (exit code {code})", False)


def fuzz_binaries(results):
    """A few seconds of each libFuzzer binary: that it builds, is instrumented and finds
    nothing at once."""
    chosen = targets.fuzz_targets()
    if not chosen:
        return
    try:
        workspace.build([target.label for target in chosen])
    except workspace.EnvironmentProblem:
        for target in chosen:
            results.add("fuzz", target.label, False)
        return
    with tempfile.TemporaryDirectory() as folder:
        todo = [
            target.task(
                FUZZ_SECONDS,
                1,
                Path(folder) / f"{target.name}.log",
                Path(folder) / target.name,
            )
            for target in chosen
        ]

        def on_end(ended):
            outcome = ended.target.outcome(ended)
            good = outcome.violations == 0 and outcome.count > 0
            results.add("fuzz", ended.target.label, good)
            if not good:
                print(targets.telling_lines(ended.text()))
                print(f"reproduce: {outcome.reproduce}")

        task.run_all(todo, workspace.cores(), on_end)


def planted_bugs(results):
    """Each must be killed by the oracle or test that its patch names."""
    chosen, broken = mutants_command.selection(None)
    ended = broken + mutants_command.try_planted(chosen, workspace.cores())
    for result in ended:
        results.add("planted bugs", result.patch.name, result.good)


def steps_of(options):
    """(name, function) in the order in which they run."""
    if options.arm64:
        return [
            ("arm64", lambda results: in_config(results, "arm64")),
            ("arm64, 16 KiB", lambda results: in_config(results, "arm64_16k", UNIT_TESTS)),
            ("arm64, 64 KiB", lambda results: in_config(results, "arm64_64k", UNIT_TESTS)),
        ]
    if options.config:
        return [(options.config, lambda results: in_config(results, options.config))]
    steps = [("bazel test //...", lambda results: bazel_test(results, "test", []))]
    if not options.quick:
        steps += [
            ("clang-tidy", tidy),
            ("fuzz binaries", fuzz_binaries),
            ("planted bugs", planted_bugs),
            ("AddressSanitizer", lambda results: in_config(results, "asan")),
            ("ThreadSanitizer", lambda results: in_config(results, "tsan")),
            ("arm64", lambda results: in_config(results, "arm64", UNIT_TESTS)),
        ]
    return steps


def test(options):
    results = Results()
    for name, function in steps_of(options):
        print(f"== {name}", flush=True)
        start = time.monotonic()
        before = len(results.steps)
        function(results)
        count = len(results.steps) - before
        print(
            f"== {name}: {display.count(count)} results in "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
    for failure in results.failed():
        print(f"FAILED {failure}")
    workspace.write_json(options.json, results.as_json())
    print(results.last_line(), flush=True)
    return workspace.VIOLATION if results.failed() else workspace.GOOD
