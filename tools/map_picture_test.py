# SPDX-License-Identifier: MIT
"""The pictures of tools/harness map: on a terminal, as SVG, as a page, as JSON."""

import json
import random
import re
import unittest
from html.parser import HTMLParser
from xml.etree import ElementTree

from harness_lib import (
    map_command,
    map_join,
    map_json,
    map_kernel,
    map_layout,
    map_page,
    map_style,
    map_svg,
    map_text,
)
from map_join_test import BASE, CHUNK, at, dump, joined, mapping, run

VOID = {"meta", "input"}


def small():
    """Two owners, two islands, one thing wrong."""
    return joined(
        [
            run(0, 2, commit_ahead="4"),
            run(2, 6, "quarantined", commit_ahead="4"),
            run(6, 7, "releasing", commit_ahead="4"),
            run(8, 9, "excluded", owner=2, kind="misc", name="lib", backing="external"),
            run(4000, 4001, owner=2, kind="misc", name="lib", backing="external"),
        ],
        [
            mapping(0, 1, resident=1 << 20, huge=0),
            mapping(2, 6, "---p", resident=0, huge=0),
            mapping(4000, 4001, "r-xp", resident=8192, huge=0),
            mapping(4002, 4003, "r--p", "/usr/lib/libc.so.6", 7, resident=4096, huge=0),
            mapping(4003, 4004, "---p", resident=0, huge=0),
        ],
    )


def large(count=4000):
    """Many ranges of a few owners, alternating."""
    runs = []
    for i in range(count):
        owner = i // 500
        state = ("mapped", "quarantined")[i % 2]
        runs.append(run(2 * i, 2 * i + 2, state, owner + 1, name=f"o{owner}"))
    mappings = [
        mapping(2 * i, 2 * i + 2, ("rw-p", "---p")[i % 2]) for i in range(count) if i != 1234
    ]
    return joined(runs, mappings)


class LayoutTest(unittest.TestCase):
    def test_human(self):
        for size, text in (
            (0, "0 B"),
            (1023, "1023 B"),
            (4 << 20, "4 MiB"),
            (1280, "1.25 KiB"),
            (1 << 60, "1024 PiB"),
            (None, "?"),
            (102 << 30, "102 GiB"),
            (120 << 20, "120 MiB"),
        ):
            self.assertEqual(map_layout.human(size), text)

    def test_rows_show_everything_once(self):
        """Whatever lies there: all of it, in order, in the room that there is."""
        for seed in range(200):
            choice = random.Random(seed)
            position, runs = 0, []
            for i in range(choice.randrange(1, 120)):
                position += choice.choice((0, 0, 1, 3, 200, 1 << choice.randrange(20)))
                size = 1 << choice.randrange(14)
                runs.append(run(position, position + size, owner=choice.randrange(1, 9)))
                position += size
            view = joined(runs, None)
            width = choice.randrange(30, 150)
            for linear in (False, True):
                rows = map_layout.rows(view.ranges, width, linear=linear)
                shown = [part for row in rows for item in row.items for part in item.ranges]
                self.assertEqual([id(part) for part in shown], [id(part) for part in view.ranges])
                self.assertLessEqual(max(row.width for row in rows), width, f"seed {seed}")
                self.assertGreaterEqual(min(item.width for row in rows for item in row.items), 1)
                for row in rows:
                    for before, after in zip(row.items, row.items[1:]):
                        self.assertEqual(before.end, after.start)

    def test_great_gaps_divide(self):
        view = joined([run(0, 1), run(2, 3), run(1000, 1001)], None)
        first, second = map_layout.rows(view.ranges, 80)
        self.assertEqual([len(row.items) for row in (first, second)], [3, 1])
        self.assertEqual((first.gap, second.gap), (0, 997 * CHUNK))
        view = joined([run(1000 * i, 1000 * i + 1) for i in range(500)], None)
        rows = map_layout.rows(view.ranges, 80)
        self.assertLessEqual(len({row.start for row in rows if row.gap}), map_layout.MAX_ROWS)

    def test_larger_is_wider(self):
        held = [run(0, 1), run(1, 65, name="b", owner=2), run(65, 1100, "quarantined")]
        view = joined(held, None)
        (row,) = map_layout.rows(view.ranges, 100)
        widths = [item.width for item in row.items]
        self.assertEqual(widths, sorted(widths))
        self.assertEqual(widths[:2], [6, 9])  # 4 MiB is 2^10 pages, 256 MiB 2^16
        (row,) = map_layout.rows(view.ranges, 100, linear=True)
        self.assertEqual([item.width for item in row.items], [1, 6, 93])

    def test_what_is_wrong_is_never_hidden(self):
        view = large()
        rows = map_layout.rows(view.ranges, 100)
        items = [item for row in rows for item in row.items]
        self.assertLess(len(items), 200)
        self.assertEqual(sum(map_style.is_bad(item) for item in items), 1)
        wrong = next(item for item in items if map_style.is_bad(item))
        self.assertTrue(wrong.main.bad)

    def test_groups(self):
        view = large(100)
        self.assertEqual([len(one) for one in map_layout.groups(view.ranges)], [100])
        self.assertEqual(len(map_layout.groups(view.ranges, whole=True)), 100)
        few = small()
        self.assertEqual(len(map_layout.groups(few.ranges)), len(few.ranges) - 1)


