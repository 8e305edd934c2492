# SPDX-License-Identifier: MIT
"""The edge table of docs/MEMORY_ORDERING.md against the atomics in the sources.

A row is `| LABEL | from (file:function) | to (file:function) | why |`: from is the
releasing end, to the acquiring one; an end may name several, separated by commas. Both
ends cite the label as `edge: LABEL` in a comment inside the function (or right above
it); one comment may cite several, `edge: ONE, TWO`."""

import re
from dataclasses import dataclass
from pathlib import Path

from checks import sources

TABLE = "docs/MEMORY_ORDERING.md"
BEFORE = 3  # lines between the citation and the access

_LABEL = r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*"
_CITATION = re.compile(rf"\bedge: *({_LABEL}(?:, {_LABEL})*\b)?")
_ACCESS = re.compile(
    r"\b(mm_(?:load|store|cas|fetch_\w+?)_(?:relaxed|acquire|release|acq_rel|seq_cst)\w*)"
    r"\s*\("
)
_PLACE = re.compile(r"([\w./]+\.[ch]):(\w+)")


@dataclass
class Row:
    """One edge of the table."""

    label: str
    line: int
    ends: dict  # "from" and "to": [(file, function)]


def check(root):
    table = Path(root, TABLE)
    if not table.exists():
        return [f"{TABLE}: missing"]
    rows, problems = _rows(table.read_text(encoding="utf-8"))
    found = [
        source
        for source in sources.find_c(root, "mmapper", "spaces", "bindings")
        if not source.is_test and source.path != "mmapper/atomic.h"
    ]
    cited = {}  # label: [(path, line)]
    for source in found:
        problems += _collect(source, cited) + _accesses(source)
    known = {row.label for row in rows}
    for label, places in sorted(cited.items()):
        if label not in known:
            path, line = places[0]
            problems.append(f"{path}:{line}: edge {label} is not in the table of {TABLE}")
    by_path = {source.path: source for source in found}
    for row in rows:
        problems += _row(row, by_path, cited)
    return problems


def _rows(text):
    rows, problems = [], []
    for number, line in enumerate(text.splitlines(), 1):
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or not re.fullmatch(_LABEL, cells[0]):
            continue
        where = f"{TABLE}:{number}: edge {cells[0]}"
        if len(cells) < 4 or not cells[3]:
            problems.append(f"{where}: the row needs LABEL, from, to and why")
            continue
        if any(row.label == cells[0] for row in rows):
            problems.append(f"{where}: is in the table twice")
        ends = {"from": _PLACE.findall(cells[1]), "to": _PLACE.findall(cells[2])}
        for name, side in (("from", "release"), ("to", "acquire")):
            if not ends[name]:
                problems.append(f"{where}: names no file:function on its {side} side")
        rows.append(Row(cells[0], number, ends))
    if not rows and not problems:
        problems.append(f"{TABLE}: has no table of edges")
    return rows, problems


def _collect(source, cited):
    problems = []
    for first, _, text in sources.comments(source.text):
        for match in _CITATION.finditer(text):
            line = first + text.count("\n", 0, match.start())
            if match[1] is None:
                problems.append(
                    f"{source.path}:{line}: `edge:` without a label of capitals, digits "
                    "and dashes"
                )
                continue
            for label in match[1].split(", "):
                cited.setdefault(label, []).append((source.path, line))
    return problems


def _accesses(source):
    """Every access with an order needs a citation close by."""
    citing = [
        (first, last)
        for first, last, text in sources.comments(source.text)
        if _CITATION.search(text)
    ]
    code = sources.code_only(source.text)
    problems = []
    for match in _ACCESS.finditer(code):
        if "_relaxed" in match[1]:
            continue
        first = source.line_of(match.start())
        # A trailing comment stands behind the end of the statement.
        end = re.compile(r"[;{]").search(code, match.end())
        last = source.line_of(end.start()) if end else first
        if not any(a <= last and b >= first - BEFORE for a, b in citing):
            problems.append(
                f"{source.path}:{first}: {match[1]} cites no edge: add `/* edge: LABEL */`"
            )
    return problems


def _row(row, by_path, cited):
    where = f"{TABLE}:{row.line}: edge {row.label}"
    problems = []
    for end in ("from", "to"):
        for path, name in row.ends[end]:
            source = by_path.get(path)
            if source is None:
                problems.append(f"{where}: there is no source {path}")
                continue
            lines = [line for file, line in cited.get(row.label, []) if file == path]
            functions = sources.functions(source.text)
            if all(function.name != name for function in functions):
                problems.append(f"{where}: {path} has no function {name}")
            elif all(_citing(functions, line) != name for line in lines):
                problems.append(f"{where}: {path}:{name}, its {end} end, does not cite it")
    return problems


def _citing(functions, line):
    """The name of the function that a comment at `line` belongs to, or None."""
    for function in functions:
        if function.first <= line <= function.last:
            return function.name
    for function in functions:
        if function.first - BEFORE <= line < function.first:
            return function.name
    return None
