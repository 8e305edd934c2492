# SPDX-License-Identifier: MIT
"""The arguments of tools/harness."""

import argparse
import os
import sys

from harness_lib import (
    audit_command,
    bench_command,
    explore_command,
    explorer,
    fuzz_command,
    guard_command,
    install_command,
    map_command,
    minimize_command,
    mutants_command,
    replay_command,
    run_command,
    stress_command,
    test_command,
    workspace,
)
from harness_lib.argument_types import (
    at_least_one,
    at_least_zero,
    columns,
    positive,
    seed_number,
)

EXIT_CODES = """exit codes: 0 good, 1 a violation or a failing test (with the command that
reproduces it), 2 usage or environment"""


def add_command(commands, name, function, summary, **options):
    command = commands.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **options,
    )
    command.add_argument("--json", metavar="FILE", help="write the outcome to FILE too")
    command.set_defaults(function=function)
    return command


def add_time(command):
    time = command.add_mutually_exclusive_group()
    time.add_argument("--hours", type=positive, help="how long")
    time.add_argument(
        "--seconds", type=positive, help="how long (default 60 without --hours)"
    )
    command.add_argument(
        "--jobs",
        type=at_least_one,
        default=workspace.cores(),
        help="processes at once (default: the cores, %(default)s)",
    )
    command.add_argument(
        "--seed",
        type=seed_number,
        help="of the first process; the others count on from it (default: where the "
        "last run ended)",
    )


def setup(options):
    """By now the shell script has installed what was missing."""
    installed = os.environ.get("HARNESS_INSTALLED", "").split()
    print("installed: " + " ".join(installed) if installed else "all is there")
    workspace.write_json(options.json, {"verdict": "good", "installed": installed})
    return workspace.GOOD


def add_run(commands):
    run = add_command(
        commands,
        "run",
        run_command.run,
        "Builds, then runs every stress and fuzz target for its share of the time.",
    )
    run.add_argument(
        "--seconds",
        type=positive,
        default=120,
        help="for all targets together, without the build (default %(default)s)",
    )
    run.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        help="only this target; may be repeated",
    )
    run.add_argument(
        "--seed", type=seed_number, default=1, help="of all choices (default 1)"
    )
    run.add_argument(
        "--report",
        metavar="DIR",
        help="keep logs, crashes and JSON in DIR (default .harness/run, overwritten)",
    )


def add_test(commands):
    test = add_command(
        commands,
        "test",
        test_command.test,
        "Runs all tests; the last line is `N passed, N failed`.",
    )
    test.add_argument(
        "--quick",
        action="store_true",
        help="only bazel test //..., without sanitizers, fuzz binaries and lint",
    )
    only = test.add_mutually_exclusive_group()
    only.add_argument(
        "--config",
        choices=["asan", "tsan"],
        help="only the unit and stress tests, under this sanitizer",
    )
    only.add_argument(
        "--arm64",
        action="store_true",
        help="only for 64-bit Arm under qemu: unit tests, corpus and explorer, and the first "
        "two again with pages of 16 and 64 KiB",
    )


def add_fuzz(commands):
    fuzz = add_command(
        commands,
        "fuzz",
        fuzz_command.fuzz,
        "Runs one fuzz target; corpus and crashes stay in .harness/fuzz/NAME.",
    )
    fuzz.add_argument("name", metavar="NAME")
    add_time(fuzz)
    work = fuzz.add_mutually_exclusive_group()
    work.add_argument("--replay", metavar="FILE", help="run this one unit and end")
    work.add_argument(
        "--minimize-corpus",
        nargs="?",
        const="",
        metavar="DIR",
        help="keep only what adds coverage, in place, or write that to DIR",
    )


def add_stress(commands):
    stress = add_command(
        commands,
        "stress",
        stress_command.stress,
        "Runs one stress target in rounds of ever new seeds; logs of violations stay in "
        ".harness/stress/NAME. Histories without a time are replayed once, and shown.",
        usage="tools/harness stress NAME [--hours H | --seconds S] [--jobs N] "
        "[--seed X]\n           [--round S] [--json FILE] [flags of the target...]\n"
        "       tools/harness stress history FILE... [options as above]",
    )
    stress.add_argument("name", metavar="NAME")
    add_time(stress)
    stress.add_argument(
        "--round",
        type=positive,
        default=60,
        metavar="S",
        help="seconds of one process with one seed (default %(default)s)",
    )


def add_explore(commands):
    explore = add_command(
        commands,
        "explore",
        explore_command.explore,
        "Runs the mapper under the deterministic explorer, which decides who runs at each "
        "step.\nA schedule that fails stays in .harness/explore.",
    )
    explore.add_argument(
        "--scenario", default="all", metavar="NAME", help="only this one (default all)"
    )
    explore.add_argument("--list", action="store_true", help="the scenarios, and end")
    explore.add_argument(
        "--strategy",
        choices=explorer.STRATEGIES,
        default="portfolio",
        help="dfs is exhaustive within its bounds, the others random (default %(default)s)",
    )
    add_bounds(explore)
    limit = explore.add_mutually_exclusive_group()
    limit.add_argument(
        "--schedules",
        type=at_least_one,
        metavar="N",
        help="of all processes together; for each scenario, but for portfolio",
    )
    limit.add_argument(
        "--seconds",
        type=positive,
        help="how long (default 60 without --schedules; dfs: until exhausted)",
    )
    explore.add_argument(
        "--jobs",
        type=at_least_one,
        help="processes with different seeds (default: the cores; dfs: 1)",
    )
    explore.add_argument(
        "--seed",
        type=seed_number,
        help="of the first process; the others count on from it (default: where the "
        "last run ended)",
    )


