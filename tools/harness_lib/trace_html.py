# SPDX-License-Identifier: MIT
"""A trace as one HTML page that needs nothing else: columns of threads, time downwards,
the address map and the kernel's view as coloured cells beside each step."""

import json
from html import escape
from pathlib import Path

from harness_lib import explorer
from harness_lib import trace as traces

HERE = Path(__file__).resolve().parent
OWNER_COLOURS = 8  # of trace_page.css
MANY_CHUNKS = 8
FILTERS = [
    ("plain", "plain accesses"),
    ("load", "loads and waits"),
    ("add", "counters and pins"),
    ("order", "memory orders"),
]
NOTE_SIGNS = {
    traces.PREEMPTION: "⇄",
    traces.STALE: "◷",
    traces.FAULT: "⚡",
    traces.FREEZE: "✱",
    traces.NOTE: "•",
}


def tag(name, content="", **attributes):
    """An element; `content` is HTML already, the values of attributes are not."""
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            key = key.rstrip("_").replace("_", "-")
            words.append(f'{key}="{escape(str(value))}"')
    return f"<{' '.join(words)}>{content}</{name}>"


def classes(*names):
    return " ".join(name for name in names if name) or None


def state_class(kind, cell):
    """The look of a chunk, without its owner's colour."""
    letter = cell[:1]
    if kind == "kernel":
        return {"r": "sQ", "w": "sM", "F": "sF"}.get(letter, "sU")
    return f"s{letter}" if letter in traces.STATES else "sU"


