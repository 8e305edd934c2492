# SPDX-License-Identifier: MIT
"""The habits that no compiler enforces."""

import re

from checks import sources

FILE_LINES = 400
FUNCTION_LINES = 60

_LICENCE = "SPDX-License-Identifier: MIT"
# In two parts, so that this file passes.
_MARKERS = re.compile(r"\b(" + "|".join(["TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"]) + r")\b")


def check(root):
    problems = []
    for source in sources.find(root):
        problems += _licence(source) + _lines(source) + _markers(source)
        if source.is_c:
            problems += _sizes(source)
    if not problems and not sources.find(root):
        problems.append(f"{root}: no source was found")
    return problems


def _licence(source):
    lines = source.lines
    first = lines[1:2] if lines and lines[0].startswith("#!") else lines[:1]
    wanted = f"/* {_LICENCE} */" if source.is_c else f"# {_LICENCE}"
    if first == [wanted]:
        return []
    return [f"{source.path}:1: the first line must be `{wanted}`"]


def _lines(source):
    problems = []
    for number, line in enumerate(source.lines, 1):
        where = f"{source.path}:{number}"
        if "\t" in line:
            problems.append(f"{where}: a tab; indent with spaces")
        if line != line.rstrip():
            problems.append(f"{where}: white space at the end of the line")
    if source.text and not source.text.endswith("\n"):
        problems.append(f"{source.path}: no newline at the end")
    return problems


def _markers(source):
    """Notes to oneself; in C those in comments, not in strings."""
    places = enumerate(source.lines, 1)
    if source.is_c:
        places = ((first, text) for first, _, text in sources.comments(source.text))
    problems = []
    for number, text in places:
        marker = _MARKERS.search(text)
        if marker:
            where = f"{source.path}:{number}"
            problems.append(f"{where}: {marker[0]}: do it or open an issue")
    return problems


def _sizes(source):
    problems = []
    length = len(source.lines)
    if length > FILE_LINES:
        problems.append(
            f"{source.path}: {length} lines, more than {FILE_LINES}: one file, one job"
        )
    for function in sources.functions(source.text):
        length = function.last - function.first + 1
        if length > FUNCTION_LINES:
            problems.append(
                f"{source.path}:{function.first}: {function.name} has {length} lines, "
                f"more than {FUNCTION_LINES}"
            )
    return problems
