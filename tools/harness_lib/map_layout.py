# SPDX-License-Identifier: MIT
"""Where the ranges of an address space go in a picture: rows without the great gaps, and in
them a width for each range that grows with the logarithm of its size, so that 4 KiB
beside 2 TiB can be seen."""

import math
import re
from dataclasses import dataclass, field

from harness_lib import map_join, workspace

GREAT_GAP = 1 << 30  # what is further apart is in another row
MAX_ROWS = 24
MANY = 48  # ranges from which on a list shows neighbours together
PAGE = 4096
LOOK_ORDER = ("full", "faint", "changing", "foreign", "outside", "closed")
PIECE = 4  # cells of an item of several ranges, about
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def human(size):
    """As short as three digits allow: 4 MiB, 1.25 GiB."""
    if size is None:
        return "?"
    power = 0
    while size >= 1024 and power + 1 < len(UNITS):
        size /= 1024
        power += 1
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    text = f"{size:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if digits else text) + " " + UNITS[power]


@dataclass
class Item:
    """Something in a row: ranges, or nothing at all."""

    start: int
    end: int
    ranges: list = field(default_factory=list)
    width: float = 0  # cells

    @property
    def bytes(self):
        return self.end - self.start

    @property
    def main(self):
        """The range that the item looks like; None for free space."""
        if not self.ranges:
            return None
        return max(self.ranges, key=lambda part: (part.bad, part.owner is not None, part.bytes))

    def shares(self, look):
        """(a range of it, bytes) for each owner and look that is in it, free space last as
        (None, bytes): how an item of several ranges is divided."""
        found = {}
        for part in self.ranges:
            key = (part.owner.index if part.owner else math.inf, LOOK_ORDER.index(look(part)))
            first, size = found.get(key, (part, 0))
            found[key] = (first, size + part.bytes)
        shares = [found[key] for key in sorted(found)]
        free = self.bytes - sum(size for _, size in shares)
        return shares + ([(None, free)] if free > 0 else [])

    def divided(self, look):
        """Its cells: (a range or None, how many)."""
        shares = self.shares(look)
        # Where there are more shares than cells the largest are what shows.
        least = sorted((size for _, size in shares), reverse=True)[: int(self.width)][-1]
        shares = [(part, size) for part, size in shares if size >= least][: int(self.width)]
        parts = [Item(0, size, width=max(size / self.bytes * self.width, 1)) for _, size in shares]
        fit(parts, int(self.width), fill=True)
        return [(part, item.width) for (part, _), item in zip(shares, parts)]


@dataclass
class Row:
    items: list
    gap: int = 0  # bytes of free space before it; 0 where it goes on from the row before

    @property
    def start(self):
        return self.items[0].start

    @property
    def end(self):
        return self.items[-1].end

    @property
    def width(self):
        return sum(item.width for item in self.items)


def logarithmic(size):
    """A cell, and a half more with each doubling beyond a page."""
    return 1 + max(math.log2(max(size, 1) / PAGE), 0) / 2


def items_of(ranges):
    """An item for each range, and for each gap between two."""
    items = []
    for part in ranges:
        if items and items[-1].end < part.start:
            items.append(Item(items[-1].end, part.start))
        items.append(Item(part.start, part.end, [part]))
    return items


def islands(items):
    """The items between great gaps, at most MAX_ROWS lists of them: (gap before, items)."""
    gaps = sorted(
        (item.bytes for item in items if not item.ranges and item.bytes >= GREAT_GAP),
        reverse=True,
    )
    least = gaps[MAX_ROWS - 2] if len(gaps) >= MAX_ROWS else GREAT_GAP
    found = [(0, [])]
    for item in items:
        if not item.ranges and item.bytes >= least and len(found) < MAX_ROWS:
            found.append((item.bytes, []))
        else:
            found[-1][1].append(item)
    return [(gap, part) for gap, part in found if part]


