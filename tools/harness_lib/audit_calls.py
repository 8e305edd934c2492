# SPDX-License-Identifier: MIT
"""What the calls of a history are, from their words."""

from dataclasses import dataclass

from harness_lib import memory_calls
from harness_lib.audit_syntax import Unreadable, descriptor, field, flags, number

MAP = memory_calls.MAP_FLAGS
REMAP = memory_calls.REMAP_FLAGS
CLONE = {"CLONE_VM": 0x100, "CLONE_VFORK": 0x4000, "CLONE_THREAD": 0x10000}
ADVICE = memory_calls.ADVICE
_MAP_WORDS = {**MAP, "MAP_ANON": MAP["MAP_ANONYMOUS"]}
_HIGHEST = 1 << 57  # no user address lies above, with tables of any depth


@dataclass
class Event:
    """A call with its result, or the end of a thread. Ranges are as asked for."""

    kind: str
    pid: int = 0
    line: int = 0  # where its result stands
    first_line: int = 0  # where it began
    name: str = ""
    start: int = 0
    bytes: int = 0
    new_bytes: int = 0
    result: int = None  # None: it failed, or nothing tells
    error: str = ""
    flags: int = 0
    protection: int = 0
    fd: int = -1
    path: str = ""

    @property
    def known(self):
        return self.result is not None or self.error != ""


def _need(value, what):
    if value is None:
        raise Unreadable(what)
    return value


def _range(event, call, at=0):
    what = f"{call.name}: range expected"
    if len(call.arguments) < at + 2:
        raise Unreadable(what)
    event.start = _need(number(call.arguments[at]), what)
    event.bytes = _need(number(call.arguments[at + 1]), what)


def _flags(call, at, names):
    what = f"{call.name}: flags expected"
    if len(call.arguments) <= at:
        raise Unreadable(what)
    return _need(flags(call.arguments[at], names), what) & 0xFFFFFFFF


def _mmap(event, call):
    if len(call.arguments) != 6:
        raise Unreadable("mmap: six arguments expected")
    _range(event, call)
    event.protection = _flags(call, 2, memory_calls.PROTECTIONS) & 7
    event.flags = _flags(call, 3, _MAP_WORDS)
    event.fd, event.path = _need(descriptor(call.arguments[4]), "mmap: descriptor expected")


def _shadow_stack(event, call):
    _range(event, call)
    event.flags = MAP["MAP_ANONYMOUS"] | MAP["MAP_STACK"]
    event.protection = memory_calls.PROTECTIONS["PROT_READ"]


def _mremap(event, call):
    _range(event, call)
    event.flags = _flags(call, 3, REMAP)
    event.new_bytes = _need(number(call.arguments[2]), "mremap: new length expected")


def _mprotect(event, call):
    _range(event, call)
    event.protection = _flags(call, 2, memory_calls.PROTECTIONS) & 7


def _madvise(event, call):
    _range(event, call)
    event.flags = _flags(call, 2, ADVICE)


def _brk(event, call):
    if len(call.arguments) != 1:
        raise Unreadable("brk: address expected")
    event.start = _need(number(call.arguments[0]), "brk: address expected")


def _clone(event, call):
    """clone(child_stack=TOP, flags=F, ...) or clone3({flags=F, stack=LOW, ...}, bytes)."""
    text = ", ".join(call.arguments)
    words = text.partition("flags=")[2]
    for end in ",})":
        words = words.partition(end)[0]
    event.flags = _need(flags(words, CLONE) if words else None, "clone: flags expected")
    top = field(text, "child_stack")
    event.start = top if top is not None else field(text, "stack") or 0
    event.bytes = 0 if top is not None else field(text, "stack_size") or 0


def _vfork(event, _call):
    event.flags = CLONE["CLONE_VM"] | CLONE["CLONE_VFORK"]


def _nothing(_event, _call):
    pass


_CALLS = {
    "mmap": ("mmap", _mmap),
    "mmap2": ("mmap", _mmap),
    "map_shadow_stack": ("mmap", _shadow_stack),
    "munmap": ("munmap", _range),
    "mremap": ("mremap", _mremap),
    "mprotect": ("mprotect", _mprotect),
    "pkey_mprotect": ("mprotect", _mprotect),
    "madvise": ("madvise", _madvise),
    "brk": ("brk", _brk),
    "clone": ("clone", _clone),
    "clone2": ("clone", _clone),
    "clone3": ("clone", _clone),
    "fork": ("clone", _nothing),
    "vfork": ("clone", _vfork),
    "execve": ("execve", _nothing),
    "execveat": ("execve", _nothing),
    "execv": ("execve", _nothing),
    # The size of a segment is not in the line, nor is the layout of old calls known.
    "shmat": ("untold", _nothing),
    "shmdt": ("untold", _nothing),
    "old_mmap": ("untold", _nothing),
    "uselib": ("untold", _nothing),
}


def interpret(call, value, error):
    kind, read = _CALLS.get(call.name, ("other", _nothing))
    event = Event(kind, name=call.name, result=value, error=error)
    read(event, call)
    _check(event)
    return event


def _check(event):
    """The kernel accepted the call, so its range must be one."""
    if event.result is None:
        return
    ranges = {
        "mmap": [(event.result, event.bytes, 1)],
        "munmap": [(event.start, event.bytes, 1)],
        "mremap": [(event.start, event.bytes, 0), (event.result, event.new_bytes, 1)],
        "mprotect": [(event.start, event.bytes, 0)],
        "madvise": [(event.start, event.bytes, 0)],
        "brk": [(event.result & ~4095, 0, 0)],
    }
    for start, size, least in ranges.get(event.kind, []):
        if start % 4096 or size < least or start + size > _HIGHEST:
            raise Unreadable("the kernel would not accept that range")
    if event.kind == "clone" and not 0 < event.result < 1 << 31:
        raise Unreadable("that is not the number of a process")
