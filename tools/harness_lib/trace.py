# SPDX-License-Identifier: MIT
"""The trace of a replayed schedule, as the explorer writes it: read, checked, and put in
words that the text and the page share."""

import json
import re
from dataclasses import dataclass, field

from harness_lib import workspace

STATES = {
    "U": "UNMAPPED",
    "R": "RESERVING",
    "Q": "QUARANTINED",
    "M": "MAPPED",
    "D": "DECOMMITTING",
    "L": "RELEASING",
    "T": "TRANSFERRING",
    "X": "EXCLUDED",
}
KERNEL = {
    "-": "nothing mapped",
    "r": "reserved",
    "w": "committed",
    "F": "foreign",
}
KINDS = ["load", "store", "cas", "add", "wait", "os", "call", "return", "plain"]
PREEMPTION, STALE, FAULT = "preemption", "stale", "fault"
FREEZE, NOTE = "freeze", "note"
_NOTES = {"preempt": PREEMPTION, "stale": STALE, "fault": FAULT, "fr": FREEZE}

ORACLES = {
    "O1": "ownership: no two owners hold the same chunk",
    "O2": "kernel truth: what the kernel has is what the mapper says",
    "O3": "page tokens: nobody else wrote to or zeroed the pages",
    "O4": "conservation: chunks, mappings and nodes add up",
    "O5": "legal edges: each transition is one of the diagram",
    "O6": "postconditions: a call did all of what it says, or nothing",
    "O7": "residency: nothing was touched by accident",
    "O8": "linearizability: the results fit some order of the calls",
    "O9": "freeze: the others finish whoever stops",
    "O10": "end state: nothing transient is left, nothing leaks",
    "RACE": "race detection: plain accesses are ordered by the mapper's edges",
    "TRAP": "the code neither traps, nor faults, nor hangs",
}


# Owners in one column each, in the text.
_SIGNS = "0123456789abcdefghijklmnopqrstuvwxyz"


def owner_sign(index):
    return _SIGNS[int(index)] if index.isdigit() and int(index) < len(_SIGNS) else index[:1]


class BadTrace(workspace.EnvironmentProblem):
    """The explorer wrote something that is no trace."""


@dataclass
class Step:
    """What one thread did at one yield point, and what the world is like after it."""

    number: int
    thread: int
    kind: str
    what: str
    order: str
    text: str
    note: str
    map: list
    kernel: list
    map_changed: list = field(default_factory=list)  # chunks
    kernel_changed: list = field(default_factory=list)

    @property
    def note_kind(self):
        """Which of the marks the note deserves; empty without a note."""
        if not self.note:
            return ""
        for word, kind in _NOTES.items():
            if self.note.startswith(word):
                return kind
        return NOTE


@dataclass
class Verdict:
    oracle: str
    text: str
    step: int

    @property
    def meaning(self):
        return ORACLES.get(self.oracle.upper(), "")


