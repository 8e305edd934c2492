# SPDX-License-Identifier: MIT
"""tools/harness bench: what operations cost, against the kernel and against others."""

import json

from harness_lib import (
    bench_compare,
    bench_document,
    bench_instructions,
    bench_machine,
    bench_run,
    bench_samples,
    bench_tables,
    bench_targets,
    display,
    workspace,
)
from harness_lib.argument_types import at_least_one

SUMMARY = """Measures what operations cost: in the same run against the bare atomic or system calls,
against a mapper with one mutex, and against other libraries. Exit code 1 when a target of
bench/targets.txt is missed."""

# Samples shorter than a slice of the scheduler: most are not interrupted, and the median
# does not see the others.
FULL = {"repetitions": 8, "microseconds": 2000}
QUICK = {"repetitions": 3, "microseconds": 1000}
QUICK_ROUNDS = 2


def add_options(command):
    command.add_argument(
        "--filter", default="", metavar="TEXT", help="only cases with TEXT in their names"
    )
    command.add_argument(
        "--repeat",
        type=at_least_one,
        default=5,
        metavar="N",
        help="rounds over all cases, each with tables in other places (default %(default)s)",
    )
    command.add_argument(
        "--compare",
        metavar="OLD.json",
        help="show what became slower or faster since --json wrote this file",
    )
    command.add_argument(
        "--quick", action="store_true", help="two rounds of short samples: a rough look"
    )
    command.add_argument(
        "--document",
        action="store_true",
        help="write figures and plots into docs/PERFORMANCE.md and docs/performance",
    )
    command.add_argument(
        "--instructions",
        action="store_true",
        help="count instructions instead, and write bench/instructions.txt",
    )


def read_old(path):
    """The samples of a file that --json wrote."""
    try:
        with open(path, encoding="utf-8") as file:
            return bench_samples.from_json(json.load(file)["samples"])
    except OSError as error:
        raise workspace.EnvironmentProblem(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise workspace.EnvironmentProblem(
            f"{path} is no file that `tools/harness bench --json` wrote"
        ) from error


def plan_of(options):
    if options.quick:
        rounds = min(options.repeat, QUICK_ROUNDS)
        return bench_run.Plan(rounds=rounds, **QUICK)
    return bench_run.Plan(rounds=options.repeat, **FULL)


def bench(options):
    if options.instructions:
        return count_instructions(options)
    return measure(options)


def count_instructions(options):
    changed = bench_instructions.regenerate()
    for line in changed or ["all as it was"]:
        print(line)
    print(f"written: {workspace.relative(bench_instructions.FILE)}")
    workspace.write_json(options.json, {"command": "bench", "verdict": "good"})
    return workspace.GOOD


def measure(options):
    if options.document and (options.filter or options.quick):
        raise workspace.EnvironmentProblem("--document goes with all cases, in full")
    old = read_old(options.compare) if options.compare else None
    targets = bench_targets.load()
    bench_run.build()
    chosen = bench_run.cases(options.filter)
    if not chosen:
        raise workspace.EnvironmentProblem(f"no case has `{options.filter}` in its name")
    watch = bench_machine.Watch()
    samples = bench_run.measure(chosen, plan_of(options))
    machine = watch.report()
    outcomes = bench_targets.outcomes(samples, targets)
    changes = bench_compare.changes(old, samples) if old else []
    show(samples, outcomes, changes, machine)
    if options.document:
        for path in bench_document.write(samples, outcomes, machine):
            print(f"written: {workspace.relative(path)}")
    missed = [outcome for outcome in outcomes if not outcome.held]
    workspace.write_json(
        options.json,
        {
            "command": "bench",
            "verdict": "violation" if missed else "good",
            "missed": [outcome.target.name for outcome in missed],
            "machine": machine.as_json(),
            "samples": samples.as_json(),
        },
    )
    return workspace.VIOLATION if missed else workspace.GOOD


def show(samples, outcomes, changes, machine):
    print(display.table(bench_tables.HEADER, bench_tables.rows(samples), left=6))
    show_skipped(samples)
    if outcomes:
        print()
        rows = bench_tables.target_rows(outcomes)
        print(display.table(bench_tables.TARGET_HEADER, rows, left=2))
    show_changes(changes)
    print()
    print(f"{machine.machine}; {machine.seconds:.0f} s")
    for warning in machine.warnings():
        print(f"NOISE: {warning}")
    show_missed(outcomes)


def show_skipped(samples):
    for case, sides in samples.skipped.items():
        for side, why in sides.items():
            print(f"not measured: {side} in {case}: {why}")


def show_changes(changes):
    real = [change for change in changes if change.real]
    if real:
        print()
        rows = bench_tables.change_rows(sorted(real, key=lambda change: -change.factor))
        print(display.table(bench_tables.CHANGE_HEADER, rows, left=3))
    if changes:
        slower = sum(change.verdict == "slower" for change in changes)
        print(
            f"{slower} of {len(changes)} figures slower beyond the noise, "
            f"{len(real) - slower} faster"
        )


def show_missed(outcomes):
    missed = [outcome for outcome in outcomes if not outcome.held]
    for outcome in missed:
        figure = outcome.figure
        found = bench_tables.number(figure.median) if figure else outcome.why
        print(f"MISSED {outcome.target.name}: {found}, at most {outcome.target.limit:g}")
        for line in outcome.target.note:
            print(f"    {line}")
    held = len(outcomes) - len(missed)
    print(f"{held} of {len(outcomes)} targets held", flush=True)
