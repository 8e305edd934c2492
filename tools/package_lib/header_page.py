# SPDX-License-Identifier: MIT
"""The manual page of one header: what it is for, its types, and its functions as a list."""

from package_lib import comments, roff
from package_lib.declarations import CONSTANT, TYPE


def render(header, index):
    """The page's source."""
    page = index.page_of[header.path]
    lines = index.heading(page, 3)
    lines += [".SH NAME", f"{page} \\- {roff.escape(purpose(header))}"]
    lines += [".SH LIBRARY", index.library()]
    lines += [".SH SYNOPSIS", ".nf", f".B #include {roff.quotes(header.path)}", ".fi"]
    lines += [".SH DESCRIPTION"]
    for block in comments.blocks(header.comment):
        lines += roff.block(block, index.sections, [])
    lines += _types(header, index) + _functions(header)
    included = [index.page_of[path] for path in header.includes if path in index.page_of]
    lines += [".SH SEE ALSO", *index.references(included)]
    return roff.page(lines)


def purpose(header):
    """What the header is for: behind the name of the thing, where that comes first."""
    first = comments.first_paragraph(header.comment)
    name, colon, rest = first.partition(": ")
    return comments.summary(rest if colon and "." not in name else first)


def _types(header, index):
    lines = []
    for one in header.all(TYPE, CONSTANT):
        lines += [] if lines else [".SH TYPES AND CONSTANTS"]
        lines.append(f".SS {', '.join(one.names)}")
        for block in comments.blocks(one.comment):
            lines += roff.block(block, index.sections, [])
        lines += roff.literal(one.text)
    return lines


def _functions(header):
    lines = []
    for group in header.function_groups():
        lines += [] if lines else [".SH FUNCTIONS"]
        for number, one in enumerate(group):
            lines += [".TQ" if number else ".TP", f".BR {one.name} (3)"]
        lines += roff.text(comments.summary(group[0].comment), {})
    return lines
