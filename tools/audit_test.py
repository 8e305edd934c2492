# SPDX-License-Identifier: MIT
"""tools/harness audit: hand-made histories with each finding once and without it once, and
the recorded ones beside what the history target of //stress makes of them."""

import contextlib
import gzip
import io
import json
import random
import re
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

from harness_lib import (
    audit_axis,
    audit_history,
    audit_html,
    audit_map,
    audit_reader,
    audit_syntax,
    audit_text,
    command_line,
    workspace,
)

# Tests run in the folder of this file, in the sources or in the runfiles.
STRESS = Path("..") / "stress"
RECORDED = sorted((STRESS / "histories").glob("*.gz"))
PLAIN = "MAP_PRIVATE|MAP_ANONYMOUS"
VOID = {"meta", "br", "link", "img", "input", "hr"}
MIB = 1 << 20


def mmap(pid, at, size, access="PROT_READ|PROT_WRITE", flags=PLAIN, fd="-1", fixed=False):
    asked = f"{at:#x}" if fixed else "NULL"
    more = "|MAP_FIXED" if fixed else ""
    return f"{pid} mmap({asked}, {size}, {access}, {flags}{more}, {fd}, 0) = {at:#x}"


def thread(pid, new):
    flags = "CLONE_VM|CLONE_THREAD"
    return f"{pid} clone3({{flags={flags}, stack=NULL, stack_size=0}}, 88) = {new}"


def audit(*lines):
    return audit_history.build(audit_reader.read_text("x", "\n".join(lines) + "\n"))


def overwritten(model):
    return [
        (one.line, model.tasks[one.task].pid, one.how, one.start, one.end, one.held_lines)
        for one in model.overwrites
    ]


class SyntaxTest(unittest.TestCase):
    def test_prefixes(self):
        for line, pid in (
            ("munmap(0, 1) = 0", 0),
            ("12 munmap(0, 1) = 0", 12),
            ("[pid    12] munmap(0, 1) = 0", 12),
            ("12<java> 10:20:30.123 munmap(0, 1) = 0", 12),
            ("12 1700000000.123456 munmap(0, 1) = 0", 12),
            ("12 (+     0.000021) munmap(0, 1) = 0", 12),
            ("12 [00007f1234567890] munmap(0, 1) = 0", 12),
        ):
            self.assertEqual(audit_syntax.prefix(line), (pid, "munmap(0, 1) = 0", False), line)
        for note in ("strace: Process 7 attached", "/usr/bin/strace: Process 7 attached"):
            self.assertTrue(audit_syntax.prefix(note)[2])

    def test_arguments(self):
        call = audit_syntax.split('f("a, ) \\" b", [1, 2], {x={y, 3}}, 4</a, b>, 5 /* , */) = 0')
        self.assertEqual(
            call.arguments, ['"a, ) \\" b"', "[1, 2]", "{x={y, 3}}", "4</a, b>", "5 /* , */"]
        )

    def test_results(self):
        result = audit_syntax.result
        self.assertEqual(result("0x7f00 <0.000012>"), (0x7F00, ""))
        self.assertEqual(result("-1 ENOMEM (Cannot allocate memory)"), (None, "ENOMEM"))
        self.assertEqual(result("? ERESTARTSYS (To be restarted)"), (None, ""))
        self.assertEqual(result("3 /* 77 in strace's PID NS */"), (77, ""))
        for bad in ("", "x", "0 y", "0x1g"):
            with self.assertRaises(audit_syntax.Unreadable, msg=bad):
                result(bad)


