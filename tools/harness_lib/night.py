# SPDX-License-Identifier: MIT
"""What `fuzz` and `stress` share: many processes of one target, for a long time, with
a state that the next run continues from."""

import time

from harness_lib import display, summary, task, targets, workspace

DEFAULT_SECONDS = 60
# A target that fails at once would fill the disk with the same crash.
MAX_VIOLATIONS = 20


def duration(options):
    if options.hours is not None:
        return options.hours * 3600
    return options.seconds or DEFAULT_SECONDS


class Seeds:
    """Numbers that no earlier run used, unless told where to begin."""

    def __init__(self, folder, first):
        self.path = folder / "state.json"
        self.next = first
        if first is None:
            self.next = targets.read_json(self.path).get("next_seed", 1)
        self.first = self.next

    def take(self):
        seed = self.next
        self.next += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        workspace.write_json(self.path, {"next_seed": self.next})
        return seed


def run(options, make_task, seeds, seconds_of_task):
    """Runs tasks one after another in options.jobs lanes until the time is up. Returns
    the outcomes and the seconds it took. make_task(seconds, seed) makes one."""
    start = time.monotonic()
    end = start + duration(options)
    outcomes = []

    def tasks():
        while True:
            left = end - time.monotonic()
            bad = sum(1 for outcome in outcomes if outcome.violations)
            failed = any(outcome.environment for outcome in outcomes)
            if left < 1 or bad >= MAX_VIOLATIONS or failed:
                return
            yield make_task(min(left, seconds_of_task), seeds.take())

    def on_end(ended):
        outcome = ended.target.outcome(ended)
        outcomes.append(outcome)
        if outcome.violations or outcome.environment:
            summary.print_trouble(outcome)
        else:
            outcome.log = ""
            ended.log.unlink(missing_ok=True)
            targets.json_of(ended.log).unlink(missing_ok=True)

    try:
        task.run_all(tasks(), options.jobs, on_end)
    except KeyboardInterrupt:
        print("interrupted: what was found so far", flush=True)
    return outcomes, time.monotonic() - start


def finish(command, options, outcomes, seconds, seeds):
    """Prints the table of all processes together; returns the exit code."""
    total = [added_up(outcomes, seconds)] if outcomes else []
    bad = [outcome for outcome in outcomes if outcome.violations or outcome.environment]
    result = summary.as_json(command, total, seeds.first, processes=len(outcomes))
    result["trouble"] = [outcome.as_json() for outcome in bad]
    workspace.write_json(options.json, result)
    print()
    print(display.table(summary.HEADER, summary.rows(total)))
    for command_line in dict.fromkeys(outcome.reproduce for outcome in bad):
        print(f"reproduce: {command_line}")
    print(summary.verdict_line(total, seeds.first))
    return summary.verdict(total)


def added_up(outcomes, seconds):
    """One outcome for all processes of a target, which ran side by side."""
    first = outcomes[0]
    return targets.Outcome(
        first.target,
        first.kind,
        first.unit,
        sum(outcome.count for outcome in outcomes),
        seconds,
        sum(outcome.violations for outcome in outcomes),
        environment=any(outcome.environment for outcome in outcomes),
    )
