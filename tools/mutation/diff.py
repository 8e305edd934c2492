# SPDX-License-Identifier: MIT
"""Unified diffs: read, and applied to texts. Lines that moved are found, and context that
changed a little is left out of account, as patch(1) does it; nothing is half applied."""

import re
from dataclasses import dataclass, field

MAX_FUZZ = 2  # context lines at either end of a hunk that may differ
NOWHERE = "/dev/null"

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


class DiffError(Exception):
    """The text is no diff, or it does not apply."""


@dataclass
class Hunk:
    """A change in one place: lines with their mark, ' ', '-' or '+', still in front."""

    start: int  # of the old lines, from 1
    lines: list = field(default_factory=list)

    def old(self):
        return [line[1:] for line in self.lines if line[0] in " -"]

    def new(self):
        return [line[1:] for line in self.lines if line[0] in " +"]

    def without_context(self, fuzz):
        """The same with up to `fuzz` context lines less at each end."""
        lines, start = list(self.lines), self.start
        for _ in range(fuzz):
            if lines and lines[0][0] == " ":
                lines.pop(0)
                start += 1
            if lines and lines[-1][0] == " ":
                lines.pop()
        return Hunk(start, lines)


@dataclass
class FileDiff:
    """What a diff does to one file. Either path may be NOWHERE."""

    old: str
    new: str
    hunks: list = field(default_factory=list)

    @property
    def path(self):
        return self.old if self.new == NOWHERE else self.new


def parse(text):
    """The FileDiffs of a text; what stands between them is skipped."""
    files = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if lines[at].startswith("--- ") and lines[at + 1 : at + 2] and lines[
            at + 1
        ].startswith("+++ "):
            files.append(FileDiff(_path(lines[at]), _path(lines[at + 1])))
            at += 2
        elif lines[at].startswith("@@ ") and files:
            at = _read_hunk(lines, at, files[-1])
        else:
            at += 1
    if not files or any(not file.hunks for file in files):
        raise DiffError("no unified diff in it, or one without changes")
    return files


def _path(line):
    path = line[4:].split("\t")[0].strip()
    return path if path == NOWHERE else re.sub(r"^[ab]/", "", path)


def _read_hunk(lines, at, file):
    match = _HUNK.match(lines[at])
    if match is None:
        raise DiffError(f"line {at + 1}: not the head of a hunk: {lines[at]}")
    old, new = (int(match[n]) if match[n] else 1 for n in (2, 4))
    hunk = Hunk(int(match[1]))
    at += 1
    while old > 0 or new > 0:
        # An editor may have taken the blank off an empty line of context.
        line = (lines[at] or " ") if at < len(lines) else "end of the file"
        if line[0] not in " +-\\":
            raise DiffError(f"line {at + 1}: {file.path}: the hunk is cut short")
        if line[0] != "\\":
            hunk.lines.append(line)
            old -= line[0] in " -"
            new -= line[0] in " +"
        at += 1
    file.hunks.append(hunk)
    return at


def apply(file, text):
    """The text of a file after its hunks. `text` is None where there is no such file."""
    if file.old == NOWHERE:
        if text is not None:
            raise DiffError(f"{file.path}: is there already")
        return _join(file.hunks[0].new())
    if text is None:
        raise DiffError(f"{file.path}: there is no such file")
    lines = text.splitlines()
    moved, floor = 0, 0
    for number, hunk in enumerate(file.hunks, 1):
        for fuzz in range(MAX_FUZZ + 1):
            part = hunk.without_context(fuzz)
            at = _find(lines, part.old(), part.start - 1 + moved, floor)
            if at is not None:
                break
        else:
            raise DiffError(f"{file.path}: hunk {number} does not apply any more")
        lines[at : at + len(part.old())] = part.new()
        moved = at - (part.start - 1) + len(part.new()) - len(part.old())
        floor = at + len(part.new())
    return None if file.new == NOWHERE else _join(lines)


def _join(lines):
    return "".join(f"{line}\n" for line in lines)


def _find(lines, wanted, expected, floor):
    """Where `wanted` stands, nearest to `expected` and not before `floor`."""
    places = range(floor, len(lines) - len(wanted) + 1)
    for at in sorted(places, key=lambda place: abs(place - expected)):
        if lines[at : at + len(wanted)] == wanted:
            return at
    return None
