# SPDX-License-Identifier: MIT
"""The words of a line of strace: its prefix, a call's name, arguments and result. Nothing
here knows what a call means, and nothing here trusts its input."""

import re
from dataclasses import dataclass

_PID = re.compile(r"(?:\[pid\s+(\d+)(?:<[^>]*>)?\]|(\d+)(?:<[^>]*>)?(?=\s|$))\s*")
# -t, -tt, -ttt, -r; and -i: where the instruction was.
_STAMP = re.compile(r"(?:\d+(?::\d+)*(?:[:.]\d+)+|\(\+\s*[\d.]+\)|\[[\s0-9a-f?]*\])\s+")
_NOTE = re.compile(r"(?:/[\w./-]*)?strace: |\[ ?Process |Process ")
# Without -o it may stand in the middle of another line, which goes on in the next.
_NOTE_INSIDE = re.compile(r"(?:/[\w./-]*)?strace: (?:\[ )?Process \d+(?: \])? attached$")
_NAME = re.compile(r"(\w+)\(")
_OPENING, _CLOSING = "([{", ")]}"
# The path that strace -y puts behind a descriptor may hold anything: it ends with a > that
# a list goes on behind.
_DECORATION = re.compile(r"(?<=[\dD])<(?!<).*?>(?=[,) \]}(]|$)")
_STRING = re.compile(r'"(?:\\.|[^"\\])*"')
_COMMENT = re.compile(r"/\*.*?\*/")
_NUMBER = re.compile(r"NULL|0x[0-9a-f]+|\d+")
_RESULT = re.compile(r"(\?|-1 +(E\w+)|NULL|0x[0-9a-f]+|\d+)\s*(.*)", re.DOTALL)
_NAMESPACE = re.compile(r"/\* (\d+) in strace's PID NS \*/")
_REMARK = re.compile(r"(?:$|\(|<|/\*)")
_WORD = re.compile(r"[A-Za-z_]\w*$|\d+<<[A-Z_]+$")
LIMIT = 1 << 64


class Unreadable(Exception):
    """Why a line cannot be read."""


@dataclass
class Call:
    name: str
    arguments: list
    result: str  # all behind the =


def number(text):
    """NULL, hexadecimal, octal or decimal, perhaps with a comment; None for anything else."""
    text = _COMMENT.sub("", text).strip()
    if not _NUMBER.fullmatch(text):
        return None
    if text == "NULL":
        return 0
    if text.startswith("0x"):
        value = int(text, 16)
    else:
        try:
            value = int(text, 8 if text.startswith("0") else 10)
        except ValueError:
            return None
    return value if value < LIMIT else None


def field(text, name):
    """The number behind NAME= in a braced or named argument, or None."""
    found = re.search(rf"(?<!\w){name}=(NULL|0x[0-9a-f]+|\d+)", text)
    return number(found[1]) if found else None


def flags(text, names):
    """Words and numbers joined by |. What `names` lacks counts as nothing; None for what is
    neither."""
    value = 0
    for word in _COMMENT.sub("", text).strip().split("|"):
        plain = number(word)
        if plain is not None:
            value |= plain
        elif word in names:
            value |= names[word]
        elif "<<" in word and _WORD.match(word):
            shift = word.partition("<<")
            value |= int(shift[0]) << 26 if shift[2] == "MAP_HUGE_SHIFT" else 0
        elif not _WORD.match(word):
            return None
    return value


def descriptor(text):
    """(number, path) of an argument such as 3</usr/lib/x.so>; None for anything else."""
    found = re.fullmatch(r"(-?\d+|AT_FDCWD)(?:<(.*)>)?", text, re.DOTALL)
    if not found:
        return None
    return -1 if found[1] == "AT_FDCWD" else int(found[1]), found[2] or ""


def prefix(line):
    """(pid or 0, the rest, whether that is a note of strace itself)."""
    pid = 0
    found = _PID.match(line)
    if found:
        pid = int(found[1] or found[2])
        line = line[found.end() :]
    if pid >= 1 << 31:
        raise Unreadable("that is not the number of a process")
    while not _NOTE.match(line):
        stamp = _STAMP.match(line)
        if not stamp:
            return pid, line, False
        line = line[stamp.end() :]
    return pid, line, True


def without_note(text):
    """What stands before a note in the same line, or None."""
    found = _NOTE_INSIDE.search(text)
    return text[: found.start()] if found and found.start() > 0 else None


def _skip(text, at):
    """Behind what brackets and commas do not count in."""
    for start, pattern in (('"', _STRING), ("/*", _COMMENT), ("<", _DECORATION)):
        if text.startswith(start, at):
            found = pattern.match(text, at)
            if found:
                return found.end()
            if start != "<":
                raise Unreadable("the argument list does not end")
    return at + 1


def split(text):
    """A line without its prefix as a Call."""
    text = text.strip()
    name = _NAME.match(text)
    if not name:
        raise Unreadable("not a call")
    arguments, depth, at = [], 0, name.end()
    start = at
    while True:
        if at >= len(text):
            raise Unreadable("the argument list does not end")
        char = text[at]
        if depth == 0 and char in ",)":
            arguments.append(text[start:at].strip())
            start = at + 1
            if char == ")":
                break
        depth += (char in _OPENING) - (char in _CLOSING)
        at = _skip(text, at)
    rest = text[at + 1 :].strip()
    if not rest.startswith("="):
        raise Unreadable("no result")
    if arguments == [""]:
        arguments = []
    return Call(name[1], arguments, rest[1:].strip())


def result(text):
    """(value, error): the value is None when it is not known or the call failed, the error
    is the kernel's name for it, or ""."""
    found = _RESULT.fullmatch(text)
    if not found:
        raise Unreadable("the result is neither a number nor an error")
    if found[1] == "?":
        return None, ""
    if not _REMARK.match(found[3]):
        raise Unreadable("rubbish behind the result")
    if found[2]:
        return None, found[2]
    inside = _NAMESPACE.match(found[3])
    value = number(inside[1] if inside else found[1])
    if value is None:
        raise Unreadable("the result is not a number")
    return value, ""
