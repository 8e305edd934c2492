# SPDX-License-Identifier: MIT
"""One planted bug, built and run: who killed it."""

from dataclasses import dataclass

from mutation import build, diff, killing, planted

KILLED = "killed"
SURVIVED = "survived"
WRONG = "wrong"  # killed, but not by the oracle that its header names
BROKEN = "broken"  # nothing is known: it did not apply, or compile, or run

PROOF_SECONDS = 5  # for so long nobody else may notice


@dataclass
class Result:
    """What became of one patch."""

    patch: planted.Patch
    outcome: str
    kill: killing.Kill = None
    problem: str = ""

    @property
    def good(self):
        return self.outcome == KILLED

    def verdict(self):
        if self.outcome == BROKEN:
            return f"failed: {self.problem}"
        by = f"killed by {self.kill.by}" if self.kill.by else "survived: nobody noticed"
        return f"{by}: {self.problem}" if self.problem else by

    def as_json(self):
        kill = self.kill or killing.Kill("")
        return {
            "id": self.patch.name,
            "story": self.patch.story,
            "outcome": self.outcome,
            "killed_by": kill.by,
            "expected": [*self.patch.oracles, *filter(None, [self.patch.test])],
            "scenario": kill.scenario,
            "runs": kill.runs,
            "seconds": round(kill.seconds, 3),
            "problem": self.problem or kill.problem,
        }


def judge(patch, kill):
    """Whether a bug was killed as its header says."""
    if not kill.by:
        return Result(patch, SURVIVED, kill)
    expected = patch.oracles or ((patch.test,) if patch.test else ())
    if expected and kill.by not in expected:
        return Result(patch, WRONG, kill, f"{kill.problem} (not by {'|'.join(expected)})")
    if kill.seconds > patch.budget:
        return Result(patch, WRONG, kill, f"took more than {patch.budget:g} s")
    return Result(patch, KILLED, kill)


def _run(workshop, patch, tree, extra):
    """The program that the header names, on the patched sources."""
    label = patch.test or killing.LABEL
    program = workshop.programs.get(label)
    if program is None:
        raise killing.RunError(f"there is no program {label}")
    binary = workshop.binary(tree, program)
    if workshop.is_same(binary, program):
        raise killing.RunError(f"{label} is the same with and without it")
    if patch.test:
        return killing.test(binary, program, patch.budget)
    arguments = killing.arguments([*patch.scenario, *extra], patch.budget)
    return killing.explore(binary, arguments, patch.budget)


def run(workshop, patch, extra=()):
    """A Result. `extra` are more arguments for the explorer."""
    with workshop.tree() as tree:
        try:
            planted.apply(patch, tree, workshop.known)
            return judge(patch, _run(workshop, patch, tree, extra))
        except diff.DiffError as error:
            problem = f"does not apply: {error}"
        except build.BuildError as error:
            problem = f"does not compile: {error}"
        except killing.RunError as error:
            problem = str(error)
    return Result(patch, BROKEN, problem=problem)


def prove_only(workshop, patch, extra=()):
    """For a bug that one oracle alone can kill: it must survive without that oracle."""
    limits = ("--without", patch.only, "--seconds", f"{PROOF_SECONDS}")
    result = run(workshop, patch, (*extra, *limits))
    if result.outcome == SURVIVED:
        return Result(patch, KILLED, result.kill)
    return Result(patch, WRONG, result.kill, f"without {patch.only}: {result.verdict()}")


def run_and_prove(workshop, patch, extra=()):
    """A Result: of a bug that one oracle alone can kill also that it lives without it."""
    result = run(workshop, patch, extra)
    if not patch.only or not result.good:
        return result
    proof = prove_only(workshop, patch, extra)
    return result if proof.good else proof


def foreign(workshop, patch, extra=()):
    """A patch from outside: the explorer, then every unit test that contains it."""
    with workshop.tree() as tree:
        try:
            skipped = planted.apply(patch, tree, workshop.known)
            kill = _first_kill(workshop, patch, tree, extra)
        except diff.DiffError as error:
            return Result(patch, BROKEN, problem=f"does not apply: {error}")
        except build.BuildError as error:
            return Result(patch, BROKEN, problem=f"does not compile: {error}")
        except killing.RunError as error:
            return Result(patch, BROKEN, problem=str(error))
    note = f"left out: {', '.join(skipped)}" if skipped else ""
    return Result(patch, KILLED if kill.by else SURVIVED, kill, note)


def _first_kill(workshop, patch, tree, extra):
    runs, seconds = 0, 0.0
    programs = [*filter(None, [workshop.explorer]), *workshop.tests]
    for program in programs:
        binary = workshop.binary(tree, program)
        if workshop.is_same(binary, program):
            continue
        if program.label == killing.LABEL:
            arguments = killing.arguments([*patch.scenario, *extra], patch.budget)
            kill = killing.explore(binary, arguments, patch.budget)
        else:
            kill = killing.test(binary, program, patch.budget)
        runs, seconds = runs + kill.runs, seconds + kill.seconds
        if kill.by:
            kill.runs, kill.seconds = runs, seconds
            return kill
    return killing.Kill("", "", "", runs, seconds)
