# SPDX-License-Identifier: MIT
"""Figures as tables of text."""

from harness_lib import bench_figures

HEADER = ["case", "threads", "", "cost", "against", "spread"]


def time(ns):
    """Three digits and a unit."""
    for limit, unit, by in ((1e3, "ns", 1), (1e6, "us", 1e3), (1e9, "ms", 1e6)):
        if ns < limit:
            return f"{number(ns / by)} {unit}"
    return f"{number(ns / 1e9)} s"


def number(value):
    """Three digits that matter, no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


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


def spread(samples, case, side, threads):
    """Of the ratio to the second side, or of the cost where there is none."""
    sides = samples.sides(case)
    figure = None
    if len(sides) > 1:
        figure = bench_figures.ratio(samples, case, (side, threads), (sides[1], threads))
    figure = figure or bench_figures.cost(samples, case, side, threads)
    return f"{figure.spread:.0%}" + (" noisy" if figure.noisy else "")


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
                spread(samples, case, side, threads),
            ]


def counted_rows(samples):
    for case, figures in samples.counted.items():
        for side, (value, unit) in figures.items():
            yield [case, "", side, f"{value:g} {unit}", "", ""]


def rows(samples):
    return [*timed_rows(samples), *counted_rows(samples)]


def target_rows(outcomes):
    for outcome in outcomes:
        figure = outcome.figure
        if figure is None:
            measured, verdict = outcome.why, "not measured"
        else:
            measured = number(figure.median)
            verdict = "held" if outcome.held else "MISSED"
            verdict += ", noisy" if figure.noisy else ""
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
