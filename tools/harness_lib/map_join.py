# SPDX-License-Identifier: MIT
"""The kernel's mappings joined with what the tables of mappers say: who holds what, and
where the two disagree."""

from dataclasses import dataclass, field

# States that end by themselves: while a call is under way nothing is certain.
SETTLED = ("quarantined", "mapped", "sealed", "excluded")
COMMITTED = ("mapped", "sealed")
HELD = ("quarantined", "mapped", "sealed")
NAME = 79  # characters of a name that the kernel takes
OUTSIDE = "outside"  # the state of what no mapper holds
TABLES = "tables"  # and of the memory of the mappers themselves

MEANINGS = {
    "missing": "the table says {state}, the kernel has nothing there",
    "protection": "{state} as {wanted}, but the kernel gives {access}",
    "backing": "a foreign mapping lies on reserved memory: {name}",
    "unowned": "the table says unmapped, the kernel has {name}",
    "name": "the table says {owner}, the kernel's name says {name}",
    "twice": "also {also}, by another mapper",
    "unsealed": "the table says sealed, the kernel would let it be changed",
    "accessible": "quarantined and yet accessible ({access}), which G1 allows",
    "protected": "some pages give less access than the owner's strategy ({access})",
}
NOTES = ("accessible", "protected")  # no disagreement


@dataclass
class Mark:
    """Something about a range that should be seen."""

    kind: str
    text: str

    @property
    def note(self):
        return self.kind in NOTES


@dataclass(eq=False)
class Owner:
    """Who holds runs in one mapper. Letters and numbers go up with addresses."""

    mapper: int
    number: int
    kind: str
    name: str
    index: int = 0
    ranges: list = field(default_factory=list, repr=False)

    @property
    def letter(self):
        """For pictures; there are more owners than letters now and then."""
        return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[self.index] if self.index < 26 else "*"

    @property
    def title(self):
        return f'{self.kind} "{self.name}"' if self.kind else f"owner {self.number}"

    def total(self, wanted=lambda _: True):
        return sum(part.bytes for part in self.ranges if wanted(part))

    def memory(self, name):
        """Bytes resident or huge; None where they are not known."""
        values = [getattr(part, name) for part in self.ranges if part.mapping]
        return None if None in values else sum(values)


@dataclass(eq=False)
class Range:
    """Address space that is alike in all that is known of it."""

    start: int
    end: int
    state: str
    owner: Owner = None
    run: object = None  # map_dump.Run
    mapping: object = None  # map_kernel.Mapping; the one that begins it
    marks: list = field(default_factory=list)
    resident: int = None
    huge: int = None

    @property
    def bytes(self):
        return self.end - self.start

    @property
    def access(self):
        return self.mapping.access if self.mapping else "----"

    @property
    def bad(self):
        return any(not mark.note for mark in self.marks)

    @property
    def what(self):
        """Who or what is there, in a few words."""
        if self.owner:
            return self.owner.title
        if self.state == TABLES:
            return "the mapper's own tables"
        return self.mapping.name or "anonymous"

    def clipped(self, start, end):
        """The part of it in [start, end)."""
        part = Range(**{**vars(self), "marks": list(self.marks)})
        part.start, part.end = max(self.start, start), min(self.end, end)
        if (part.start, part.end) != (self.start, self.end):
            part.resident = part.huge = None
        return part


@dataclass
class View:
    """The joined address space."""

    dumps: list
    ranges: list
    owners: list
    pid: int = None
    command: str = ""
    notes: list = field(default_factory=list)  # sentences about how it came about
    has_kernel: bool = True

    @property
    def bad(self):
        return [part for part in self.ranges if part.bad]