def merged(items, most):
    """At most `most` items: neighbours share one where there are too many."""
    if len(items) <= most:
        return items
    result = []
    for i in range(most):
        part = items[i * len(items) // most : (i + 1) * len(items) // most]
        ranges = [one for item in part for one in item.ranges]
        result.append(Item(part[0].start, part[-1].end, ranges))
    return result


def neighbours(ranges):
    """`ranges` with those of one owner together that lie next to each other, and all that
    is outside between two owners: lists of ranges."""
    groups = []
    for part in ranges:
        last = groups[-1][-1] if groups else None
        same = last is not None and (
            (last.owner is None and part.owner is None and last.state == part.state)
            or (last.owner is not None and last.owner is part.owner and last.end == part.start)
        )
        if same and part.start - last.end < GREAT_GAP and not part.marks and not last.marks:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def groups(ranges, whole=False):
    """What a list shows on one line each: `whole` asks for every range."""
    if whole:
        return [[part] for part in ranges]
    found = []
    for group in neighbours(ranges):
        if group[0].owner is None or len(ranges) > MANY:
            found.append(group)
        else:
            found += [[part] for part in group]
    return found


def grouped_items(ranges, most):
    """As items_of, but ranges of one owner that lie next to each other share items."""
    items = []
    for group in neighbours(ranges):
        if items and items[-1].end < group[0].start:
            items.append(Item(items[-1].end, group[0].start))
        items.append(Item(group[0].start, group[-1].end, list(group)))
    return merged(items, most)


def pieces(item, count):
    """An item of several ranges as up to `count` of about the same number of bytes."""
    found = {}
    for part in item.ranges:
        at = (part.start - item.start) * count // item.bytes
        found.setdefault(at, []).append(part)
    parts = [Item(group[0].start, group[-1].end, group) for group in found.values()]
    # Free space between two belongs to the one before it.
    for one, after in zip(parts, parts[1:]):
        one.end = after.start
    for one in parts:
        one.width = item.width / len(parts)
    return parts


def rows(ranges, width, most_lines=4, linear=False):
    """Rows of at most `width` cells each. An island that does not fit into one has up to
    `most_lines`, and where that is not enough either, its ranges share items."""
    found = []
    for gap, items in islands(items_of(ranges)):
        room = width * most_lines // 3
        crowded = len(items) > room
        if crowded:
            items = grouped_items([part for item in items for part in item.ranges], room)
        total = sum(item.bytes for item in items)
        for item in items:
            share = item.bytes / total * width if linear else logarithmic(item.bytes)
            item.width = max(share, 1)
        if crowded:
            items = spread(items, width * (most_lines - 1))
        found += lines_of(items, gap, width, most_lines)
    return found


def spread(items, width):
    """Items of several ranges in pieces, and wider: `width` cells all together."""
    several = sum(item.width for item in items if len(item.ranges) > 1)
    room = width - sum(item.width for item in items) + several
    scale = max(room / several, 1) if several else 1
    result = []
    for item in items:
        item.width *= scale if len(item.ranges) > 1 else 1
        count = int(item.width) // PIECE
        result += pieces(item, count) if count > 1 and len(item.ranges) > count else [item]
    return result


def lines_of(items, gap, width, most_lines):
    """One island as rows of about the same length."""
    whole = sum(item.width for item in items)
    lines = min(most_lines, len(items), math.ceil(whole / (1.2 * width)))
    result = []
    each, position = whole / lines, 0
    for item in items:
        full = result and len(result[-1].items) * 3 >= width * 2
        due = position >= each * len(result) and len(result) < lines
        if not result or full or due:
            result.append(Row([], gap if not result else 0))
        result[-1].items.append(item)
        position += item.width
    for row in result:
        fit(row.items, width)
    return result


def fit(items, width, fill=False):
    """Whole cells, at least one each, and at most `width` together, exactly so if `fill` (and
    if there are no more items than that)."""
    wanted = [item.width for item in items]
    total = sum(wanted)
    scale = 1.0
    if total > width or fill:
        # What has more than a cell gives way in proportion.
        spare = sum(one - 1 for one in wanted)
        scale = max(width - len(items), 0) / spare if spare else 0
    position = 0.0
    for item, one in zip(items, wanted):
        after = position + 1 + (one - 1) * scale
        item.width = int(after + 0.5) - int(position + 0.5)
        position = after
    if fill:
        items[-1].width += width - sum(item.width for item in items)


def size_of(text):
    """A number of bytes: hexadecimal, decimal, or with k, m, g or t behind it."""
    match = re.fullmatch(r"(0x[0-9a-f]+|\d+) *([kmgt]?)(?:ib|b)?", text.strip().lower())
    if not match:
        raise ValueError(text)
    return int(match[1], 0) * _SIZES[match[2]]


def extent_of(text):
    """START-END or START+SIZE; None when it is neither."""
    for separator in "-+":
        first, found, second = text.partition(separator)
        if not found:
            continue
        try:
            start, other = size_of(first), size_of(second)
        except ValueError:
            continue
        return (start, other) if separator == "-" else (start, start + other)
    return None


def zoomed(view, text):
    """The ranges that --zoom leaves."""
    extent = extent_of(text)
    if extent is not None:
        start, end = extent
        if start >= end:
            raise workspace.EnvironmentProblem(f"--zoom {text}: the range is empty")
        found = [
            part.clipped(start, end)
            for part in view.ranges
            if part.start < end and start < part.end
        ]
        if not found:
            raise workspace.EnvironmentProblem(
                f"--zoom {text}: nothing is in [{start:#x}, {end:#x})"
            )
        return found
    names = [
        owner
        for owner in view.owners
        if text in (owner.name, owner.letter, f"{owner.kind}:{owner.name}")
    ]
    if not names:
        known = ", ".join(f"{owner.kind}:{owner.name}" for owner in view.owners)
        raise workspace.EnvironmentProblem(
            f"--zoom {text}: neither START-END or START+SIZE nor an owner; owners are {known}"
        )
    return [part for part in view.ranges if any(part.owner is owner for owner in names)]


def is_committed(part):
    return part.state in map_join.COMMITTED
