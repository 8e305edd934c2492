# SPDX-License-Identifier: MIT
"""The dump of a mapper (mmapper_write_dump, mmapper/inspect.h): what its table holds."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from harness_lib import workspace

VERSION = 1
_NUMBER = r"0x[0-9a-f]+|\d+"
_STRING = r'"((?:[^"\\]|\\x[0-9a-f]{2})*)"'
_HEADER = re.compile(r"mmapper-dump (\d+)")
_RUN = re.compile(
    rf"run ({_NUMBER}) ({_NUMBER}) (\S+) (\d+) (?:- - -|(\S+) (\S+) {_STRING})"
)
_VALUE = re.compile(rf"(?:({_NUMBER})|{_STRING})(?: ({_NUMBER}))?")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


class BadDump(workspace.EnvironmentProblem):
    """Not a dump, or not all of one."""


@dataclass(eq=False)
class Run:
    """Chunks of one state and one owner."""

    start: int
    end: int
    state: str
    owner: int  # its number in the mapper
    kind: str = ""  # "" where the owner was not known
    name: str = ""
    strategy: dict = field(default_factory=dict)  # what is not the default

    @property
    def external(self):
        return self.strategy.get("backing") == "external"


@dataclass
class Dump:
    """One mapper, at one moment."""

    process: int
    tables: tuple  # (start, end) of the mapper's own
    prefix: str
    window: tuple
    chunk: int
    page: int
    statistics: dict
    runs: list
    guessed: bool = False  # made from the kernel's names: no state but by its access


def unquoted(text):
    """The string whose quoted form has `text` between its quotes."""
    raw = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.encode())
    return raw.decode("utf-8", "replace")


def strategy_of(text):
    if text == "default":
        return {}
    parts = (part.partition("=") for part in text.split(","))
    return {key: value for key, _, value in parts}


class _Reader:
    """The lines of one dump, one after the other."""

    def __init__(self, source):
        self.source = source
        self.number = 0
        self.begin()

    def begin(self):
        self.values = {}
        self.statistics = {}
        self.runs = []
        self.inside = False

    def fail(self, words):
        raise BadDump(f"{self.source}:{self.number}: {words}")

    def line(self, text):
        """Takes a line; the Dump if it was its last one."""
        self.number += 1
        if not self.inside:
            self.header(text)
            return None
        word, _, rest = text.partition(" ")
        if word == "run":
            self.run(text)
        elif word == "end":
            return self.end(rest)
        elif word == "statistic":
            name, _, value = rest.partition(" ")
            if not value.isdigit():
                self.fail(f"the statistic {name!r} has no number")
            self.statistics[name] = int(value)
        elif word == "mmapper-dump":
            self.fail("a dump begins before the one before it has ended: it is cut off")
        elif word in ("process", "mapper", "prefix", "window", "chunk", "page"):
            self.value(word, rest)
        return None

    def header(self, text):
        match = _HEADER.fullmatch(text)
        if not match:
            self.fail(f"not the dump of a mapper: {text[:60]!r} instead of `mmapper-dump 1`")
        if int(match[1]) != VERSION:
            self.fail(f"a dump of format {match[1]}; only {VERSION} is known here")
        self.inside = True

    def value(self, word, rest):
        match = _VALUE.fullmatch(rest)
        pair = word in ("mapper", "window")
        if not match or (match[2] is None) == (word == "prefix") or bool(match[3]) != pair:
            self.fail(f"`{word} {rest}` is malformed")
        if word == "prefix":
            self.values[word] = unquoted(match[2])
        elif pair:
            self.values[word] = (int(match[1], 0), int(match[3], 0))
            if self.values[word][0] >= self.values[word][1]:
                self.fail(f"`{word} {rest}` is empty")
        else:
            self.values[word] = int(match[1], 0)

    def run(self, text):
        match = _RUN.fullmatch(text)
        if not match:
            self.fail(f"a malformed run: {text[:100]!r}")
        start, end = int(match[1], 0), int(match[2], 0)
        if start >= end:
            self.fail(f"the run {match[1]} {match[2]} is empty")
        if self.runs and start < self.runs[-1].end:
            self.fail(f"the run {match[1]} {match[2]} begins before the last one ends")
        run = Run(start, end, match[3], int(match[4]))
        if match[5]:
            run.kind, run.name = match[5], unquoted(match[7])
            run.strategy = strategy_of(match[6])
        self.runs.append(run)

    def end(self, rest):
        if not rest.isdigit() or int(rest) != len(self.runs):
            self.fail(f"the dump has {len(self.runs)} runs and its end says {rest!r}")
        missing = [
            word
            for word in ("process", "mapper", "prefix", "window", "chunk", "page")
            if word not in self.values
        ]
        if missing:
            self.fail(f"the dump does not say: {', '.join(missing)}")
        window = self.values["window"]
        for run in self.runs:
            if not window[0] <= run.start < run.end <= window[1]:
                self.fail(f"the run {run.start:#x} {run.end:#x} is not in the window")
        tables = self.values.pop("mapper")
        found = Dump(
            tables=tables, statistics=self.statistics, runs=self.runs, **self.values
        )
        self.begin()
        return found


def parse(text, source="dump"):
    """The dumps in a file: of several of one mapper the last, in the order of mappers."""
    reader = _Reader(source)
    found = {}
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        lines[-1] += " "  # a line without its end may be cut off itself: it fits nothing
    for line in lines:
        dump = reader.line(line)
        if dump is not None:
            found.pop((dump.process, dump.tables[0]), None)
            found[dump.process, dump.tables[0]] = dump
    if reader.inside:
        reader.fail("the dump is cut off here: it has no `end`")
    if not found:
        raise BadDump(f"{source}: empty: no dump of a mapper")
    return list(found.values())


def read(path):
    try:
        text = Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise BadDump(f"cannot read {path}: {error.strerror}") from error
    return parse(text, str(path))