class TextTest(unittest.TestCase):
    def text(self, view, style=None, width=100, **options):
        style = style or map_style.Plain()
        return map_text.render(view, view.ranges, width, style, **options)

    def test_small(self):
        text = self.text(small())
        lines = text.splitlines()
        self.assertEqual(
            lines[1],
            'mapper "mmapper": 2 owners, 5 runs in [0x0, 0x800000000000), chunks of 4 MiB',
        )
        self.assertIn('A space "heap"   B misc "lib"', lines)
        # mapped, missing, reserved, releasing, free, excluded
        self.assertIn("0x10000000000  AAAAAA!AAAAAaaaaaaaa~a~a~......b/b/b/ 36 MiB", text)
        self.assertIn("0x103e8000000  BBBBBB......======------ 16 MiB", text)
        self.assertIn("               15.6 GiB free", text)
        self.assertIn("   ! missing: the table says mapped, the kernel has nothing there", lines)
        self.assertRegex(text, r"A  0x10000400000  0x10000800000   4 MiB  mapped +nothing")
        self.assertRegex(text, r'(?m)^A  space "heap" +28 MiB   8 MiB +1 MiB')
        self.assertRegex(text, r"outside +\* +4 KiB  libc.so.6 \(2 mappings\)")
        self.assertNotIn("\033", text)

    def test_colours_change_nothing_but_the_picture(self):
        view = small()
        plain, coloured = self.text(view), self.text(view, map_style.Colour())
        bare = map_text.uncoloured(coloured)
        self.assertNotEqual(coloured, bare)
        self.assertEqual(plain.partition("   from ")[2], bare.partition("   from ")[2])
        first = "0x10000000000  A heap!      A heap▒▒▒▒▒▒······╱B lib 36 MiB\n"
        self.assertIn(first, bare)
        self.assertIn("0x103e8000000   B lib······ libc.so.6░░ 16 MiB\n", bare)

    def test_width(self):
        for view in (small(), large()):
            for width in (80, 100, 200):
                for style in (map_style.Plain(), map_style.Colour()):
                    lines = self.text(view, style, width).splitlines()
                    longest = max(len(map_text.uncoloured(line)) for line in lines[2:])
                    self.assertLessEqual(longest, width)

    def test_large(self):
        text = self.text(large())
        self.assertLess(text.count("\n"), 80)
        self.assertIn("250 mapped, 250 quarantined", text)
        self.assertIn("! missing: the table says mapped", text)
        whole = self.text(large(), whole=True)
        self.assertGreater(whole.count("\n"), 4000)

    def test_long_list_keeps_what_is_wrong(self):
        runs = [run(2 * i, 2 * i + 1, owner=1 + i % 7) for i in range(400)]
        view = joined(runs, [mapping(2 * i, 2 * i + 1) for i in range(399)])
        text = self.text(view)
        self.assertIn("... and 279 lines more: --all shows them", text)
        self.assertIn("! missing: ", text)

    def test_many_owners(self):
        runs = [run(i, i + 1, owner=i + 1, name=f"n{i}") for i in range(40)]
        text = self.text(joined(runs, None))
        self.assertIn('* space "n39"', text.replace("*  ", "* "))

    def test_two_mappers(self):
        second = dump(run(4, 5, name="b"), prefix="second", tables=(1 << 43, (1 << 43) + 4096))
        view = map_join.join([dump(run(0, 1)), second], None)
        text = self.text(view)
        self.assertIn('mapper "mmapper": 1 owner, 1 run in', text)
        self.assertIn('mapper "second": 1 owner, 1 run in', text)


