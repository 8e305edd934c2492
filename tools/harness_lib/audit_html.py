# SPDX-License-Identifier: MIT
"""Audits as one HTML page that needs nothing else: the address space of each process over
time, calls to the right and addresses upwards, and the findings as tables below."""

import json
from html import escape
from pathlib import Path

from harness_lib import audit_axis, audit_text
from harness_lib.display import count, size
from harness_lib.trace_html import tag

HERE = Path(__file__).resolve().parent
MOST_ROWS = 500
MOST_SPACES = 24
KINDS = ("anonymous", "file", "stack", "heap", "image")
COLOURS = 8  # of audit_page.css


def render(audits, most_mappings):
    """`audits` are pairs of a history and its model."""
    style = (HERE / "audit_page.css").read_text(encoding="utf-8")
    script = (HERE / "audit_page.js").read_text(encoding="utf-8")
    names = ", ".join(Path(history.name).name for history, _ in audits)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += tag("title", escape(f"Address space over time: {names}")) + f"<style>\n{style}</style>"
    body = [_audit(number, *audit, most_mappings) for number, audit in enumerate(audits)]
    body.append(tag("aside", "", id="details", hidden=""))
    body.append(f"<script>\n{script}</script>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n'
        + tag("head", head)
        + tag("body", "\n".join(body))
        + "\n</html>\n"
    )


def _audit(number, history, model, most_mappings):
    parts = [_header(history, model)]
    spaces = sorted(model.busy_spaces(), key=lambda i: -len(model.spaces[i].lives))
    several = len(spaces) > 1
    lines = json.dumps([event.line for event in history.events], separators=(",", ":"))
    parts.append(f'<script type="application/json" class="lines">{lines}</script>')
    for index in spaces[:MOST_SPACES]:
        parts.append(_space(number, model, index, most_mappings, several))
    if len(spaces) > MOST_SPACES:
        more = count(len(spaces) - MOST_SPACES)
        words = f"{more} address spaces with fewer mappings are not drawn."
        parts.append(tag("p", words, class_="dim"))
    parts.append(_findings(number, history, model))
    return tag("article", "\n".join(parts))


def _header(history, model):
    processes = sum(task.process == i for i, task in enumerate(model.tasks))
    facts = ", ".join(
        [
            audit_text.some(history.lines, "line"),
            audit_text.some(len(history.events), "call"),
            audit_text.some(processes, "process", "es"),
            audit_text.some(len(model.tasks), "thread"),
        ]
    )
    name = tag("h1", escape(Path(history.name).name) + " " + tag("small", escape(facts)))
    unread = history.counts.get("unreadable", 0)
    bad = len(model.overwrites)
    words = f"{audit_text.some(bad, 'range')} overwritten" if bad else "Nothing was overwritten."
    banner = tag("p", words, class_="banner bad" if bad else "banner good")
    if unread:
        lost = f"{audit_text.some(unread, 'line')} could not be read: all below is without them."
        banner += tag("p", lost, class_="banner bad")
    return tag("header", name + banner)


# One address space


def _space(number, model, index, most_mappings, several):
    space = model.spaces[index]
    drawing = audit_axis.drawing(model, index)
    drawing["kinds"] = KINDS
    drawing["colours"] = COLOURS
    data = json.dumps(drawing, separators=(",", ":")).replace("<", "\\u003c")
    heading = tag("h2", escape(model.space_name(index))) if several else ""
    left_out = ""
    if drawing["left_out"]:
        left_out = tag(
            "p",
            f"{count(drawing['left_out'])} pieces that were too small or too short-lived are "
            "not drawn.",
            class_="dim",
        )
    return tag(
        "section",
        heading
        + _peaks(space, most_mappings)
        + tag("nav", _tools(drawing), class_="tools")
        + tag("div", "", class_="legend")
        + tag(
            "div",
            tag("canvas", "", class_="curve", height=72)
            + tag("canvas", "", class_="map", tabindex="0")
            + tag("noscript", "The picture is drawn by a script; the findings stand below."),
            class_="picture",
        )
        + left_out
        + f'<script type="application/json" class="drawing">{data}</script>',
        class_="space",
        id=f"h{number}s{index}",
    )


def _peaks(space, most_mappings):
    share = f"{space.mappings.value / most_mappings:.1%} of vm.max_map_count"
    facts = [("mappings", count(space.mappings.value), f"line {space.mappings.line}, {share}")]
    for name, peak in (
        ("mapped", space.bytes),
        ("accessible", space.accessible),
        ("only reserved", space.reserved),
    ):
        facts.append((name, size(peak.value), f"line {peak.line}" if peak.value else "never"))
    cells = (
        tag("div", tag("b", escape(value)) + tag("span", f"most {name}") + tag("small", where))
        for name, value, where in facts
    )
    return tag("div", "".join(cells), class_="facts")


