# SPDX-License-Identifier: MIT
"""The picture of an address space as SVG that needs nothing else: light or dark as its
reader is, with what each range is under the pointer."""

from xml.sax.saxutils import escape

from harness_lib import map_join, map_layout, map_style, map_text
from harness_lib.map_layout import human

CELL = 7  # pixels of a cell of the layout
CELLS = 140
LEFT, RIGHT, TOP = 132, 92, 74
BAR, STEP, GAP = 24, 32, 20
CHARACTER = 6.7  # of a label
WIDTH = LEFT + CELLS * CELL + RIGHT

COLOURS = """text { fill: %(ink)s } .page { fill: %(page)s } .dim { fill: %(dim)s }
.label, .mark, .item { stroke: %(page)s }
.outside { fill: %(outside)s } .closed { fill: %(closed)s } .free { fill: %(free)s }
.item.bad { stroke: %(bad)s } text.no { fill: %(bad)s } text.yes { fill: %(good)s }
.over { stroke: %(ink)s }"""
LIGHT = {
    "ink": "#1c2128", "page": "#ffffff", "dim": "#59626e", "outside": "#b4bac3",
    "closed": "#e1e4e8", "free": "#f5f6f8", "bad": "#c1121f", "good": "#15803d",
}
DARK = {
    "ink": "#e6e9ed", "page": "#14171c", "dim": "#98a1ad", "outside": "#565e69",
    "closed": "#31373f", "free": "#1c2026", "bad": "#ff6b6b", "good": "#4ade80",
}
STYLE = """text { font: 12px 'DejaVu Sans Mono', ui-monospace, monospace }
.title { font-size: 17px; font-weight: bold }
.label { stroke-width: 2.5px; paint-order: stroke; pointer-events: none }
.mark { font-size: 15px; font-weight: bold; stroke-width: 3px; paint-order: stroke }
.item { stroke-width: .7px } .item.bad { stroke-width: 2.5px }
.over { stroke-width: 1.1; stroke-opacity: .45; fill: none }"""
PATTERNS = """<pattern id="changing" width="7" height="7" patternUnits="userSpaceOnUse">
<path class="over" d="M0 0V7"/></pattern>
<pattern id="foreign" width="7" height="7" patternUnits="userSpaceOnUse">
<path class="over" d="M0 7L7 0"/></pattern>"""


def style():
    form = "{name} {{ fill: {colour} }}"
    light = COLOURS % LIGHT + "\n" + map_style.page_rules(form, dark=0)
    dark = COLOURS % DARK + "\n" + map_style.page_rules(form, dark=1)
    return f"{STYLE}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def about(item):
    """What is said of an item under the pointer."""
    lines = [f"{item.start:#x}-{item.end:#x}  {human(item.bytes)}"]
    if not item.ranges:
        return lines + ["free"]
    lines += [f"{map_join.states_of(item.ranges)}: {map_join.names_of(item.ranges)}"]
    if len(item.ranges) == 1:
        part = item.main
        lines.append(f"kernel: {part.access if part.mapping else 'nothing'}")
        if part.run and part.run.strategy:
            pairs = part.run.strategy.items()
            lines.append("strategy: " + ", ".join(f"{key}={value}" for key, value in pairs))
    resident = map_join.resident_of(item.ranges)
    if resident is not None:
        lines.append(f"resident: {human(resident)}")
    return lines + [
        f"{mark.kind}: {mark.text}" for part in item.ranges for mark in part.marks
    ]


