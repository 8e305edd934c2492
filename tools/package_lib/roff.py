# SPDX-License-Identifier: MIT
"""Manual pages: text as man(7) source, in the part of it that groff and mandoc share."""

import re
import textwrap

from package_lib import comments

WIDTH = 78

_CONSTANT = r"\b(?:MM|MAP|MADV|RLIMIT|PR|SPACE|IMMORTAL|FREELIST)_[A-Z0-9_]*[A-Z0-9]\b"
_STATUS = (
    r"\b(?:OK|CONFLICT|BUSY|NO_MEMORY|NO_SPACE|INVALID_ARGUMENT|OUT_OF_RANGE"
    r"|UNKNOWN_OWNER|WRONG_STATE|LIMIT|OS_ERROR)\b"
)
_MARKED = re.compile(rf"`(?P<quoted>[^`]+)`|(?P<constant>{_CONSTANT}|{_STATUS})|(?P<name>\b[a-z]\w+\b)")


def escape(text):
    return text.replace("\\", "\\e")


def lines(code):
    """Lines that stay as they are, inside of .EX and .EE."""
    escaped = escape(code).replace("-", "\\-").replace("'", "\\(aq")
    return [_safe(line) for line in escaped.split("\n")]


def literal(code):
    """The same, as a block of its own."""
    return [".PP", ".RS 4", ".EX", *lines(code), ".EE", ".RE"]


def text(words, pages, own=()):
    """Running text: arguments in italics; constants, and names that have a page, in bold.
    `pages` is {name: section}; those of `own` are not referred to."""

    def mark(match):
        if match["quoted"]:
            quoted = match["quoted"]
            return f"\\fI{_minus(escape(quoted))}\\fP"
        if match["constant"]:
            return f"\\fB{match['constant']}\\fP"
        name = match["name"]
        if name in own:
            return f"\\fB{name}\\fP"
        return f"\\fB{name}\\fP({pages[name]})" if name in pages and "_" in name else name

    marked = _MARKED.sub(mark, escape(words))
    wrapped = textwrap.wrap(marked, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_safe(line) for line in wrapped]


def _minus(code):
    return code.replace("-", "\\-")


def _safe(line):
    """A line of text that no one takes for a request."""
    return "\\&" + line if line.startswith((".", "'")) else line


def block(one, pages, own):
    """A part of a comment."""
    if isinstance(one, comments.Literal):
        return literal("\n".join(one.lines))
    words = text(one.text, pages, own)
    if isinstance(one, comments.Item):
        return [".TP", f".B {one.tag}", *words]
    return [".PP", *words] if words else []


def quoted(words):
    """One argument of a request."""
    return '"' + escape(words).replace('"', '\\(dq') + '"'


def quotes(words):
    """Words in the double quotes that C writes."""
    return f"\\(dq{escape(words)}\\(dq"


def heading(name, section, version, date):
    """The beginning of every page."""
    return [
        '.\\" SPDX-License-Identifier: MIT',
        '.\\" Made from the headers by tools/package.py.',
        f'.TH {name} {section} {date} "mmapper {version}" "mmapper"',
        # Neither hyphens nor gaps in the middle of names.
        ".nh",
        ".ad l",
    ]


def page(lines):
    """A page of these lines. No paragraph begins right below a heading: that is one already."""
    kept = [
        line
        for before, line in zip(["", *lines], lines)
        if line != ".PP" or not before.startswith((".SH", ".SS"))
    ]
    return "\n".join(kept) + "\n"
