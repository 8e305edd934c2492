# SPDX-License-Identifier: MIT
"""The pages of one address space: disjoint pieces in ascending order, exact to the page,
and what they come to in sum, kept along with each change."""

from bisect import bisect_right
from dataclasses import dataclass, replace


@dataclass
class Reservation:
    """A mapping made without access, and what became of it."""

    line: int
    task: int
    start: int
    end: int
    used: int = 0  # bytes that became accessible, or were put to use by a mapping over it
    held: int = 0  # bytes that are still there


@dataclass
class Piece:
    start: int
    end: int
    line: int  # of the call that mapped it
    origin: int
    protection: int
    file: bool = False
    no_fork: bool = False
    reservation: Reservation = None
    used: bool = False  # counted in its reservation
    since: int = 0  # the event from which on it has been like this

    @property
    def bytes(self):
        return self.end - self.start


def one_range(low, high):
    """Adjacent, of one call, and alike."""
    return (
        low.end == high.start
        and low.line == high.line
        and low.origin == high.origin
        and low.protection == high.protection
        and low.no_fork == high.no_fork
    )


def same(low, high):
    """Nothing is lost when they are kept as one."""
    return (
        one_range(low, high)
        and low.used == high.used
        and low.reservation is high.reservation
        and low.since == high.since
    )


def one_mapping(low, high):
    """Whether the kernel keeps both as one: adjacent anonymous memory, or parts of a file
    that one call mapped, with the same access."""
    if low.end != high.start or low.protection != high.protection:
        return False
    if low.no_fork != high.no_fork or low.file != high.file:
        return False
    return not low.file or low.line == high.line


class Map:
    def __init__(self, on_end=None):
        self.pieces = []
        self.starts = []
        self.joins = 0  # neighbours that the kernel keeps as one mapping
        self.cuts = 0  # neighbours that are one range
        self.bytes = 0
        self.accessible = 0
        self.on_end = on_end  # called with each piece that goes or changes

    @property
    def mappings(self):
        return len(self.pieces) - self.joins

    @property
    def ranges(self):
        return len(self.pieces) - self.cuts

    def find(self, address):
        """The index of the first piece that ends above `address`."""
        i = bisect_right(self.starts, address)
        return i - 1 if i > 0 and self.pieces[i - 1].end > address else i

    def meeting(self, start, end):
        """The pieces that meet a range."""
        i = self.find(start)
        while i < len(self.pieces) and self.pieces[i].start < end:
            yield self.pieces[i]
            i += 1

    def _count(self, low, high, sign):
        window = self.pieces[max(0, low - 1) : high + 1]
        for a, b in zip(window, window[1:]):
            if a.end == b.start:
                self.joins += sign * one_mapping(a, b)
                self.cuts += sign * one_range(a, b)

    def splice(self, low, high, pieces):
        """Puts `pieces` in the place of those from `low` up to `high`."""
        self._count(low, high, -1)
        for piece in self.pieces[low:high]:
            self.bytes -= piece.bytes
            self.accessible -= piece.bytes if piece.protection else 0
        self.pieces[low:high] = pieces
        self.starts[low:high] = [piece.start for piece in pieces]
        for piece in pieces:
            self.bytes += piece.bytes
            self.accessible += piece.bytes if piece.protection else 0
        self._count(low, low + len(pieces), 1)

    def rewrite(self, start, end, function):
        """Every part of a piece inside [start, end) becomes what `function` makes of it, or
        goes when that is None. Parts outside stay as they are. Returns the parts."""
        low = high = self.find(start)
        parts, pieces = [], []
        while high < len(self.pieces) and self.pieces[high].start < end:
            piece = self.pieces[high]
            high += 1
            part = replace(piece, start=max(start, piece.start), end=min(end, piece.end))
            new = function(replace(part))
            parts.append(part)
            if new is not None and _alike(new, part):
                new.since = part.since
            elif self.on_end:
                self.on_end(part)
            if piece.start < part.start:
                pieces.append(replace(piece, end=part.start))
            if new is not None:
                pieces.append(new)
            if part.end < piece.end:
                pieces.append(replace(piece, start=part.end))
        self.splice(low, high, pieces)
        self._merge(low, low + len(pieces))
        return parts

    def add(self, piece):
        """Where nothing is."""
        i = self.find(piece.start)
        self.splice(i, i, [piece])
        self._merge(i, i + 1)

    def remove(self, start, end):
        return self.rewrite(start, end, lambda part: None)

    def _merge(self, low, high):
        """Makes one of neighbours from the piece before `low` to the one at `high`."""
        i = max(0, low - 1)
        while i + 1 < len(self.pieces) and i < high:
            first, second = self.pieces[i], self.pieces[i + 1]
            if same(first, second):
                self.splice(i, i + 2, [replace(first, end=second.end)])
                high -= 1
            else:
                i += 1

    def hole(self, start, end):
        """Where what is mapped without a gap from `start` on ends; at most `end`."""
        at = start
        for piece in self.meeting(start, end):
            if piece.start > at:
                break
            at = piece.end
        return min(at, end)


def _alike(a, b):
    return (a.protection, a.origin, a.line) == (b.protection, b.origin, b.line)