def _tools(drawing):
    def button(words, **data):
        return tag("button", escape(words), type="button", **data)

    parts = [tag("span", "Colour by", class_="label")]
    parts.append(button("thread", data_colour="thread", aria_pressed="true"))
    parts.append(button("kind", data_colour="kind", aria_pressed="false"))
    parts.append(tag("span", "Show", class_="label"))
    parts.append(button("all", data_zoom="all"))
    if drawing["overwrites"]:
        parts.append(button("↑ overwriting", data_zoom="previous", class_="bad"))
        parts.append(button("↓ overwriting", data_zoom="next", class_="bad"))
    hint = "Drag to zoom in, double-click to zoom out, point at anything for details."
    parts.append(tag("span", hint, class_="hint"))
    return "".join(parts)


# Findings


def _table(name, heads, rows, left_out=0):
    if not rows:
        return ""
    head = tag("tr", "".join(tag("th", escape(word)) for word in heads))
    body = "\n".join(rows)
    more = tag("p", f"... and {count(left_out)} more", class_="dim") if left_out > 0 else ""
    return tag("h2", escape(name)) + tag("table", tag("thead", head) + tag("tbody", body)) + more


def _row(cells, **attributes):
    return tag("tr", "".join(tag("td", escape(str(cell))) for cell in cells), **attributes)


def _extent(start, end):
    return f"{start:#x}-{end:#x}"


def _findings(number, history, model):
    shown = model.overwrites[:MOST_ROWS]
    parts = [
        _table(
            f"Who overwrote whom ({len(model.overwrites)})",
            ("line", "thread", "did", "range", "bytes", "that was", "mapped by", "now"),
            [_overwrite_row(number, i, model, one) for i, one in enumerate(shown)],
            len(model.overwrites) - len(shown),
        ),
        _table(
            f"Holes ({len(model.holes)}): given back from inside a mapping",
            ("line", "thread", "range", "bytes", "mapped by", "filled by"),
            [_hole_row(model, hole) for hole in model.holes[:MOST_ROWS]],
            len(model.holes) - MOST_ROWS,
        ),
    ]
    unused = model.unused()
    parts.append(
        _table(
            f"Reservations never used ({len(unused)} of {len(model.reservations)})",
            ("line", "thread", "range", "bytes", "still held"),
            [
                _row(
                    (
                        one.line,
                        audit_text.pid(model, one.task),
                        _extent(one.start, one.end),
                        size(one.end - one.start),
                        size(one.held),
                    )
                )
                for one in unused[:MOST_ROWS]
            ],
            len(unused) - MOST_ROWS,
        )
    )
    parts.append(
        _table(
            f"Lines that could not be read ({history.counts.get('unreadable', 0)})",
            ("line", "why", "text"),
            [_row(one) for one in history.unreadable],
            history.counts.get("unreadable", 0) - len(history.unreadable),
        )
    )
    if model.oddities:
        parts.append(
            _table(
                f"Calls that do not fit what came before ({len(model.oddities)})",
                ("line", "why"),
                [_row(one) for one in model.oddities[:MOST_ROWS]],
                len(model.oddities) - MOST_ROWS,
            )
        )
    return tag("section", "".join(parts), class_="findings")


def _overwrite_row(number, index, model, one):
    held = model.origin_name(one.held)
    notes = [] if one.accessible else ["only reserved"]
    notes += ["its thread had ended"] if one.holder_gone else []
    cells = (
        one.line,
        audit_text.pid(model, one.task),
        one.how,
        _extent(one.start, one.end),
        size(one.end - one.start),
        held + (f" ({', '.join(notes)})" if notes else ""),
        audit_text.line_list(one.held_lines),
        model.origin_name(one.now),
    )
    return _row(cells, data_space=f"h{number}s{one.space}", data_overwrite=index, tabindex=0)


def _hole_row(model, hole):
    filled = "open at the end"
    if hole.filled_by is not None:
        filled = f"{model.origin_name(hole.filled_by)}, line {hole.filled_line}"
    return _row(
        (
            hole.line,
            audit_text.pid(model, hole.task),
            _extent(hole.start, hole.end),
            size(hole.end - hole.start),
            f"line {hole.mapped_line}",
            filled,
        )
    )
