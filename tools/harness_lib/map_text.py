# SPDX-License-Identifier: MIT
"""An address space on a terminal: a picture, what is where, and who has how much."""

from harness_lib import map_join, map_layout, map_style
from harness_lib.map_layout import human

ADDRESS = 15  # columns of an address in the picture's margin
MOST_LINES = 120  # of the list, unless all are wanted


class Text:
    def __init__(self, view, ranges, width, style, whole=False, linear=False):
        self.view = view
        self.ranges = ranges
        self.width = width
        self.style = style
        self.whole = whole  # every range has a line
        self.linear = linear
        self.owners = map_join.owners_in(view, ranges)
        self.memory = any(part.resident is not None for part in ranges)

    def render(self):
        parts = [self.head(), self.legend(), self.picture(), self.table(), self.totals()]
        return "\n".join(part for part in parts if part) + "\n"

    def head(self):
        view = self.view
        name = f"process {view.pid}" if view.pid else "a dump"
        if view.command:
            name += f" {view.command}"
        lines = [self.style.bold(name)]
        for number, dump in enumerate(view.dumps):
            held = [owner for owner in view.owners if owner.mapper == number]
            text = f'mapper "{dump.prefix}": {count(len(held), "owner")}, '
            text += f"{count(len(dump.runs), 'run')}"
            if not dump.guessed:
                start, end = dump.window
                text += f" in [{start:#x}, {end:#x}), chunks of {human(dump.chunk)}"
            lines.append(text)
        lines += [self.style.note(f"note: {note}") for note in view.notes]
        return "\n".join(lines) + "\n"

    # The picture

    def legend(self):
        entries = []
        seen = {map_style.look(part) for part in self.ranges}
        sample = next((owner for owner in self.owners), None)
        for kind in map_style.LOOKS:
            if kind in seen or kind == "free":
                entries.append(self.sample(kind, sample) + " " + map_style.LOOK_NAMES[kind])
        if any(part.bad for part in self.ranges):
            entries.append(self.style.bad("!") + " table and kernel disagree")
        owners = [
            f"{self.style.letter(owner)} {owner.title}" for owner in self.owners
        ]
        return self.wrap(entries) + "\n" + self.wrap(owners[:26]) + "\n"

    def sample(self, kind, owner):
        states = {"full": "mapped", "faint": "quarantined", "foreign": "excluded"}
        item = map_layout.Item(0, 1, width=2)
        if kind in ("outside", "closed"):
            item.ranges = [next(one for one in self.ranges if map_style.look(one) == kind)]
        elif kind != "free":
            item.ranges = [map_join.Range(0, 1, states.get(kind, "reserving"), owner)]
        return self.style.item(item)

    def wrap(self, entries):
        """Entries beside each other, as many as fit; escape sequences take no room."""
        lines, used = [""], 0
        for entry in entries:
            size = len(uncoloured(entry)) + 3
            if used and used + size > self.width:
                lines.append("")
                used = 0
            lines[-1] += entry + "   "
            used += size
        return "\n".join(line.rstrip() for line in lines)

    def picture(self):
        right = 11
        room = self.width - ADDRESS - right
        lines = []
        for row in map_layout.rows(self.ranges, room, linear=self.linear):
            if row.gap:
                lines.append(self.style.dim(f"{'':{ADDRESS}}{human(row.gap)} free"))
            cells = self.style.row(row.items)
            margin = f"{row.start:#x}".ljust(ADDRESS)
            lines.append(f"{margin}{cells} {self.style.dim(human(row.end - row.start))}")
        scale = "widths as sizes, row by row" if self.linear else (
            "a cell more: four times the size"
        )
        lines.append(self.style.dim(f"{'':{ADDRESS}}({scale}; --zoom START-END or OWNER)"))
        return "\n".join(lines) + "\n"

    # What is where

    def table(self):
        groups = map_layout.groups(self.ranges, self.whole)
        rows = [self.row(group) for group in groups]
        shown = list(range(len(rows)))
        if not self.whole and len(rows) > MOST_LINES:
            # What is wrong is never left out.
            bad = [i for i in shown if groups[i][0].bad]
            shown = sorted({*bad, *shown[: MOST_LINES]})
        head = ["", "from", "to", "size", "state", "kernel", "resident", "who"]
        drop = [] if self.memory else [6]
        table = [self.cells(head, drop)] + [self.cells(rows[i], drop) for i in shown]
        widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
        lines = []
        for number, cells in enumerate(table):
            line = self.line(cells, widths, drop)
            if number == 0:
                lines.append(self.style.dim(line))
                continue
            group = groups[shown[number - 1]]
            if group[0].owner:
                letter = self.style.letter(group[0].owner)
                line = letter + line[len(group[0].owner.letter) :]
            lines.append(line)
            lines += [self.mark(item) for item in group[0].marks]
        if len(shown) < len(rows):
            lines.append(f"... and {len(rows) - len(shown):,} lines more: --all shows them")
        return "\n".join(lines) + "\n"

    def cells(self, row, drop):
        return [cell for i, cell in enumerate(row) if i not in drop]

    def line(self, cells, widths, drop):
        right = {3, 6} - set(drop)
        parts = [
            cell.rjust(size) if i in right else cell.ljust(size)
            for i, (cell, size) in enumerate(zip(cells, widths))
        ]
        text = "  ".join(parts).rstrip()
        return text if len(text) <= self.width else text[: self.width - 1] + "…"

    def mark(self, item):
        paint = self.style.note if item.note else self.style.bad
        return paint(f"   {'note' if item.note else '!'} {item.kind}: {item.text}")

    def row(self, group):
        first = group[0]
        letter = first.owner.letter if first.owner else ""
        access = {part.access for part in group}
        state, who = map_join.states_of(group), map_join.names_of(group)
        return [
            letter,
            f"{first.start:#x}",
            f"{group[-1].end:#x}",
            human(group[-1].end - first.start),
            state,
            self.access(first) if len(access) == 1 else "*",
            human(map_join.resident_of(group)),
            who,
        ]

    def access(self, part):
        if not self.view.has_kernel:
            return "?"
        return part.access if part.mapping else "nothing"

    # Who has how much

    def totals(self):
        owners = self.owners
        if not owners:
            return ""
        all_of_it = "owner" if self.ranges is self.view.ranges else "owner, all of it"
        head = ["", all_of_it, "reserved", "mapped", "resident", "in huge pages", "strategy"]
        rows = []
        for owner in owners:
            ranges = [part for part in owner.ranges]
            strategy = ranges[0].run.strategy
            rows.append(
                [
                    owner.letter,
                    owner.title,
                    human(owner.total()),
                    human(owner.total(map_layout.is_committed)),
                    human(owner.memory("resident")),
                    human(owner.memory("huge")),
                    ",".join(f"{key}={value}" for key, value in strategy.items()),
                ]
            )
        drop = [] if self.memory else [4, 5]
        table = [self.cells(row, drop) for row in [head, *rows]]
        widths = [max(len(row[i]) for row in table) for i in range(len(head) - len(drop))]
        last = len(widths) - 1
        lines = []
        for number, cells in enumerate(table):
            line = "  ".join(
                cell.rjust(size) if 1 < i < last else cell.ljust(size)
                for i, (cell, size) in enumerate(zip(cells, widths))
            ).rstrip()
            if number == 0:
                lines.append(self.style.dim(line))
            else:
                owner = owners[number - 1]
                lines.append(self.style.letter(owner) + line[len(owner.letter) :])
        return "\n".join(lines) + "\n"


def count(number, word):
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def uncoloured(text):
    result, inside = [], False
    for char in text:
        if char == "\033":
            inside = True
        elif not inside:
            result.append(char)
        elif char == "m":
            inside = False
    return "".join(result)


def render(view, ranges, width, style, **options):
    return Text(view, ranges, width, style, **options).render()