@dataclass
class Trace:
    scenario: str
    program: str
    threads: list  # "heap: quarantine [0,3)"
    chunks: int
    region_chunks: int
    chunk_bytes: int
    owners: list
    steps: list
    verdict: Verdict = None
    hash: str = ""

    def thread_name(self, thread):
        """`0 heap`: the number that the choices use, and whose calls it makes."""
        words = self.threads[thread].partition(":")[0].split()
        return f"{thread} {words[0]}" if words else str(thread)

    def owner_name(self, index):
        if index.isdigit() and int(index) < len(self.owners):
            return self.owners[int(index)]
        return f"owner {index}" if index else "nobody"

    def map_words(self, cell):
        """`RESERVING, owner 0 heap`."""
        state = STATES.get(cell[:1], cell)
        return f"{state}, {self.owner_name(cell[1:])}" if cell[1:] else state

    def kernel_words(self, cell):
        state = KERNEL.get(cell[:1], cell)
        return f"{state} for {self.owner_name(cell[1:])}" if cell[1:] else state

    def thread_owner(self, thread):
        """The owner whose calls the thread makes, for its colour."""
        words = self.threads[thread].partition(":")[0].split()
        return self.owners.index(words[0]) if words and words[0] in self.owners else thread

    def differs(self, step, chunk):
        """Whether the kernel has another's mapping where the map names an owner. While a
        chunk changes hands it may; a direct owner's own mappings are not looked at."""
        state, owner = step.map[chunk][:1], step.map[chunk][1:]
        kernel, holder = step.kernel[chunk][:1], step.kernel[chunk][1:]
        if state not in "RQMDL" or not owner:
            return False
        return bool(holder) and holder != owner or kernel == "F" and state in "QM"

    def failed_step(self):
        """The step at which the oracle spoke, if it spoke at one."""
        if self.verdict is None:
            return None
        return next((s for s in self.steps if s.number == self.verdict.step), None)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except OSError as error:
        raise BadTrace(f"cannot read the trace {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadTrace(f"{path}: not JSON: {error}") from error
    return parse(value, path)


_KINDS_OF_VALUES = {str: "text", int: "a number", list: "a list", dict: "an object"}


def _take(value, name, kind, where, default=None):
    found = value.get(name, default)
    # Python's booleans are numbers; those of JSON are not.
    if not isinstance(found, kind) or isinstance(found, bool):
        problem = "is missing" if found is None else f"is {found!r}"
        raise BadTrace(f'{where}: "{name}" {problem}: {_KINDS_OF_VALUES[kind]} is wanted')
    return found


def parse(value, where="trace"):
    if not isinstance(value, dict):
        raise BadTrace(f"{where}: not a trace: an object is wanted")
    trace = Trace(
        _take(value, "scenario", str, where),
        _take(value, "program", str, where, ""),
        [str(thread) for thread in _take(value, "threads", list, where)],
        _take(value, "chunks", int, where),
        _take(value, "region_chunks", int, where, 0),
        _take(value, "chunk_bytes", int, where, 0),
        [str(owner) for owner in _take(value, "owners", list, where)],
        [],
        hash=_take(value, "hash", str, where, ""),
    )
    before = None
    for number, step in enumerate(_take(value, "steps", list, where)):
        before = _step(trace, step, before, f"{where}: steps[{number}]")
        trace.steps.append(before)
    if value.get("verdict") is not None:
        verdict = _take(value, "verdict", dict, where)
        trace.verdict = Verdict(
            _take(verdict, "oracle", str, f"{where}: verdict"),
            _take(verdict, "text", str, f"{where}: verdict", ""),
            _take(verdict, "step", int, f"{where}: verdict", -1),
        )
    return trace


def _step(trace, value, before, where):
    if not isinstance(value, dict):
        raise BadTrace(f"{where}: an object is wanted")
    texts = [_take(value, n, str, where, "") for n in ("what", "order", "text", "note")]
    step = Step(
        _take(value, "step", int, where),
        _take(value, "thread", int, where),
        _take(value, "kind", str, where),
        *texts,
        [str(cell) for cell in _take(value, "map", list, where)],
        [str(cell) for cell in _take(value, "kernel", list, where)],
    )
    if not 0 <= step.thread < len(trace.threads):
        raise BadTrace(f"{where}: there is no thread {step.thread}")
    for name in ("map", "kernel"):
        cells = getattr(step, name)
        if len(cells) != trace.chunks:
            raise BadTrace(f'{where}: "{name}" has {len(cells)} of {trace.chunks} chunks')
    if before is not None:
        step.map_changed = _changes(before.map, step.map)
        step.kernel_changed = _changes(before.kernel, step.kernel)
    return step


def _changes(before, after):
    return [i for i, (old, new) in enumerate(zip(before, after)) if old != new]


def ranges(chunks):
    """`2, 5-7` for [2, 5, 6, 7]."""
    runs = []
    for chunk in chunks:
        if runs and chunk == runs[-1][1] + 1:
            runs[-1][1] = chunk
        else:
            runs.append([chunk, chunk])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


_STATE_WORDS = re.compile(r"\b(" + "|".join(STATES.values()) + r")(_[QMX])?\b")
_LETTERS = {name: letter for letter, name in STATES.items()}


def with_letters(text):
    """States by their letter, as in the address map, where room is short."""
    return _STATE_WORDS.sub(lambda match: _LETTERS[match[1]], text)
