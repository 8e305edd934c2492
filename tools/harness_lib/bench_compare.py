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

    @property
    def factor(self):
        return self.new.median / self.old.median

    @property
    def real(self):
        apart = self.new.low > self.old.high or self.new.high < self.old.low
        return apart and abs(self.factor - 1) > LEAST

    @property
    def verdict(self):
        if not self.real:
            return "same"
        return "slower" if self.factor > 1 else "faster"


def changes(old, new):
    """All figures that both runs have."""
    found = []
    for case in new.timed:
        if case not in old.timed:
            continue
        side, *others = new.sides(case)
        # The floor stands behind ours; if it was skipped, there is nothing to go by.
        for threads in new.threads(case):
            for under in others[:1]:
                pair = (side, threads), (under, threads)
                before = bench_figures.ratio(old, case, *pair)
                after = bench_figures.ratio(new, case, *pair)
                if before and after and before.median:
                    what = f"{side} / {under}"
                    found.append(Change(case, threads, what, before, after))
    for case, figures in new.counted.items():
        for side, (value, unit) in figures.items():
            before = old.counted.get(case, {}).get(side)
            if before and before[0]:
                was, now = bench_figures.of([before[0]]), bench_figures.of([value])
                found.append(Change(case, 1, f"{side} {unit}", was, now))
    return found
