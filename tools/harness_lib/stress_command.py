# SPDX-License-Identifier: MIT
"""tools/harness stress: one stress target for as long as wanted."""

import os

from harness_lib import night, targets, workspace


def stress(options):
    target = targets.choose(targets.stress_targets(), options.name)
    extra = [as_file(word) for word in options.rest]
    if target.name == targets.HISTORY and not files_among(extra):
        extra += targets.histories()
    workspace.build([target.label])
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


def as_file(word):
    """Targets run in the workspace; the user may be elsewhere."""
    return os.path.abspath(word) if os.path.exists(word) else word


def files_among(words):
    return [word for word in words if os.path.isfile(word)]
