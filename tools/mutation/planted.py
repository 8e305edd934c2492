# SPDX-License-Identifier: MIT
"""The planted bugs: patches with a header that says what must notice them."""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from harness_lib import workspace
from mutation import diff

FOLDER = workspace.ROOT / "stress" / "mutants"
ORACLES = tuple(f"O{number}" for number in range(1, 11)) + ("RACE", "TRAP")
DEFAULT_BUDGET = 20
PRODUCT = ("mmapper/", "spaces/")

_LINE = re.compile(r"# *([a-z]+): *(.*\S)")
_KEYS = {"story", "oracle", "only", "scenario", "budget", "test"}


class PatchError(Exception):
    """The patch says something that it cannot mean."""


@dataclass
class Patch:
    """One bug. `oracles`: any of these may kill it, the first is the one expected; `only`:
    no other one can; `test` runs instead of the explorer."""

    name: str
    text: str
    story: str = ""
    oracles: tuple = ()
    only: str = ""
    scenario: tuple = ()  # arguments of the explorer
    budget: float = DEFAULT_BUDGET
    test: str = ""
    files: list = field(default_factory=list)  # FileDiffs


def header_of(text):
    """The `# key: value` lines before the diff."""
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        if match[1] not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            raise PatchError(f"unknown key {match[1]}; there are: {known}")
        if match[1] in values:
            raise PatchError(f"key {match[1]} stands there twice")
        values[match[1]] = match[2]
    return values


def _oracles(text):
    names = tuple(name.strip() for name in text.split("|")) if text else ()
    for name in names:
        if name not in ORACLES:
            raise PatchError(f"no such oracle: {name}")
    return names


def _budget(text):
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 3600:
        raise PatchError(f"the budget is no number of seconds: {text}")
    return seconds


def read(name, text):
    """A patch from anywhere: the header may be missing."""
    values = header_of(text)
    only = _oracles(values.get("only", ""))
    try:
        files = diff.parse(text)
    except diff.DiffError as error:
        raise PatchError(str(error)) from error
    return Patch(
        name,
        text,
        values.get("story", ""),
        _oracles(values.get("oracle", "")) or only,
        only[0] if only else "",
        tuple(shlex.split(values.get("scenario", ""))),
        _budget(values.get("budget", str(DEFAULT_BUDGET))),
        values.get("test", ""),
        files,
    )


def check(patch):
    """What a planted bug of this repository says besides."""
    if not patch.story:
        raise PatchError("no story")
    if bool(patch.test) == bool(patch.oracles):
        raise PatchError("name either an oracle or a test")
    if patch.test and patch.scenario:
        raise PatchError("a scenario is for the explorer, not for a test")
    if patch.only and patch.oracles != (patch.only,):
        raise PatchError("only: must be the one oracle")
    for file in patch.files:
        if not file.path.startswith(PRODUCT):
            raise PatchError(f"{file.path} is not of the product")


def files(folder=FOLDER):
    return sorted(Path(folder).glob("*.patch"))


def load(path):
    try:
        return read(path.stem, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PatchError(f"cannot be read: {error}") from error


def apply(patch, tree, known):
    """Writes the patched files over a tree. Returns those that no program is made of
    (documents, BUILD files), which are left out."""
    skipped = []
    for file in patch.files:
        is_code = file.path.endswith((".c", ".h", ".S"))
        if file.path not in known and (not is_code or file.old != diff.NOWHERE):
            skipped.append(file.path)
            continue
        text = None
        if file.path in known:
            text = tree.read(file.path).decode("utf-8")
        changed = diff.apply(file, text)
        if changed is None:
            raise diff.DiffError(f"{file.path}: a patch that removes a file is not built")
        tree.write(file.path, changed)
    if not tree.changed:
        raise diff.DiffError(f"no program here is made of {', '.join(skipped)}")
    return skipped
