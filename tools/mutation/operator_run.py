# SPDX-License-Identifier: MIT
"""tools/harness mutants --operators: every mutant through the explorer, and what it lets
live through the unit tests."""

import fnmatch
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from checks import sources
from harness_lib import display, workspace
from mutation import build, killing, operators, planted, score, survivors
from mutation.workshop import UNIT_TESTS, Workshop

ATOMIC = "mmapper/atomic.h"  # the operations themselves: the simulation has others
SURVIVORS = planted.FOLDER / "survivors.txt"
TEST_SECONDS = 5  # at least; and so many times what the unchanged one takes:
TEST_FACTOR = 10
SETUP = "SETUP"  # the explorer could not even make its worlds


def find_mutants(root, pattern):
    """All mutants of the production sources that the pattern names."""
    found = sources.find_c(root, "mmapper", "spaces")
    texts = {source.path: source.text for source in found if not source.is_test}
    orders = operators.orders_of(texts[ATOMIC])
    made = []
    for path, text in texts.items():
        if path != ATOMIC and fnmatch.fnmatch(path, pattern or "*"):
            made += operators.mutants(path, text, orders)
    return made


def sample(mutants, count, seed):
    """So many of them, the same for the same seed, in their order."""
    if count is None or count >= len(mutants):
        return mutants
    chosen = random.Random(seed).sample(range(len(mutants)), count)
    return [mutants[index] for index in sorted(chosen)]


class Trials:
    """Runs mutants against the programs of a workshop."""

    def __init__(self, workshop, options):
        self.workshop = workshop
        self.options = options
        self.explorer = None if options.stage == "tests" else workshop.explorer
        self.tests = [] if options.stage == "explorer" else workshop.tests
        self.limits = {}
        self.kills = Counter()  # (path, label): how many mutants of a file a test killed

    def prepare(self):
        """Builds and runs everything unchanged; fast tests come first from now on."""
        if self.explorer is not None:
            binary = self.workshop.base_binary(self.explorer)
            kill = killing.explore(binary, self._arguments(), self.options.explore_seconds)
            self._expect_good(self.explorer.label, kill)
        took = {}
        for program in self.tests:
            binary = self.workshop.base_binary(program)
            kill = killing.test(binary, program, 300)
            self._expect_good(program.label, kill)
            took[program.label] = kill.seconds
            self.limits[program.label] = max(TEST_SECONDS, TEST_FACTOR * kill.seconds)
        self.tests.sort(key=lambda program: took[program.label])

    def _expect_good(self, label, kill):
        if kill.by:
            raise workspace.EnvironmentProblem(f"{label} fails unchanged: {kill.problem}")

    def _arguments(self):
        seed = () if self.options.seed is None else ("--seed", str(self.options.seed))
        return killing.arguments(seed, self.options.explore_seconds)

    def _changes_code(self, tree, program):
        """Whether a mutant comes to other objects than the original."""
        mutated = self.workshop.objects(tree, program)
        original = self.workshop.objects(self.workshop.base, program)
        return any(
            mutated[source] != original[source]
            and mutated[source].read_bytes() != original[source].read_bytes()
            for source in mutated
        )

    def _programs(self, path):
        """Tests that killed mutants of the same file before come before others."""
        tests = sorted(self.tests, key=lambda test: -self.kills[path, test.label])
        return [*filter(None, [self.explorer]), *tests]

    def _kill(self, tree, program):
        binary = self.workshop.binary(tree, program)
        if self.workshop.is_same(binary, program):
            return killing.Kill("")
        if program is self.explorer:
            try:
                return killing.explore(
                    binary, self._arguments(), self.options.explore_seconds
                )
            except killing.RunError as error:
                # It could do its work before: the worlds that it makes notice too.
                return killing.Kill(SETUP, str(error))
        return killing.test(binary, program, self.limits[program.label])

    def _first_kill(self, tree, path):
        """The Kill, with all runs that it took; None when no program has other code."""
        runs, kill = 0, None
        for program in self._programs(path):
            if self._changes_code(tree, program):
                kill = self._kill(tree, program)
                runs += kill.runs
                kill.runs = runs
                if kill.by:
                    self.kills[path, kill.by] += 1
                    break
        return kill

    def run(self, mutant):
        """A score.Ended."""
        start = time.monotonic()
        with self.workshop.tree() as tree:
            text = self.workshop.base.read(mutant.path).decode("utf-8")
            tree.write(mutant.path, mutant.apply(text))
            try:
                kill = self._first_kill(tree, mutant.path)
            except build.BuildError as error:
                return score.Ended(mutant, score.NO_BUILD, problem=str(error))
        took = time.monotonic() - start
        if kill is None:
            return score.Ended(mutant, score.NO_CODE, seconds=took)
        outcome = score.KILLED if kill.by else score.SURVIVED
        return score.Ended(mutant, outcome, kill.by, kill.runs, took, kill.problem)


class Progress:
    """A line for each survivor, and now and then how far it is."""

    def __init__(self, total):
        self.total = total
        self.counts = {}
        self.ended = 0
        self.lines = display.StatusLines()
        self.lock = threading.Lock()

    def show(self, one):
        with self.lock:
            self.ended += 1
            self.counts[one.outcome] = self.counts.get(one.outcome, 0) + 1
            if one.outcome == score.SURVIVED:
                self.lines.clear()
                print(f"survived: {one.mutant.id}: {one.mutant.what}", flush=True)
            counts = ", ".join(f"{number} {name}" for name, number in self.counts.items())
            self.lines.show([f"{self.ended}/{self.total} mutants: {counts}"])


def expressions(options):
    wanted = []
    if options.stage != "tests":
        wanted.append(killing.LABEL)
    if options.stage != "explorer":
        wanted.append(UNIT_TESTS)
    return wanted


def explanations():
    if not SURVIVORS.exists():
        return {}
    try:
        return survivors.parse(SURVIVORS.read_text(encoding="utf-8"))
    except survivors.SurvivorsError as error:
        raise workspace.EnvironmentProblem(f"{SURVIVORS}: {error}") from error


def operators_command(options):
    explained = explanations()
    everything = find_mutants(workspace.ROOT, options.file)
    chosen = sample(everything, options.sample, options.seed)
    if not chosen:
        raise workspace.EnvironmentProblem("no mutant: no production file is called so")
    print(f"{len(chosen)} of {len(everything)} mutants; building the unchanged code first",
          flush=True)
    workshop = Workshop(*expressions(options))
    try:
        trials = Trials(workshop, options)
        trials.prepare()
        progress = Progress(len(chosen))

        def one(mutant):
            ended = trials.run(mutant)
            progress.show(ended)
            return ended

        with ThreadPoolExecutor(options.jobs) as pool:
            ended = list(pool.map(one, chosen))
        progress.lines.clear()
    finally:
        workshop.close()
    complete = options.stage == "all" and options.file is None and chosen is everything
    return finish(score.Score(ended, explained, complete), options)


def finish(result, options):
    print()
    print(display.table(("killed by", "mutants"), result.killers()))
    for line in result.lines():
        print(line)
    workspace.write_json(
        options.json,
        {
            "command": "mutants --operators",
            "verdict": "good" if result.good() else "violation",
            **result.figures(),
            "killers": dict(result.killers()),
            "stale": result.stale(),
            "ended": [one.as_json() for one in result.ended],
        },
    )
    return workspace.GOOD if result.good() else workspace.VIOLATION
