# SPDX-License-Identifier: MIT
"""bench/targets.txt: what the figures are held against. The file says how it reads."""

import re
from dataclasses import dataclass, field

from harness_lib import bench_figures, workspace

FILE = workspace.ROOT / "bench" / "targets.txt"

_TIMES = {"ns": 1.0, "us": 1000.0}
_SIDE = re.compile(r"(?P<side>.+?)(?:@(?P<threads>\d+))?$")


class TargetError(Exception):
    """The file does not read as it should."""


@dataclass
class Target:
    """One line of the file."""

    case: str
    figure: str
    limit: float
    note: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.case}: {self.figure}"


@dataclass
class Outcome:
    """A target and what was measured. What could not be measured is not held."""

    target: Target
    figure: object = None  # None: there is none
    why: str = ""  # there is none

    @property
    def held(self):
        return self.figure is not None and self.figure.median <= self.target.limit


def load(path=FILE):
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise workspace.EnvironmentProblem(f"cannot read {path}: {error.strerror}") from error
    try:
        return parse(text)
    except TargetError as error:
        raise workspace.EnvironmentProblem(f"{workspace.relative(path)}: {error}") from error


def parse(text):
    targets = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            if not targets:
                raise TargetError(f"line {number}: a note before the first target")
            targets[-1].note.append(line.strip())
            continue
        columns = re.split(r" {2,}", line.strip())
        try:
            case, figure, limit = columns
            targets.append(Target(case, figure, float(limit)))
        except ValueError as error:
            raise TargetError(f"line {number}: not CASE  FIGURE  LIMIT") from error
        if " / " not in figure and " " not in figure:
            raise TargetError(f"line {number}: `{figure}` is no figure")
    return targets


def _variant(text):
    match = _SIDE.match(text)
    return match["side"], int(match["threads"] or 1)


def measure(samples, target):
    """The Outcome. A case that was not run is None."""
    if target.case in samples.counted:
        return _count(samples.counted[target.case], target)
    if target.case not in samples.timed:
        return None
    skipped = samples.skipped.get(target.case, {})
    over, slash, under = target.figure.partition(" / ")
    if slash:
        figure = bench_figures.ratio(samples, target.case, _variant(over), _variant(under))
    else:
        side, _, unit = target.figure.rpartition(" ")
        if unit not in _TIMES:
            return Outcome(target, why=f"{unit} is no unit of time")
        figure = bench_figures.equivalents(samples, target.case, *_variant(side))
        if figure is not None:
            figure = _scaled(figure, 1 / _TIMES[unit])
    if figure is None:
        why = "; ".join(f"{side}: {reason}" for side, reason in skipped.items())
        return Outcome(target, why=why or "there is no such side in the case")
    return Outcome(target, figure)


def _scaled(figure, factor):
    return bench_figures.Figure(
        figure.median * factor, figure.low * factor, figure.high * factor
    )


def _count(figures, target):
    over, slash, under = target.figure.partition(" / ")
    if slash:
        if over not in figures or under not in figures:
            return Outcome(target, why="there is no such figure")
        value = figures[over][0] / figures[under][0]
    else:
        side, _, unit = target.figure.rpartition(" ")
        if side not in figures or figures[side][1] != unit:
            return Outcome(target, why="there is no such figure")
        value = figures[side][0]
    return Outcome(target, bench_figures.of([value]))


def outcomes(samples, targets):
    """Of the targets whose cases were run."""
    found = (measure(samples, target) for target in targets)
    return [outcome for outcome in found if outcome is not None]
