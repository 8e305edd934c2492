# SPDX-License-Identifier: MIT
"""The memory calls of a history, each as the kernel does it, on pages; and what is found on
the way: who overwrote whom, holes, reservations and their use."""

from dataclasses import replace

from harness_lib.audit_calls import ADVICE, MAP, REMAP
from harness_lib.audit_map import Map, Piece, Reservation
from harness_lib.audit_model import ANONYMOUS, FILE, HEAP, IMAGE, STACK, Hole, Overwrite
from harness_lib.audit_origins import Origins

READ, READ_WRITE = 1, 3
MAPPED, MOVED, UNMAPPED = "mapped over", "moved over", "unmapped"
_DISCARDS = (ADVICE["MADV_DONTFORK"], ADVICE["MADV_DOFORK"])


class Memory:
    def __init__(self, model):
        self.model = model
        self.origins = Origins(model)
        self.now = 0  # the event
        self.open_holes = {}  # by space

    def adopt(self, index):
        """A space that the model has just made."""
        space = self.model.spaces[index]
        space.first = self.now
        space.map = Map(lambda piece: space.lives.append((replace(piece), self.now)))

    def end(self, index):
        """What is there when the last thread or the recording ends lived until now."""
        space = self.model.spaces[index]
        if space.last is None:
            space.last = self.now
            space.lives += [(replace(piece), self.now) for piece in space.map.pieces]
            for piece in space.map.pieces:
                if piece.reservation:
                    piece.reservation.held += piece.bytes

    def end_if_deserted(self, index):
        tasks = self.model.tasks
        if not any(task.alive and task.space == index for task in tasks):
            self.end(index)

    def measure(self, index, line):
        space = self.model.spaces[index]
        at = space.map
        space.mappings.see(at.mappings, line)
        space.ranges.see(at.ranges, line)
        space.bytes.see(at.bytes, line)
        space.accessible.see(at.accessible, line)
        space.reserved.see(at.bytes - at.accessible, line)
        row = (at.mappings, at.bytes, at.accessible)
        if not space.curve or space.curve[-1][1:] != row:
            space.curve.append((self.now, *row))

    # Parts of calls

    def space_of(self, task):
        return self.model.tasks[task].space

    def map_of(self, task):
        return self.model.spaces[self.space_of(task)].map

    def pages(self, start, size):
        mask = self.model.page_bytes - 1
        return start & ~mask, (start + size + mask) & ~mask

    def odd(self, line, why):
        self.model.oddities.append((line, why))

    def expect_free(self, task, line, start, end):
        """Where the kernel chose the place, or refuses to replace, nothing can have been."""
        at = self.map_of(task)
        if next(at.meeting(start, end), None):
            self.odd(line, "a mapping where the history still has another one")
            at.remove(start, end)

    def infer(self, task, line, start, end):
        """The call succeeded, which it only does where all is mapped."""
        at = self.map_of(task)
        while (hole := at.hole(start, end)) < end:
            above = next(at.meeting(hole, end), None)
            start = above.start if above else end
            image = self.model.only(IMAGE, self.space_of(task), None, line)
            at.add(Piece(hole, start, line, image, READ, since=self.now))
            self.model.inferred += 1

    def runs(self, task, start, end):
        """(origin, pieces' parts) of adjacent memory of one origin, ascending."""
        run = []
        for piece in self.map_of(task).meeting(start, end):
            part = replace(piece, start=max(start, piece.start), end=min(end, piece.end))
            if run and (run[-1].end != part.start or run[-1].origin != part.origin):
                yield run[0].origin, run
                run = []
            run.append(part)
        if run:
            yield run[0].origin, run

    def note(self, how, task, line, now, run):
        """`now` is the origin that has it from here on."""
        held = self.model.origins[run[0].origin]
        self.model.overwrites.append(
            Overwrite(
                how,
                line,
                self.now,
                task,
                self.space_of(task),
                now,
                run[0].origin,
                list(dict.fromkeys(part.line for part in run)),
                run[0].start,
                run[-1].end,
                any(part.protection for part in run),
                held.of_thread and not self.model.tasks[held.task].alive,
            )
        )

    def take(self, how, task, line, origin, start, end, accessible):
        """Every page that somebody had there goes, to make room for `origin`."""
        for held, run in list(self.runs(task, start, end)):
            if held != origin:
                self.note(how, task, line, origin, run)
            else:
                self.model.own += 1
                self.model.own_bytes += run[-1].end - run[0].start
        for part in self.map_of(task).remove(start, end):
            if accessible:
                use(part)
        self.fill(task, line, origin, start, end)

    # Holes

    def punch(self, task, line, parts):
        """Where parts of mappings were given back and the mappings went on at both sides."""
        at = self.map_of(task)
        space = self.space_of(task)
        i = at.find(parts[0].start)
        if i == 0 or i == len(at.pieces):
            return
        low, high = at.pieces[i - 1], at.pieces[i]
        touches = low.end == parts[0].start and high.start == parts[-1].end
        if touches and low.line == high.line == parts[0].line:
            hole = Hole(
                line, self.now, task, space, low.end, high.start, low.line, low.origin
            )
            self.model.holes.append(hole)
            self.open_holes.setdefault(space, []).append(hole)

    def fill(self, task, line, origin, start, end):
        """A mapping that meets holes fills them."""
        space = self.space_of(task)
        still = []
        for hole in self.open_holes.get(space, ()):
            if hole.start < end and start < hole.end:
                hole.filled_line, hole.filled_by = line, origin
            else:
                still.append(hole)
        if space in self.open_holes:
            self.open_holes[space] = still

    # Calls

    def mmap(self, task, event):
        start, end = self.pages(event.result, huge_bytes(event))
        fixed = event.flags & MAP["MAP_FIXED"]
        if not fixed or event.flags & MAP["MAP_FIXED_NOREPLACE"]:
            self.expect_free(task, event.line, start, end)
        origin = self.origins.of_mmap(task, event, start, end, self.runs(task, start, end))
        self.take(MAPPED, task, event.line, origin, start, end, event.protection != 0)
        anonymous = bool(event.flags & MAP["MAP_ANONYMOUS"])
        piece = Piece(
            start, end, event.line, origin, event.protection, not anonymous, since=self.now
        )
        if not event.protection:
            piece.reservation = Reservation(event.line, task, start, end)
            self.model.reservations.append(piece.reservation)
        self.map_of(task).add(piece)

    def munmap(self, task, event):
        start, end = self.pages(event.start, event.bytes)
        for held, run in list(self.runs(task, start, end)):
            origin = self.model.origins[held]
            if origin.of_thread and origin.task != task:
                self.note(UNMAPPED, task, event.line, None, run)
        parts = self.map_of(task).remove(start, end)
        if parts:
            self.punch(task, event.line, parts)
        else:
            self.model.vain.append((event.line, task))

    def mprotect(self, task, event):
        start, end = self.pages(event.start, event.bytes)
        if event.result is None:
            # The kernel works up to the first hole and then says ENOMEM.
            if event.error != "ENOMEM":
                return
            end = self.map_of(task).hole(start, end)
        else:
            self.infer(task, event.line, start, end)

        def change(part):
            if event.protection:
                use(part)
            if part.protection != event.protection:
                part.since = self.now
            part.protection = event.protection
            return part

        self.map_of(task).rewrite(start, end, change)

    def madvise(self, task, event):
        start, end = self.pages(event.start, event.bytes)
        if event.result is not None:
            self.infer(task, event.line, start, end)
        elif event.error != "ENOMEM":  # with it, all but the holes was worked on
            return
        if event.flags in _DISCARDS:
            no_fork = event.flags == ADVICE["MADV_DONTFORK"]
            self.map_of(task).rewrite(start, end, lambda part: replace(part, no_fork=no_fork))

    def mremap(self, task, event):
        line, page = event.line, self.model.page_bytes
        start, end = self.pages(event.start, event.bytes)
        to, to_end = self.pages(event.result, event.new_bytes)
        seen = max(end, start + page)
        self.infer(task, line, start, seen)
        # The kernel moves one mapping at a time: its last piece speaks for all.
        like = replace(list(self.map_of(task).meeting(start, seen))[-1])
        if to == start and event.bytes:
            if to_end < end:
                self.map_of(task).remove(to_end, end)
            elif to_end > end:
                self.expect_free(task, line, end, to_end)
                self.put(MOVED, task, line, end, to_end, like)
        elif to < seen and start < to_end:
            self.odd(line, "a mapping moved onto itself")
        else:
            if not event.flags & REMAP["MREMAP_FIXED"]:
                self.expect_free(task, line, to, to_end)
            self.put(MOVED, task, line, to, to_end, like)
            if event.bytes and not event.flags & REMAP["MREMAP_DONTUNMAP"]:
                parts = self.map_of(task).remove(start, end)
                self.punch(task, line, parts)

    def put(self, how, task, line, start, end, like):
        """Memory like another piece, in the place of what is there."""
        self.take(how, task, line, like.origin, start, end, like.protection != 0)
        piece = replace(
            like, start=start, end=end, line=line, reservation=None, used=False, since=self.now
        )
        self.map_of(task).add(piece)

    def brk(self, task, event):
        space = self.model.spaces[self.space_of(task)]
        before, space.break_end = space.break_end, event.result
        if before is None:
            return
        old, new = self.pages(0, before)[1], self.pages(0, event.result)[1]
        if new < old:
            self.map_of(task).remove(new, old)
        elif new > old:
            heap = self.model.only(HEAP, self.space_of(task), None, event.line)
            self.expect_free(task, event.line, old, new)
            self.take(MAPPED, task, event.line, heap, old, new, True)
            piece = Piece(old, new, event.line, heap, READ_WRITE, since=self.now)
            self.map_of(task).add(piece)

    # Threads and processes

    def give_stack(self, parent, child, event):
        """clone3 tells the lowest byte and the size of a stack, clone its top; none shares
        the parent's. Plain anonymous memory becomes a stack by being one."""
        if not event.start:
            return
        inside = event.start + event.bytes - 1 if event.bytes else event.start - 1
        piece = next(self.map_of(parent).meeting(inside, inside + 1), None)
        if piece is None:
            return
        origin = self.model.origins[piece.origin]
        if origin.kind == STACK:
            origin.task = child
        elif origin.kind == ANONYMOUS:
            space = self.space_of(parent)
            stack = self.model.add_origin(STACK, space, child, event.line)
            start, end = self.whole(parent, piece)
            self.map_of(parent).rewrite(
                start, end, lambda part: replace(part, origin=stack, since=self.now)
            )

    def whole(self, task, piece):
        """The adjacent pieces of the same mapping call."""
        at = self.map_of(task)
        low = high = at.find(piece.start)
        while low > 0 and self._adjacent(at.pieces[low - 1], at.pieces[low]):
            low -= 1
        while high + 1 < len(at.pieces) and self._adjacent(
            at.pieces[high], at.pieces[high + 1]
        ):
            high += 1
        return at.pieces[low].start, at.pieces[high].end

    @staticmethod
    def _adjacent(low, high):
        return low.end == high.start and low.line == high.line

    def copy(self, parent, child, index):
        """What fork copies."""
        model = self.model
        source, target = model.spaces[model.tasks[parent].space], model.spaces[index]
        copies = {}
        for piece in source.map.pieces:
            if not piece.no_fork:
                origin = model.copy_origin(piece.origin, copies, parent, child, index)
                target.map.add(
                    replace(piece, origin=origin, reservation=None, used=False, since=self.now)
                )
        target.break_end = source.break_end
        for copied in copies.values():
            origin = model.origins[copied]
            if origin.kind == FILE:
                continue
            if origin.kind in (IMAGE, HEAP):
                target.origins[(origin.kind, None)] = copied
            elif origin.kind == ANONYMOUS:
                target.origins[(ANONYMOUS, origin.task)] = copied


def use(part):
    """Its reservation was made for something."""
    if part.reservation and not part.used:
        part.reservation.used += part.bytes
        part.used = True


def huge_bytes(event):
    """Huge pages round the length to their size, whose log2 the flags hold."""
    if not event.flags & MAP["MAP_HUGETLB"]:
        return event.bytes
    log = event.flags >> 26 & 0x3F
    unit = 1 << (log if 0 < log <= 40 else 21)
    return (event.bytes + unit - 1) & ~(unit - 1)