class Picture:
    def __init__(self, view, ranges, sentence, linear):
        self.view = view
        self.ranges = ranges
        self.sentence = sentence
        self.rows = map_layout.rows(ranges, CELLS, linear=linear)
        self.parts = []
        self.y = TOP

    def render(self):
        view = self.view
        name = f"process {view.pid} {view.command}".rstrip() if view.pid else "address space"
        self.parts.append(text(16, 30, name, "title"))
        good = not self.sentence.startswith("VIOLATION")
        self.parts.append(text(16, 52, self.sentence, "yes" if good else "no"))
        for row in self.rows:
            self.row(row)
        self.legend()
        self.owners()
        height = self.y + 16
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                f'viewBox="0 0 {WIDTH} {height}" role="img">',
                f"<title>{escape(name)}</title>",
                f"<style>{style()}</style>",
                f"<defs>{PATTERNS}</defs>",
                f'<rect class="page" width="{WIDTH}" height="{height}"/>',
                *self.parts,
                "</svg>",
                "",
            ]
        )

    def row(self, row):
        if row.gap:
            self.parts.append(text(LEFT, self.y + 12, f"{human(row.gap)} free", "dim"))
            self.y += GAP
        middle = self.y + BAR / 2 + 4
        self.parts.append(text(LEFT - 10, middle, f"{row.start:#x}", "", "end"))
        x = LEFT
        for item in row.items:
            self.item(item, x)
            x += item.width * CELL
        self.parts.append(text(x + 8, middle, human(row.end - row.start), "dim"))
        self.labels(row, middle)
        self.y += STEP

    def item(self, item, x):
        title = escape("\n".join(about(item)))
        self.parts.append(f"<g><title>{title}</title>")
        for part, width in item.divided(map_style.look):
            kinds = f"item {map_style.page_classes(part)}"
            kinds += " bad" if part and part.bad else ""
            box = f'x="{x}" y="{self.y}" width="{width * CELL}" height="{BAR}"'
            self.parts.append(f'<rect class="{kinds}" {box}/>')
            kind = map_style.look(part)
            if kind in ("changing", "foreign"):
                self.parts.append(f'<rect fill="url(#{kind})" {box}/>')
            x += width * CELL
        self.parts.append("</g>")

    def labels(self, row, y):
        """A name for neighbours with one holder, and what is wrong on top of all."""
        x = LEFT
        for items in map_style.by_holder(row.items):
            room = sum(item.width for item in items) * CELL
            names = map_style.label(items)
            name = next((one for one in names if len(one) * CHARACTER + 6 <= room), "")
            if name:
                self.parts.append(text(x + 4, y, name, "label"))
            x += room
        x = LEFT
        for item in row.items:
            if map_style.is_bad(item):
                at = x + item.width * CELL / 2
                self.parts.append(text(at, self.y + BAR - 6, "!", "mark no", "middle"))
            x += item.width * CELL

    def legend(self):
        """Only what the picture has."""
        self.y += 10
        x = LEFT
        seen = map_style.looks(self.rows)
        for kind in [one for one in map_style.LOOKS if one in seen]:
            box = f'x="{x}" y="{self.y}" width="22" height="14"'
            self.parts.append(f'<rect class="o0 {kind}" {box}/>')
            if kind in ("changing", "foreign"):
                self.parts.append(f'<rect fill="url(#{kind})" {box}/>')
            name = map_style.LOOK_NAMES[kind]
            self.parts.append(text(x + 28, self.y + 12, name, "dim"))
            x += 28 + len(name) * 7.4 + 22
        self.y += 34

    def owners(self):
        shown = map_join.owners_in(self.view, self.ranges)
        wide = max((len(owner.title) for owner in shown), default=0) * 7.4
        for owner in shown:
            box = f'x="{LEFT}" y="{self.y}" width="22" height="14"'
            self.parts.append(f'<rect class="o{owner.index % map_style.HUES} full" {box}/>')
            words = f"{owner.letter} {owner.title}"
            self.parts.append(text(LEFT + 28, self.y + 12, words))
            amounts = f"{human(owner.total())} reserved, "
            amounts += f"{human(owner.total(map_layout.is_committed))} mapped"
            resident = owner.memory("resident")
            if resident is not None:
                amounts += f", {human(resident)} resident"
            count = map_text.count(len(owner.ranges), "range")
            self.parts.append(
                text(LEFT + 60 + wide, self.y + 12, f"{amounts}, {count}", "dim")
            )
            self.y += 20


def render(view, ranges, sentence, linear=False):
    return Picture(view, ranges, sentence, linear).render()
