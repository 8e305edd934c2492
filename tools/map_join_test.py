# SPDX-License-Identifier: MIT
"""What tools/harness map makes of a table and the kernel's list: who holds what, each way
in which the two can disagree, and what is no disagreement."""

import unittest

from harness_lib import map_dump, map_join, map_kernel, map_layout, workspace

BASE = 1 << 40
CHUNK = 4 << 20


def at(chunk):
    return BASE + chunk * CHUNK


def run(first, end, state="mapped", owner=1, kind="space", name="heap", **strategy):
    return map_dump.Run(at(first), at(end), state, owner, kind, name, strategy)


def dump(*runs, prefix="mmapper", window=(0, 1 << 47), tables=(1 << 44, (1 << 44) + 4096)):
    return map_dump.Dump(4711, tables, prefix, window, CHUNK, 4096, {}, list(runs))


def mapping(first, end, access="rw-p", name="", inode=0, **more):
    return map_kernel.Mapping(int(at(first)), int(at(end)), access, inode, name, **more)


def joined(runs, mappings, **options):
    return map_join.join([dump(*runs)], mappings, **options)


class JoinTest(unittest.TestCase):
    def marks(self, view):
        return [
            ((part.start - BASE) / CHUNK, (part.end - BASE) / CHUNK, mark.kind)
            for part in view.ranges
            for mark in part.marks
        ]

    def states(self, view):
        return [
            ((part.start - BASE) / CHUNK, (part.end - BASE) / CHUNK, part.state, part.what)
            for part in view.ranges
        ]

    def test_agree(self):
        view = joined(
            [run(0, 2), run(2, 5, "quarantined"), run(5, 6, name="other", owner=2)],
            # The kernel makes one mapping of neighbours that are alike.
            [mapping(0, 2), mapping(2, 5, "---p"), mapping(5, 7)],
        )
        self.assertEqual(
            self.states(view),
            [
                (0, 2, "mapped", 'space "heap"'),
                (2, 5, "quarantined", 'space "heap"'),
                (5, 6, "mapped", 'space "other"'),
                (6, 7, "outside", "anonymous"),
            ],
        )
        self.assertEqual(self.marks(view), [])
        heap, other = view.owners
        self.assertEqual((heap.letter, heap.total(), other.letter), ("A", 5 * CHUNK, "B"))
        self.assertEqual(heap.total(map_layout.is_committed), 2 * CHUNK)

    def test_pieces_that_are_alike_are_one(self):
        view = joined([run(0, 4)], [mapping(0, 1), mapping(1, 3), mapping(3, 4, "rw-p")])
        self.assertEqual(self.states(view), [(0, 4, "mapped", 'space "heap"')])

    def test_disagreements(self):
        held = [run(0, 4), run(4, 8, "quarantined"), run(8, 9, protection="rwx")]
        good = [mapping(0, 4), mapping(4, 8, "---p"), mapping(8, 9, "rwxp")]
        file = {"name": "/intruder", "inode": 7}
        for changed, expected in (
            (good, []),
            ([mapping(1, 4), *good[1:]], [(0, 1, "missing")]),
            (
                [good[0], mapping(4, 5, "---p"), mapping(7, 8, "---p"), good[2]],
                [(5, 7, "missing")],
            ),
            ([], [(0, 4, "missing"), (4, 8, "missing"), (8, 9, "missing")]),
            ([mapping(0, 4, "r--p"), *good[1:]], [(0, 4, "protection")]),
            ([mapping(0, 4, "rwxp"), *good[1:]], [(0, 4, "protection")]),
            ([mapping(0, 3), mapping(3, 4, "---p"), *good[1:]], [(3, 4, "protection")]),
            ([*good[:2], mapping(8, 9, "rw-p")], [(8, 9, "protection")]),
            ([mapping(0, 4, "rw-s"), *good[1:]], [(0, 4, "backing")]),
            ([good[0], mapping(4, 8, "r--p", **file), good[2]], [(4, 8, "backing")]),
            ([good[0], mapping(4, 8, "rw-p"), good[2]], [(4, 8, "accessible")]),
        ):
            view = joined(held, changed)
            self.assertEqual(self.marks(view), expected)
            bad = [kind for _, _, kind in expected if kind != "accessible"]
            self.assertEqual(len(view.bad), len(bad))

    def test_words(self):
        view = joined([run(0, 1)], [mapping(0, 1, "r--p")])
        self.assertEqual(view.bad[0].marks[0].text, "mapped as rw-, but the kernel gives r--p")
        view = joined([run(0, 1)], [mapping(0, 1, "r--p", "/x", 7)])
        words = "a foreign mapping lies on reserved memory: /x"
        self.assertEqual(view.bad[0].marks[0].text, words)

    def test_external(self):
        """What its owner maps is its own business; what it adopted has to be there."""
        held = [
            run(0, 2, "excluded", backing="external"),
            run(2, 4, backing="external"),
        ]
        view = joined(held, [mapping(1, 3, "r-xs", "/image", 7)])
        self.assertEqual(self.marks(view), [(3, 4, "missing")])

    def test_under_way(self):
        for state in ("reserving", "decommitting", "releasing", "transferring", "sealing"):
            view = joined([run(0, 2, state)], [mapping(0, 1)])
            self.assertEqual(self.marks(view), [])
            self.assertEqual(view.ranges[0].state, state)

    def test_sealed(self):
        flags = ("rd", "wr")
        for given, access, expected in (
            ((), "rw-p", []),
            ((*flags, "sl"), "rw-p", []),
            (flags, "rw-p", ["unsealed"]),
            ((*flags, "sl"), "r--p", ["protection"]),
        ):
            view = joined([run(0, 1, "sealed")], [mapping(0, 1, access, flags=given)])
            self.assertEqual([kind for _, _, kind in self.marks(view)], expected)
        self.assertEqual(view.owners[0].total(map_layout.is_committed), CHUNK)

    def test_protected_by_its_owner(self):
        view = joined([run(0, 2, protects="1")], [mapping(0, 1), mapping(1, 2, "r--p")])
        self.assertEqual(self.marks(view), [(1, 2, "protected")])
        self.assertEqual(view.bad, [])
        view = joined([run(0, 1, protects="1")], [mapping(0, 1, "rwxp")])
        self.assertEqual(self.marks(view), [(0, 1, "protection")])

    def test_unowned(self):
        foreign = [mapping(0, 1), mapping(1, 2, "r--p", "/lib", 7)]
        stale = mapping(2, 3, "---p", "[anon:mmapper:space:heap]")
        self.assertEqual(self.marks(joined([], foreign)), [])
        self.assertEqual(self.marks(joined([], [*foreign, stale])), [(2, 3, "unowned")])
        everything = self.marks(joined([], foreign, sole=True))
        self.assertEqual(everything, [(0, 1, "unowned"), (1, 2, "unowned")])
        narrow = map_join.join([dump(window=(at(1), at(9)))], foreign, sole=True)
        self.assertEqual(self.marks(narrow), [(1, 2, "unowned")])

    def test_own_tables(self):
        tables = dump(tables=(at(1), at(2)))
        view = map_join.join([tables], [mapping(0, 3)], sole=True)
        self.assertEqual(
            [(first, end, state) for first, end, state, _ in self.states(view)],
            [(0, 1, "outside"), (1, 2, "tables"), (2, 3, "outside")],
        )

    def test_names(self):
        for name, expected in (
            ("[anon:mmapper:space:heap]", []),
            ("[anon:mmapper:space:hea]", ["name"]),
            ("[anon:mmapper:space:los]", ["name"]),
            ("[anon:mmapper:immortal:heap]", ["name"]),
            ("[anon:something else]", []),
        ):
            view = joined([run(0, 1)], [mapping(0, 1, name=name)])
            self.assertEqual([kind for _, _, kind in self.marks(view)], expected)
        long = run(0, 1, name="n" * 63)
        for prefix, used, expected in (
            ("p" * 20, 63, []),
            ("p" * 20, 52, []),
            ("p", 52, ["name"]),
        ):
            name = f"{prefix}:space:{'n' * used}"[:79]
            view = joined([long], [mapping(0, 1, name=f"[anon:{name}]")])
            self.assertEqual([kind for _, _, kind in self.marks(view)], expected)

    def test_two_mappers(self):
        """They are neighbours; both holding a range is wrong unless one excluded it."""
        first = dump(run(0, 2))
        for runs, expected in (
            ([run(2, 3)], []),
            ([run(1, 3)], [(1, 2, "twice")]),
            ([run(0, 2, "excluded", backing="external")], []),
        ):
            second = dump(*runs, prefix="second", tables=(1 << 43, (1 << 43) + 4096))
            view = map_join.join([first, second], [mapping(0, 3)])
            self.assertEqual(self.marks(view), expected)
            mappers = {owner.mapper for owner in view.owners}
            self.assertEqual(mappers, {0} if runs[0].external else {0, 1})

    def test_excluded_by_one_and_held_by_the_other(self):
        """Whose memory it is, is who reserved it, in whatever order the dumps are."""
        for order in (1, -1):
            dumps = [
                dump(run(0, 1, "excluded", owner=2, name="lib", backing="external")),
                dump(run(0, 1), prefix="second", tables=(1 << 43, (1 << 43) + 4096)),
            ]
            view = map_join.join(dumps[::order], [mapping(0, 1, "r--p")])
            self.assertEqual(self.states(view), [(0, 1, "mapped", 'space "heap"')])
            self.assertEqual(self.marks(view), [(0, 1, "protection")])

    def test_gone_owner(self):
        view = joined([run(0, 1, owner=9, kind="", name="")], [mapping(0, 1, "r--p")])
        self.assertEqual((view.owners[0].title, self.marks(view)), ("owner 9", []))

    def test_by_names_only(self):
        listed = [
            mapping(0, 1, name="[anon:mmapper:space:heap]"),
            mapping(1, 2, "---p", "[anon:mmapper:space:heap]"),
            mapping(2, 3, "r--p", "/lib", 7),
        ]
        view = map_join.join(map_kernel.guess(listed), listed, sole=False)
        states = [(first, end, state) for first, end, state, _ in self.states(view)]
        self.assertEqual(states, [(0, 1, "mapped"), (1, 2, "quarantined"), (2, 3, "outside")])
        self.assertEqual(self.marks(view), [])

    def test_without_the_kernel(self):
        view = joined([run(0, 1), run(3, 4, "quarantined")], None)
        self.assertEqual((self.marks(view), view.has_kernel), ([], False))
        self.assertIsNone(view.owners[0].ranges[0].resident)

    def test_memory(self):
        """smaps where a mapping is one range's, the pages where it is several's."""
        asked = []

        def pages(start, end):
            asked.append(((start - BASE) // CHUNK, (end - BASE) // CHUNK))
            return 4096, 0

        view = joined(
            [run(0, 2), run(2, 3, name="other", owner=2), run(3, 4, "quarantined"), run(5, 6)],
            [
                mapping(0, 1, resident=100, huge=10),
                mapping(1, 2, resident=200, huge=20),
                mapping(2, 3, resident=7, huge=0),
                mapping(5, 7, resident=1000, huge=0),
            ],
            page_counter=pages,
        )
        found = [(part.resident, part.huge) for part in view.ranges]
        self.assertEqual(found, [(300, 30), (7, 0), (0, 0), (4096, 0), (4096, 0)])
        self.assertEqual(asked, [(5, 6), (6, 7)])
        self.assertEqual(view.owners[0].memory("resident"), 300 + 4096)
        unknown = joined([run(0, 1)], [mapping(0, 2, resident=9)])
        self.assertIsNone(unknown.owners[0].memory("resident"))

    def test_settle(self):
        """What a list from before the dump does not show was only just changing."""
        held = [run(0, 2)]
        later = joined(held, [mapping(0, 1)])
        self.assertEqual(map_join.settle(later, joined(held, [mapping(0, 2)])), 1)
        self.assertEqual(later.bad, [])
        later = joined(held, [mapping(0, 1)])
        self.assertEqual(map_join.settle(later, joined(held, [])), 0)
        self.assertEqual(len(later.bad), 1)
        later = joined(held, [mapping(0, 1)])
        self.assertEqual(map_join.settle(later, joined(held, [mapping(0, 2, "r--p")])), 1)


class ZoomTest(unittest.TestCase):
    view = joined(
        [run(0, 2), run(2, 5, "quarantined"), run(8, 9, name="other", owner=2, kind="misc")],
        [mapping(0, 2, resident=4096), mapping(2, 5, "---p", resident=0), mapping(8, 9)],
    )

    def zoomed(self, text):
        parts = map_layout.zoomed(self.view, text)
        return [((part.start - BASE) / CHUNK, (part.end - BASE) / CHUNK) for part in parts]

    def test_ranges(self):
        self.assertEqual(self.zoomed(f"{at(1):#x}-{at(3):#x}"), [(1, 2), (2, 3)])
        self.assertEqual(self.zoomed(f"{at(1):#x}+8m"), [(1, 2), (2, 3)])
        self.assertEqual(self.zoomed(f"{BASE}+6 GiB"), [(0, 2), (2, 5), (8, 9)])
        cut = map_layout.zoomed(self.view, f"{at(1):#x}+4m")[0]
        self.assertIsNone(cut.resident)

    def test_owners(self):
        for text, expected in (
            ("other", [(8, 9)]),
            ("misc:other", [(8, 9)]),
            ("B", [(8, 9)]),
            ("heap", [(0, 2), (2, 5)]),
        ):
            self.assertEqual(self.zoomed(text), expected)

    def test_wrong(self):
        for text, words in (
            ("nobody", "neither .* owners are space:heap, misc:other"),
            (f"{at(3):#x}-{at(3):#x}", "the range is empty"),
            (f"{at(6):#x}-{at(7):#x}", r"nothing is in \[0x10001800000, 0x10001c00000\)"),
        ):
            with self.assertRaisesRegex(workspace.EnvironmentProblem, words):
                map_layout.zoomed(self.view, text)


if __name__ == "__main__":
    unittest.main()