class _Joiner:
    def __init__(self, dumps, mappings, sole, page_counter):
        self.dumps = dumps
        self.mappings = mappings
        self.sole = sole
        self.page_counter = page_counter
        self.owners = {}
        self.ranges = []

    def owner_of(self, mapper, run):
        key = (mapper, run.owner, run.kind, run.name)
        if key not in self.owners:
            index = len(self.owners)
            self.owners[key] = Owner(mapper, run.owner, run.kind, run.name, index)
        return self.owners[key]

    def pieces(self):
        """(start, end, [(mapper, run)], mapping or None), ascending."""
        edges = {}
        for mapper, dump in enumerate(self.dumps):
            for run in dump.runs:
                edges.setdefault(run.start, []).append((True, (mapper, run)))
                edges.setdefault(run.end, []).append((False, (mapper, run)))
        for mapping in self.mappings or ():
            edges.setdefault(mapping.start, []).append((True, mapping))
            edges.setdefault(mapping.end, []).append((False, mapping))
        for dump in self.dumps:
            for edge in dump.tables if self.mappings else ():
                edges.setdefault(edge, [])
        runs, mapping, last = [], None, None
        for at in sorted(edges):
            if last is not None and (runs or mapping):
                yield last, at, list(runs), mapping
            # Ends before beginnings: neighbours share an edge.
            for begins, what in sorted(edges[at], key=lambda edge: edge[0]):
                if isinstance(what, tuple):
                    runs = [run for run in runs if run[1] is not what[1]]
                    runs += [what] if begins else []
                else:
                    mapping = what if begins else None
            last = at

    def join(self):
        for start, end, runs, mapping in self.pieces():
            # Memory that one mapper reserved may be excluded in another one.
            runs.sort(key=lambda pair: pair[1].external)
            part = self.part(start, end, runs, mapping)
            last = self.ranges[-1] if self.ranges else None
            if last and alike(last, part):
                last.end = end
            else:
                self.ranges.append(part)
        for part in self.ranges:
            if part.owner:
                part.owner.ranges.append(part)
        self.count_memory()
        return self.ranges

    def part(self, start, end, runs, mapping):
        if not runs:
            state = TABLES if self.is_table(start) else OUTSIDE
            part = Range(start, end, state, mapping=mapping)
        else:
            mapper, run = runs[0]
            owner = self.owner_of(mapper, run)
            part = Range(start, end, run.state, owner, run, mapping)
        if self.mappings is not None:
            part.marks = list(self.marks(part, runs))
        return part

    def is_table(self, address):
        return any(dump.tables[0] <= address < dump.tables[1] for dump in self.dumps)

    def marks(self, part, runs):
        mapping = part.mapping
        if part.run is None:
            if part.state == OUTSIDE and self.is_unowned(part):
                yield mark("unowned", part)
            return
        for mapper, other in runs[1:]:
            if not other.external and not part.run.external:
                also = f"{other.state} for {self.owner_of(mapper, other).title}"
                yield mark("twice", part, also=also)
        if part.state not in SETTLED or self.dumps[runs[0][0]].guessed:
            return
        if mapping is None:
            if part.state in HELD:
                yield mark("missing", part)
        elif not part.run.external:
            yield from memory_marks(part)

    def is_unowned(self, part):
        """Whether a mapping that no table knows has no business there."""
        label = part.mapping.label()
        prefixes = [dump.prefix for dump in self.dumps if not dump.guessed]
        if label and label[0] in prefixes:
            return True
        return self.sole and any(
            dump.window[0] < part.end and part.start < dump.window[1]
            for dump in self.dumps
        )

    def count_memory(self):
        """What is resident. smaps knows where a mapping is one range's alone."""
        by_start = {mapping.start: mapping for mapping in self.mappings or ()}
        whole = [mapping for mapping in by_start.values() if mapping.resident is not None]
        if not whole:
            return
        edges = sorted(by_start)
        ends = {mapping.end for mapping in whole}
        position = 0
        for part in self.ranges:
            while position < len(edges) and edges[position] < part.start:
                position += 1
            starts = []
            while position < len(edges) and edges[position] < part.end:
                starts.append(by_start[edges[position]])
                position += 1
            if part.mapping is None:
                part.resident = part.huge = 0
            elif starts and starts[0].start == part.start and part.end in ends:
                part.resident = sum(mapping.resident for mapping in starts)
                part.huge = sum(mapping.huge or 0 for mapping in starts)
            else:
                counted = self.page_counter(part.start, part.end)
                part.resident, part.huge = counted or (None, None)


