# SPDX-License-Identifier: MIT
"""Live status lines and the final table."""

import shutil
import sys
import time

TERMINAL_SECONDS = 0.5
LOG_SECONDS = 10


class StatusLines:
    """One line for each running task: redrawn in place on a terminal, and else printed
    now and then."""

    def __init__(self, out=None):
        self.out = out or sys.stderr
        self.terminal = self.out.isatty()
        self.drawn = 0
        self.last = time.monotonic() - (0 if not self.terminal else TERMINAL_SECONDS)

    def show(self, lines):
        now = time.monotonic()
        if now - self.last < (TERMINAL_SECONDS if self.terminal else LOG_SECONDS):
            return
        self.last = now
        self.clear()
        width = shutil.get_terminal_size((100, 24)).columns - 1
        for line in lines:
            self.out.write((line[:width] if self.terminal else line) + "\n")
        self.drawn = len(lines)
        self.out.flush()

    def clear(self):
        if self.terminal and self.drawn:
            # Up over what was drawn, and erase to the end of the screen.
            self.out.write(f"\033[{self.drawn}A\033[J")
            self.out.flush()
        self.drawn = 0


def table(header, rows, left=1):
    """Columns as wide as needed; the first `left` to the left, the others to the right."""
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:left], widths)]
        cells += [cell.rjust(width) for cell, width in zip(row[left:], widths[left:])]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)


def count(number):
    return f"{number:,.0f}"


def size(number):
    """Bytes in the largest unit that loses nothing, else in one that loses little."""
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= unit and (number % unit == 0 or number >= 10 * unit):
            return f"{number / unit:.4g} {name}"
    return f"{number} bytes"