class Parser(HTMLParser):
    """That every element is closed by its own end, and what is in it."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.ids = []
        self.hrefs = []
        self.shown = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.hrefs += [values["href"]] if "href" in values else []

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:], self.getpos())
        self.open.pop()

    def handle_data(self, data):
        self.shown.append(data)


class DrawnTest(unittest.TestCase):
    def odd(self):
        name = 'a<b>&"c\'</script>'
        return joined([run(0, 2, name=name)], [mapping(0, 1), mapping(1, 2, "r--p", name, 7)])

    def page(self, view):
        text = map_page.render(view, view.ranges, "VIOLATION: here")
        parser = Parser()
        parser.feed(text)
        self.assertEqual(parser.open, [])
        self.assertEqual(len(parser.ids), len(set(parser.ids)))
        for href in parser.hrefs:
            self.assertIn(href.removeprefix("#"), parser.ids)
        return text, " ".join(parser.shown)

    def test_svg(self):
        for view in (small(), large(), self.odd()):
            text = map_svg.render(view, view.ranges, "GOOD: <all> & more")
            root = ElementTree.fromstring(text)
            self.assertEqual(root.get("viewBox"), f"0 0 {root.get('width')} {root.get('height')}")
            right = int(root.get("width")) - map_svg.RIGHT
            boxes = [one for one in root.iter() if "item" in (one.get("class") or "").split()]
            self.assertGreater(len(boxes), 1)
            for box in boxes:
                self.assertLessEqual(float(box.get("x")) + float(box.get("width")), right)
            # Nothing from elsewhere.
            self.assertEqual(re.findall(r"(?:href|src|url)\W+http", text), [])
        self.assertLess(len(map_svg.render(large(), large().ranges, "")), 200_000)

    def test_svg_says_what_is_where(self):
        view = small()
        text = map_svg.render(view, view.ranges, "VIOLATION: x")
        self.assertIn(
            '0x10000400000-0x10000800000  4 MiB\nmapped: space "heap"\nkernel: nothing', text
        )
        self.assertIn("missing: the table says mapped, the kernel has nothing there", text)
        self.assertIn(">A heap<", text)

    def test_page(self):
        text, shown = self.page(small())
        self.assertIn("VIOLATION: here", shown)
        self.assertIn("missing: the table says mapped, the kernel has nothing there", shown)
        self.assertIn("commit_ahead=4", shown)
        self.assertEqual(re.findall(r"(?:href|src|url)\W+http", text), [])
        self.assertIn("prefers-color-scheme: dark", text)

    def test_odd_names(self):
        view = self.odd()
        view.pid, view.command = 7, "a<b>&"
        ElementTree.fromstring(map_svg.render(view, view.ranges, ""))
        text, _ = self.page(view)
        self.assertNotIn("a<b>", text)
        self.assertEqual(text.count("</script>"), 1)

    def test_large_page(self):
        text, shown = self.page(large())
        self.assertIn("500 ranges", shown)
        self.assertLess(len(text), 3_000_000)

    def test_json(self):
        view = small()
        found = json.loads(json.dumps(map_json.document(view, view.ranges, 1)))
        self.assertEqual(found["verdict"], "violation")
        heap, lib = found["owners"]
        self.assertEqual((heap["name"], heap["reserved_bytes"]), ("heap", 28 << 20))
        self.assertEqual(heap["resident_bytes"], 1 << 20)
        self.assertEqual(lib["strategy"], {"backing": "external"})
        missing = found["ranges"][1]
        self.assertEqual((missing["start"], missing["owner"]), (f"{at(1):#x}", 0))
        self.assertEqual(missing["marks"][0]["kind"], "missing")
        self.assertNotIn("kernel", missing)
        self.assertEqual(found["ranges"][-2]["kernel"]["name"], "/usr/lib/libc.so.6")


class VerdictTest(unittest.TestCase):
    def test_sentences(self):
        view = small()
        code, words = map_command.verdict(view, view.ranges)
        self.assertEqual(code, 1)
        self.assertIn("disagree in 1 place, first at 0x10000400000: missing: the table", words)
        part = [one for one in view.ranges if one.start >= at(2)]
        self.assertEqual(map_command.verdict(view, part)[0], 0)
        alone = joined([run(0, 1)], None)
        self.assertEqual(
            map_command.verdict(alone, alone.ranges),
            (0, "GOOD: 1 range by the table; nothing compared"),
        )
        listed = [mapping(0, 1, name="[anon:mmapper:space:heap]")]
        named = map_join.join(map_kernel.guess(listed), listed)
        _, words = map_command.verdict(named, named.ranges)
        self.assertIn("1 range by the kernel's names; nothing", words)


if __name__ == "__main__":
    unittest.main()
