# SPDX-License-Identifier: MIT
"""Line plots on logarithmic axes, as SVG that needs nothing else."""

import math
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 78, 186, 52, 56
LABEL_GAP = 17  # between the labels of two lines
DECADE = 10
FEW_DECADES = 2
# What lines may differ by besides colour, for those who see colours differently.
DASHES = ("", "7 4", "2 3", "9 3 2 3")
MARKS = ("circle", "square", "diamond", "triangle")

STYLE = """text { font: 13px 'DejaVu Sans', Verdana, sans-serif; fill: #222 }
.title { font-size: 16px; font-weight: bold }
.tick { font-size: 12px; fill: #444 }
.grid { stroke: #ddd; stroke-width: 1 }
.minor { stroke: #f0f0f0; stroke-width: 1 }
.axis { stroke: #444; stroke-width: 1; fill: none }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round }"""


@dataclass
class Line:
    """One series; `kind` chooses dash and mark."""

    name: str
    colour: str
    points: list  # (x, y), both positive
    kind: int = 0


@dataclass
class Plot:
    """What is drawn. `ticks` are (x, label); y is labelled by `y_label`."""

    title: str
    x_title: str
    y_title: str
    ticks: list
    y_label: object  # from a number to a text
    lines: list


class Scale:
    """From values to pixels, by the logarithm."""

    def __init__(self, low, high, start, end):
        self.low, self.start = math.log10(low), start
        span = math.log10(high) - self.low
        self.by = (end - start) / span if span else 0.0

    def __call__(self, value):
        return self.start + (math.log10(value) - self.low) * self.by


def rungs(values):
    """(labelled, all) rungs of a scale around the values: decades, or where there are few
    of them the rungs 1, 2, 5 as well."""
    low, high = min(values), max(values)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = [
        (factor, factor * float(DECADE) ** power)
        for power in range(first, last + 1)
        for factor in range(1, DECADE)
    ]
    named = (1,) if last - first > FEW_DECADES else (1, 2, 5)
    labelled = [value for factor, value in steps if factor in named]
    # From the last rung below all values to the first one above.
    bottom = max(value for value in labelled if value <= low)
    top = min(value for value in labelled if value >= high)
    if top == bottom:
        top = labelled[labelled.index(top) + 1]
    return (
        [value for value in labelled if bottom <= value <= top],
        [value for _, value in steps if bottom <= value <= top],
    )


def spread_labels(wanted, gap, bottom):
    """Places for labels, in the order of `wanted`: as near as may be, none on another,
    none below `bottom`."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = [0.0] * len(wanted)
    last = -math.inf
    for i in order:
        last = places[i] = max(wanted[i], last + gap)
    limit = bottom
    for i in reversed(order):
        limit = places[i] = min(places[i], limit)
        limit -= gap
    return places


def _text(x, y, text, kind="", anchor="start", more=""):
    name = f' class="{kind}"' if kind else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}"{name} text-anchor="{anchor}"{more}>'
        f"{escape(text)}</text>"
    )


def _rule(x1, y1, x2, y2, kind):
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _mark(x, y, kind, colour):
    shape = MARKS[kind % len(MARKS)]
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{colour}"/>'
    corners = {
        "square": [(-3.3, -3.3), (3.3, -3.3), (3.3, 3.3), (-3.3, 3.3)],
        "diamond": [(0, -4.6), (4.6, 0), (0, 4.6), (-4.6, 0)],
        "triangle": [(0, -4.6), (4.4, 3.4), (-4.4, 3.4)],
    }[shape]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return f'<polygon points="{points}" fill="{colour}"/>'


def _grid(plot, x, y, labelled, rows):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in rows:
        yield _rule(LEFT, y(value), right, y(value), "minor")
    for value in labelled:
        yield _rule(LEFT, y(value), right, y(value), "grid")
        yield _text(LEFT - 8, y(value) + 4, plot.y_label(value), "tick", "end")
    for value, label in plot.ticks:
        yield _rule(x(value), TOP, x(value), bottom, "grid")
        yield _text(x(value), bottom + 18, label, "tick", "middle")
    yield f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'


def _line(line, x, y):
    points = [(x(at), y(value)) for at, value in line.points]
    path = "M" + "L".join(f"{at:.1f} {value:.1f}" for at, value in points)
    dash = DASHES[line.kind % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    yield f'<path class="line" stroke="{line.colour}"{dashed} d="{path}"/>'
    for at, value in points:
        yield _mark(at, value, line.kind, line.colour)


def _names(lines, y):
    """Each line's name where it ends."""
    places = spread_labels(
        [y(line.points[-1][1]) for line in lines], LABEL_GAP, HEIGHT - BOTTOM
    )
    at = WIDTH - RIGHT + 12
    for line, place in zip(lines, places):
        yield _mark(at, place, line.kind, line.colour)
        more = f' style="fill: {line.colour}"'
        yield _text(at + 10, place + 4.5, line.name, "", "start", more)


def draw(plot):
    """The SVG, as text. Lines without a point are left out."""
    lines = [line for line in plot.lines if line.points]
    if not lines:
        raise ValueError(f"nothing to draw in {plot.title}")
    values = [value for line in lines for _, value in line.points]
    ats = [at for at, _ in plot.ticks]
    labelled, rows = rungs(values)
    x = Scale(min(ats), max(ats), LEFT + 14, WIDTH - RIGHT - 8)
    y = Scale(rows[0], rows[-1], HEIGHT - BOTTOM, TOP)
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(plot.title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 28, plot.title, "title"),
        *_grid(plot, x, y, labelled, rows),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, plot.x_title, "", "middle"),
        _text(20, middle, plot.y_title, "", "middle",
              f' transform="rotate(-90 20 {middle:.1f})"'),
    ]
    for line in lines:
        parts += _line(line, x, y)
    parts += _names(lines, y)
    return "\n".join([*parts, "</svg>", ""])
