# SPDX-License-Identifier: MIT
"""tools/harness run: the main job."""

import math
import shutil
from pathlib import Path

from harness_lib import display, summary, targets, task, workspace


def share(seconds, count, lanes):
    """Seconds for each of `count` targets, of which `lanes` run at once."""
    return seconds / math.ceil(count / lanes)


def selection(only):
    found = targets.stress_targets() + targets.fuzz_targets()
    if only:
        found = [targets.choose(found, name) for name in dict.fromkeys(only)]
    if not found:
        raise workspace.EnvironmentProblem("no stress and no fuzz target in //...")
    return found


def prepare_report(path):
    """The folder for logs: emptied when it is the default one, which the next run
    overwrites; what a user names is left alone but for files of the same name."""
    if path is None:
        folder = workspace.STATE / "run"
        shutil.rmtree(folder, ignore_errors=True)
    else:
        folder = Path(path).absolute()
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "crashes").mkdir(exist_ok=True)
    except OSError as error:
        raise workspace.EnvironmentProblem(
            f"cannot make the report folder {folder}: {error.strerror}"
        ) from error
    return folder


def task_of(target, seconds, seed, report):
    log = report / "logs" / f"{target.name}.log"
    if isinstance(target, targets.FuzzTarget):
        corpus = report / "corpus" / target.name
        # The same seed is to do the same: start from the checked-in corpus alone.
        shutil.rmtree(corpus, ignore_errors=True)
        return target.task(seconds, seed, log, corpus)
    extra = targets.histories() if target.name == targets.HISTORY else ()
    return target.task(seconds, seed, log, extra)


def keep_evidence(outcome, report):
    """Copies the crashing unit, or the log of a stress target, into the report."""
    source = workspace.ROOT / (outcome.crash or outcome.log)
    name = source.name if outcome.crash else f"{outcome.target}.log"
    if source.exists():
        shutil.copy(source, report / "crashes" / f"{outcome.target}-{name}")


def run(options):
    chosen = selection(options.only)
    print(f"building {len(chosen)} targets", flush=True)
    workspace.build([target.label for target in chosen])
    report = prepare_report(options.report)
    lanes = min(workspace.cores(), len(chosen))
    seconds = share(options.seconds, len(chosen), lanes)
    print(
        f"running {len(chosen)} targets, {lanes} at once, {seconds:.0f} s each, "
        f"seed {options.seed}",
        flush=True,
    )
    outcomes = []

    def on_end(ended):
        outcome = ended.target.outcome(ended)
        outcomes.append(outcome)
        if outcome.violations or outcome.environment:
            summary.print_trouble(outcome)
        if outcome.violations:
            keep_evidence(outcome, report)

    todo = [task_of(target, seconds, options.seed, report) for target in chosen]
    task.run_all(todo, lanes, on_end)

    order = [target.name for target in chosen]
    outcomes.sort(key=lambda outcome: order.index(outcome.target))
    result = summary.as_json("run", outcomes, options.seed, seconds=options.seconds)
    workspace.write_json(report / "report.json", result)
    workspace.write_json(options.json, result)
    print()
    print(display.table(summary.HEADER, summary.rows(outcomes)))
    print(f"logs: {workspace.relative(report)}")
    print(summary.verdict_line(outcomes, options.seed))
    return summary.verdict(outcomes)
