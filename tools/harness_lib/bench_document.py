# SPDX-License-Identifier: MIT
"""Puts figures and plots into docs/PERFORMANCE.md, between its markers.

The text between `<!-- bench: NAME -->` and `<!-- bench: end -->` is replaced; everything
else in the page is written by hand."""

import re

from harness_lib import bench_plots, bench_tables, svg_plot, workspace

PAGE = workspace.ROOT / "docs" / "PERFORMANCE.md"
PLOTS = workspace.ROOT / "docs" / "performance"

_BLOCK = re.compile(
    r"(?P<begin><!-- bench: (?P<name>[a-z]+) -->\n).*?(?P<end><!-- bench: end -->)", re.DOTALL
)


def markdown(header, rows, right=()):
    """A table; the columns of these numbers to the right."""
    rule = ["--:" if i in right else "---" for i in range(len(header))]
    return "".join(
        "| " + " | ".join(str(cell) for cell in row) + " |\n" for row in (header, rule, *rows)
    )


def fill(page, texts):
    """`page` with the texts in its blocks; ValueError when one has no block, or a block
    no text."""
    missing = set(texts)

    def block(match):
        missing.discard(match["name"])
        if match["name"] not in texts:
            raise ValueError(f"nothing is known for the block {match['name']}")
        return match["begin"] + texts[match["name"]] + match["end"]

    filled = _BLOCK.sub(block, page)
    if missing:
        raise ValueError(f"there is no block for {', '.join(sorted(missing))}")
    return filled


def _target_rows(outcomes):
    for outcome, row in zip(outcomes, bench_tables.target_rows(outcomes)):
        case, figure, limit, measured, verdict = row
        note = " ".join(outcome.target.note)
        yield [case, figure, limit, measured, verdict, note]


def texts(samples, outcomes, machine):
    """{name of a block: what goes into it}."""
    warnings = "".join(f" NOISE: {warning}." for warning in machine.warnings())
    header = ["case", "figure", "at most", "measured", "", "what limits it"]
    # Without the name of the first side: that is ours.
    rows = [row[:2] + row[3:] for row in bench_tables.timed_rows(samples)]
    counted = [[row[0], row[2], row[3]] for row in bench_tables.counted_rows(samples)]
    return {
        "machine": f"Taken on {machine.machine}, in {machine.seconds:.0f} s.{warnings}\n",
        "targets": markdown(header, _target_rows(outcomes), right=(2, 3)),
        "figures": markdown(["case", "threads", *bench_tables.HEADER[3:]], rows, right=(1, 2)),
        "counts": markdown(["what", "", ""], counted, right=(2,)),
    }


def write(samples, outcomes, machine):
    """Returns the paths written."""
    try:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(fill(page, texts(samples, outcomes, machine)), encoding="utf-8")
        PLOTS.mkdir(exist_ok=True)
        paths = [PAGE]
        for name, plot in bench_plots.plots(samples).items():
            paths.append(PLOTS / f"{name}.svg")
            paths[-1].write_text(svg_plot.draw(plot), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise workspace.EnvironmentProblem(f"cannot document: {error}") from error
    return paths
