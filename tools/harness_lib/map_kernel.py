# SPDX-License-Identifier: MIT
"""The kernel's list of the mappings of a process: /proc/PID/maps or smaps, or a copy."""

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from harness_lib import map_dump, workspace

# mm_kind_name: what tells our names of mappings from those that others give.
KINDS = ("space", "immortal", "freelist", "side-metadata", "runtime-image", "misc", "test")

_LINE = re.compile(
    r"([0-9a-f]+)-([0-9a-f]+) ([r-][w-][x-][ps]) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+)"
    r"(?: +(.*))?"
)
_DETAIL = re.compile(r"(\w+):\s*(.*)")
_NAMED = re.compile(r"\[anon(?:_shmem)?:(.*)\]")
_OURS = re.compile(rf"(.*?):({'|'.join(KINDS)}):(.*)")


class BadMaps(workspace.EnvironmentProblem):
    """A process or a copy of its list that cannot be read."""


@dataclass
class Mapping:
    """A line of the list. Bytes of memory are None where the list has none."""

    start: int
    end: int
    access: str  # rwxp
    inode: int = 0
    name: str = ""
    resident: int = None
    huge: int = None
    flags: tuple = ()

    @property
    def file(self):
        return self.inode != 0

    @property
    def shared(self):
        return self.access[3] == "s"

    @property
    def accessible(self):
        return self.access[:3] != "---"

    def label(self):
        """(prefix, kind, name) that a mapper gave, or None."""
        named = _NAMED.fullmatch(self.name)
        ours = named and _OURS.fullmatch(named[1])
        return ours.groups() if ours else None


def parse(text, source="maps"):
    """Ascending. With the lines of smaps between them, so much the better."""
    found = []
    # Not splitlines: a file's name may have any other separator in it.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        if match:
            start, end = int(match[1], 16), int(match[2], 16)
            # The kernel gives a long list in pieces: a mapping may have grown downwards
            # over one that was listed before.
            start = max(start, found[-1].end) if found else start
            if start >= end:
                raise BadMaps(f"{source}:{number}: the mapping {match[1]} is out of order")
            name = (match[5] or "").removesuffix(" (deleted)")
            found.append(Mapping(start, end, match[3], int(match[4]), name))
            continue
        detail = _DETAIL.fullmatch(line)
        if not detail or not found:
            raise BadMaps(f"{source}:{number}: not a line of /proc/PID/maps: {line[:60]!r}")
        add_detail(found[-1], detail[1], detail[2])
    if not found:
        raise BadMaps(f"{source}: it lists no mapping")
    # The kernel's own page, above all that a process can map.
    return [mapping for mapping in found if mapping.name != "[vsyscall]"]


def add_detail(mapping, key, value):
    if key == "VmFlags":
        mapping.flags = tuple(value.split())
    elif key in ("Rss", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped"):
        kibibytes = int(value.split()[0])
        if key == "Rss":
            mapping.resident = kibibytes * 1024
        else:
            mapping.huge = (mapping.huge or 0) + kibibytes * 1024


def read_copy(path):
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise BadMaps(f"cannot read {path}: {error.strerror}") from error
    return parse(text, str(path))


def read_process(pid, smaps=False):
    path = Path(f"/proc/{pid}/{'smaps' if smaps else 'maps'}")
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError) as error:
        raise BadMaps(f"there is no process {pid}") from error
    except PermissionError as error:
        raise BadMaps(
            f"process {pid} may not be looked at: it is another user's, or changed its "
            "rights; try it as root"
        ) from error
    except OSError as error:
        raise BadMaps(f"cannot read {path}: {error.strerror}") from error
    if not text:
        raise BadMaps(
            f"process {pid} has no address space: it has ended, or is one of the kernel's"
        )
    return parse(text, str(path))


def command_of(pid):
    """The name of its program, or "" when it is gone or not to be known."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
    except OSError:
        return ""


def numbers_of(pid):
    """What a process is called in each PID namespace that it is in."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return {pid}
    found = re.search(r"^NSpid:(.*)$", status, re.MULTILINE)
    return {pid, *(int(word) for word in found[1].split())} if found else {pid}


def names_unknown_here():
    """True when this kernel is known to have no names for anonymous memory."""
    try:
        config = gzip.decompress(Path("/proc/config.gz").read_bytes()).decode()
    except (OSError, EOFError):
        return False
    return "CONFIG_ANON_VMA_NAME=y" not in config


def guess(mappings):
    """What the names in the list tell of mappers, one Dump for each prefix. Memory that
    gives no access counts as quarantined, other memory as mapped."""
    found = {}
    for mapping in mappings:
        label = mapping.label()
        if label is None:
            continue
        prefix, kind, name = label
        runs = found.setdefault(prefix, [])
        state = "mapped" if mapping.accessible else "quarantined"
        last = runs[-1] if runs else None
        same = last and (last.end, last.state, last.kind, last.name) == (
            mapping.start,
            state,
            kind,
            name,
        )
        if same:
            last.end = mapping.end
        else:
            runs.append(map_dump.Run(mapping.start, mapping.end, state, 0, kind, name))
    return [
        map_dump.Dump(
            process=0,
            tables=(0, 0),
            prefix=prefix,
            window=(runs[0].start, runs[-1].end),
            chunk=0,
            page=4096,
            statistics={},
            runs=runs,
            guessed=True,
        )
        for prefix, runs in found.items()
    ]
