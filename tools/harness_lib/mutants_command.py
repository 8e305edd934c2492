# SPDX-License-Identifier: MIT
"""tools/harness mutants: breaks the product, and says which oracle noticed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness_lib import display, workspace
from mutation import killing, operator_run, planted, trial
from mutation.workshop import UNIT_TESTS, Workshop

HEADER = ("id", "story", "killed by", "runs", "seconds")


def mutants(options):
    if options.patch and (options.operators or options.only):
        raise workspace.EnvironmentProblem("--patch goes with none of the other modes")
    if options.operators:
        return operator_run.operators_command(options)
    if options.patch:
        return one_patch(options)
    return all_planted(options)


def selection(only):
    """The planted bugs, those named by `only` if any are. Broken ones are results."""
    paths = {path.stem: path for path in planted.files()}
    for name in only or ():
        if name not in paths:
            raise workspace.EnvironmentProblem(
                f"there is no planted bug {name}; there are: {', '.join(paths)}"
            )
    chosen, broken = [], []
    for name in only or paths:
        try:
            patch = planted.load(paths[name])
            planted.check(patch)
            chosen.append(patch)
        except planted.PatchError as error:
            broken.append(
                trial.Result(planted.Patch(name, ""), trial.BROKEN, problem=str(error))
            )
    if not chosen and not broken:
        raise workspace.EnvironmentProblem(f"no patch in {planted.FOLDER}")
    return chosen, broken


def explorer_arguments(options):
    return () if options.seed is None else ("--seed", str(options.seed))


def check_unchanged(workshop, patches):
    """Who finds fault with the unchanged sources finds it with every mutant."""
    for label in dict.fromkeys(patch.test for patch in patches if patch.test):
        if label not in workshop.programs:
            raise workspace.EnvironmentProblem(f"there is no test {label}")
        program = workshop.programs[label]
        binary = workshop.base_binary(program)
        kill = killing.test(binary, program, planted.DEFAULT_BUDGET)
        if kill.by:
            raise workspace.EnvironmentProblem(f"{label} fails unchanged: {kill.problem}")
    if any(not patch.test for patch in patches):
        if workshop.explorer is None:
            raise workspace.EnvironmentProblem(f"there is no {killing.LABEL}")
        binary = workshop.base_binary(workshop.explorer)
        kill = killing.explore(binary, killing.arguments((), 2), 2)
        if kill.by:
            raise workspace.EnvironmentProblem(
                f"{kill.by} reports the unchanged code: {kill.problem}"
            )


def open_workshop(patches):
    labels = {patch.test or killing.LABEL for patch in patches}
    return Workshop(*sorted(labels))


def run_planted(workshop, patches, jobs, extra):
    """Results in the order of the patches; one line for each as it ends."""
    ended = 0

    def one(patch):
        nonlocal ended
        result = trial.run_and_prove(workshop, patch, extra)
        ended += 1
        took = f" in {result.kill.seconds:.1f} s" if result.kill else ""
        print(f"[{ended}/{len(patches)}] {patch.name}: {result.verdict()}{took}", flush=True)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, patches))


def try_planted(patches, jobs, extra=()):
    """Builds what they need, and returns their results."""
    if not patches:
        return []
    print(f"building the program for {len(patches)} planted bugs", flush=True)
    workshop = open_workshop(patches)
    try:
        check_unchanged(workshop, patches)
        return run_planted(workshop, patches, jobs, extra)
    finally:
        workshop.close()


def rows(results):
    for result in results:
        kill = result.kill or killing.Kill("")
        by = kill.by or result.outcome
        if result.outcome == trial.WRONG:
            by += " (wrong)"
        runs, seconds = display.count(kill.runs), f"{kill.seconds:.1f}"
        yield (result.patch.name, result.patch.story, by, runs, seconds)


def all_planted(options):
    patches, results = selection(options.only)
    results += try_planted(patches, options.jobs, explorer_arguments(options))
    results.sort(key=lambda result: result.patch.name)
    bad = [result for result in results if not result.good]
    print()
    print(display.table(HEADER, rows(results), left=3))
    for result in bad:
        print(f"FAILED {result.patch.name}: {result.verdict()}")
    print(f"{len(results) - len(bad)} of {len(results)} planted bugs killed as they must be")
    workspace.write_json(
        options.json,
        {
            "command": "mutants",
            "verdict": "violation" if bad else "good",
            "killed": len(results) - len(bad),
            "planted": len(results),
            "mutants": [result.as_json() for result in results],
        },
    )
    return workspace.VIOLATION if bad else workspace.GOOD


def one_patch(options):
    """A patch from outside: exit code 0 when an oracle or a test killed it."""
    path = Path(options.patch)
    try:
        patch = planted.load(path)
    except planted.PatchError as error:
        raise workspace.EnvironmentProblem(f"{path}: {error}") from error
    patch.oracles, patch.test = (), ""
    workshop = Workshop(killing.LABEL, UNIT_TESTS)
    try:
        result = trial.foreign(workshop, patch, explorer_arguments(options))
    finally:
        workshop.close()
    print(f"{path}: {result.verdict()}")
    if result.kill and result.kill.by:
        place = f" in scenario {result.kill.scenario}" if result.kill.scenario else ""
        print(f"  after {display.count(result.kill.runs)} runs and "
              f"{result.kill.seconds:.1f} s{place}: {result.kill.problem}")
    verdict = {trial.KILLED: "good", trial.SURVIVED: "violation"}
    workspace.write_json(
        options.json,
        {
            "command": "mutants",
            "verdict": verdict.get(result.outcome, "environment"),
            **result.as_json(),
        },
    )
    return workspace.GOOD if result.good else workspace.VIOLATION
