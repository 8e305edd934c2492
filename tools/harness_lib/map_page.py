# SPDX-License-Identifier: MIT
"""An address space as one HTML page that needs nothing else: the picture, what each range
is under the pointer, and the list, an owner or a group at a time."""

from html import escape
from pathlib import Path

from harness_lib import map_join, map_layout, map_style, map_svg, map_text
from harness_lib.map_layout import human
from harness_lib.trace_html import classes, tag

HERE = Path(__file__).resolve().parent
CELLS = 150  # of a row, before it is stretched
LIST_HEADS = ("", "from", "to", "size", "state", "kernel", "resident", "who")
OWNER_HEADS = (
    "", "owner", "ranges", "reserved", "mapped", "resident", "in huge pages", "strategy"
)


class Page:
    def __init__(self, view, ranges, sentence, linear):
        self.view = view
        self.ranges = ranges
        self.sentence = sentence
        self.rows = map_layout.rows(ranges, CELLS, linear=linear)
        self.groups = map_layout.groups(ranges)
        self.owners = map_join.owners_in(view, ranges)
        self.memory = any(part.resident is not None for part in ranges)
        # The line of the list on which a range is.
        self.lines = {
            id(part): number for number, group in enumerate(self.groups) for part in group
        }

    def render(self):
        view = self.view
        name = f"process {view.pid} {view.command}".rstrip() if view.pid else "address space"
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        head += tag("title", escape(name)) + f"<style>\n{self.style()}\n</style>"
        good = not self.sentence.startswith("VIOLATION")
        script = (HERE / "map_page.js").read_text(encoding="utf-8")
        body = [
            tag("h1", escape(name)),
            tag("p", escape(self.sentence), class_=f"banner {'good' if good else 'wrong'}"),
            *(tag("p", "note: " + escape(note), class_="dim") for note in view.notes),
            self.mappers(),
            tag("nav", self.tools()),
            tag("div", self.legend(), class_="legend"),
            tag("main", "\n".join(self.row(row) for row in self.rows)),
            tag("h2", "Owners") + self.owner_table(),
            tag("h2", "Address space") + self.list(),
            tag("aside", "", id="details", hidden=""),
            f"<script>\n{script}</script>",
        ]
        return (
            '<!DOCTYPE html>\n<html lang="en">\n'
            + tag("head", head)
            + tag("body", "\n".join(body))
            + "\n</html>\n"
        )

    def style(self):
        form = "{name} {{ --c: {colour} }}"
        dark = map_style.page_rules(form, dark=1)
        return (
            (HERE / "map_page.css").read_text(encoding="utf-8")
            + map_style.page_rules(form, dark=0)
            + f"\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}"
        )

    def mappers(self):
        lines = []
        for dump in self.view.dumps:
            words = [map_text.count(len(dump.runs), "run")]
            if not dump.guessed:
                start, end = dump.window
                words.append(f"window {start:#x}-{end:#x}")
                words.append(f"chunks of {human(dump.chunk)}")
            words += [
                f"{name.replace('_', ' ')} {dump.statistics[name]:,}"
                for name in ("conflicts", "busy", "races_lost", "waits")
                if name in dump.statistics
            ]
            name = tag("b", escape(f'mapper "{dump.prefix}"'))
            lines.append(tag("p", f"{name} {escape(', '.join(words))}"))
        return "".join(lines)

    def tools(self):
        owners = [
            tag(
                "button",
                self.swatch(owner, "full") + escape(f"{owner.letter} {owner.title}"),
                type="button",
                data_owner=owner.index,
                aria_pressed="false",
            )
            for owner in self.owners
        ]
        slider = '<input type="range" min="1" max="40" step="0.5" value="1" id="zoom">'
        return tag("label", "width " + slider) + "".join(owners)

    def swatch(self, owner, kind):
        return tag("i", "", class_=f"swatch o{owner.index % map_style.HUES} {kind}")

    def legend(self):
        seen = map_style.looks(self.rows)
        entries = [
            tag("span", tag("i", "", class_=f"swatch o0 {kind}") + map_style.LOOK_NAMES[kind])
            for kind in map_style.LOOKS
            if kind in seen
        ]
        if any(part.bad for part in self.ranges):
            mark = tag("i", "!", class_="swatch wrong")
            entries.append(tag("span", mark + "table and kernel disagree"))
        return "".join(entries)

    def bytes(self, size):
        """Of memory: nothing where nobody counted it."""
        return human(size) if self.memory else ""

    # The picture

    def row(self, row):
        gap = ""
        if row.gap:
            gap = tag("div", escape(f"{human(row.gap)} free"), class_="gap dim")
        groups = "".join(self.holder(items) for items in map_style.by_holder(row.items))
        used = sum(item.width for item in row.items)
        if used < CELLS:
            groups += tag("span", "", class_="rest", style=f"flex-grow: {CELLS - used}")
        bar = tag("div", tag("div", groups, class_="bar"), class_="scroll")
        size = tag("span", escape(human(row.end - row.start)), class_="dim size")
        return gap + tag("div", tag("code", f"{row.start:#x}") + bar + size, class_="row")

    def holder(self, items):
        """Neighbours with one holder, and its name over them."""
        room = sum(item.width for item in items)
        long, short = map_style.label(items)
        # Cells are about as wide as characters where the page is.
        name = long if len(long) <= room * 0.75 else short if room > 1 else ""
        label = tag("b", escape(name)) if name else ""
        parts = "".join(self.item(item) for item in items)
        return tag("span", parts + label, class_="holder", style=f"flex-grow: {room}")

    def item(self, item):
        part = item.main
        line = self.lines[id(part)] if part else None
        kinds = map_style.page_classes(part)
        inside = "!" if map_style.is_bad(item) else ""
        if len(item.ranges) > 1:
            kinds = "several"
            inside += "".join(
                tag("i", "", class_=map_style.page_classes(one), style=f"flex-grow: {width}")
                for one, width in item.divided(map_style.look)
            )
        return tag(
            "a" if part else "i",
            inside,
            class_=classes("item", kinds, "bad" if map_style.is_bad(item) else ""),
            style=f"flex-grow: {item.width}",
            href=f"#g{line}" if part else None,
            data_owner=part.owner.index if part and part.owner else None,
            data_about="\n".join(map_svg.about(item)),
        )

    # The lists

    def owner_table(self):
        rows = []
        for owner in self.owners:
            pairs = owner.ranges[0].run.strategy.items()
            cells = [
                self.swatch(owner, "full") + owner.letter,
                escape(owner.title),
                f"{len(owner.ranges):,}",
                human(owner.total()),
                human(owner.total(map_layout.is_committed)),
                self.bytes(owner.memory("resident")),
                self.bytes(owner.memory("huge")),
                escape(", ".join(f"{key}={value}" for key, value in pairs)),
            ]
            rows.append(
                tag("tr", "".join(tag("td", cell) for cell in cells), data_owner=owner.index)
            )
        heads = tag("tr", "".join(tag("th", head) for head in OWNER_HEADS))
        return tag("table", tag("thead", heads) + tag("tbody", "".join(rows)), class_="owners")

    def list(self):
        heads = tag("tr", "".join(tag("th", head) for head in LIST_HEADS))
        bodies = [self.group(number, group) for number, group in enumerate(self.groups)]
        return tag("table", tag("thead", heads) + "\n".join(bodies), class_="list")

    def group(self, number, group):
        rows = [self.line(group, f"g{number}")]
        for part in group[0].marks:
            kind = "note" if part.note else "wrong"
            words = f"{part.kind}: {part.text}"
            cells = "<td></td>" + tag("td", escape(words), colspan=len(LIST_HEADS) - 1)
            rows.append(tag("tr", cells, class_=kind))
        if len(group) > 1:
            rows += [self.line([part], None) for part in group]
        owner = group[0].owner
        return tag(
            "tbody",
            "".join(rows),
            class_="many" if len(group) > 1 else None,
            data_owner=owner.index if owner else None,
        )

    def line(self, group, name):
        first = group[0]
        access = {part.access if part.mapping else "nothing" for part in group}
        sign = self.swatch(first.owner, map_style.look(first)) if first.owner else ""
        if first.owner:
            sign += first.owner.letter
        cells = [
            sign,
            tag("code", f"{first.start:#x}"),
            tag("code", f"{group[-1].end:#x}"),
            human(group[-1].end - first.start),
            escape(map_join.states_of(group)),
            tag("code", escape(" ".join(sorted(access)))) if self.view.has_kernel else "?",
            self.bytes(map_join.resident_of(group)),
            escape(map_join.names_of(group)),
        ]
        if name and len(group) > 1:
            words = f"{len(group):,} ranges"
            cells[-1] += " " + tag("button", words, type="button", class_="open")
        return tag(
            "tr",
            "".join(tag("td", cell) for cell in cells),
            id=name,
            class_=classes("" if name else "part"),
        )


def render(view, ranges, sentence, linear=False):
    return Page(view, ranges, sentence, linear).render()
