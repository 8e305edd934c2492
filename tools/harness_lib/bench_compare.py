# SPDX-License-Identifier: MIT
"""Two runs of the benchmark: what became slower or faster beyond the noise.

Compared are ratios to the floor, which each run has in itself: times drift between runs,
ratios hold. Beyond the noise means that the ranges between the quartiles do not meet, and
that the medians are apart by more than placement alone may do."""

from dataclasses import dataclass

from harness_lib import bench_figures

LEAST = 0.03


@dataclass
class Change:
    """The same figure in two runs."""

    case: str
    threads: int
    what: str
    old: bench_figures.Figure
    new: bench_figures.Figure
    places: float = 1.0  # how far apart placement alone has been seen to put medians

    @property
    def factor(self):
        return self.new.median / self.old.median

    @property
    def real(self):
        apart = self.new.low > self.old.high or self.new.high < self.old.low
        least = max(1 + LEAST, self.places)
        return apart and not 1 / least <= self.factor <= least

    @property
    def verdict(self):
        if not self.real:
            return "same"
        return "slower" if self.factor > 1 else "faster"


def changes_of(old, new, case, side, under):
    """One side of a case beside the floor, for each number of threads."""
    found = []
    for threads in new.threads(case):
        pair = (side, threads), (under, threads)
        before = bench_figures.ratio(old, case, *pair)
        after = bench_figures.ratio(new, case, *pair)
        if before and after and before.median:
            places = [
                bench_figures.placement_spread(run, case, *pair) or 1.0
                for run in (old, new)
            ]
            what = f"{side} / {under}"
            found.append(Change(case, threads, what, before, after, max(places)))
    return found


def changes(old, new):
    """All figures that both runs have."""
    found = []
    for case in new.timed:
        if case not in old.timed:
            continue
        # The floor stands behind the first side; if it was skipped, there is nothing to
        # go by.
        first, *others = new.sides(case)
        for under in others[:1]:
            for side in [first, *others[1:]]:
                found += changes_of(old, new, case, side, under)
    for case, figures in new.counted.items():
        for side, (value, unit) in figures.items():
            before = old.counted.get(case, {}).get(side)
            if before and before[0]:
                was, now = bench_figures.of([before[0]]), bench_figures.of([value])
                found.append(Change(case, 1, f"{side} {unit}", was, now))
    return found
