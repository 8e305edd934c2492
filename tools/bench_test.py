# SPDX-License-Identifier: MIT
"""tools/harness bench: statistics, targets, comparison, tables, plots, the page."""

import json
import subprocess
import unittest
from pathlib import Path
from xml.etree import ElementTree

from harness_lib import (
    bench_compare,
    bench_document,
    bench_figures,
    bench_instructions,
    bench_machine,
    bench_plots,
    bench_samples,
    bench_tables,
    bench_targets,
    svg_plot,
    workspace,
)

# Tests run in the folder of this file, in the sources or in the runfiles.
BENCH = Path("..") / "bench"
SVG = "{http://www.w3.org/2000/svg}"


def samples(*rows):
    """From (case, side, threads, ns of each repetition)."""
    found = bench_samples.Samples()
    for case, side, threads, *costs in rows:
        for repetition, ns in enumerate(costs):
            line = {
                "case": case,
                "side": side,
                "threads": threads,
                "repetition": repetition,
                "ns": ns,
            }
            found.add(json.dumps(line), 0)
    return found


def counted(case, **figures):
    found = bench_samples.Samples()
    for side, (value, unit) in figures.items():
        line = {"case": case, "side": side, "value": value, "unit": unit}
        found.add(json.dumps(line), 0)
    return found


class SamplesTest(unittest.TestCase):
    def test_round_trip(self):
        found = samples(("a", "ours", 1, 2.0, 3.0), ("a", "load", 1, 1.0, 1.0))
        found.add('{"case": "a", "side": "mutex", "skipped": "not here"}', 0)
        found.add('{"case": "g", "side": "runs", "value": 3, "unit": "runs"}', 0)
        again = bench_samples.from_json(json.loads(json.dumps(found.as_json())))
        self.assertEqual(again.timed, found.timed)
        self.assertEqual(again.counted, found.counted)
        self.assertEqual(again.skipped, {"a": {"mutex": "not here"}})

    def test_rounds_and_programs_are_apart(self):
        found = bench_samples.Samples()
        line = '{"case": "a", "side": "ours", "threads": 1, "repetition": 0, "ns": 2.5}'
        found.add(line, 0)
        found.add(line, 1)
        found.add(line, 0, bench_samples.INLINED)
        self.assertEqual(found.cases(), ["a", "a, inlined"])
        self.assertEqual(found.timed["a"]["ours", 1], {(0, 0): 2.5, (1, 0): 2.5})

    def test_other_files_are_refused(self):
        for value in ({}, {"timed": [], "counted": []}, {"skipped": {}, "counted": {}}):
            with self.assertRaises((KeyError, TypeError, ValueError, AttributeError)):
                bench_samples.from_json(value)


class FiguresTest(unittest.TestCase):
    def test_median_and_quartiles(self):
        figure = bench_figures.of([1.0, 2.0, 3.0, 4.0, 100.0])
        self.assertEqual((figure.low, figure.median, figure.high), (2.0, 3.0, 4.0))
        self.assertAlmostEqual(figure.spread, 2 / 3)
        self.assertTrue(figure.noisy)
        self.assertFalse(bench_figures.of([10.0, 10.1, 10.2]).noisy)
        self.assertIsNone(bench_figures.of([]))
        self.assertEqual(bench_figures.of([7.0]).spread, 0)

    def test_ratio_is_taken_within_a_repetition(self):
        # The machine halved its speed in between: the ratio does not see it.
        found = samples(("a", "ours", 1, 2.0, 4.0, 8.0), ("a", "load", 1, 1.0, 2.0, 4.0))
        figure = bench_figures.ratio(found, "a", ("ours", 1), ("load", 1))
        self.assertEqual((figure.low, figure.median, figure.high), (2.0, 2.0, 2.0))

    def test_what_is_missing_or_zero(self):
        found = samples(("a", "ours", 1, 2.0, 4.0), ("a", "load", 1, 0.0, 2.0))
        figure = bench_figures.ratio(found, "a", ("ours", 1), ("load", 1))
        self.assertEqual(figure.median, 2.0)
        self.assertIsNone(bench_figures.ratio(found, "a", ("ours", 2), ("load", 1)))
        self.assertIsNone(bench_figures.ratio(found, "b", ("ours", 1), ("load", 1)))

    def test_equivalents(self):
        found = samples(("a", "ours", 2, 100.0), ("a", "load", 1, 0.54))
        figure = bench_figures.equivalents(found, "a", "ours", 2)
        self.assertAlmostEqual(figure.median, 50.0)
        self.assertIsNone(bench_figures.equivalents(found, "a", "mutex"))

    def test_placements(self):
        found = bench_samples.Samples()
        for number, ns in ((0, 2.0), (1, 3.0)):
            for side, cost in (("ours", ns), ("load", 1.0)):
                row = {"case": "a", "side": side, "threads": 1, "repetition": 0, "ns": cost}
                found.add(json.dumps(row), number)
        spread = bench_figures.placement_spread(found, "a", ("ours", 1), ("load", 1))
        self.assertAlmostEqual(spread, 1.5)


