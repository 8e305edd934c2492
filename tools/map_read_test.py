# SPDX-License-Identifier: MIT
"""What tools/harness map reads: dumps, and the kernel's lists."""

import tempfile
import unittest
from pathlib import Path

from harness_lib import map_dump, map_kernel

HEAD = """mmapper-dump 1
process 4711
mapper 0x7f0000000000 0x7f0004000000
prefix "mmapper"
window 0x0 0x800000000000
chunk 4194304
page 4096
statistic os_calls.reserve 2
statistic chunks.mapped 3
"""
RUNS = """run 0x10000000000 0x10000400000 mapped 1 space default "heap"
run 0x10000400000 0x10000800000 quarantined 1 space protection=rwx,commit_ahead=4 "he\\x22ap"
run 0x10000800000 0x10000c00000 releasing 2 - - -
"""
DUMP = HEAD + RUNS + "end 3\n"


class DumpTest(unittest.TestCase):
    def problem(self, text):
        with self.assertRaises(map_dump.BadDump) as caught:
            map_dump.parse(text, "x")
        return str(caught.exception)

    def test_good(self):
        (dump,) = map_dump.parse(DUMP)
        self.assertEqual((dump.process, dump.chunk, dump.page), (4711, 4 << 20, 4096))
        self.assertEqual(dump.tables, (0x7F0000000000, 0x7F0004000000))
        self.assertEqual(dump.statistics, {"os_calls.reserve": 2, "chunks.mapped": 3})
        heap, other, gone = dump.runs
        self.assertEqual((heap.start, heap.end), (1 << 40, (1 << 40) + (4 << 20)))
        self.assertEqual((heap.state, heap.owner), ("mapped", 1))
        self.assertEqual((heap.kind, heap.name, heap.strategy), ("space", "heap", {}))
        self.assertEqual(other.name, 'he"ap')
        self.assertEqual(other.strategy, {"protection": "rwx", "commit_ahead": "4"})
        self.assertEqual((gone.owner, gone.kind, gone.name), (2, "", ""))

    def test_names(self):
        self.assertEqual(map_dump.unquoted("a\\x5cb\\xc3\\xbc \\xff"), "a\\bü \ufffd")

    def test_what_is_new(self):
        """Kinds of lines, keys and states of a later library of the same format."""
        text = DUMP.replace("page", "numa 2 nodes\npage").replace("mapped 1", "sealed 1")
        (dump,) = map_dump.parse(text.replace("=rwx", "=rwx,numa=interleave:3"))
        self.assertEqual(dump.runs[0].state, "sealed")
        self.assertEqual(dump.runs[1].strategy["numa"], "interleave:3")

    def test_cut_off_anywhere(self):
        for length in range(len(DUMP)):
            with self.subTest(length=length):
                lines = DUMP[:length].count("\n") + (DUMP[length - 1 : length] != "\n")
                said = self.problem(DUMP[:length])
                if length > len(HEAD.split("\n", maxsplit=1)[0]):
                    self.assertIn(f"x:{lines}: ", said)
        self.assertIn("x:12: the dump is cut off here", self.problem(HEAD + RUNS))
        self.assertIn("x:11: a dump begins before", self.problem(HEAD + "\n" + DUMP))

    def test_malformed(self):
        for old, new, line, words in (
            ("mmapper-dump 1", "#!/bin/sh", 1, "not the dump of a mapper: '#!/bin/sh'"),
            ("mmapper-dump 1", "mmapper-dump 2", 1, "format 2; only 1 is known"),
            ("process 4711", 'process "x"', 2, "malformed"),
            ("0x7f0000000000 ", "", 3, "malformed"),
            ("0x7f0000000000 ", "0x7f0004000000 ", 3, "is empty"),
            ('prefix "mmapper"', "prefix 1", 4, "malformed"),
            ("reserve 2", "reserve two", 8, "has no number"),
            ("mapped 1 space default", "mapped 1 space", 10, "a malformed run"),
            ('"heap"', '"heap', 10, "a malformed run"),
            ('"heap"', '"he"ap"', 10, "a malformed run"),
            ("0x10000000000 0x10000400000", "0x10000400000 0x10000000000", 10, "is empty"),
            ("run 0x10000400000", "run 0x10000300000", 11, "begins before the last"),
            ("end 3", "end 2", 13, "has 3 runs and its end says '2'"),
            ("end 3", "end", 13, "its end says ''"),
            ("0x800000000000", "0x10000c00000", None, ""),
            ("0x800000000000", "0x10000bff000", 13, "0x10000c00000 is not in the window"),
            ("chunk 4194304\n", "", 12, "does not say: chunk"),
        ):
            with self.subTest(new=new):
                self.assertIn(old, DUMP)
                if line is None:
                    map_dump.parse(DUMP.replace(old, new, 1))
                else:
                    self.assertIn(f"x:{line}: ", self.problem(DUMP.replace(old, new, 1)))
                    self.assertIn(words, self.problem(DUMP.replace(old, new, 1)))

    def test_several(self):
        """Of one mapper the last dump counts; others stay beside it."""
        second = DUMP.replace("0x7f0000000000 0x", "0x7e0000000000 0x")
        later = DUMP.replace(RUNS, "").replace("end 3", "end 0")
        dumps = map_dump.parse(DUMP + second + later)
        self.assertEqual([len(dump.runs) for dump in dumps], [3, 0])
        self.assertIn("x:14: not the dump", self.problem(DUMP + "hello\n"))

    def test_files(self):
        with self.assertRaisesRegex(map_dump.BadDump, "cannot read /none: No such file"):
            map_dump.read("/none")
        self.assertEqual(self.problem(""), "x: empty: no dump of a mapper")


