# SPDX-License-Identifier: MIT
"""The table and the verdict over the outcomes of a run."""

from harness_lib import display, targets, workspace

LINE_LENGTH = 160
HEADER = ["target", "operations or executions", "rate", "violations"]


def verdict(outcomes):
    """The exit code."""
    if any(outcome.violations for outcome in outcomes):
        return workspace.VIOLATION
    if not outcomes or any(outcome.environment for outcome in outcomes):
        return workspace.USAGE
    return workspace.GOOD


def rows(outcomes):
    return [
        [
            outcome.target,
            f"{display.count(outcome.count)} {outcome.unit}",
            f"{display.count(outcome.rate)}/s",
            "not run" if outcome.environment else outcome.violations,
        ]
        for outcome in outcomes
    ]


def verdict_line(outcomes, seed):
    total = {}
    for outcome in outcomes:
        total[outcome.unit] = total.get(outcome.unit, 0) + outcome.count
    parts = [f"{display.count(number)} {unit}" for unit, number in total.items()]
    done = ", ".join([*parts, f"seed {seed}"])
    code = verdict(outcomes)
    if code == workspace.GOOD:
        names = outcomes[0].target if len(outcomes) == 1 else f"{len(outcomes)} targets"
        return f"GOOD: no violation in {names} ({done})"
    if code == workspace.VIOLATION:
        bad = sorted({outcome.target for outcome in outcomes if outcome.violations})
        return f"VIOLATION: in {', '.join(bad)} ({done})"
    bad = [outcome.target for outcome in outcomes if outcome.environment]
    return f"NOT RUN: {', '.join(bad) or 'no target'} ({done})"


def print_trouble(outcome):
    """What went wrong, and how to see it again."""
    word = "could not run" if outcome.environment else "VIOLATION"
    print(f"\n{outcome.target}: {word}: {outcome.problem}")
    if not outcome.log:
        return
    try:
        text = (workspace.ROOT / outcome.log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in targets.telling_lines(text).splitlines():
        print(f"    {line[:LINE_LENGTH]}")
    print(f"  log:        {outcome.log}")
    print(f"  reproduce:  {outcome.reproduce}", flush=True)


def as_json(command, outcomes, seed, **more):
    return {
        "command": command,
        "verdict": workspace.VERDICTS[verdict(outcomes)],
        "seed": seed,
        **more,
        "targets": [outcome.as_json() for outcome in outcomes],
    }
