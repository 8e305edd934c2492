# SPDX-License-Identifier: MIT
"""A trace as plain text: one column per thread, one row per step, and beside it the
address map and the kernel's view of it."""

import textwrap

from harness_lib import trace as traces
from harness_lib.trace_style import OWNER_STYLES, Plain

STEP_WIDTH = 5
MIN_LANE = 8
GOOD_LANE = 21
MIN_WIDTH = 80
MAX_LINES = 3
NOTE_SIGNS = {traces.STALE: "~", traces.FAULT: "!", traces.FREEZE: "✱"}
END_WIDTH = 7
# Columns of a chunk in the map and in the kernel's view, best first. With three the first
# is a mark or the border of a region, the others are the state and the owner; with two
# the mark is left out, with one the owner as well.
CELLS = [(3, 3), (3, 2), (2, 2), (2, 1), (1, 1)]
# What these came to is the point: it goes on in further lines instead of being cut.
WRAPPED = ("os", "return")


def cut(text, width):
    """`text` in `width` columns, cut at a word where one ends near there."""
    if len(text) <= width:
        return text
    if width <= 1:
        return text[:width]
    head = text[: width - 1]
    space = head.rfind(" ")
    if space > width * 3 // 4:
        head = head[:space]
    return head + "…"


def short(text):
    """The usual words of a step as signs."""
    text = traces.with_letters(text).replace(" -> ", "→")
    return text.replace(" (swapped)", "").replace(" (lost)", " lost")


def action(step):
    """The step in few words."""
    if step.kind == "call":
        return f"▶ {step.what}"
    if step.kind == "return":
        return f"◀ {step.text or 'returns'}"
    words = [step.kind, step.what, short(step.text)]
    return " ".join(word for word in words if word)


