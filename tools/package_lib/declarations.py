# SPDX-License-Identifier: MIT
"""What a public header declares, and which comment belongs to it.

Headers here are written alike: declarations begin in the first column, each stands right
below its comment, and what belongs together is not parted by an empty line."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

FUNCTION = "function"
INLINE = "inline"  # defined in the header: nothing to export
TYPE = "type"
CONSTANT = "constant"
OPAQUE = "opaque"  # struct NAME;


class HeaderError(Exception):
    """A header is not written as expected: the text says where, and what to do."""


@dataclass
class Declaration:
    """One declaration at the top level."""

    kind: str
    names: list  # what it declares; of an enum without a name, its constants
    text: str
    line: int
    comment: str = ""  # without its marks; "" if the declaration above shares its own

    @property
    def name(self):
        return self.names[0]

    @property
    def result(self):
        """The type that a function returns."""
        before = re.split(rf"\b{self.name}\s*\(", self.text)[0]
        return " ".join(before.replace("static inline", "").split())

    @property
    def prototype(self):
        """The declaration of a function, without its body."""
        head = self.text.split("{")[0] if self.kind == INLINE else self.text
        return head.replace("static inline ", "").rstrip().rstrip(";") + ";"


@dataclass
class Header:
    """A header: what it is for, and its declarations in groups."""

    path: str  # as it is included
    comment: str
    includes: list
    groups: list = field(default_factory=list)  # lists of declarations

    def all(self, *kinds):
        return [one for group in self.groups for one in group if one.kind in kinds]

    @property
    def stem(self):
        return PurePosixPath(self.path).stem

    def function_groups(self):
        """The functions that stand together, for each such group."""
        groups = [[one for one in group if one.kind in (FUNCTION, INLINE)] for group in self.groups]
        return [group for group in groups if group]


def read(path, text):
    """The Header of `text`; `path` is how it is included."""
    includes = re.findall(r'^#include ["<]([^">]+)[">]', text, re.MULTILINE)
    header = Header(path, "", includes)
    comment, group = "", []
    for kind, line, piece in _pieces(_without_guards(path, text)):
        if kind == "blank":
            if comment and not header.comment and not header.groups and not group:
                header.comment = comment
            comment = ""
            group = _end(header, group)
        elif kind == "comment":
            comment = _comment_text(piece)
        else:
            declaration = _declaration(path, line, piece, comment)
            comment = ""
            if declaration is not None:
                group.append(declaration)
    _end(header, group)
    if not header.comment:
        raise HeaderError(f"{path}:1: no comment says what the header is for")
    return header


def _end(header, group):
    """Puts a group that is complete into the header; returns the next one."""
    group = [one for one in group if one.kind != OPAQUE]
    if group and not group[0].comment and group[0].kind in (FUNCTION, INLINE):
        raise HeaderError(
            f"{header.path}:{group[0].line}: {group[0].name} has no comment right above it: "
            "its manual page would say nothing"
        )
    if group:
        header.groups.append(group)
    return []


def _without_guards(path, text):
    """Blanks what is neither comment nor declaration; lines stay."""
    if not text.startswith("/* SPDX"):
        raise HeaderError(f"{path}:1: does not begin with the SPDX line")
    text = text[text.index("\n") :]
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif$", _blank, text, flags=re.M | re.S)
    # The include guard's and any other #define without a value is none of ours.
    return re.sub(
        r"^#(?:include|ifndef|ifdef|if|else|elif|endif|undef|define \w+$).*$", "#", text, flags=re.M
    )


def _blank(match):
    return "\n" * match[0].count("\n")


_PIECE = re.compile(
    r"(?P<comment>/\*.*?\*/[^\n]*)"
    r"|(?P<blank>#?(?=\n))"
    r"|(?P<macro>#define(?:[^\n]*\\\n)*[^\n]*)",
    re.DOTALL,
)


def _pieces(text):
    """(kind, line, text) of each comment, blank line and declaration at the top level."""
    at = 0
    line = 1
    while at < len(text):
        match = _PIECE.match(text, at)
        end = match.end() if match else _end_of_declaration(text, at)
        piece = text[at:end]
        kind = match.lastgroup if match else "declaration"
        if kind == "comment" and re.fullmatch(r"/\* -{5,} .*\*/", piece):
            kind = "blank"  # a heading
        yield kind, line, piece
        line += text.count("\n", at, end + 1)
        at = end + 1


def _end_of_declaration(text, at):
    """Behind the `;`, or the `}` of a function's body, that ends a declaration."""
    depth = 0
    for token in re.finditer(r"/\*.*?\*/|[{};]", text[at:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        body = token[0] == "}" and text[at:].startswith("static inline")
        if depth == 0 and (token[0] == ";" or body):
            newline = text.find("\n", at + token.end())
            return len(text) if newline < 0 else newline
    return len(text)


def _comment_text(piece):
    """A comment without its marks, its lines as far to the right as they were."""
    lines = piece.strip()[2:-2].rstrip().split("\n")
    rest = [re.sub(r"^ ?\*? ?", "", line, count=1).rstrip() for line in lines[1:]]
    # One that begins behind the mark goes on three columns in, unless it has stars.
    return "\n".join([lines[0].strip(), *rest]).strip("\n")


def _declaration(path, line, piece, comment):
    code = re.sub(r"/\*.*?\*/", " ", piece, flags=re.DOTALL)

    def found(kind, *names):
        return Declaration(kind, list(names), piece.strip(), line, comment)

    macro = re.match(r"#define (\w+)", code)
    if macro:
        return found(CONSTANT, macro[1])
    type_name = re.match(r"(?:struct|enum|union) (\w+)\s*(;|\{)", code)
    if type_name:
        return found(OPAQUE if type_name[2] == ";" else TYPE, type_name[1])
    if re.match(r"enum\s*\{", code):
        return found(CONSTANT, *re.findall(r"(\w+)\s*(?:=[^,}]*)?[,}]", code))
    typedef = re.match(r"typedef .*?(?:\(\*(\w+)\)|\b(\w+)\s*;)", code, re.DOTALL)
    if typedef:
        return found(TYPE, typedef[1] or typedef[2])
    function = re.match(r"[\w\s*]*?(\w+)\s*\(", code)
    if function:
        inline = code.startswith("static inline")
        return found(INLINE if inline else FUNCTION, function[1])
    raise HeaderError(f"{path}:{line}: not understood: {piece.strip().splitlines()[0]}")
