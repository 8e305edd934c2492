# SPDX-License-Identifier: MIT
"""tools/harness minimize: the shortest schedule that still fails in the same way."""

import os
import shlex
from pathlib import Path

from harness_lib import explorer, workspace


def default_output(path):
    """`x.min.schedule` beside `x.schedule`."""
    name = path.name.removesuffix(explorer.SUFFIX)
    return path.with_name(f"{name}.min{explorer.SUFFIX}")


def minimize(options):
    before = explorer.read_schedule(options.file)
    output = Path(options.output) if options.output else default_output(before.path)
    if not output.parent.is_dir():
        raise workspace.EnvironmentProblem(f"there is no folder {output.parent}")
    explorer.build()
    if output.exists() and not output.samefile(before.path):
        output.unlink()  # what is there afterwards is then the explorer's
    print(f"minimizing {before.path}: {size(before)}", flush=True)
    # Absolute: the explorer runs in the workspace, the user may be elsewhere.
    code, said = explorer.run(
        ["--minimize", os.path.abspath(before.path), "--save", os.path.abspath(output)]
    )
    if code not in (workspace.GOOD, workspace.VIOLATION):
        raise workspace.EnvironmentProblem(explorer.failure(code, said))
    if not output.exists():
        raise workspace.EnvironmentProblem(
            f"the explorer wrote no {output}: {explorer.last_line(said) or 'it said nothing'}"
        )
    after = explorer.read_schedule(output)
    print(
        f"{len(after.choices)} of {explorer.counted(len(before.choices), 'choice')} and "
        f"{after.operations} of {explorer.counted(before.operations, 'operation')} remain"
    )
    print(f"schedule: {output}")
    print(f"replay:   tools/harness replay {shlex.quote(str(output))}", flush=True)
    workspace.write_json(options.json, as_json(before, after))
    return workspace.GOOD


def size(schedule):
    return (
        f"{explorer.counted(len(schedule.choices), 'choice')}, "
        f"{explorer.counted(schedule.operations, 'operation')}"
    )


def as_json(before, after):
    return {
        "command": "minimize",
        "verdict": workspace.VERDICTS[workspace.GOOD],
        "file": str(before.path),
        "output": str(after.path),
        "choices_before": len(before.choices),
        "choices_after": len(after.choices),
        "operations_before": before.operations,
        "operations_after": after.operations,
    }
