# SPDX-License-Identifier: MIT
"""tools/harness fuzz: one fuzz target for as long as wanted."""

import shutil
import subprocess
from pathlib import Path

from harness_lib import night, summary, targets, workspace

LOGS = "logs"


def fuzz(options):
    target = targets.choose(targets.fuzz_targets(), options.name)
    workspace.build([target.label])
    if options.replay is not None:
        return replay(target, options)
    if options.minimize_corpus is not None:
        return minimize(target, options)
    earlier = replay_kept(target)
    seeds = night.Seeds(target.state, options.seed)
    logs = target.state / LOGS
    before = size_of(target.corpus)
    seconds = night.duration(options)
    print(
        f"{target.name}: {options.jobs} processes for {seconds:.0f} s, seeds from "
        f"{seeds.next}, {before} units in {workspace.relative(target.corpus)}",
        flush=True,
    )

    def make_task(task_seconds, seed):
        drop_crashing(target)
        log = logs / f"{seed}.log"
        # -reload: the processes take over what the others found, once a second.
        return target.task(task_seconds, seed, log, target.corpus, ["-reload=1"])

    outcomes, took = night.run(options, make_task, seeds, seconds)
    print(f"{target.name}: {size_of(target.corpus) - before} new units")
    return night.finish("fuzz", options, earlier + outcomes, took, seeds)


def drop_crashing(target):
    """Takes units that crash out of the kept corpus: every process would begin, and end,
    with them. libFuzzer names a unit by its hash, a crash by its kind and the same."""
    for crash in target.crashes.glob("*-*"):
        (target.corpus / crash.name.partition("-")[2]).unlink(missing_ok=True)


def size_of(folder):
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def run_unit(target, file):
    """Runs one unit; returns the exit code and the output."""
    # Absolute: the binary runs in the workspace, the user may be elsewhere.
    result = subprocess.run(
        [target.binary, f"-timeout={targets.FUZZ_UNIT_SECONDS}", str(file.absolute())],
        cwd=workspace.ROOT,
        env=workspace.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return result.returncode, result.stdout.decode("utf-8", "replace")


def unit_outcome(target, file, code):
    outcome = targets.Outcome(target.name, target.kind, target.unit, 1, 0, 0)
    outcome.crash = workspace.relative(file.absolute())
    outcome.reproduce = f"tools/harness fuzz {target.name} --replay {outcome.crash}"
    if code != 0:
        outcome.violations = 1
        outcome.problem = targets.ending(code)
    return outcome


def replay(target, options):
    file = Path(options.replay)
    if not file.is_file():
        raise workspace.EnvironmentProblem(f"there is no file {file}")
    code, text = run_unit(target, file)
    print(text, end="")
    outcome = unit_outcome(target, file, code)
    workspace.write_json(options.json, summary.as_json("fuzz", [outcome], None))
    if code == 0:
        print(f"GOOD: {file} runs through {target.name}")
    else:
        print(f"VIOLATION: {file} fails in {target.name} ({outcome.problem})")
        print(f"reproduce: {target.binary} {outcome.crash}")
    return summary.verdict([outcome])


def replay_kept(target):
    """Crashes of earlier runs that still fail."""
    if not target.crashes.is_dir():
        return []
    files = sorted(file for file in target.crashes.iterdir() if file.is_file())
    outcomes = [unit_outcome(target, file, run_unit(target, file)[0]) for file in files]
    bad = [outcome for outcome in outcomes if outcome.violations]
    if files:
        folder = workspace.relative(target.crashes)
        print(f"{target.name}: {len(bad)} of {len(files)} in {folder} still fail")
    return bad


def minimize(target, options):
    """Merges the kept and the checked-in corpus into the fewest units that reach all
    that these reach, in place or into the folder named."""
    in_place = options.minimize_corpus == ""
    output = target.corpus if in_place else Path(options.minimize_corpus).absolute()
    merged = target.state / "minimized"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir(parents=True)
    inputs = [folder for folder in (target.corpus, target.seeds) if folder.is_dir()]
    result = subprocess.run(
        [target.binary, "-merge=1", *target.flags(), str(merged), *map(str, inputs)],
        cwd=workspace.ROOT,
        env=workspace.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if result.returncode != 0:
        print(result.stdout.decode("utf-8", "replace"))
        raise workspace.EnvironmentProblem("the merge failed; the corpus is unchanged")
    before = sum(size_of(folder) for folder in inputs)
    after = size_of(merged)
    if after == 0 and before > 0:
        raise workspace.EnvironmentProblem("the merge kept nothing: not taken over")
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(merged, output)
    shutil.rmtree(merged)
    print(f"{target.name}: {before} units before, {after} after, in {workspace.relative(output)}")
    workspace.write_json(
        options.json, {"verdict": "good", "units_before": before, "units_after": after}
    )
    return workspace.GOOD