class TargetsTest(unittest.TestCase):
    def outcome(self, found, figure, limit, case="a"):
        return bench_targets.measure(found, bench_targets.Target(case, figure, limit))

    def test_parse(self):
        text = "# no\n\na, b 1 KiB  ours@2 / ours@1  1.05\n   it is the kernel\n   that waits\n"
        (target,) = bench_targets.parse(text)
        self.assertEqual((target.case, target.figure), ("a, b 1 KiB", "ours@2 / ours@1"))
        self.assertEqual(target.limit, 1.05)
        self.assertEqual(target.note, ["it is the kernel", "that waits"])

    def test_nonsense(self):
        for text in (
            "   a note first\n",
            "a  ours ns\n",
            "a  ours / load  much\n",
            "a  ours  3\n",
            "a b c 3\n",
        ):
            with self.assertRaises(bench_targets.TargetError, msg=text):
                bench_targets.parse(text)

    def test_ratio(self):
        found = samples(
            ("a", "first fit", 1, 2.0), ("a", "first fit", 2, 3.0), ("a", "load", 1, 0.54)
        )
        held = self.outcome(found, "first fit@2 / first fit@1", 1.5)
        self.assertTrue(held.held)
        self.assertFalse(self.outcome(found, "first fit@2 / first fit", 1.49).held)

    def test_times_are_equivalents(self):
        found = samples(("a", "ours", 1, 4000.0), ("a", "load", 1, 0.54))
        self.assertAlmostEqual(self.outcome(found, "ours ns", 1).figure.median, 2000.0)
        self.assertAlmostEqual(self.outcome(found, "ours us", 1).figure.median, 2.0)

    def test_counts(self):
        found = counted("g", mappings=(12, "mappings"), runs=(10, "runs"))
        self.assertFalse(self.outcome(found, "mappings / runs", 1, "g").held)
        self.assertTrue(self.outcome(found, "runs runs", 10, "g").held)
        self.assertIsNone(self.outcome(found, "runs KiB", 10, "g").figure)

    def test_what_was_not_measured_is_not_held(self):
        found = samples(("a", "ours", 1, 2.0))
        outcome = self.outcome(found, "ours / jemalloc", 1)
        self.assertFalse(outcome.held)
        self.assertTrue(outcome.why)
        self.assertIsNone(self.outcome(found, "ours / load", 1, "another"))
        self.assertIn("unit", self.outcome(found, "ours parsecs", 1).why)

    def test_checked_in_file(self):
        targets = bench_targets.load(BENCH / "targets.txt")
        self.assertGreater(len(targets), 30)
        names = [target.name for target in targets]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({target.case for target in targets} - set(self.known_cases()), set())

    def known_cases(self):
        for program, suffix in (("bench", ""), ("bench_inlined", bench_samples.INLINED)):
            path = BENCH / program
            if not path.exists():
                self.skipTest(f"{path} was not built: run this by bazel")
            flags = ["--inlined"] if suffix else []
            listed = subprocess.run(
                [path, *flags, "--list"], capture_output=True, text=True, check=True
            )
            yield from (name + suffix for name in listed.stdout.splitlines())


