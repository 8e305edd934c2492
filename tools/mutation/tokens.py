# SPDX-License-Identifier: MIT
"""C as the operators need it: tokens with their places, and the brackets that belong
together. Comments, strings and preprocessor lines are no tokens."""

import re
from dataclasses import dataclass

from checks import sources

_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.MULTILINE)
_TOKEN = re.compile(
    r"(?P<word>[A-Za-z_]\w*)|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)"
    r"|(?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\S)"
)
_OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass
class Token:
    """`kind` is word, number or mark. `match` is the index of the bracket that
    belongs to this one."""

    text: str
    kind: str
    start: int
    match: int = -1

    @property
    def end(self):
        return self.start + len(self.text)


def _blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def code(text):
    """The text with what is no code blanked, all offsets kept."""
    return _DIRECTIVE.sub(_blank, sources.code_only(text))


def tokens(text):
    found = [
        Token(match[0], match.lastgroup, match.start())
        for match in _TOKEN.finditer(code(text))
    ]
    opened = []
    for index, token in enumerate(found):
        if token.text in _OPENING:
            opened.append(index)
        elif token.text in _OPENING.values() and opened:
            other = opened[-1]
            if _OPENING[found[other].text] == token.text:
                opened.pop()
                found[other].match, token.match = index, other
    return found
