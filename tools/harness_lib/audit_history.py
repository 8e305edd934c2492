# SPDX-License-Identifier: MIT
"""A history's calls in their order, each put to who made it.

Calls take effect when their result is recorded, with two exceptions, both because a call
that was interrupted took effect at an unknown time between its two lines: what another
thread was giving back where a mapping appears had been given back before, and a process
that makes calls had been made before."""

from harness_lib import audit_memory
from harness_lib.audit_calls import CLONE
from harness_lib.audit_model import Model

LOOK_AHEAD = 4096  # events behind one, among which a call that had begun before is sought


class Builder:
    def __init__(self, history):
        self.events = history.events
        self.model = Model(history.name, history.page_bytes)
        self.memory = audit_memory.Memory(self.model)
        self.numbers = {}  # pid: task
        self.nameless = None
        self.done = [False] * len(self.events)
        self.earliest = self._earliest()

    def build(self):
        for i in range(len(self.events)):
            # What is taken early took effect by now.
            self.memory.now = i
            if not self.done[i]:
                self.take(i)
        self.memory.now = len(self.events)
        for index in range(len(self.model.spaces)):
            self.memory.end(index)
        return self.model

    def _earliest(self):
        """For each event, where the earliest call began that may have to be taken before one
        from it on, although it ends later."""
        lines = [0] * len(self.events)
        earliest = float("inf")
        for i in reversed(range(len(self.events))):
            event = self.events[i]
            if event.kind in ("munmap", "mremap", "clone") and event.first_line < event.line:
                earliest = min(earliest, event.first_line)
            lines[i] = earliest
        return lines

    def _begun_before(self, index):
        """The events behind one whose calls had begun before it."""
        line = self.events[index].line
        for i in range(index + 1, min(index + 1 + LOOK_AHEAD, len(self.events))):
            if self.earliest[i] >= line:
                return
            if not self.done[i] and self.events[i].first_line < line:
                yield i

    # Who

    def live(self, pid):
        task = self.numbers.get(pid)
        return task if task is not None and self.model.tasks[task].alive else None

    def task_of(self, index):
        event = self.events[index]
        if event.pid == 0:
            return self._nameless(event.line)
        task = self.live(event.pid)
        if task is None:
            for i in self._begun_before(index):
                other = self.events[i]
                if other.kind == "clone" and other.result == event.pid:
                    self.model.reordered += 1
                    self.take(i)
                    task = self.live(event.pid)
                    break
        if task is not None:
            return task
        # The first process gets its number when there is a second one.
        first = self.nameless
        if first is not None and self.model.tasks[first].alive and not self.model.tasks[first].pid:
            self.model.tasks[first].pid = event.pid
            self.numbers[event.pid] = first
            return first
        return self._root(event.pid, event.line)

    def _nameless(self, line):
        """A line without a number is of the one thread that there is."""
        tasks = self.model.tasks
        if self.nameless is not None and tasks[self.nameless].alive:
            return self.nameless
        alive = [i for i, task in enumerate(tasks) if task.alive]
        return alive[0] if len(alive) == 1 else self._root(0, line)

    def _root(self, pid, line):
        space = self.model.add_space(len(self.model.tasks), line)
        self.memory.adopt(space)
        task = self.model.add_task(pid, space, line)
        if pid:
            self.numbers[pid] = task
        else:
            self.nameless = task
        return task

    # What

    def take(self, index):
        self.done[index] = True
        event = self.events[index]
        task = self.task_of(index)
        # mprotect and madvise change something also when they fail half way.
        if event.result is None and not (event.error and event.kind in ("mprotect", "madvise")):
            if event.kind != "gone":
                return
        if event.kind in ("mmap", "mremap"):
            self._settle(index, task)
        apply = getattr(self, "_" + event.kind, None) or getattr(self.memory, event.kind, None)
        if apply:
            apply(task, event)
        space = self.model.tasks[task].space
        self.memory.measure(space, event.line)

    def _settle(self, index, task):
        """The pages of a new mapping may have been given back by a call that had begun and
        that is recorded as ending later."""
        event = self.events[index]
        end = event.result + (event.new_bytes if event.kind == "mremap" else event.bytes)
        for i in list(self._begun_before(index)):
            other = self.events[i]
            moves = other.kind == "mremap" and other.result != other.start
            if (
                not self.done[i]
                and other.result is not None
                and (other.kind == "munmap" or moves)
                and other.start < end
                and event.result < other.start + other.bytes
            ):
                by = self.live(other.pid)
                if by is not None and by != task and self._share(by, task):
                    self.model.reordered += 1
                    self.take(i)

    def _share(self, one, other):
        return self.model.tasks[one].space == self.model.tasks[other].space

    def _clone(self, task, event):
        model = self.model
        previous = self.numbers.get(event.result)
        if previous == task:
            model.oddities.append((event.line, "a process that made itself"))
            return
        if previous is not None:
            model.tasks[previous].alive = False  # its end was not recorded
        parent_space = model.tasks[task].space
        shares = event.flags & CLONE["CLONE_VM"]
        space = parent_space
        if not shares:
            space = model.add_space(len(model.tasks), event.line, parent_space)
            self.memory.adopt(space)
        process = model.tasks[task].process if event.flags & CLONE["CLONE_THREAD"] else None
        child = model.add_task(event.result, space, event.line, process)
        self.numbers[event.result] = child
        if shares:
            self.memory.give_stack(task, child, event)
        else:
            self.memory.copy(task, child, space)
            self.memory.measure(space, event.line)

    def _execve(self, task, event):
        model = self.model
        for i, other in enumerate(model.tasks):
            if i != task and other.process == model.tasks[task].process:
                other.alive = False
        before = model.tasks[task].space
        model.tasks[task].space = model.add_space(task, event.line)
        model.tasks[task].process = task
        self.memory.adopt(model.tasks[task].space)
        self.memory.end_if_deserted(before)

    def _gone(self, task, _event):
        self.model.tasks[task].alive = False
        self.memory.end_if_deserted(self.model.tasks[task].space)

    def _untold(self, _task, _event):
        self.model.untold += 1


def build(history):
    return Builder(history).build()