class CompareTest(unittest.TestCase):
    def verdicts(self, old, new):
        return [change.verdict for change in bench_compare.changes(old, new)]

    def run_of(self, *ours):
        return samples(("a", "ours", 1, *ours), ("a", "load", 1, *[1.0] * len(ours)))

    def test_beyond_the_noise(self):
        old = self.run_of(2.0, 2.1, 2.2)
        self.assertEqual(self.verdicts(old, self.run_of(3.0, 3.1, 3.2)), ["slower"])
        self.assertEqual(self.verdicts(old, self.run_of(1.0, 1.1, 1.2)), ["faster"])

    def test_within_the_noise(self):
        noisy = self.run_of(1.0, 2.0, 9.0)
        self.assertEqual(self.verdicts(noisy, self.run_of(3.0, 3.0, 3.0)), ["same"])
        # Apart, but by next to nothing.
        old, new = self.run_of(2.0, 2.0, 2.0), self.run_of(2.01, 2.01, 2.01)
        self.assertEqual(self.verdicts(old, new), ["same"])

    def test_a_slower_machine_is_no_change(self):
        old = self.run_of(2.0, 2.0)
        new = samples(("a", "ours", 1, 4.0, 4.0), ("a", "load", 1, 2.0, 2.0))
        self.assertEqual(self.verdicts(old, new), ["same"])

    def test_every_side_but_the_floor(self):
        def run_of(binned):
            return samples(
                ("a", "first fit", 1, 2.0, 2.0),
                ("a", "load", 1, 1.0, 1.0),
                ("a", "binned", 1, binned, binned),
            )

        changes = bench_compare.changes(run_of(1.5), run_of(3.0))
        told = [(change.what, change.verdict) for change in changes]
        self.assertEqual(told, [("first fit / load", "same"), ("binned / load", "slower")])

    def test_within_what_placement_does(self):
        def run_of(*rounds):
            found = bench_samples.Samples()
            for place, ns in enumerate(rounds):
                for side, cost in (("ours", ns), ("load", 1.0)):
                    line = {"case": "a", "side": side, "threads": 1, "repetition": 0}
                    found.add(json.dumps({**line, "ns": cost}), place)
            return found

        # Apart, but no more than the places of one run were.
        old, new = run_of(2.0, 2.4), run_of(2.5, 2.6)
        self.assertEqual(self.verdicts(old, new), ["same"])
        self.assertEqual(self.verdicts(old, run_of(3.5, 3.6)), ["slower"])

    def test_counts(self):
        old, new = counted("g", runs=(10, "runs")), counted("g", runs=(12, "runs"))
        self.assertEqual(self.verdicts(old, new), ["slower"])

    def test_only_what_both_have(self):
        old = samples(("b", "ours", 1, 1.0), ("b", "load", 1, 1.0))
        self.assertEqual(self.verdicts(old, self.run_of(2.0)), [])


