# SPDX-License-Identifier: MIT
"""tools/harness explore: the deterministic explorer, in several processes."""

import math
import shlex

from harness_lib import (
    display,
    explore_results,
    explorer,
    night,
    targets,
    task,
    workspace,
)

# Handed to the explorer as they are, where given.
PASSED_ON = ["depth", "preemptions", "stale", "faults", "threads", "memory", "oracles", "without"]


def explore(options):
    if options.list:
        return list_scenarios(options)
    explorer.build()
    plan = Plan(options)
    print(plan.announcement(), flush=True)
    processes = plan.run()
    scenarios = explore_results.added_up(processes)
    total = explore_results.sums(scenarios, processes)
    if explore_results.verdict(processes) == workspace.GOOD and not total.schedules:
        raise workspace.EnvironmentProblem("interrupted before any process told its result")
    workspace.write_json(options.json, as_json(plan, processes, scenarios, total))
    print()
    if scenarios:
        print(display.table(explore_results.HEADER, explore_results.rows(scenarios, total)))
    print(explore_results.verdict_line(processes, scenarios, total, plan.how()))
    return explore_results.verdict(processes)


def list_scenarios(options):
    explorer.build()
    code, text = explorer.run(["--list"])
    if code != 0:
        raise workspace.EnvironmentProblem(explorer.failure(code, text))
    print(text, end="")
    workspace.write_json(options.json, {"verdict": "good", "scenarios": text.splitlines()})
    return workspace.GOOD


class Plan:
    """The processes to start. Those of random strategies differ in the seed; an
    exhaustive search is the same each time, so it is one process."""

    def __init__(self, options):
        self.options = options
        self.exhaustive = options.strategy == "dfs"
        if self.exhaustive and (options.jobs or 1) > 1:
            raise workspace.EnvironmentProblem(
                "--jobs: dfs explores in one process; each would do the same"
            )
        jobs = 1 if self.exhaustive else options.jobs or workspace.cores()
        if options.schedules is not None:
            jobs = min(jobs, options.schedules)
        first = 1 if self.exhaustive and options.seed is None else options.seed
        seeds = night.Seeds(explorer.FOLDER, first)
        self.seeds = [seeds.take() for _ in range(jobs)]
        self.seconds = options.seconds
        if options.schedules is None and self.seconds is None and not self.exhaustive:
            self.seconds = night.DEFAULT_SECONDS
        self.stopped = set()  # seeds

    def how(self):
        first, last = self.seeds[0], self.seeds[-1]
        seeds = f"seed {first}" if first == last else f"seeds {first}-{last}"
        return f"{self.options.strategy}, {seeds}"

    def announcement(self):
        what = self.options.scenario
        what = "all scenarios" if what == "all" else f"scenario {what}"
        limit = "until exhausted"
        if self.options.schedules is not None:
            limit = explorer.counted(self.options.schedules, "schedule")
        elif self.seconds is not None:
            limit = f"{self.seconds:g} s"
        jobs = "1 process" if len(self.seeds) == 1 else f"{len(self.seeds)} processes"
        return f"exploring {what}: {self.how()}, {limit}, {jobs}"

    def arguments(self, number):
        """Of the process with that number: what makes it the same again."""
        options = self.options
        arguments = [f"--scenario={options.scenario}", f"--strategy={options.strategy}"]
        for name in PASSED_ON:
            if getattr(options, name) is not None:
                arguments.append(f"--{name}={getattr(options, name)}")
        if options.schedules is not None:
            # An even share; the first processes take what is left over.
            share, left = divmod(options.schedules, len(self.seeds))
            arguments.append(f"--schedules={share + (1 if number < left else 0)}")
        elif self.seconds is not None:
            arguments.append(f"--seconds={max(1, round(self.seconds))}")
        return [*arguments, f"--seed={self.seeds[number]}"]

    def saved(self, seed):
        name = f"{self.options.scenario}-{self.options.strategy}-{seed}{explorer.SUFFIX}"
        return explorer.FOLDER / name

    def task(self, number):
        seed = self.seeds[number]
        log = explorer.FOLDER / "logs" / f"{seed}.log"
        saved = self.saved(seed)
        saved.unlink(missing_ok=True)
        targets.json_of(log).unlink(missing_ok=True)
        argv = [explorer.BINARY, *self.arguments(number)]
        argv += [f"--save={workspace.relative(saved)}", f"--json={targets.json_of(log)}"]
        return task.Task(f"seed {seed}", argv, log, self.seconds or math.inf, seed=seed)

    def run(self):
        todo = [self.task(number) for number in range(len(self.seeds))]
        processes = {}

        def on_end(ended):
            process = self.read(ended)
            processes[ended.seed] = process
            # One violation is enough, and what cannot run will not run elsewhere.
            if process.violation or process.environment:
                self.stop_others(ended, todo)

        try:
            task.run_all(todo, len(todo), on_end)
        except KeyboardInterrupt:
            print("interrupted: what was found so far", flush=True)
            for one in todo:
                if one.process and one.seed not in processes:
                    self.stopped.add(one.seed)
                    processes[one.seed] = self.read(one)
        return [processes[seed] for seed in sorted(processes)]

    def read(self, ended):
        number = self.seeds.index(ended.seed)
        command = shlex.join([explorer.BINARY, *self.arguments(number)])
        stopped = ended.seed in self.stopped
        process = explore_results.read(ended, command, self.saved(ended.seed), stopped)
        if process.violation:
            explore_results.print_violation(process)
        return process

    def stop_others(self, ended, todo):
        for other in todo:
            if other is not ended and other.process and other.process.poll() is None:
                self.stopped.add(other.seed)
                other.stop()


def as_json(plan, processes, scenarios, total):
    bad = [process for process in processes if process.violation or process.environment]
    result = total.as_json()
    del result["name"], result["threads"]
    return {
        "command": "explore",
        "verdict": workspace.VERDICTS[explore_results.verdict(processes)],
        "strategy": plan.options.strategy,
        "seed": plan.seeds[0],
        "processes": len(processes),
        **result,
        "scenarios": [scenario.as_json() for scenario in scenarios],
        "trouble": [process.as_json() for process in bad],
    }