def mark(kind, part, **more):
    mapping = part.mapping
    words = {
        "state": part.state,
        "access": part.access,
        "wanted": wanted_access(part.run) if part.run else "",
        "name": (mapping.name or f"anonymous memory, {mapping.access}") if mapping else "",
        "owner": part.owner.title if part.owner else "",
        **more,
    }
    return Mark(kind, MEANINGS[kind].format(**words))


def wanted_access(run):
    return "rwx" if run.strategy.get("protection") == "rwx" else "rw-"


def memory_marks(part):
    """What is wrong with a mapping that is the mapper's own by the table."""
    mapping, run = part.mapping, part.run
    if mapping.file or mapping.shared:
        yield mark("backing", part)
        return
    label = mapping.label()
    if label and run.kind and ":".join(label) != f"{label[0]}:{run.kind}:{run.name}"[:NAME]:
        yield mark("name", part)
    access, wanted = mapping.access[:3], wanted_access(run)
    if part.state in COMMITTED and access != wanted and run.kind:
        less = all(have in ("-", want) for have, want in zip(access, wanted))
        # An owner who has called mmapper_protect knows which of his pages give less.
        yield mark("protected" if less and "protects" in run.strategy else "protection", part)
    elif part.state == "quarantined" and mapping.accessible:
        yield mark("accessible", part)
    if part.state == "sealed" and mapping.flags and "sl" not in mapping.flags:
        yield mark("unsealed", part)


def alike(one, other):
    """Whether two neighbours are one range."""
    if one.end != other.start or one.state != other.state or one.run is not other.run:
        return False
    if [item.kind for item in one.marks] != [item.kind for item in other.marks]:
        return False
    if (one.mapping is None) != (other.mapping is None):
        return False
    return one.mapping is None or (
        (one.mapping.access, one.mapping.name, one.mapping.file)
        == (other.mapping.access, other.mapping.name, other.mapping.file)
    )


def join(dumps, mappings, sole=False, page_counter=lambda start, end: None):
    """A View. `mappings` is None where there is no list; `page_counter` says what is
    resident of a part of a mapping."""
    joiner = _Joiner(dumps, mappings, sole, page_counter)
    ranges = joiner.join()
    return View(dumps, ranges, list(joiner.owners.values()), has_kernel=mappings is not None)


def settle(view, earlier):
    """Drops the disagreements that an earlier list of mappings does not show: something
    was under way there. Returns how many."""
    dropped = 0
    for part in view.ranges:
        before = [
            item.kind
            for other in earlier.ranges
            if other.start < part.end and part.start < other.end
            for item in other.marks
        ] if part.bad else []
        kept = [item for item in part.marks if item.note or item.kind in before]
        dropped += len(part.marks) - len(kept)
        part.marks = kept
    return dropped


# Groups of neighbours, as map_layout makes them


def states_of(group):
    if group[0].owner is None or len(group) == 1:
        return group[0].state
    counts = {}
    for part in group:
        counts[part.state] = counts.get(part.state, 0) + 1
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def names_of(group):
    if group[0].owner is not None or len(group) == 1:
        return group[0].what
    names = list(dict.fromkeys(part.what.rsplit("/", 1)[-1] for part in group))
    names = [name for name in names if name != "anonymous"] or names
    text = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{text} ({len(group)} mappings)"


def resident_of(group):
    values = [part.resident for part in group]
    return None if None in values else sum(values)


def owners_in(view, ranges):
    """Of the view's owners, those that hold any of the ranges."""
    shown = {id(part.owner) for part in ranges}
    return [owner for owner in view.owners if id(owner) in shown]
