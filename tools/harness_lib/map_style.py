# SPDX-License-Identifier: MIT
"""How owners and states look: one hue for each owner, and how full its colour is says how far
its memory can be used. Hues are told apart by those who see colours differently too; where
they come round again, letters tell."""

import colorsys
import itertools

from harness_lib import map_join

HUES = 8
# Of the 256 colours of a terminal: full and faint, hue by hue.
FULL = (75, 208, 77, 141, 220, 44, 205, 146)
FAINT = (24, 94, 22, 54, 58, 23, 89, 60)
# The same on a page: hue, saturation of HSL.
PAGE_HUES = ((208, 85), (28, 90), (135, 50), (272, 60), (48, 85), (184, 70), (328, 70), (232, 35))

# (lightness, share of the saturation) of a look, on a light and on a dark page
_PAGE_LOOKS = {
    "full": ((64, 100), (52, 85)),
    "faint": ((89, 70), (27, 55)),
    "changing": ((80, 80), (38, 70)),
    "foreign": ((90, 75), (24, 60)),
}

LOOKS = ("full", "faint", "changing", "foreign", "outside", "closed", "free")
LOOK_NAMES = {
    "full": "mapped",
    "faint": "quarantined",
    "changing": "changing",
    "foreign": "excluded",
    "outside": "not the mapper's",
    "closed": "not the mapper's, no access",
    "free": "free",
}


def page_colour(index, kind, dark):
    """An owner's colour on a page, as #rrggbb."""
    hue, saturation = PAGE_HUES[index % HUES]
    lightness, share = _PAGE_LOOKS[kind][dark]
    red, green, blue = colorsys.hls_to_rgb(
        hue / 360, lightness / 100, saturation / 100 * share / 100
    )
    return f"#{round(red * 255):02x}{round(green * 255):02x}{round(blue * 255):02x}"


def page_rules(form, dark):
    """CSS for all owners and looks: `form` has {name}, the classes, and {colour}."""
    return "\n".join(
        form.format(name=f".o{index}.{kind}", colour=page_colour(index, kind, dark))
        for index in range(HUES)
        for kind in _PAGE_LOOKS
    )


def page_classes(part):
    """Of a range, or of free space."""
    names = [look(part)]
    if part and part.owner:
        names.insert(0, f"o{part.owner.index % HUES}")
    return " ".join(names)


def look(part):
    """What a range looks like; None is free space."""
    if part is None:
        return "free"
    if part.owner is None:
        return "outside" if part.mapping is None or part.mapping.accessible else "closed"
    if part.state in map_join.COMMITTED:
        return "full"
    if part.state == "quarantined":
        return "faint"
    return "foreign" if part.state == "excluded" else "changing"


class Plain:
    """No colours: letters say all."""

    def paint(self, parameters, text):
        del parameters
        return text

    def bold(self, text):
        return self.paint("1", text)

    def dim(self, text):
        return self.paint("2", text)

    def bad(self, text):
        return self.paint("1;38;5;203", text)

    def note(self, text):
        return self.paint("38;5;179", text)

    def good(self, text):
        return self.paint("1;38;5;77", text)

    def letter(self, owner):
        return owner.letter

    def row(self, items):
        """A row of the picture."""
        return "".join(self.item(item) for item in items)

    def item(self, item):
        text = "".join(self.fill(part, width) for part, width in item.divided(look))
        return "!" + text[1:] if is_bad(item) else text

    def fill(self, part, width):
        letter = part.owner.letter if part and part.owner else ""
        fill = {
            "full": letter,
            "faint": letter.lower(),
            "changing": letter.lower() + "~",
            "foreign": letter.lower() + "/",
            "outside": "=",
            "closed": "-",
            "free": ".",
        }[look(part)]
        return (fill * width)[:width]


class Colour(Plain):
    def paint(self, parameters, text):
        return f"\033[{parameters}m{text}\033[0m" if text else text

    def letter(self, owner):
        return self.paint(f"1;38;5;{FULL[owner.index % HUES]}", owner.letter)

    def item(self, item):
        return "".join(self.paint(*cell) for cell in self.cells_of(item))

    def row(self, items):
        cells = []  # [parameters, character]
        for group in by_holder(items):
            place = len(cells)
            for item in group:
                cells += self.cells_of(item)
            write(cells, place, label(group))
        return "".join(
            self.paint(parameters, "".join(cell[1] for cell in group))
            for parameters, group in itertools.groupby(cells, key=lambda cell: cell[0])
        )

    def cells_of(self, item):
        cells = [
            list(self.fill(part)) for part, width in item.divided(look) for _ in range(width)
        ]
        if is_bad(item):
            cells[0] = ["1;38;5;231;48;5;160", "!"]
        return cells

    def fill(self, part, width=1):
        """(parameters, characters)"""
        owner = part.owner if part else None
        full = FULL[owner.index % HUES] if owner else 0
        faint = FAINT[owner.index % HUES] if owner else 0
        parameters, fill = {
            "full": (f"38;5;16;48;5;{full}", " "),
            "faint": (f"38;5;{full};48;5;{faint}", " "),
            "changing": (f"38;5;{full};48;5;{faint}", "▒"),
            "foreign": (f"38;5;{full}", "╱"),
            "outside": ("38;5;252;48;5;240", " "),
            "closed": ("38;5;245", "░"),
            "free": ("38;5;240", "·"),
        }[look(part)]
        return parameters, fill * width


def looks(rows):
    """All that are in a picture."""
    items = [item for row in rows for item in row.items]
    return {look(part) for item in items for part, _ in item.divided(look)}


def is_bad(item):
    return any(part.bad for part in item.ranges)


def holder(item):
    """What neighbouring items have in common that share a label. One that is wrong has none,
    and room for its mark."""
    part = item.main
    what = None if part is None else id(part.owner) if part.owner else part.state
    return what, is_bad(item)


def by_holder(items):
    """Lists of neighbours that share a label."""
    return [list(group) for _, group in itertools.groupby(items, key=holder)]


def label(items):
    """(long, short) names of neighbours with one holder."""
    part = items[0].main
    if part is None or is_bad(items[0]):
        return "", ""
    if part.owner:
        return f"{part.owner.letter} {part.owner.name}", part.owner.letter
    if part.state != map_join.OUTSIDE:
        return "tables", ""
    named = [one for item in items for one in item.ranges if one.mapping.name]
    largest = max(named, key=lambda one: one.bytes, default=None)
    return (largest.what.rsplit("/", 1)[-1] if largest else ""), ""


def write(cells, place, names):
    """The longest name that there is room for, over the cells from `place` on."""
    room = len(cells) - place
    text = next((name for name in names if len(name) <= room), "")
    first = place + (room > len(text))
    for cell, char in zip(cells[first:], text):
        cell[1] = char