class TextTrace:
    def __init__(self, trace, width=120, style=None):
        self.trace = trace
        self.style = style or Plain()
        self.width = max(width, MIN_WIDTH)
        threads = max(1, len(trace.threads))
        for self.map_cell, self.kernel_cell in CELLS:
            left = self.width - STEP_WIDTH - self.side_width()
            self.lane = left // threads - 2
            if self.lane >= GOOD_LANE:
                break
        self.lane = max(self.lane, MIN_LANE)
        self.inside = [None] * threads  # the call each thread is in

    def side_width(self):
        chunks = self.trace.chunks
        width = 4 + chunks * (self.map_cell + self.kernel_cell)
        # Where cells have no mark of their own, the changed chunks are named at the end.
        return width + (0 if self.map_cell == 3 else END_WIDTH)

    def lines(self):
        """All of it."""
        yield from self.head()
        yield ""
        yield from self.column_heads()
        for step in self.trace.steps:
            yield from self.step_lines(step)
        yield ""
        yield from self.end()

    def head(self):
        trace, bold = self.trace, self.style.bold
        counts = f"{len(trace.steps)} steps of {len(trace.threads)} threads"
        yield bold(f"{trace.scenario}: {counts}")
        for number, thread in enumerate(trace.threads):
            name = self.paint_thread(number, f"thread {number}")
            yield f"  {name}  {cut(thread, self.width - 12)}"
        sizes = f"  chunks    {trace.chunks} of {trace.chunk_bytes:,} bytes"
        if trace.region_chunks:
            sizes += f", {trace.region_chunks} in a region"
        yield sizes
        owners = [
            f"{traces.owner_sign(str(i))} {name}" for i, name in enumerate(trace.owners)
        ]
        yield from self.wrapped("  owners    ", ", ".join(owners))
        states = ", ".join(f"{letter} {name}" for letter, name in traces.STATES.items())
        yield from self.wrapped("  map       ", states)
        kernel = ", ".join(f"{letter} {name}" for letter, name in traces.KERNEL.items())
        yield from self.wrapped("  kernel    ", kernel)
        yield from self.wrapped("  marks     ", self.marks())

    def marks(self):
        words = "▶ call, ◀ return, ┃ inside a call, ⇄ preemption, ~ stale load, ! fault, ✱ freeze, "
        words += "✗ the oracle that failed; "
        if self.map_cell == 3:
            return words + "in the map: * changed by this step, ≠ another's in the kernel"
        return words + "beside the map: * the chunks that this step changed"

    def wrapped(self, label, text):
        room = self.width - len(label)
        for number, line in enumerate(textwrap.wrap(text, room) or [""]):
            yield (label if number == 0 else " " * len(label)) + line

    def column_heads(self):
        cells = ["step".rjust(STEP_WIDTH - 1) + " "]
        for number in range(len(self.trace.threads)):
            name = cut(f"thread {self.trace.thread_name(number)}", self.lane)
            cells.append("│ " + self.paint_thread(number, name.ljust(self.lane)))
        chunks = range(self.trace.chunks)
        cells.append("│ " + self.numbers(chunks, self.map_cell))
        cells.append("│ " + self.numbers(chunks, self.kernel_cell))
        titles = [" " * STEP_WIDTH, *["│ " + " " * self.lane for _ in self.trace.threads]]
        titles.append("│ " + "map".ljust(self.trace.chunks * self.map_cell))
        titles.append("│ " + "kernel")
        yield self.style.bold("".join(titles).rstrip())
        yield "".join(cells).rstrip()
        rule = ["─" * STEP_WIDTH, *["─" * (self.lane + 1) for _ in self.trace.threads]]
        rule.append("─" * (self.trace.chunks * self.map_cell + 1))
        rule.append("─" * (self.trace.chunks * self.kernel_cell + 1))
        yield "┼".join(rule)

    def numbers(self, chunks, width):
        marked = width == 3
        cells = [str(chunk % 10 if width == 1 else chunk % 100) for chunk in chunks]
        cells = [(" " + cell if marked else cell).ljust(width)[:width] for cell in cells]
        return "".join(cells)

    def step_lines(self, step):
        failed = self.trace.verdict and self.trace.verdict.step == step.number
        if step.note_kind == traces.PREEMPTION:
            yield self.preemption(step)
        if step.kind == "call":
            self.inside[step.thread] = step.what
        first, *more = self.texts(step)
        number = str(step.number).rjust(STEP_WIDTH - 2)
        number = self.style.fail(number + "✗ ") if failed else f"{number}  "
        lanes = self.lanes(step.thread, self.painted(step, first, failed))
        yield (number + lanes + self.side(step)).rstrip()
        for text in more:
            yield self.more(step, self.painted(step, text, failed))
        if step.note and step.note_kind != traces.PREEMPTION:
            sign = NOTE_SIGNS.get(step.note_kind, "•")
            text = cut(f"{sign} {step.note}", self.lane).ljust(self.lane)
            yield self.more(step, self.style.note(step.note_kind, text))
        if step.kind == "return":
            self.inside[step.thread] = None
        if failed:
            for line in self.explanation():
                yield " " * (STEP_WIDTH - 2) + self.style.fail_text("✗ " + line)

    def texts(self, step):
        """The lines of the step in its lane."""
        text = action(step)
        if step.kind not in WRAPPED:
            return [cut(text, self.lane)]
        lines = textwrap.wrap(text, self.lane, subsequent_indent="  ") or [""]
        if len(lines) > MAX_LINES:
            rest = " ".join(line.strip() for line in lines[MAX_LINES - 1 :])
            lines[MAX_LINES - 1 :] = [cut("  " + rest, self.lane)]
        return lines

    def painted(self, step, text, failed):
        text = text.ljust(self.lane)
        if failed:
            return self.style.fail(text)
        if step.kind in ("call", "return", "os"):
            return self.style.bold(text)
        return self.style.dim(text) if step.kind == "plain" else text

    def lanes(self, thread, painted):
        """All lanes, one with a text that is as wide as it."""
        cells = []
        for number in range(len(self.trace.threads)):
            bar = "┃" if self.inside[number] is not None else "│"
            cells.append(self.paint_thread(number, bar) + " ")
            cells.append(painted if number == thread else " " * self.lane)
        return "".join(cells)

    def more(self, step, painted):
        """A further line of a step."""
        return " " * STEP_WIDTH + self.lanes(step.thread, painted) + self.no_side()

    def no_side(self):
        return "│" + " " * (1 + self.trace.chunks * self.map_cell) + "│"

    def preemption(self, step):
        """A rule over all columns of threads, with the words where the new one begins."""
        before = step.thread * (self.lane + 2)
        total = len(self.trace.threads) * (self.lane + 2)
        words = cut(f"⇄ {step.note} ", total - before)
        line = "┄" * before + words + "┄" * (total - before - len(words))
        line = self.style.note(traces.PREEMPTION, line)
        return " " * STEP_WIDTH + line + self.no_side()

    def side(self, step):
        """The map and the kernel's view."""
        differing = [c for c in range(self.trace.chunks) if self.trace.differs(step, c)]
        map_cells = self.cells(step.map, step.map_changed, differing, self.map_cell)
        kernel_cells = self.cells(
            step.kernel, step.kernel_changed, differing, self.kernel_cell
        )
        changed = sorted(set(step.map_changed + step.kernel_changed))
        end = ""
        if self.map_cell != 3 and changed:
            end = cut(" *" + traces.ranges(changed).replace(" ", ""), END_WIDTH)
        return f"│ {map_cells}│ {kernel_cells}{end}"

    def cells(self, cells, changed, differing, width):
        line = []
        region = self.trace.region_chunks
        for chunk, cell in enumerate(cells):
            if width == 3:
                border = region and chunk and chunk % region == 0
                mark = "┊" if border else " "
                mark = "≠" if chunk in differing else mark
                line.append(self.mark("*" if chunk in changed else mark))
            text = cell[:1] + traces.owner_sign(cell[1:])
            text = {"U": "·", "-": "·"}.get(text, text)[: min(width, 2)].ljust(min(width, 2))
            line.append(self.style.cell(cell, text, chunk in changed, chunk in differing))
        return "".join(line)

    def mark(self, mark):
        if mark == "≠":
            return self.style.fail_text(mark)
        return self.style.bold(mark) if mark == "*" else self.style.dim(mark)

    def explanation(self):
        verdict = self.trace.verdict
        meaning = f" ({verdict.meaning})" if verdict.meaning else ""
        room = self.width - STEP_WIDTH
        yield from textwrap.wrap(f"{verdict.oracle} failed{meaning}", room)
        yield from textwrap.wrap(verdict.text, room)

    def end(self):
        verdict = self.trace.verdict
        if verdict is None:
            yield self.style.good(f"no oracle failed in {len(self.trace.steps)} steps")
            return
        where = f" at step {verdict.step}" if self.trace.failed_step() else " at the end"
        line = f"{verdict.oracle} failed{where}: {verdict.meaning}".rstrip(": ")
        yield self.style.fail_text(line)
        for line in textwrap.wrap(verdict.text, self.width - 2):
            yield f"  {line}"

    def paint_thread(self, number, text):
        owner = self.trace.thread_owner(number)
        return self.style.paint(OWNER_STYLES[owner % len(OWNER_STYLES)], text)


def render(trace, width=120, style=None):
    return "\n".join(TextTrace(trace, width, style).lines()) + "\n"