class Page:
    def __init__(self, trace, schedule=None):
        """`schedule` is the file that was replayed, for its choices."""
        self.trace = trace
        self.schedule = schedule
        self.failed = trace.failed_step()
        self.inside = [False] * len(trace.threads)

    def render(self):
        verdict = self.trace.verdict
        title = f"{self.trace.scenario}: {verdict.oracle if verdict else 'good'}"
        style = (HERE / "trace_page.css").read_text(encoding="utf-8")
        script = (HERE / "trace_page.js").read_text(encoding="utf-8")
        head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        head += tag("title", escape(title)) + f"<style>\n{style}</style>"
        body = [
            tag("header", self.header()),
            tag("section", self.facts(), class_="facts"),
            tag("section", self.legend(), class_="legend"),
            tag("nav", self.tools()),
            tag("main", self.table()),
            tag("aside", "", id="details", hidden=""),
            f"<script>\n{script}</script>",
        ]
        return (
            '<!DOCTYPE html>\n<html lang="en">\n'
            + tag("head", head)
            + tag("body", "\n".join(body))
            + "\n</html>\n"
        )

    # The head of the page

    def header(self):
        trace = self.trace
        what = f"{len(trace.steps)} steps, {len(trace.threads)} threads"
        if trace.hash:
            what += f", hash {trace.hash}"
        name = tag("h1", escape(trace.scenario) + " " + tag("small", escape(what)))
        return name + self.banner()

    def banner(self):
        verdict = self.trace.verdict
        if verdict is None:
            return tag("p", "No oracle failed.", class_="banner good")
        where = "at the end"
        if self.failed:
            step = self.failed.number
            where = "at " + tag("a", f"step {step}", href=f"#s{step}")
        text = tag("strong", f"{escape(verdict.oracle)} failed {where}")
        if verdict.meaning:
            text += " " + tag("span", escape(verdict.meaning), class_="meaning")
        return tag("div", text + tag("p", escape(verdict.text)), class_="banner bad")

    def facts(self):
        program = self.trace.program or "\n".join(self.trace.threads)
        parts = [tag("h2", "Program") + tag("pre", escape(program))]
        if self.schedule is not None:
            heading = f"Choices ({len(self.schedule.choices)})"
            items = "".join(self.choice(choice) for choice in self.schedule.choices)
            note = tag("p", "All else is the boring run: no switch, newest values, no fault.")
            parts.append(tag("h2", heading) + tag("ol", items, class_="choices") + note)
        return "".join(tag("div", part) for part in parts)

    def choice(self, choice):
        text = tag("code", escape(str(choice))) + " " + escape(choice.explained())
        kind = explorer.CHOICE_KINDS.get(choice.kind, traces.NOTE)
        sign = tag("i", NOTE_SIGNS[kind], class_=f"note {kind}")
        return tag("li", sign + tag("a", text, href=f"#s{choice.step}"))

    def legend(self):
        def entry(sign, name):
            return tag("span", sign + escape(name))

        owners = [
            entry(tag("i", str(i), class_=f"cell sM o{i % OWNER_COLOURS}"), name)
            for i, name in enumerate(self.trace.owners)
        ]
        states = [entry(self.sample("map", *item), item[1]) for item in traces.STATES.items()]
        kernel = [entry(self.sample("kernel", *item), item[1]) for item in traces.KERNEL.items()]
        marks = [
            entry(tag("i", NOTE_SIGNS[kind], class_=f"note {kind}"), words)
            for kind, words in (
                (traces.PREEMPTION, "preemption"),
                (traces.STALE, "stale load"),
                (traces.FAULT, "fault"),
                (traces.FREEZE, "freeze"),
            )
        ]
        marks.append(entry(tag("i", class_="cell changed"), "changed by the step"))
        marks.append(entry(tag("i", class_="cell differs"), "another's in the kernel"))
        lines = [("Owners", owners), ("Map", states), ("Kernel", kernel), ("Marks", marks)]
        return "".join(tag("div", tag("b", name) + "".join(all_)) for name, all_ in lines)

    def sample(self, kind, letter, name):
        text = "" if letter == "-" else letter
        return tag("i", text, class_=f"cell {state_class(kind, letter)} o0", title=name)

    def tools(self):
        hide = [
            tag("button", escape(words), type="button", data_hide=name, aria_pressed="false")
            for name, words in FILTERS
        ]
        jumps = [
            tag("button", words, type="button", data_jump=name)
            for name, words in (("previous", "↑ choice"), ("next", "↓ choice"))
        ]
        if self.failed:
            jumps.append(
                tag("button", "failing step", type="button", data_jump="failed", class_="bad")
            )
        labels = [tag("span", words, class_="label") for words in ("Hide", "Go to")]
        return "".join([labels[0], *hide, labels[1], *jumps])

    # The table

    def table(self):
        columns = '<col class="step">' + '<col class="lane">' * len(self.trace.threads)
        columns += ('<col class="gap">' + '<col class="chunk">' * self.trace.chunks) * 2
        rows = "\n".join(self.row(step) for step in self.trace.steps)
        return tag(
            "table",
            tag("colgroup", columns) + tag("thead", self.heads()) + tag("tbody", "\n" + rows),
            class_="many" if self.trace.chunks > MANY_CHUNKS else None,
            data_owners=json.dumps(self.trace.owners),
            data_chunk_bytes=self.trace.chunk_bytes,
        )

    def heads(self):
        trace = self.trace
        top = [tag("th", "step", rowspan=2)]
        for number, thread in enumerate(trace.threads):
            name = tag("b", escape(f"thread {trace.thread_name(number)}"))
            program = tag("small", escape(thread.partition(":")[2].strip()))
            owner = trace.thread_owner(number) % OWNER_COLOURS
            top.append(tag("th", name + program, rowspan=2, class_=f"lane o{owner}"))
        for words in ("address map", "kernel"):
            top.append(tag("td", "", class_="gap", rowspan=2))
            top.append(tag("th", words, colspan=trace.chunks, class_="side"))
        bottom = [
            tag("th", str(chunk), class_=classes("number", self.border(chunk)))
            for _ in range(2)
            for chunk in range(trace.chunks)
        ]
        return tag("tr", "".join(top)) + tag("tr", "".join(bottom))

    def border(self, chunk):
        region = self.trace.region_chunks
        return "border" if region and chunk and chunk % region == 0 else ""

    def row(self, step):
        failed = step is self.failed
        if step.kind == "call":
            self.inside[step.thread] = True
        link = tag("a", str(step.number), href=f"#s{step.number}")
        cells = [tag("td", link, class_="step")]
        cells += [self.lane(step, number, failed) for number in range(len(self.inside))]
        for kind, values, changed in (
            ("map", step.map, step.map_changed),
            ("kernel", step.kernel, step.kernel_changed),
        ):
            cells.append('<td class="gap"></td>')
            for chunk, value in enumerate(values):
                cells.append(self.chunk(step, kind, chunk, value, chunk in changed))
        if step.kind == "return":
            self.inside[step.thread] = False
        return tag(
            "tr",
            "".join(cells),
            id=f"s{step.number}",
            class_=classes(
                f"k-{step.kind}" if step.kind in traces.KINDS else "k-other",
                f"n-{step.note_kind}" if step.note else "",
                "failed" if failed else "",
                "changes" if step.map_changed or step.kernel_changed else "",
            ),
            data_kind=step.kind,
            data_what=step.what,
            data_map=" ".join(step.map),
            data_kernel=" ".join(step.kernel),
        )

    def lane(self, step, number, failed):
        owner = self.trace.thread_owner(number) % OWNER_COLOURS
        mine = number == step.thread
        names = classes(
            "lane",
            f"o{owner}",
            "inside" if self.inside[number] else "",
            "active" if mine else "",
        )
        if not mine:
            return tag("td", "", class_=names)
        name = f"thread {self.trace.thread_name(number)}"
        return tag("td", self.action(step, failed), class_=names, data_thread=name)

    def action(self, step, failed):
        parts = []
        if step.note:
            sign = tag("i", NOTE_SIGNS[step.note_kind], class_=f"note {step.note_kind}")
            parts.append(tag("span", sign + escape(step.note), class_=f"badge {step.note_kind}"))
        kind = {"call": "▶", "return": "◀"}.get(step.kind, step.kind)
        parts.append(tag("span", escape(kind), class_="kind"))
        if step.kind != "return":
            parts.append(tag("b", escape(step.what)))
        parts.append(tag("span", escape(step.text.replace(" -> ", " → ")), class_="text"))
        if step.order:
            parts.append(tag("small", escape(step.order), class_="order"))
        if failed:
            verdict = self.trace.verdict
            words = tag("strong", f"✗ {escape(verdict.oracle)}") + " " + escape(verdict.text)
            parts.append(tag("div", words, class_="why"))
        return " ".join(parts)

    def chunk(self, step, kind, chunk, cell, changed):
        owner = f"o{int(cell[1:]) % OWNER_COLOURS}" if cell[1:].isdigit() else ""
        shown = changed or step is self.trace.steps[0] or step is self.failed
        text = escape(cell) if shown and cell not in ("U", "-") else ""
        if changed and cell in ("U", "-"):
            text = "·"
        return tag(
            "td",
            text,
            class_=classes(
                "cell",
                state_class(kind, cell),
                owner,
                self.border(chunk),
                "changed" if changed else "",
                "differs" if self.trace.differs(step, chunk) else "",
            ),
        )


def render(trace, schedule=None):
    return Page(trace, schedule).render()
