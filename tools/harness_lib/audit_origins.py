# SPDX-License-Identifier: MIT
"""Whose pages a mapping brings."""

from harness_lib.audit_calls import MAP
from harness_lib.audit_model import ANONYMOUS, FILE, STACK


class Origins:
    def __init__(self, model):
        self.model = model

    def of_mmap(self, task, event, start, end, runs):
        """`runs` are what is there now."""
        if not event.flags & MAP["MAP_ANONYMOUS"]:
            return self._file(task, event, start, end, runs)
        space = self.model.tasks[task].space
        if event.flags & (MAP["MAP_STACK"] | MAP["MAP_GROWSDOWN"]):
            return self.model.add_origin(STACK, space, task, event.line)
        if event.flags & MAP["MAP_FIXED"]:
            held = self._held_anonymous(task, start, end, list(runs))
            if held is not None:
                return held
        return self.model.only(ANONYMOUS, space, task, event.line)

    def _held_anonymous(self, task, start, end, runs):
        """Anonymous memory put into a file's span by the thread that mapped the file is the
        file's tail of zeroes (.bss); put onto a thread's own stack it is still that stack."""
        held = one_of(runs)
        if held is None or self.model.origins[held].task != task:
            return None
        origin = self.model.origins[held]
        tail = origin.kind == FILE and origin.start <= start and end <= origin.end
        covered = sum(part.bytes for _, run in runs for part in run) == end - start
        return held if tail or (origin.kind == STACK and covered) else None

    def _file(self, task, event, start, end, runs):
        """With strace -y the path tells which file it is. Without, descriptors are all there
        is, and they are used again: a file's segments are the mappings put with MAP_FIXED and
        the same descriptor into the span of its first mapping."""
        model = self.model
        space = model.tasks[task].space
        fixed = event.flags & MAP["MAP_FIXED"]
        index = None
        if event.path:
            index = model.spaces[space].origins.get((FILE, event.path))
        elif fixed:
            held = one_of(runs)
            origin = model.origins[held] if held is not None else None
            if origin and origin.kind == FILE and origin.fd == event.fd:
                if origin.start <= start and end <= origin.end:
                    index = held
        if index is None:
            index = model.add_origin(
                FILE, space, task, event.line, path=event.path, fd=event.fd, start=start, end=end
            )
            if event.path:
                model.spaces[space].origins[(FILE, event.path)] = index
        elif event.path and not fixed:
            # Mapped once more, elsewhere: its segments follow there.
            model.origins[index].start, model.origins[index].end = start, end
        return index


def one_of(runs):
    """The origin that all of the memory belongs to, if there is one."""
    held = {origin for origin, _ in runs}
    return held.pop() if len(held) == 1 else None