# The kernel puts a space behind where a name would be: here it is a ~.
MAPS = """\
10000000000-10000400000 rw-p 00000000 00:00 0                            [anon:mmapper:space:my: heap]
10000400000-10000800000 ---p 00000000 00:00 0                            [anon:mmapper:space:my: heap]
10000800000-10000a00000 rw-s 00001000 00:01 12                           /dev/zero (deleted)
7f0000000000-7f0000021000 rw-p 00000000 00:00 0                          [anon: glibc: malloc]
7f0000021000-7f0004000000 ---p 00000000 00:00 0~
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
""".replace("~", " ")
SMAPS = """\
10000000000-10000400000 rw-p 00000000 00:00 0~
Size:               4096 kB
Rss:                  12 kB
AnonHugePages:      2048 kB
THPeligible:           0
VmFlags: rd wr mr mw me ac sl~
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Rss:                   4 kB
""".replace("~", " ")


class MapsTest(unittest.TestCase):
    def problem(self, text):
        with self.assertRaises(map_kernel.BadMaps) as caught:
            map_kernel.parse(text, "x")
        return str(caught.exception)

    def test_maps(self):
        found = map_kernel.parse(MAPS)
        self.assertEqual(len(found), 6)
        heap, reserved, zero, malloc, nothing, stack = found
        self.assertEqual((heap.start, heap.end), (1 << 40, (1 << 40) + (4 << 20)))
        self.assertEqual((heap.access, heap.file, heap.shared), ("rw-p", False, False))
        self.assertTrue(heap.accessible and not reserved.accessible)
        self.assertEqual((zero.name, zero.file, zero.shared), ("/dev/zero", True, True))
        self.assertEqual((nothing.name, stack.name), ("", "[stack]"))
        self.assertEqual(heap.label(), ("mmapper", "space", "my: heap"))
        self.assertIsNone(malloc.label())
        self.assertIsNone(stack.label())
        self.assertIsNone(heap.resident)

    def test_smaps(self):
        (heap,) = map_kernel.parse(SMAPS)
        self.assertEqual((heap.resident, heap.huge), (12 << 10, 2 << 20))
        self.assertIn("sl", heap.flags)

    def test_odd_names(self):
        for name in ("/a b\x0bc", "/x\u2028y", "/a (deleted) b"):
            (found,) = map_kernel.parse(f"1000-2000 r--p 00000000 fe:00 7   {name}\n")
            self.assertEqual(found.name, name)

    def test_growing_while_read(self):
        found = map_kernel.parse("1000-3000 rw-p 0 00:00 0\n2000-5000 rw-p 0 00:00 0\n")
        extents = [(one.start, one.end) for one in found]
        self.assertEqual(extents, [(0x1000, 0x3000), (0x3000, 0x5000)])

    def test_malformed(self):
        self.assertEqual(self.problem(""), "x: it lists no mapping")
        first = MAPS.split("\n", maxsplit=1)[0]
        self.assertIn("x:2: not a line", self.problem(first + "\nhello\n"))
        self.assertIn("x:1: not a line", self.problem("Rss: 4 kB\n"))
        self.assertIn("out of order", self.problem("2000-1000 rw-p 0 00:00 0\n"))
        with self.assertRaisesRegex(map_kernel.BadMaps, "cannot read /none: No such file"):
            map_kernel.read_copy("/none")

    def test_guess(self):
        """The kernel has one mapping less where neighbours are alike."""
        other = "20000000000-20000400000 rwxp 0 00:00 0    [anon:second:misc:code]\n"
        lines = MAPS.splitlines(keepends=True)
        lines.insert(1, lines[0].replace("10000000000-100004", "10000400000-100006"))
        lines[2] = lines[2].replace("10000400000", "10000600000")
        first, second = map_kernel.guess(map_kernel.parse("".join([*lines[:3], other])))
        self.assertEqual((first.prefix, second.prefix), ("mmapper", "second"))
        self.assertTrue(first.guessed and second.guessed)
        runs = [(run.start, run.end, run.state, run.kind, run.name) for run in first.runs]
        middle = 0x10000600000
        self.assertEqual(
            runs,
            [
                (0x10000000000, middle, "mapped", "space", "my: heap"),
                (middle, 0x10000800000, "quarantined", "space", "my: heap"),
            ],
        )

    def test_processes(self):
        with self.assertRaisesRegex(map_kernel.BadMaps, "there is no process 4194305"):
            map_kernel.read_process(4194305)  # above the kernel's greatest pid_max
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "maps"
            copy.write_bytes(Path("/proc/self/maps").read_bytes())
            self.assertTrue(any(one.name == "[stack]" for one in map_kernel.read_copy(copy)))


if __name__ == "__main__":
    unittest.main()
