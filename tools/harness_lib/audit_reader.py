# SPDX-License-Identifier: MIT
"""Reads mapping histories, the output of `strace -f -e trace=%memory,%process`, into events
in the order of completion. What cannot be read is counted and kept with the reason."""

import gzip
import re
import zlib
from dataclasses import dataclass, field

from harness_lib import audit_calls, workspace
from harness_lib.audit_syntax import Unreadable, prefix, result, split, without_note

KEPT_LINES = 64
KEPT_CHARACTERS = 160
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_CHANGED = re.compile(r"<pid changed to (\d+) \.\.\.>$")
_SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+)")
_CUT = ("<unfinished ...>", "<detached ...>")


@dataclass
class History:
    name: str
    events: list = field(default_factory=list)
    counts: dict = field(default_factory=dict)  # of lines, by what they are
    lines: int = 0
    unreadable: list = field(default_factory=list)  # (line, reason, text)
    unfinished: int = 0  # calls of which the end is missing
    page_bytes: int = 4096


class Reader:
    def __init__(self, name):
        self.history = History(name)
        self.pending = {}  # pid: (line, text so far)
        self.cut = None  # whose line a note stands in

    def read(self, text):
        for line in text.split("\n"):
            self.history.lines += 1
            try:
                kind = self.line(line.strip())
            except Unreadable as problem:
                kind = "unreadable"
                if len(self.history.unreadable) < KEPT_LINES:
                    kept = line[:KEPT_CHARACTERS]
                    self.history.unreadable.append((self.history.lines, str(problem), kept))
            self.history.counts[kind] = self.history.counts.get(kind, 0) + 1
        self.history.unfinished += len(self.pending)
        self.history.page_bytes = page_bytes(self.history.events)
        return self.history

    def line(self, line):
        """What the line is."""
        if not line:
            return "blank"
        pid, text, note = prefix(line)
        if note:
            return "note"
        if self.cut is not None and text[:1] in (",", ")", "<") and not text.startswith("<..."):
            pid, self.cut = self.cut, None
            return self.go_on(pid, pid, text)
        if text.startswith("+++ "):
            return self.gone(pid, text)
        if text.startswith("--- "):
            return "signal"
        resumed = _RESUMED.match(text)
        if resumed:
            begun = self.find(pid)
            if begun is None:
                raise Unreadable("the end of a call of which the beginning is missing")
            if not self.pending[begun][1].startswith(resumed[1] + "("):
                raise Unreadable("the end of another call than the one that began")
            return self.go_on(pid, begun, text[resumed.end() :])
        return self.call(pid, self.history.lines, text)

    def find(self, pid):
        """On a terminal strace leaves the number out while there is only one process: then
        a call can begin without and end with it, or the reverse."""
        if pid in self.pending:
            return pid
        if 0 in self.pending:
            return 0
        return next(iter(self.pending)) if pid == 0 and len(self.pending) == 1 else None

    def go_on(self, pid, begun, rest):
        if begun not in self.pending:
            raise Unreadable("the end of a call of which the beginning is missing")
        first, text = self.pending.pop(begun)
        return self.call(pid, first, text + rest)

    def call(self, pid, first, text):
        for ending in _CUT:
            if text.endswith(ending):
                return self.begin(pid, first, text.removesuffix(ending))
        changed = _CHANGED.search(text)
        if changed:
            return self.begin(int(changed[1]), first, text[: changed.start()])
        before = without_note(text)
        if before is not None:
            self.cut = pid
            return self.begin(pid, first, before)
        call = split(text)
        event = audit_calls.interpret(call, *result(call.result))
        event.pid, event.first_line, event.line = pid, first, self.history.lines
        self.history.events.append(event)
        return "event"

    def begin(self, pid, first, text):
        self.history.unfinished += pid in self.pending
        self.pending[pid] = (first, text)
        return "beginning"

    def gone(self, pid, text):
        """The leader's number becomes the one of a thread that called execve, whose call
        goes on under it."""
        other = _SUPERSEDED.match(text)
        if other:
            moved = self.pending.pop(int(other[1]), None)
            if moved:
                self.history.unfinished += pid in self.pending
                self.pending[pid] = moved
            pid = int(other[1])
        else:
            self.history.unfinished += self.pending.pop(pid, None) is not None
        here = self.history.lines
        self.history.events.append(audit_calls.Event("gone", pid=pid, line=here, first_line=here))
        return "event"


def page_bytes(events):
    """Mappings lie at multiples of the page size: the lowest bit that any of them has set
    tells it. With few of them: 4 KiB."""
    bits, seen = 65536, 0
    for event in events:
        if event.kind == "mmap" and event.result is not None:
            bits |= event.result
            seen += 1
    return bits & -bits if seen >= 8 else 4096


def read_text(name, text):
    return Reader(name).read(text.removesuffix("\n"))


def read_file(path):
    """Plain or compressed; what is left of a compressed file that was cut is read."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise workspace.EnvironmentProblem(f"cannot read {path}: {error.strerror}") from error
    cut = ""
    if data[:2] == b"\x1f\x8b":
        data, cut = _unzip(path, data)
    history = read_text(str(path), data.decode("utf-8", "replace"))
    if cut:
        history.unreadable.append((history.lines, cut, ""))
        history.counts["unreadable"] = history.counts.get("unreadable", 0) + 1
    return history


def _unzip(path, data):
    try:
        return gzip.decompress(data), ""
    except (OSError, EOFError, zlib.error):
        unzip = zlib.decompressobj(wbits=31)
        try:
            return unzip.decompress(data), "the compressed file is cut short"
        except zlib.error as error:
            raise workspace.EnvironmentProblem(f"cannot read {path}: {error}") from error
