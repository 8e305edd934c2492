# SPDX-License-Identifier: MIT
"""The plots of docs/PERFORMANCE.md: cost against range size, cost against threads."""

import re

from harness_lib import bench_figures, svg_plot

OURS, SPLIT, MUTEX, FLOOR = "#0072b2", "#56a0d3", "#d55e00", "#555555"
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"quarantine, (\d+) ([KMGT]iB)(?:, (never|once) split)?")


def duration(ns):
    """A round number of nanoseconds."""
    for limit, unit, by in ((1e3, "ns", 1), (1e6, "µs", 1e3), (1e9, "ms", 1e6)):
        if ns < limit:
            return f"{ns / by:g} {unit}"
    return f"{ns / 1e9:g} s"


def _sizes(samples):
    """{"never": {bytes: case}, "once": ..}, and the labels of the sizes. Parts of a region,
    which are less than what can be split or not, belong to both."""
    found, labels = {"never": {}, "once": {}}, {}
    for case in samples.timed:
        match = _SIZE.fullmatch(case)
        if match:
            size = int(match[1]) * _UNITS[match[2]]
            for split in (match[3],) if match[3] else ("never", "once"):
                found[split][size] = case
            labels[size] = f"{match[1]} {match[2]}"
    return found, labels


def _costs(samples, cases, side):
    points = []
    for size in sorted(cases):
        figure = bench_figures.cost(samples, cases[size], side)
        if figure:
            points.append((size, figure.median))
    return points


def range_size(samples):
    cases, labels = _sizes(samples)
    never, once = cases["never"], cases["once"]
    return svg_plot.Plot(
        title="Reserving a range in one call",
        x_title="size of the range (chunks of 4 MiB)",
        y_title="time of the call",
        ticks=sorted(labels.items()),
        y_label=duration,
        lines=[
            svg_plot.Line("one mutex, and bytes", MUTEX, _costs(samples, never, "mutex"), 1),
            svg_plot.Line("mmapper, once split", SPLIT, _costs(samples, once, "ours"), 2),
            svg_plot.Line("mmapper, never split", OURS, _costs(samples, never, "ours"), 0),
            svg_plot.Line("bare mmap", FLOOR, _costs(samples, never, "mmap"), 3),
        ],
    )


def _against_threads(samples, title, case, names):
    """`names`: (side, name, colour) of the lines."""
    variants = samples.timed.get(case, {})
    threads = samples.threads(case) if variants else []
    lines = []
    for kind, (side, name, colour) in enumerate(names):
        points = [
            (count, bench_figures.cost(samples, case, side, count).median)
            for count in threads
            if (side, count) in variants
        ]
        lines.append(svg_plot.Line(name, colour, points, kind))
    return svg_plot.Plot(
        title=title,
        x_title="threads, pinned, on as many processors as there are",
        y_title="time of a call",
        ticks=[(count, str(count)) for count in threads],
        y_label=duration,
        lines=lines,
    )


# File, title, case, and (side, name, colour) of the lines.
_THREADS = (
    (
        "threads_mapped",
        "ensure_mapped of a chunk that is mapped",
        "ensure_mapped, mapped, 1 chunk, split",
        (
            ("ours", "mmapper", OURS),
            ("mutex", "one mutex", MUTEX),
            ("load", "bare acquire load", FLOOR),
        ),
    ),
    (
        "threads_fresh",
        "ensure_mapped of a chunk that is quarantined",
        "ensure_mapped, fresh, chunk by chunk",
        (
            ("ours", "mmapper", OURS),
            ("mutex", "one mutex", MUTEX),
            ("mprotect", "bare mprotect", FLOOR),
        ),
    ),
    (
        "threads_immortal",
        "Allocating 16 bytes from one immortal space",
        "immortal alloc",
        (
            ("ours", "immortal_space", OURS),
            ("window", "window of its own", SPLIT),
            ("fetch_add", "bare fetch_add", FLOOR),
        ),
    ),
    (
        "threads_pages",
        "A page from one free-list space, and back",
        "free-list space, pair of 1 page",
        (
            ("striped", "four stripes", OURS),
            ("one lock", "one list, one lock", SPLIT),
        ),
    ),
)


def plots(samples):
    """{file name without its ending: Plot}."""
    against_threads = {
        name: _against_threads(samples, title, case, lines)
        for name, title, case, lines in _THREADS
    }
    return {"range_size": range_size(samples), **against_threads}
