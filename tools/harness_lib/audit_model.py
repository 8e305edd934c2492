# SPDX-License-Identifier: MIT
"""Who is who in a history: threads, address spaces and origins.

An address space begins with a process, is copied by fork, shared by threads and vfork, and
replaced by execve. Within one, an origin is one mapped file, one thread's stack, the brk
heap, or one thread's anonymous memory; what was there before the recording tells (the
program itself, its loader) is one more."""

from dataclasses import dataclass, field, replace

from harness_lib.audit_map import Map

IMAGE, FILE, STACK, HEAP, ANONYMOUS = "image", "file", "stack", "heap", "anonymous"


@dataclass
class Origin:
    kind: str
    space: int
    task: int = None  # stack, anonymous: whose; file: who mapped it first
    line: int = 0  # of the first call
    path: str = ""
    fd: int = -1
    start: int = 0  # file: of its first mapping, which spans its segments
    end: int = 0

    @property
    def of_thread(self):
        return self.kind in (STACK, ANONYMOUS)


@dataclass
class Task:
    """A thread. Numbers of the kernel are used again; these are not."""

    pid: int
    space: int
    process: int
    line: int
    alive: bool = True


@dataclass
class Peak:
    value: int = 0
    line: int = 0

    def see(self, value, line):
        if value > self.value:
            self.value, self.line = value, line


@dataclass
class Space:
    process: int
    line: int
    parent: int = None
    map: Map = None
    origins: dict = field(default_factory=dict)  # by (kind, task) or (kind, path)
    break_end: int = None
    first: int = 0  # the event where it began
    last: int = None  # the event that ended its last thread
    lives: list = field(default_factory=list)  # pieces with the event that ended them
    curve: list = field(default_factory=list)  # (event, mappings, bytes, accessible)
    mappings: Peak = field(default_factory=Peak)
    ranges: Peak = field(default_factory=Peak)
    bytes: Peak = field(default_factory=Peak)
    accessible: Peak = field(default_factory=Peak)
    reserved: Peak = field(default_factory=Peak)


@dataclass
class Overwrite:
    """What one thread did to what another one, or another origin, had."""

    how: str
    line: int
    event: int
    task: int  # who called
    space: int
    now: int  # the origin that has it; None: nobody
    held: int  # the origin that had it
    held_lines: list  # of the calls that mapped it
    start: int
    end: int
    accessible: bool  # some of it was more than reserved address space
    holder_gone: bool  # the thread whose memory it was had ended


@dataclass
class Hole:
    """Given back from inside a mapping: the same call's memory is below and above."""

    line: int
    event: int
    task: int
    space: int
    start: int
    end: int
    mapped_line: int
    origin: int
    filled_line: int = None
    filled_by: int = None  # an origin


@dataclass
class Model:
    name: str
    page_bytes: int
    tasks: list = field(default_factory=list)
    spaces: list = field(default_factory=list)
    origins: list = field(default_factory=list)
    reservations: list = field(default_factory=list)
    overwrites: list = field(default_factory=list)
    holes: list = field(default_factory=list)
    vain: list = field(default_factory=list)  # (line, task): unmapped nothing at all
    own: int = 0  # ranges that their own origin replaced
    own_bytes: int = 0
    oddities: list = field(default_factory=list)  # (line, why)
    reordered: int = 0
    inferred: int = 0
    untold: int = 0

    def origin_name(self, index):
        if index is None:
            return "nobody"
        origin = self.origins[index]
        pid = self.tasks[origin.task].pid if origin.task is not None else 0
        if origin.kind == FILE:
            return f"file {origin.path or f'{origin.fd} of line {origin.line}'}"
        return {
            IMAGE: "program image",
            HEAP: "brk heap",
            STACK: f"stack of {pid}",
            ANONYMOUS: f"anonymous memory of {pid}",
        }[origin.kind]

    def space_name(self, index):
        space = self.spaces[index]
        return f"process {self.tasks[space.process].pid} from line {space.line} on"

    def gaps(self, index):
        """(start, end) between neighbours that are mapped at the end."""
        pieces = self.spaces[index].map.pieces
        return [(a.end, b.start) for a, b in zip(pieces, pieces[1:]) if a.end < b.start]

    def unused(self):
        """Reservations of which nothing was ever used, the largest first."""
        never = [one for one in self.reservations if not one.used]
        return sorted(never, key=lambda one: (one.start - one.end, one.line))

    def busy_spaces(self):
        """The indices of those in which anything was mapped."""
        return [i for i, space in enumerate(self.spaces) if space.bytes.value]

    # How they come to be

    def add_space(self, process, line, parent=None):
        self.spaces.append(Space(process, line, parent, Map()))
        return len(self.spaces) - 1

    def add_task(self, pid, space, line, process=None):
        index = len(self.tasks)
        self.tasks.append(Task(pid, space, index if process is None else process, line))
        return index

    def add_origin(self, kind, space, task=None, line=0, **more):
        self.origins.append(Origin(kind, space, task, line, **more))
        return len(self.origins) - 1

    def only(self, kind, space, task, line):
        """The one origin of that kind (of a thread) in a space."""
        known = self.spaces[space].origins
        key = (kind, task)
        if key not in known:
            known[key] = self.add_origin(kind, space, task, line)
        return known[key]

    def copy_origin(self, index, copies, parent, child, space):
        """The child's. The child is the parent's forking thread, in another process."""
        if index not in copies:
            origin = self.origins[index]
            task = child if origin.task == parent else origin.task
            self.origins.append(replace(origin, space=space, task=task))
            copies[index] = len(self.origins) - 1
        return copies[index]
