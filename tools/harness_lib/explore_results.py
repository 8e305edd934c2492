# SPDX-License-Identifier: MIT
"""What the processes of tools/harness explore came to, one by one and added up."""

import re
from dataclasses import dataclass, field

from harness_lib import display, explorer, targets, workspace

HEADER = ["scenario", "threads", "schedules", "schedules/s", "yields/s", "exhausted"]
_VIOLATION = re.compile(r"^VIOLATION (\S+) in scenario (\S+): (.*)$", re.MULTILINE)


@dataclass
class Scenario:
    """One scenario, in one process or over all."""

    name: str
    threads: int
    schedules: int
    yields: int
    seconds: float
    exhausted: bool

    def add(self, other):
        """Takes in what another process, side by side with this one, did of it."""
        self.schedules += other.schedules
        self.yields += other.yields
        self.seconds = max(self.seconds, other.seconds)
        self.exhausted = self.exhausted or other.exhausted

    def as_json(self):
        return {
            "name": self.name,
            "threads": self.threads,
            "schedules": self.schedules,
            "schedules_per_second": round(per_second(self.schedules, self.seconds), 1),
            "yields": self.yields,
            "yields_per_second": round(per_second(self.yields, self.seconds), 1),
            "seconds": round(self.seconds, 3),
            "exhausted": self.exhausted,
        }


@dataclass
class Process:
    """One process of the explorer that has ended."""

    seed: int
    command: str  # that repeats it
    log: str
    scenarios: list = field(default_factory=list)
    seconds: float = 0
    violation: bool = False
    oracle: str = ""
    scenario: str = ""
    problem: str = ""  # of the violation, or why there is no result
    saved: str = ""
    environment: bool = False

    def as_json(self):
        result = {"seed": self.seed, "oracle": self.oracle, "scenario": self.scenario}
        result |= {"problem": self.problem, "saved": self.saved, "log": self.log}
        return result | {"commands": self.commands()}

    def commands(self):
        if not self.saved:
            return {"reproduce": self.command}
        return {
            "reproduce": f"tools/harness replay {self.saved}",
            "minimize": f"tools/harness minimize {self.saved}",
            "page": f"tools/harness replay {self.saved} --html "
            f"{self.saved.removesuffix(explorer.SUFFIX)}.html",
        }


def per_second(number, seconds):
    return number / seconds if seconds > 0 else 0


def read(task, command, saved, stopped=False):
    """The result of a task that ran the explorer. `saved` is where it was to leave a
    schedule that fails; `stopped` that it was told to end before its time."""
    report = targets.read_json(targets.json_of(task.log))
    text = task.text()
    process = Process(task.seed, command, workspace.relative(task.log))
    try:
        process.seconds = float(report.get("seconds", task.elapsed()))
        process.scenarios = [_scenario(entry) for entry in report.get("scenarios", [])]
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        process.environment = True
        process.problem = f"the explorer wrote JSON that makes no sense: {error!r}"
        return process
    if task.hung:
        process.violation = True
        process.problem = f"did not end {task.grace:.0f} s after its time"
    elif task.returncode == workspace.VIOLATION or report.get("verdict") == "violation":
        _violation(process, report, text, saved)
    elif task.returncode == workspace.USAGE:
        process.environment = True
        process.problem = explorer.last_line(text) or "ended with exit code 2"
    elif stopped:
        pass  # whatever it still told is counted
    elif task.returncode != 0:
        process.violation = True
        process.problem = targets.ending(task.returncode)
    elif not sum(scenario.schedules for scenario in process.scenarios):
        # A process that explored nothing must not count as a good one.
        process.environment = True
        process.problem = "ended well but explored nothing"
    return process


def _scenario(entry):
    return Scenario(
        str(entry["name"]),
        int(entry.get("threads", 0)),
        int(entry["schedules"]),
        int(entry.get("yields", 0)),
        float(entry.get("seconds", 0)),
        bool(entry.get("exhausted", False)),
    )


def _violation(process, report, text, saved):
    process.violation = True
    line = _VIOLATION.search(text)
    oracle, scenario, problem = line.groups() if line else ("", "", "")
    process.oracle = str(report.get("oracle") or oracle)
    process.scenario = str(report.get("scenario") or scenario)
    process.problem = str(report.get("problem") or problem or "says nothing about it")
    if saved.exists():
        process.saved = workspace.relative(saved)
    else:
        process.saved = str(report.get("saved") or "")


def added_up(processes):
    """The scenarios over all processes, in the order of the explorer."""
    total = {}
    for process in processes:
        for one in process.scenarios:
            if one.name in total:
                total[one.name].add(one)
            else:
                total[one.name] = Scenario(**vars(one))
    return list(total.values())


def sums(scenarios, processes):
    """One row for all of it."""
    return Scenario(
        "all",
        max((one.threads for one in scenarios), default=0),
        sum(one.schedules for one in scenarios),
        sum(one.yields for one in scenarios),
        max((process.seconds for process in processes), default=0),
        bool(scenarios) and all(one.exhausted for one in scenarios),
    )


def rows(scenarios, total):
    shown = scenarios if len(scenarios) == 1 else [*scenarios, total]
    return [
        [
            one.name,
            one.threads or "?",
            display.count(one.schedules),
            display.count(per_second(one.schedules, one.seconds)),
            display.count(per_second(one.yields, one.seconds)),
            "yes" if one.exhausted else "no",
        ]
        for one in shown
    ]


def verdict(processes):
    """The exit code."""
    if any(process.violation for process in processes):
        return workspace.VIOLATION
    if not processes or any(process.environment for process in processes):
        return workspace.USAGE
    return workspace.GOOD


def verdict_line(processes, scenarios, total, how):
    """`how` is the strategy with its seeds."""
    code = verdict(processes)
    done = f"{explorer.counted(total.schedules, 'schedule')}, {how}"
    done += ", all exhausted" if total.exhausted else ""
    if code == workspace.VIOLATION:
        bad = dict.fromkeys(
            f"{process.oracle or 'a crash'} in {process.scenario or 'the explorer'}"
            for process in processes
            if process.violation
        )
        return f"VIOLATION: {', '.join(bad)} ({done})"
    if code == workspace.USAGE:
        problems = [process.problem for process in processes if process.environment]
        return f"NOT RUN: {problems[0] if problems else 'nothing ran'}"
    names = explorer.counted(len(scenarios), "scenario")
    if len(scenarios) == 1:
        names = scenarios[0].name
    return f"GOOD: no violation in {names} ({done})"


def print_violation(process):
    where = f" in scenario {process.scenario}" if process.scenario else ""
    print(f"\nVIOLATION {process.oracle}".rstrip() + f"{where}: {process.problem}")
    print(f"  seed:       {process.seed}")
    print(f"  log:        {process.log}")
    if process.saved:
        print(f"  schedule:   {process.saved}")
    for name, command in process.commands().items():
        print(f"  {name + ':':<11} {command}", flush=True)
