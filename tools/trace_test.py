# SPDX-License-Identifier: MIT
"""The traces of the explorer, as text and as a page."""

import copy
import json
import re
import sys
import unittest
from html.parser import HTMLParser
from pathlib import Path

from harness_lib import explorer, trace, trace_html, trace_style, trace_text

DATA = Path(__file__).resolve().parent / "testdata"
TRACE = DATA / "claim_race.trace.json"
SCHEDULE = DATA / "claim_race.schedule"
VOID = {"meta", "col", "br", "link", "img", "input", "hr"}


def sample(**changes):
    value = json.loads(TRACE.read_text(encoding="utf-8"))
    return {**value, **changes}


class ReadTest(unittest.TestCase):
    def problem(self, value):
        with self.assertRaises(trace.BadTrace) as caught:
            trace.parse(value, "x.json")
        return str(caught.exception)

    def test_changes(self):
        found = trace.read(TRACE)
        steps = {step.number: step for step in found.steps}
        self.assertEqual(steps[4].map_changed, [0, 1])
        self.assertEqual(steps[22].kernel_changed, [2, 3, 4])
        self.assertEqual(found.failed_step().number, 58)
        self.assertEqual(found.thread_name(1), "1 other")

    def test_differs(self):
        found = trace.read(TRACE)
        steps = {step.number: step for step in found.steps}
        self.assertFalse(any(found.differs(steps[44], chunk) for chunk in range(8)))
        self.assertEqual([c for c in range(8) if found.differs(steps[45], c)], [2])

    def test_notes(self):
        found = trace.read(TRACE)
        kinds = {step.number: step.note_kind for step in found.steps if step.note}
        self.assertEqual(kinds[6], trace.PREEMPTION)
        self.assertEqual(kinds[34], trace.FAULT)
        self.assertEqual(kinds[38], trace.STALE)

    def test_missing(self):
        value = sample()
        del value["chunks"]
        self.assertEqual(
            self.problem(value), 'x.json: "chunks" is missing: a number is wanted'
        )
        self.assertIn('"threads" is', self.problem(sample(threads="heap")))
        self.assertIn("not a trace", self.problem([]))

    def test_bad_steps(self):
        for name, wrong, words in (
            ("map", ["U"], 'steps[1]: "map" has 1 of 8 chunks'),
            ("thread", 3, "steps[1]: there is no thread 3"),
            ("kind", None, 'steps[1]: "kind" is missing'),
            ("step", True, 'steps[1]: "step" is True'),
        ):
            value = copy.deepcopy(sample())
            value["steps"][1][name] = wrong
            self.assertIn(words, self.problem(value))

    def test_not_json(self):
        with self.assertRaisesRegex(trace.BadTrace, "not JSON"):
            trace.read(SCHEDULE)
        with self.assertRaisesRegex(trace.BadTrace, "No such file"):
            trace.read(DATA / "missing")

    def test_oracles(self):
        for name, words in (("O1", "ownership"), ("race", "race"), ("O99", "")):
            self.assertTrue(trace.Verdict(name, "", 1).meaning.startswith(words))

    def test_more_than_ten_owners(self):
        value = sample(owners=[f"owner{n}" for n in range(12)], verdict=None)
        for step in value["steps"]:
            step["map"] = [cell.replace("1", "11") for cell in step["map"]]
        text = trace_text.render(trace.parse(value))
        self.assertIn("b owner11", text)
        self.assertIn("*Rb*Rb", text)

    def test_ranges(self):
        self.assertEqual(trace.ranges([2, 5, 6, 7]), "2, 5-7")
        self.assertEqual(trace.ranges([]), "")


