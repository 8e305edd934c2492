# SPDX-License-Identifier: MIT
"""What a comment consists of: paragraphs, pictures and items with a tag in front."""

import re
from dataclasses import dataclass

LITERAL_INDENT = 4
SUMMARY_LENGTH = 100

# `G1 Exclusion. ...`, or a tag, two spaces or more, and a text.
_ITEM = re.compile(r" {1,3}(?:(G\d+) |(\S+(?: \S+)*?) {2,})(\S.*)")


@dataclass
class Paragraph:
    """Running text."""

    text: str


@dataclass
class Literal:
    """Lines that stay as they are: a picture or code."""

    lines: list


@dataclass
class Item:
    """A text with a tag in front of it."""

    tag: str
    text: str


def blocks(comment):
    """The parts of a comment, in their order."""
    found = []
    current = None  # what the next line may go on with
    for line in comment.split("\n"):
        current = _line(found, current, line)
    for block in found:
        if isinstance(block, Literal):
            block.lines = _flush_left(block.lines)
    return found


def _line(found, current, line):
    indent = len(line) - len(line.lstrip())
    item = _ITEM.fullmatch(line)
    if not line:
        # A picture may have an empty line in it.
        return current if isinstance(current, Literal) else None
    if isinstance(current, Item) and indent >= LITERAL_INDENT:
        current.text += " " + line.strip()
        return current
    if indent >= LITERAL_INDENT:
        if not isinstance(current, Literal):
            current = Literal([])
            found.append(current)
        current.lines.append(line)
        return current
    if item:
        found.append(Item(item[1] or item[2], item[3]))
    elif isinstance(current, Paragraph):
        current.text += " " + line.strip()
        return current
    else:
        found.append(Paragraph(line.strip()))
    return found[-1]


def _flush_left(lines):
    least = min(len(line) - len(line.lstrip()) for line in lines)
    return [line[least:] for line in lines]


def first_paragraph(comment):
    """Its text; "" if there is none."""
    found = (block.text for block in blocks(comment) if isinstance(block, Paragraph))
    return next(found, "")


def summary(comment):
    """The first statement, for lists of pages: without asides and its full stop."""
    text = re.sub(r" \([^()]*\)", "", first_paragraph(comment)).replace("`", "")
    statement = re.split(r"[.;:](?:\s|$)", text, maxsplit=1)[0]
    if len(statement) > SUMMARY_LENGTH:
        # Up to the last comma that keeps it short, if there is one.
        statement = re.match(rf"(.{{1,{SUMMARY_LENGTH}}})(?:,|$)|.*", statement)[1] or statement
    # A name or an acronym keeps its capital.
    if re.match(r"[A-Z][a-z]*\b(?!_)", statement):
        statement = statement[0].lower() + statement[1:]
    return statement


def split_errors(text):
    """(text, errors): what a paragraph says about errors ends it."""
    match = re.search(r"(?:^|(?<=[.;] ))Errors\b([^:.]*): (\w)", text)
    if match is None:
        return text, ""
    # `Errors: ` is the heading's; `Errors, with nothing changed: ` says more.
    errors = text[match.start() if match[1] else match.start(2) :]
    return text[: match.start()].strip(), errors[0].upper() + errors[1:]
