# SPDX-License-Identifier: MIT
"""Figures from samples: medians over repetitions, each a ratio within its repetition."""

import statistics
from dataclasses import dataclass

# The unit of the nanosecond-equivalents: what an acquire load takes on the reference
# machine.
LOAD_NS = 0.27
LOAD = "load"
NOISY = 0.10


@dataclass(frozen=True)
class Figure:
    """A median with the quartiles around it."""

    median: float
    low: float
    high: float

    @property
    def spread(self):
        """The interquartile range as a part of the median."""
        return (self.high - self.low) / self.median if self.median else 0.0

    @property
    def noisy(self):
        return self.spread > NOISY


def of(values):
    """None when there are none."""
    values = list(values)
    if not values:
        return None
    if len(values) == 1:
        return Figure(values[0], values[0], values[0])
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return Figure(statistics.median(values), low, high)


def cost(samples, case, side, threads=1):
    """In nanoseconds."""
    return of(samples.timed.get(case, {}).get((side, threads), {}).values())


def ratio(samples, case, over, under):
    """`over` and `under` are (side, threads)."""
    variants = samples.timed.get(case, {})
    above, below = variants.get(over, {}), variants.get(under, {})
    # A sample of 0 ns was shorter than reading the clock: nothing can be said by it.
    return of(ns / below[when] for when, ns in above.items() if below.get(when))


def equivalents(samples, case, side, threads=1):
    """In nanosecond-equivalents; None where the case has no acquire load beside it."""
    found = ratio(samples, case, (side, threads), (LOAD, 1))
    if found is None:
        return None
    return Figure(found.median * LOAD_NS, found.low * LOAD_NS, found.high * LOAD_NS)


def placement_spread(samples, case, over, under):
    """How far the medians of the rounds, each at another placement, lie apart: the
    largest by the smallest."""
    variants = samples.timed.get(case, {})
    above, below = variants.get(over, {}), variants.get(under, {})
    rounds = {}
    for when, ns in above.items():
        if below.get(when):
            rounds.setdefault(when[0], []).append(ns / below[when])
    medians = [statistics.median(values) for values in rounds.values()]
    return max(medians) / min(medians) if medians and min(medians) else None