class TextTest(unittest.TestCase):
    def lines(self, width=120, **changes):
        return trace_text.render(trace.parse(sample(**changes)), width).splitlines()

    def row(self, lines, number):
        return next(line for line in lines if re.match(rf" *{number}[ ✗] ", line))

    def test_fits(self):
        for width in (80, 90, 100, 120, 200):
            lines = self.lines(width)
            self.assertLessEqual(max(map(len, lines)), width)
            # Only room is missing, no step.
            for number in range(1, 59):
                self.row(lines, number)

    def test_row(self):
        row = self.row(self.lines(), 9)
        columns = row.split("┃")
        self.assertIn("cas word 1 U→R other", columns[2])
        self.assertIn("R0 R0*R1*R1┊·  · ┊·  · │ · · · · · · · ·", row)

    def test_columns_stand_below_each_other(self):
        lines = self.lines()
        rule = next(line for line in lines if line.startswith("─"))
        places = [match.start() for match in re.finditer("┼", rule)]
        for number in (1, 6, 14, 58):
            row = self.row(lines, number)
            self.assertTrue(all(row[place] in "│┃" for place in places), row)

    def test_marks(self):
        text = "\n".join(self.lines())
        self.assertIn("┄⇄ preempted thread 0 ┄", text)
        self.assertIn("~ stale by 1", text)
        self.assertIn("! fault ENOMEM", text)
        self.assertIn("R0 R0≠R0 M1", text)

    def test_failure_is_explained_at_its_step_and_at_the_end(self):
        lines = self.lines()
        row = lines.index(self.row(lines, 58))
        self.assertIn("58✗", lines[row])
        self.assertIn("✗ O1 failed", lines[row + 1])
        self.assertIn("two owners hold chunk 2", lines[row + 2])
        self.assertTrue(any(line.startswith("O1 failed at step 58") for line in lines))

    def test_failure_at_the_end(self):
        verdict = {"oracle": "O10", "text": "slot 2 is RESERVING", "step": 99}
        lines = self.lines(verdict=verdict)
        self.assertIn("O10 failed at the end: end state", "\n".join(lines[-2:]))

    def test_good(self):
        self.assertEqual(self.lines(verdict=None)[-1], "no oracle failed in 58 steps")

    def test_results_are_not_cut(self):
        text = "\n".join(self.lines())
        words = " ".join(text.replace("┃", " ").split())
        self.assertIn("MM_NO_MEMORY, limit", words)
        self.assertIn("of the process,", words)

    def test_cut(self):
        self.assertEqual(trace_text.cut("load word 1", 11), "load word 1")
        self.assertEqual(trace_text.cut("load another word", 14), "load another…")
        self.assertEqual(trace_text.cut("abcdefgh", 4), "abc…")

    def test_colour_changes_no_text(self):
        found = trace.read(TRACE)
        coloured = trace_text.render(found, 120, trace_style.Colour())
        self.assertIn("\033[", coloured)
        plain = re.sub(r"\033\[[\d;]*m", "", coloured)
        expected = trace_text.render(found)
        self.assertEqual(
            [line.rstrip() for line in plain.splitlines()], expected.splitlines()
        )


class Checker(HTMLParser):
    """Collects what a page contains; every element must be closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.problems = [], [], [], {}, []
        self.text = ""

    def handle_starttag(self, name, attributes):
        values = dict(attributes)
        self.tags.setdefault(name, []).append(values)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[key] for key in ("href", "src") if key in values]
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        if not self.open or self.open.pop() != name:
            self.problems.append(f"</{name}> at {self.getpos()}")

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data


class PageTest(unittest.TestCase):
    def page(self, schedule=True, **changes):
        read = explorer.read_schedule(SCHEDULE) if schedule else None
        html = trace_html.render(trace.parse(sample(**changes)), read)
        checker = Checker()
        checker.feed(html)
        checker.close()
        self.assertEqual((checker.problems, checker.open), ([], []))
        self.assertEqual(len(checker.ids), len(set(checker.ids)))
        return html, checker

    def test_contents(self):
        _, page = self.page()
        rows = [row for row in page.tags["tr"] if row.get("id", "").startswith("s")]
        self.assertEqual(len(rows), 58)
        failed = [row["id"] for row in rows if "failed" in row["class"].split()]
        self.assertEqual(failed, ["s58"])
        cells = [cell for cell in page.tags["td"] if "cell" in (cell.get("class") or "").split()]
        self.assertEqual(len(cells), 58 * 16)
        for words in ("two owners hold chunk 2", "heap quarantine 0 3", "22:t1", "stale by 1"):
            self.assertIn(words, page.text)

    def test_self_contained(self):
        html, page = self.page()
        self.assertTrue(all(link.startswith("#") for link in page.links), page.links)
        self.assertNotRegex(html, r"https?://|@import|url\(")

    def test_links_lead_somewhere(self):
        _, page = self.page()
        self.assertLessEqual({link[1:] for link in page.links}, set(page.ids))

    def test_escaping(self):
        evil = '</td><script>alert("1")</script>&amp;'
        value = sample()
        for step in value["steps"]:
            step.update(what=evil, text=evil, note=evil, order=evil, kind=evil)
        verdict = {"oracle": evil, "text": evil, "step": 58}
        changes = {name: evil for name in ("scenario", "program", "hash")}
        changes |= {"threads": [evil] * 3, "owners": [evil] * 3, "verdict": verdict}
        html, page = self.page(steps=value["steps"], **changes)
        self.assertEqual(len(page.tags["script"]), 1)
        self.assertNotIn("<script>alert", html)
        self.assertIn(evil, page.text)

    def test_without_a_failure_and_a_schedule(self):
        _, page = self.page(schedule=False, verdict=None)
        self.assertIn("No oracle failed", page.text)
        self.assertNotIn("Choices", page.text)

    def test_no_steps(self):
        _, page = self.page(schedule=False, steps=[])
        self.assertIn("at the end", page.text)


if __name__ == "__main__":
    sys.exit(unittest.main())
