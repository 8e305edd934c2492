# SPDX-License-Identifier: MIT
"""What the guard's library wrote (guard/record.h), read and put into words."""

import json
from dataclasses import dataclass, field

from harness_lib import memory_calls
from harness_lib.display import size

PREFIX = "mmapper"


class BadRecord(Exception):
    """A line that is not the guard's."""


@dataclass
class Process:
    pid: int
    program: str
    objects: list = field(default_factory=list)  # in which a mapper was seen


@dataclass
class Bypass:
    """A call, and how often the same one came from the same place."""

    number: int
    record: dict
    times: int = 1

    @property
    def call(self):
        arguments = [int(value, 16) for value in self.record["arguments"]]
        return memory_calls.text_of(self.record["call"], arguments)

    def addresses(self):
        return [
            (frame["object"], int(frame["offset"], 16))
            for frame in self.record["frames"]
            if frame.get("object")
        ]


@dataclass
class Report:
    """All that was told, by all processes."""

    processes: dict = field(default_factory=dict)
    bypasses: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    seen: dict = field(default_factory=dict)  # bypasses by what makes them the same

    def add(self, line):
        """Takes a line; returns the bypass that it tells, if it is a new one."""
        try:
            record = json.loads(line)
            return getattr(self, "_" + record["event"])(record)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadRecord(f"not a line of the guard ({error!r}): {line[:80]}") from error

    def _process(self, record):
        # After exec the same process is another program.
        self.processes[record["pid"]] = Process(record["pid"], record["program"])

    def _mapper(self, record):
        pid = record["pid"]
        process = self.processes.setdefault(pid, Process(pid, "?"))
        process.objects.append(record["object"])

    def _problem(self, record):
        self.problems.append((record["pid"], record["problem"]))

    def _bypass(self, record):
        key = (
            record["call"],
            tuple(hit["how"] for hit in record["hits"]),
            tuple((f.get("object"), f.get("offset", f["pc"])) for f in record["frames"]),
        )
        known = self.seen.get(key)
        if known:
            known.times += 1
            return None
        bypass = Bypass(len(self.bypasses) + 1, record)
        bypass.call  # whatever is wrong with the record is noticed here
        self.seen[key] = bypass
        self.bypasses.append(bypass)
        return bypass

    def total(self):
        return sum(bypass.times for bypass in self.bypasses)

    def with_mapper(self):
        return [process for process in self.processes.values() if process.objects]


def owner(hit):
    """Whose the memory is, by the name that the mapper gave it."""
    if hit["table"]:
        return "the mapper's own table"
    if not hit["name"]:
        return "a reservation without a name"
    prefix, _, rest = hit["name"].partition(":")
    kind, _, name = rest.partition(":")
    who = f'{kind} "{name}"' if name else f'"{hit["name"]}"'
    return f"reserved for {who}" + (f" of {prefix}" if prefix != PREFIX else "")


def extent(start, end):
    return f"{start:#x}-{end:#x} ({size(end - start)})"


def _hit_line(hit):
    start, end, low, high = (int(hit[key], 16) for key in ("start", "end", "from", "to"))
    if (start, end) == (low, high):
        return f"{hit['how']} {extent(start, end)}, {owner(hit)}"
    return f"{hit['how']} {extent(start, end)}, of which {extent(low, high)} is {owner(hit)}"


def frame_lines(bypass, symbols):
    for frame in bypass.record["frames"]:
        module = frame.get("object", "")
        where = f"{module.rpartition('/')[2]}+{frame['offset']}" if module else frame["pc"]
        places = symbols.places(module, int(frame["offset"], 16)) if module else []
        if not places:
            yield where
        for i, place in enumerate(places):
            yield f"{place}  ({'inlined' if i + 1 < len(places) else where})"


def lines(bypass, symbols):
    """The bypass as text."""
    record = bypass.record
    outcome = "it is refused with EPERM" if record["denied"] else "it is let through"
    if record["placed"]:
        outcome = "the kernel chose the place: something unmapped it unseen before"
    yield f"guard: #{bypass.number} {bypass.call}: {outcome}"
    for hit in record["hits"]:
        yield f"    {_hit_line(hit)}"
    if record["more"]:
        yield "    and more"
    yield (
        f'    thread {record["tid"]} "{record["thread"]}" of process '
        f"{record['pid']}, {record['program']}"
    )
    for i, line in enumerate(frame_lines(bypass, symbols)):
        yield f"    {'at' if i == 0 else '  '} {line}"


def as_json(bypass, symbols):
    record = bypass.record
    return {
        "number": bypass.number,
        "times": bypass.times,
        "call": bypass.call,
        "denied": record["denied"],
        "placed_by_kernel": record["placed"],
        "process": record["pid"],
        "program": record["program"],
        "thread": record["tid"],
        "thread_name": record["thread"],
        "hits": [{**hit, "owner": owner(hit)} for hit in record["hits"]],
        "frames": list(frame_lines(bypass, symbols)),
    }
