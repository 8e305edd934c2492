# SPDX-License-Identifier: MIT
"""Figures as tables of text."""

import math

from harness_lib import bench_figures

HEADER = ["case", "threads", "", "cost", "against", "spread", "places"]


def time(ns):
    """Three digits and a unit."""
    for limit, unit, by in ((1e3, "ns", 1), (1e6, "us", 1e3), (1e9, "ms", 1e6)):
        if ns < limit:
            return f"{number(ns / by)} {unit}"
    return f"{number(ns / 1e9)} s"


def number(value):
    """Two or three digits that matter, no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    if value >= 0.1 or value <= 0:
        return f"{value:.2f}"
    decimals = 1 - math.floor(math.log10(value))
    return f"{value:.{decimals}f}"


def against(samples, case, side, threads):
    """The ratios of the first side to the others, with as many threads."""
    parts = []
    for other in samples.sides(case):
        if other == side:
            continue
        found = bench_figures.ratio(samples, case, (side, threads), (other, threads))
        if found:
            parts.append(f"{number(found.median)}x {other}")
    return ", ".join(parts)


def steadiness(samples, case, side, threads):
    """[spread, places]: of the ratio to the second side, which is the floor."""
    sides = samples.sides(case)
    figure = places = None
    if len(sides) > 1:
        pair = (side, threads), (sides[1], threads)
        figure = bench_figures.ratio(samples, case, *pair)
        places = bench_figures.placement_spread(samples, case, *pair)
    figure = figure or bench_figures.cost(samples, case, side, threads)
    spread = f"{figure.spread:.0%}" + (" noisy" if figure.noisy else "")
    return [spread, f"{number(places)}x" if places else ""]


def timed_rows(samples):
    for case in samples.timed:
        side = samples.sides(case)[0]
        for threads in samples.threads(case):
            figure = bench_figures.cost(samples, case, side, threads)
            if figure is None:
                continue
            yield [
                case,
                threads,
                side,
                time(figure.median),
                against(samples, case, side, threads),
                *steadiness(samples, case, side, threads),
            ]


def counted_rows(samples):
    for case, figures in samples.counted.items():
        for side, (value, unit) in figures.items():
            yield [case, "", side, f"{value:g} {unit}", "", "", ""]


def rows(samples):
    return [*timed_rows(samples), *counted_rows(samples)]


def target_rows(outcomes):
    for outcome in outcomes:
        figure = outcome.figure
        measured = outcome.why if figure is None else number(figure.median)
        verdict = "held" if outcome.held else "MISSED"
        if figure is not None and figure.noisy:
            verdict += ", noisy"
        yield [
            outcome.target.case,
            outcome.target.figure,
            f"{outcome.target.limit:g}",
            measured,
            verdict,
        ]


TARGET_HEADER = ["case", "figure", "at most", "measured", ""]


def change_rows(changes):
    for change in changes:
        yield [
            change.case,
            change.threads,
            change.what,
            number(change.old.median),
            number(change.new.median),
            f"{change.factor - 1:+.0%}",
            change.verdict,
        ]


CHANGE_HEADER = ["case", "threads", "figure", "before", "now", "change", ""]