class TablesTest(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual(bench_tables.time(1.234), "1.23 ns")
        self.assertEqual(bench_tables.time(1234), "1.23 us")
        self.assertEqual(bench_tables.time(12.3e6), "12.3 ms")
        self.assertEqual(bench_tables.time(2e9), "2.00 s")
        self.assertEqual(bench_tables.number(12345.6), "12,346")
        self.assertEqual(bench_tables.number(0.0372), "0.037")
        self.assertEqual(bench_tables.number(0.00051), "0.00051")
        self.assertEqual(bench_tables.number(0.0), "0.00")

    def test_rows(self):
        found = samples(
            ("a", "ours", 1, 3.0), ("a", "load", 1, 1.0), ("a", "mutex", 1, 6.0)
        )
        (row,) = bench_tables.rows(found)
        self.assertEqual(
            row, ["a", 1, "ours", "3.00 ns", "3.00x load, 0.50x mutex", "0%", "1.00x"]
        )

    def test_targets_say_why(self):
        target = bench_targets.Target("a", "ours / jemalloc", 1.0)
        (row,) = bench_tables.target_rows([bench_targets.Outcome(target, why="no library")])
        self.assertEqual(row[-2:], ["no library", "MISSED"])


class MachineTest(unittest.TestCase):
    def test_warnings(self):
        report = bench_machine.Report
        self.assertEqual(report("m", 1.0, 0.5, 0.0).warnings(), [])
        self.assertIn("busy", report("m", 1.0, 2.0, None).warnings()[0])
        self.assertIn("guests", report("m", 1.0, 0.5, 0.2).warnings()[0])


def plot(**changes):
    values = {
        "title": "a < b",
        "x_title": "x",
        "y_title": "y",
        "ticks": [(1, "1"), (8, "8")],
        "y_label": str,
        "lines": [
            svg_plot.Line("one", "#000", [(1, 3.0), (8, 900.0)], 0),
            svg_plot.Line("two", "#111", [(1, 3.0), (8, 901.0)], 3),
            svg_plot.Line("none", "#222", [], 1),
        ],
    }
    return svg_plot.Plot(**{**values, **changes})


class SvgTest(unittest.TestCase):
    def test_well_formed(self):
        root = ElementTree.fromstring(svg_plot.draw(plot()))
        texts = [element.text for element in root.iter(f"{SVG}text")]
        self.assertIn("a < b", texts)
        self.assertIn("one", texts)
        self.assertNotIn("none", texts)
        paths = [path for path in root.iter(f"{SVG}path") if path.get("class") == "line"]
        self.assertEqual(len(paths), 2)

    def test_everything_is_inside(self):
        root = ElementTree.fromstring(svg_plot.draw(plot()))
        for circle in root.iter(f"{SVG}circle"):
            self.assertTrue(0 <= float(circle.get("cx")) <= svg_plot.WIDTH)
            self.assertTrue(svg_plot.TOP <= float(circle.get("cy")) <= svg_plot.HEIGHT)

    def test_rungs_hold_all_values(self):
        for values in ([1.0], [3.0, 4.0], [0.2, 5000.0], [1.0, 10.0], [999.0, 1001.0]):
            labelled, rows = svg_plot.rungs(values)
            self.assertLessEqual(labelled[0], min(values))
            self.assertGreaterEqual(labelled[-1], max(values))
            self.assertGreaterEqual(len(labelled), 2)
            self.assertTrue(set(labelled) <= set(rows))

    def test_labels_keep_apart(self):
        places = svg_plot.spread_labels([100.0, 101.0, 20.0, 199.0, 200.0], 17, 200.0)
        ordered = sorted(places)
        gaps = [after - before for before, after in zip(ordered, ordered[1:])]
        self.assertGreaterEqual(min(gaps), 17)
        self.assertLessEqual(max(places), 200.0)
        self.assertEqual(places[2], 20.0)

    def test_nothing_to_draw(self):
        with self.assertRaises(ValueError):
            svg_plot.draw(plot(lines=[]))


def whole_run():
    """A run with all that the plots need."""
    rows = []
    for size in ("4 MiB", "1 TiB, never split", "1 TiB, once split"):
        case = f"quarantine, {size}"
        rows += [(case, side, 1, 5.0) for side in ("ours", "mmap", "mutex")]
    for case, sides in (
        ("ensure_mapped, mapped, 1 chunk, split", ("ours", "mutex", "load")),
        ("ensure_mapped, fresh, chunk by chunk", ("ours", "mutex", "mprotect")),
        ("immortal alloc", ("ours", "fetch_add")),
        ("free-list space, pair of 1 page", ("striped", "load")),
    ):
        rows += [(case, side, n, 5.0) for side in sides for n in (1, 2)]
    return samples(*rows)


class DocumentTest(unittest.TestCase):
    def test_fill(self):
        page = "a\n<!-- bench: x -->\nold\n<!-- bench: end -->\nb\n"
        once = bench_document.fill(page, {"x": "new\n"})
        self.assertEqual(once, "a\n<!-- bench: x -->\nnew\n<!-- bench: end -->\nb\n")
        self.assertEqual(bench_document.fill(once, {"x": "new\n"}), once)
        with self.assertRaises(ValueError):
            bench_document.fill(page, {"x": "", "y": ""})
        with self.assertRaises(ValueError):
            bench_document.fill(page, {})

    def test_plots(self):
        plots = bench_plots.plots(whole_run())
        self.assertEqual(len(plots), 5)
        for one in plots.values():
            ElementTree.fromstring(svg_plot.draw(one))
        for line in plots["range_size"].lines:
            self.assertEqual(len(line.points), 2, line.name)

    def test_texts_fill_the_page(self):
        machine = bench_machine.Report("m", 1.0, 0.5, 0.2)
        page = (Path("..") / "docs" / "PERFORMANCE.md").read_text(encoding="utf-8")
        target = bench_targets.Target("immortal alloc", "ours / fetch_add", 1.7, ["a note"])
        found = whole_run()
        outcome = bench_targets.measure(found, target)
        filled = bench_document.fill(page, bench_document.texts(found, [outcome], machine))
        self.assertIn("| immortal alloc | ours / fetch_add | 1.7 | 1.00 | held | a note |", filled)
        self.assertIn("NOISE", filled)


CALLGRIND = """\
fn=main
12 30
cfn=counted_one
calls=3 40
13 60
cfn=counted_two
calls=1 50
14 7
cfn=other
calls=9 60
15 900
fn=other
cfn=counted_one
calls=1 40
16 24
"""


class InstructionsTest(unittest.TestCase):
    def test_callgrind(self):
        found = bench_instructions.read_callgrind(CALLGRIND)
        self.assertEqual(found, {"one": 21.0, "two": 7.0})
        with self.assertRaises(workspace.EnvironmentProblem):
            bench_instructions.read_callgrind("fn=main\n12 30\n")

    def test_file(self):
        counts = {"one": 21.0, "longer_name": 7.5}
        text = bench_instructions.format_counts(counts)
        self.assertEqual(bench_instructions.read(text), counts)
        with self.assertRaises(workspace.EnvironmentProblem):
            bench_instructions.read("one twenty\n")

    def test_differences(self):
        same = {"a": 10.0}
        self.assertEqual(bench_instructions.differences(same, {"a": 10.04}), [])
        (rise,) = bench_instructions.differences(same, {"a": 12.0})
        self.assertIn("a rose from 10.0 to 12.0", rise)
        (fall,) = bench_instructions.differences(same, {"a": 9.0})
        self.assertIn("fell", fall)
        self.assertEqual(len(bench_instructions.differences(same, {"b": 1.0})), 2)


if __name__ == "__main__":
    unittest.main()