class ReaderTest(unittest.TestCase):
    def test_interrupted(self):
        history = audit_reader.read_text(
            "x",
            "1 munmap(0x1000,  <unfinished ...>\n2 brk(NULL) = 0x5000\n"
            "1 <... munmap resumed>4096) = 0\n3 munmap(0x1000, <unfinished ...>\n",
        )
        first = history.events[1]
        self.assertEqual((first.line, first.first_line, first.bytes), (3, 1, 4096))
        self.assertEqual(history.unfinished, 1)

    def test_note_inside(self):
        history = audit_reader.read_text(
            "x", "fork(strace: Process 7 attached\n) = 7\n[pid 7] brk(NULL) = 0x1000\n"
        )
        self.assertEqual([e.kind for e in history.events], ["clone", "brk"])

    def test_unreadable_lines_are_counted_and_named(self):
        bad = [
            "rubbish",
            "1 munmap(0x1000, 4096",
            "1 munmap(0x1000, 4096)",
            "1 munmap(0x1000, 4096) = x",
            "1 munmap(0x1001, 4096) = 0",
            "1 mmap(NULL, 1, PROT_READ) = 0x1000",
            "1 mmap(NULL, 4096, PROT READ, MAP_PRIVATE, -1, 0) = 0x1000",
            "1 <... munmap resumed>) = 0",
            "99999999999 brk(NULL) = 0x1000",
        ]
        history = audit_reader.read_text("x", "\n".join(bad) + "\n")
        self.assertEqual(history.counts, {"unreadable": len(bad)})
        self.assertEqual([line for line, _, _ in history.unreadable], list(range(1, 10)))
        self.assertIn("the kernel would not accept", history.unreadable[4][1])

    def test_anything(self):
        """Cut, doubled and changed at random, a history is read to its end."""
        choice = random.Random(1)
        text = gzip.decompress(RECORDED[-1].read_bytes()).decode()
        for _ in range(60):
            lines = text.splitlines()
            for _ in range(40):
                i = choice.randrange(len(lines))
                at = choice.randrange(len(lines[i]) + 1)
                lines[i] = choice.choice(
                    [
                        lines[i][:at],
                        lines[i][at:],
                        lines[i][:at] + choice.choice('"<>(){},=0x ') + lines[i][at:],
                        lines[choice.randrange(len(lines))],
                    ]
                )
            history = audit_reader.read_text("x", "\n".join(lines) + "\n")
            self.assertEqual(sum(history.counts.values()), len(lines))
            model = audit_history.build(history)
            list(audit_text.lines(history, model, 65530, 9))
            json.dumps(audit_text.as_json(history, model, 65530))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "x.gz")
            whole = gzip.compress((mmap(1, 0x10000, 4096) + "\n").encode() * 2000)
            path.write_bytes(whole[: len(whole) // 2])
            history = audit_reader.read_file(path)
            self.assertIn("cut short", history.unreadable[-1][1])
            path.write_bytes(b"\x1f\x8bnothing of the kind")
            for name in (path, Path(folder, "none")):
                with self.assertRaises(workspace.EnvironmentProblem):
                    audit_reader.read_file(name)


class MapTest(unittest.TestCase):
    def test_beside_an_array(self):
        """Random changes, and all sums, beside a list with an entry for each page."""
        choice = random.Random(2)
        found, pages = audit_map.Map(), [None] * 40
        for step in range(4000):
            low = choice.randrange(40)
            high = choice.randrange(low, 40) + 1
            access = choice.choice((0, 1, 3))
            if choice.random() < 0.5:
                found.remove(low, high)
                found.add(audit_map.Piece(low, high, step, 0, access))
                pages[low:high] = [(step, access)] * (high - low)
            elif choice.random() < 0.5:
                found.remove(low, high)
                pages[low:high] = [None] * (high - low)
            else:

                def change(part, access=access):
                    part.protection = access
                    return part

                found.rewrite(low, high, change)
                pages[low:high] = [page and (page[0], access) for page in pages[low:high]]
            self.compare(found, pages)

    def compare(self, found, pages):
        seen = [None] * len(pages)
        for piece in found.pieces:
            for page in range(piece.start, piece.end):
                self.assertIsNone(seen[page])
                seen[page] = (piece.line, piece.protection)
        self.assertEqual(seen, pages)
        self.assertEqual(found.starts, [piece.start for piece in found.pieces])
        self.assertEqual(found.bytes, sum(page is not None for page in pages))
        self.assertEqual(found.accessible, sum(bool(page and page[1]) for page in pages))
        ranges = sum(page is not None and page != left for left, page in zip([None, *pages], pages))
        self.assertEqual(found.ranges, ranges)
        access = [page and page[1] for page in pages]
        runs = sum(a is not None and a != left for left, a in zip([None, *access], access))
        self.assertEqual(found.mappings, runs)


class FindingsTest(unittest.TestCase):
    def test_mapped_over(self):
        lines = [mmap(1, 0x100000, 65536), thread(1, 2)]
        model = audit(*lines, mmap(2, 0x104000, 4096, fixed=True))
        self.assertEqual(
            overwritten(model), [(3, 2, "mapped over", 0x104000, 0x105000, [1])]
        )
        self.assertEqual(model.origin_name(model.overwrites[0].held), "anonymous memory of 1")
        self.assertEqual(model.origin_name(model.overwrites[0].now), "anonymous memory of 2")
        own = audit(*lines, mmap(1, 0x104000, 4096, fixed=True))
        self.assertEqual((own.overwrites, own.own, own.own_bytes), ([], 1, 4096))
        beside = audit(*lines, mmap(2, 0x110000, 4096, fixed=True))
        self.assertEqual((beside.overwrites, beside.own), ([], 0))

    def test_file_segments_are_no_overwriting(self):
        lines = [
            mmap(1, 0x100000, 65536, "PROT_READ", "MAP_PRIVATE", fd="3"),
            mmap(1, 0x104000, 4096, "PROT_READ|PROT_EXEC", "MAP_PRIVATE", fd="3", fixed=True),
            mmap(1, 0x10F000, 4096, fixed=True),
        ]
        self.assertEqual(audit(*lines).overwrites, [])
        other = mmap(1, 0x104000, 4096, "PROT_READ", "MAP_PRIVATE", fd="4", fixed=True)
        self.assertEqual(len(audit(lines[0], other).overwrites), 1)

    def test_unmapped_by_another_thread(self):
        lines = [mmap(1, 0x100000, 65536), thread(1, 2)]
        model = audit(*lines, "2 munmap(0x100000, 65536) = 0")
        self.assertEqual(overwritten(model), [(3, 2, "unmapped", 0x100000, 0x110000, [1])])
        self.assertFalse(model.overwrites[0].holder_gone)
        self.assertEqual(audit(*lines, "1 munmap(0x100000, 65536) = 0").overwrites, [])
        ended = audit(*lines, "1 +++ exited with 0 +++", "2 munmap(0x100000, 65536) = 0")
        self.assertTrue(ended.overwrites[0].holder_gone)

    def test_moved_over(self):
        lines = [mmap(1, 0x100000, 4096), thread(1, 2), mmap(2, 0x200000, 4096)]
        fixed = "MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000"
        move = f"2 mremap(0x200000, 4096, 4096, {fixed}) = 0x100000"
        self.assertEqual(
            overwritten(audit(*lines, move)), [(4, 2, "moved over", 0x100000, 0x101000, [1])]
        )
        free = "2 mremap(0x200000, 4096, 8192, MREMAP_MAYMOVE) = 0x300000"
        model = audit(*lines, free)
        self.assertEqual(model.overwrites, [])
        self.assertEqual(model.spaces[0].map.bytes, 3 * 4096)

    def test_holes(self):
        lines = [mmap(1, 0x100000, 65536), "1 munmap(0x104000, 8192) = 0"]
        model = audit(*lines)
        self.assertEqual([(h.start, h.end) for h in model.holes], [(0x104000, 0x106000)])
        self.assertIsNone(model.holes[0].filled_by)
        other = audit(*lines, thread(1, 2), mmap(2, 0x104000, 4096)).holes[0]
        self.assertEqual(other.filled_line, 4)
        self.assertNotEqual(other.filled_by, other.origin)
        own = audit(*lines, mmap(1, 0x104000, 4096)).holes[0]
        self.assertEqual(own.filled_by, own.origin)
        self.assertEqual(audit(lines[0], "1 munmap(0x10e000, 8192) = 0").holes, [])
        self.assertEqual(audit(lines[0], "1 munmap(0x100000, 65536) = 0").holes, [])

    def test_unmapped_nothing(self):
        lines = [mmap(1, 0x100000, 4096)]
        self.assertEqual(len(audit(*lines, "1 munmap(0x200000, 4096) = 0").vain), 1)
        self.assertEqual(audit(*lines, "1 munmap(0x100000, 4096) = 0").vain, [])

    def test_reservations(self):
        reserve = mmap(1, 0x100000, 65536, "PROT_NONE")
        model = audit(reserve)
        self.assertEqual([one.line for one in model.unused()], [1])
        self.assertEqual(model.unused()[0].held, 65536)
        self.assertEqual(audit(reserve, "1 munmap(0x100000, 65536) = 0").unused()[0].held, 0)
        used = audit(
            reserve,
            "1 mprotect(0x101000, 4096, PROT_READ) = 0",
            "1 mprotect(0x101000, 8192, PROT_READ) = 0",
        )
        self.assertEqual((used.unused(), used.reservations[0].used), ([], 8192))
        over = audit(reserve, mmap(1, 0x101000, 4096, fixed=True))
        self.assertEqual(over.reservations[0].used, 4096)
        same = audit(reserve, "1 mprotect(0x101000, 4096, PROT_NONE) = 0")
        self.assertEqual(len(same.unused()), 1)

    def test_peaks(self):
        model = audit(
            mmap(1, 0x100000, MIB, "PROT_NONE"),
            mmap(1, 0x400000, MIB, "PROT_READ"),
            "1 mprotect(0x140000, 4096, PROT_READ) = 0",
            "1 munmap(0x400000, 1048576) = 0",
        )
        space = model.spaces[0]
        self.assertEqual((space.mappings.value, space.mappings.line), (4, 3))
        self.assertEqual((space.bytes.value, space.bytes.line), (2 * MIB, 2))
        self.assertEqual((space.accessible.value, space.accessible.line), (MIB + 4096, 3))
        self.assertEqual((space.reserved.value, space.reserved.line), (MIB, 1))

    def test_kernel_merges_anonymous_neighbours(self):
        both = audit(mmap(1, 0x100000, 4096), mmap(1, 0x101000, 4096))
        self.assertEqual(both.spaces[0].mappings.value, 1)
        self.assertEqual(both.spaces[0].ranges.value, 2)

    def test_gaps(self):
        model = audit(mmap(1, 0x100000, 4096), mmap(1, 0x104000, 4096))
        self.assertEqual(model.gaps(0), [(0x101000, 0x104000)])

    def test_failed_calls_change_nothing(self):
        model = audit(
            mmap(1, 0x100000, 65536),
            "1 munmap(0x100000, 65536) = -1 EINVAL (Invalid argument)",
            "1 mprotect(0x100000, 65536, PROT_NONE) = -1 EACCES (Permission denied)",
            "1 madvise(0x100000, 4096, MADV_DONTNEED) = ?",
        )
        self.assertEqual(model.spaces[0].map.accessible, 65536)

    def test_fork_and_exec(self):
        model = audit(
            mmap(1, 0x100000, 65536),
            "1 fork() = 2",
            "2 munmap(0x100000, 65536) = 0",
            "1 munmap(0x100000, 65536) = 0",
            "2 execve(\"/bin/x\", [\"x\"], NULL) = 0",
            mmap(2, 0x100000, 4096),
        )
        self.assertEqual(model.overwrites, [])
        self.assertEqual(len(model.spaces), 3)
        self.assertEqual(model.oddities, [])

    def test_order_of_interrupted_calls(self):
        """A mapping appears where another thread's munmap had not yet been seen to end, and
        a thread acts before its making has been seen to end."""
        model = audit(
            thread(1, 2),
            mmap(2, 0x100000, 4096),
            "2 munmap(0x100000, 4096 <unfinished ...>",
            mmap(1, 0x100000, 4096),
            "2 <... munmap resumed>) = 0",
        )
        self.assertEqual((model.reordered, model.oddities), (1, []))
        self.assertEqual(model.spaces[0].map.bytes, 4096)
        made = audit(
            mmap(1, 0x100000, 4096),
            "1 clone(child_stack=NULL, flags=CLONE_VM|CLONE_THREAD <unfinished ...>",
            mmap(2, 0x104000, 4096),
            "1 <... clone resumed>) = 2",
        )
        self.assertEqual((made.reordered, len(made.tasks), len(made.spaces)), (1, 2, 1))

    def test_oddity(self):
        twice = audit(mmap(1, 0x100000, 4096), mmap(1, 0x100000, 4096))
        self.assertEqual([line for line, _ in twice.oddities], [2])


class RecordedTest(unittest.TestCase):
    def test_same_as_the_target_of_stress(self):
        self.assertEqual(len(RECORDED), 5)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "out.json")
            command = [STRESS / "history", *RECORDED, "--json", file]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            theirs = json.loads(file.read_text(encoding="utf-8"))["histories"]
        for path, expected in zip(RECORDED, theirs, strict=True):
            history = audit_reader.read_file(path)
            found = audit_text.as_json(history, audit_history.build(history), 65530)
            self.assertEqual(found["lines"], expected["lines"])
            self.assertEqual(found["unreadable"], [])
            self.assertEqual(len(found["threads"]), expected["threads"])
            self.assertEqual(found["odd"], [])
            names = ("line", "pid", "how", "start", "bytes", "accessible", "held", "now")
            self.assertEqual(
                [{name: one[name] for name in names} for one in found["overwrites"]],
                expected["overwrites"],
            )
            biggest = max(space["peaks"]["bytes"]["value"] for space in found["spaces"])
            self.assertEqual(biggest, expected["peak_bytes"])
            # Theirs counts also what is there in the middle of a call.
            ranges = max(space["peaks"]["ranges"]["value"] for space in found["spaces"])
            self.assertIn(expected["peak_ranges"] - ranges, (0, 1))


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.rows, self.wrong = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        values = dict(attributes)
        if "data-overwrite" in values:
            self.rows.append(values)
        if values.get("src") or values.get("href", "#")[:1] != "#":
            self.wrong.append(values)

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


class PageTest(unittest.TestCase):
    def test_page(self):
        path = next(path for path in RECORDED if "java" in path.name)
        history = audit_reader.read_file(path)
        model = audit_history.build(history)
        text = audit_html.render([(history, model)], 65530)
        page = Page(text)
        self.assertEqual((page.open, page.wrong), ([], []))
        self.assertEqual(len(page.rows), 6)
        drawing = json.loads(re.search(r'class="drawing">(.*?)</script>', text)[1])
        self.assertEqual(len(drawing["overwrites"]), 6)
        self.assertEqual(len(drawing["heights"]), len(drawing["addresses"]))
        self.assertEqual(drawing["heights"], sorted(drawing["heights"]))
        for low, high, since, until, origin, *_ in drawing["lives"]:
            self.assertLess(low, high)
            self.assertLess(since, until)
            self.assertLess(origin, len(drawing["origins"]))

    def test_names_are_escaped(self):
        name = "</script><b>&"
        history = audit_reader.read_text(
            name, mmap(1, 0x100000, 4096, "PROT_READ", "MAP_PRIVATE", fd=f"3</x{name}>") + "\n"
        )
        text = audit_html.render([(history, audit_history.build(history))], 65530)
        self.assertEqual(Page(text).wrong, [])
        self.assertNotIn("<b>&", text)

    def test_what_is_drawn(self):
        """Never two things at one place and time, and only the largest when there is much."""
        for path in RECORDED:
            model = audit_history.build(audit_reader.read_file(path))
            for index in model.busy_spaces():
                lives, left_out = audit_axis.lives_of(model.spaces[index])
                self.assertEqual(left_out, 0)
                area = sum(p.bytes * (end - p.since) for p, end in lives)
                curve = model.spaces[index].curve
                times = [point[0] for point in curve] + [model.spaces[index].last]
                mapped = sum(
                    point[2] * (after - point[0]) for point, after in zip(curve, times[1:])
                )
                self.assertEqual(area, mapped, path)
        few, more = audit_axis.lives_of(model.spaces[index], 3)
        self.assertEqual((len(few), more), (3, len(lives) - 3))

    def test_axis(self):
        axis = audit_axis.Axis([(0x1000, 0x2000), (0x1000, 0x9000), (1 << 40, (1 << 40) + 1)], 4096)
        self.assertEqual(axis.empty, [False, False, True, False])
        self.assertEqual((axis.heights[0], axis.heights[-1]), (0, 1))
        self.assertLess(axis.heights[3] - axis.heights[2], axis.heights[1])


class CommandTest(unittest.TestCase):
    def run_it(self, *argv):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = command_line.main(["audit", *map(str, argv)])
        return code, out.getvalue(), err.getvalue()

    def test_exit_codes_and_files(self):
        java = next(path for path in RECORDED if "java" in path.name)
        with tempfile.TemporaryDirectory() as folder:
            out, page = Path(folder, "a.json"), Path(folder, "a.html")
            code, text, _ = self.run_it(java, "--rows", 2, "--json", out, "--html", page)
            self.assertEqual(code, workspace.GOOD)
            self.assertIn("... and 4 more (--rows)", text)
            self.assertIn("6 mapped over, 0 moved over, 0 unmapped by another thread", text)
            self.assertEqual(json.loads(out.read_text())["verdict"], "good")
            self.assertIn("<!DOCTYPE html>", page.read_text())
            code, text, _ = self.run_it(java, "--strict")
            self.assertEqual(code, workspace.VIOLATION)
            self.assertIn("VIOLATION: 6 ranges overwritten", text)
            code, _, said = self.run_it(java, "--html", Path(folder, "no", "a.html"))
            self.assertEqual(code, workspace.USAGE)
            self.assertIn("cannot write", said)
            empty = Path(folder, "empty")
            empty.write_text("nothing of the kind\n", encoding="utf-8")
            code, _, said = self.run_it(empty)
            self.assertEqual(code, workspace.USAGE)
            self.assertIn("no call in it can be read", said)

    def test_strict_and_good(self):
        gcc = next(path for path in RECORDED if "gcc" in path.name)
        code, text, _ = self.run_it(gcc, "--strict")
        self.assertEqual(code, workspace.GOOD)
        self.assertIn("GOOD: 0 ranges overwritten", text)


if __name__ == "__main__":
    sys.exit(unittest.main())
