# SPDX-License-Identifier: MIT
"""tools/harness stress: one stress target for as long as wanted."""

import os

from harness_lib import night, summary, targets, task, workspace


def stress(options):
    target = targets.choose(targets.stress_targets(), options.name)
    extra = [as_file(word) for word in options.rest]
    if target.name == targets.HISTORY and not files_among(extra):
        extra += targets.histories()
    workspace.build([target.label])
    if target.name == targets.HISTORY and options.hours is options.seconds is None:
        return replay_once(target, options, extra)
    folder = workspace.STATE / "stress" / target.name
    seeds = night.Seeds(folder, options.seed)
    seconds = night.duration(options)
    print(
        f"{target.name}: {options.jobs} processes for {seconds:.0f} s, seeds from "
        f"{seeds.next}",
        flush=True,
    )

    def make_task(task_seconds, seed):
        return target.task(task_seconds, seed, folder / f"{seed}.log", extra)

    outcomes, took = night.run(options, make_task, seeds, options.round)
    return night.finish("stress", options, outcomes, took, seeds)


def replay_once(target, options, extra):
    """What a history tells is the point: each is replayed once, and all is shown."""
    seed = 1 if options.seed is None else options.seed
    log = workspace.STATE / "stress" / target.name / "once.log"
    one = target.task(None, seed, log, extra)
    task.run_all([one], 1, lambda ended: None)
    print(one.text(), end="")
    outcome = target.outcome(one)
    workspace.write_json(options.json, summary.as_json("stress", [outcome], seed))
    if outcome.violations or outcome.environment:
        summary.print_trouble(outcome)
    print(summary.verdict_line([outcome], seed))
    return summary.verdict([outcome])


def as_file(word):
    """Targets run in the workspace; the user may be elsewhere."""
    return os.path.abspath(word) if os.path.exists(word) else word


def files_among(words):
    return [word for word in words if os.path.isfile(word)]