def add_bounds(explore):
    for name, help_text in (
        ("depth", "changes of priority of pct"),
        ("preemptions", "most switches away from a thread that could go on"),
        ("stale", "most loads that read an older value"),
        ("faults", "most OS calls that fail"),
        ("threads", "how many threads"),
    ):
        least = at_least_one if name in ("depth", "threads") else at_least_zero
        explore.add_argument(f"--{name}", type=least, metavar="N", help=help_text)
    explore.add_argument(
        "--memory",
        choices=["weak", "strong"],
        help="whether loads may be stale (default: both in turn for portfolio; else strong, "
        "unless --stale is given)",
    )
    explore.add_argument("--oracles", metavar="O1,..", help="only these look on")
    explore.add_argument("--without", metavar="O1,..", help="all but these look on")


def add_replay(commands):
    replay = add_command(
        commands,
        "replay",
        replay_command.replay,
        "Shows a schedule of the explorer step by step, with the address map beside it.",
    )
    replay.add_argument("file", metavar="FILE")
    replay.add_argument(
        "--width", type=columns, help="columns (default: the terminal's, else 120)"
    )
    replay.add_argument("--html", metavar="OUT", help="write a page too, self-contained")
    replay.add_argument(
        "--color", choices=["auto", "always", "never"], default="auto", help="of the text"
    )


def add_minimize(commands):
    minimize = add_command(
        commands,
        "minimize",
        minimize_command.minimize,
        "Drops the choices and operations that a failing schedule does not need.",
    )
    minimize.add_argument("file", metavar="FILE")
    minimize.add_argument(
        "--output", metavar="OUT", help="default: FILE with .min before its ending"
    )


def add_mutants(commands):
    mutants = add_command(
        commands,
        "mutants",
        mutants_command.mutants,
        "Breaks the product on purpose and says which oracle noticed: every planted bug of "
        "stress/mutants, one patch from outside, or operator mutants.",
    )
    mutants.add_argument(
        "--only", action="append", metavar="ID", help="only this planted bug; may be repeated"
    )
    mutants.add_argument(
        "--patch", metavar="FILE", help="this patch (patch -p1): who kills it?"
    )
    mutants.add_argument(
        "--operators", action="store_true", help="change one token at a time, everywhere"
    )
    mutants.add_argument(
        "--file", metavar="GLOB", help="operators: only in these files (mmapper/e*.c)"
    )
    mutants.add_argument(
        "--sample", type=at_least_one, metavar="N", help="operators: only so many"
    )
    mutants.add_argument(
        "--stage",
        choices=["all", "explorer", "tests"],
        default="all",
        help="operators: the explorer and then the unit tests (default), or one of them",
    )
    mutants.add_argument(
        "--explore-seconds",
        type=positive,
        default=5,
        metavar="S",
        help="operators: of the explorer, for each mutant (default %(default)s)",
    )
    mutants.add_argument(
        "--seed", type=seed_number, help="of the explorer, and of the sample"
    )
    mutants.add_argument(
        "--jobs",
        type=at_least_one,
        default=workspace.cores(),
        help="mutants at once (default: the cores, %(default)s)",
    )


def parser():
    top = argparse.ArgumentParser(
        prog="tools/harness",
        description="Builds and runs the tests, stress and fuzz targets.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    add_run(commands)
    add_test(commands)
    add_fuzz(commands)
    add_stress(commands)
    add_explore(commands)
    add_replay(commands)
    add_minimize(commands)
    add_mutants(commands)
    bench_command.add_options(
        add_command(commands, "bench", bench_command.bench, bench_command.SUMMARY)
    )
    install_command.add_options(
        add_command(commands, "install", install_command.install, install_command.SUMMARY)
    )
    map_command.add_options(
        add_command(commands, "map", map_command.show, map_command.SUMMARY)
    )
    guard_command.add_options(
        add_command(commands, "guard", guard_command.guard, guard_command.SUMMARY)
    )
    audit_command.add_options(
        add_command(commands, "audit", audit_command.audit, audit_command.SUMMARY)
    )
    add_command(commands, "setup", setup, "Installs what is missing, and nothing else.")
    return top


def main(argv):
    # argparse ends with exit code 2 itself when the usage is wrong.
    argv, program = guard_command.split(argv)
    options, rest = parser().parse_known_args(argv)
    if rest and options.function is not stress_command.stress:
        parser().error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    options.program = program
    try:
        return options.function(options)
    except workspace.EnvironmentProblem as problem:
        print(f"harness: {problem}", file=sys.stderr)
        outcome = {"verdict": "environment", "problem": str(problem)}
    except BrokenPipeError:
        # Nobody reads on, as with `| head`. What is still buffered goes nowhere either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        outcome = {"verdict": "environment", "problem": "nobody reads the output"}
    except KeyboardInterrupt:
        print("harness: interrupted", file=sys.stderr)
        outcome = {"verdict": "environment", "problem": "interrupted"}
    try:
        workspace.write_json(options.json, outcome)
    except workspace.EnvironmentProblem as problem:
        print(f"harness: {problem}", file=sys.stderr)
    return workspace.USAGE
