# SPDX-License-Identifier: MIT
"""The operators: each changes one token, or takes one statement away. None moves a line."""

import re
from dataclasses import dataclass

from checks import sources
from mutation import tokens

_ORDERED = re.compile(r"mm_(load|store|cas|fetch_\w+?)_(" + "|".join(
    ("relaxed", "acquire", "release", "acq_rel", "seq_cst")) + r")(_u(?:\w+|##))")
_WEAKER = {
    "seq_cst": {"acq_rel", "acquire", "release", "relaxed"},
    "acq_rel": {"acquire", "release", "relaxed"},
    "acquire": {"relaxed"},
    "release": {"relaxed"},
    "relaxed": set(),
}
_COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_SIGNS = {"+": "-", "-": "+", "+=": "-=", "-=": "+=", "++": "--", "--": "++"}
_LOGIC = {"&&": "||", "||": "&&"}
_NO_CODE = {"mm_plain_writes"}  # it says something, and does nothing
_KEYWORDS = {
    "if", "while", "for", "switch", "return", "sizeof", "do", "else", "case", "goto",
    "break", "continue", "default", "_Alignas", "_Alignof", "_Static_assert",
}  # fmt: skip


@dataclass
class Mutant:
    """One change. `edits` are (start, end, replacement), in order, apart."""

    path: str
    function: str
    operator: str
    ordinal: int
    line: int
    edits: list
    what: str

    @property
    def id(self):
        return f"{self.path}:{self.function}:{self.operator}:{self.ordinal}"

    def apply(self, text):
        for start, end, replacement in reversed(self.edits):
            text = text[:start] + replacement + text[end:]
        return text


def orders_of(atomic_header):
    """{"load": {"relaxed", ...}, ...}: the operations that atomic.h has."""
    found = {}
    for operation, order, _ in _ORDERED.findall(atomic_header):
        found.setdefault(operation, set()).add(order)
    return found


def weaker(order, there):
    """The strongest of the orders there are that are weaker than this one."""
    lower = _WEAKER[order] & there
    return sorted(
        one for one in lower if not any(one in _WEAKER[other] for other in lower)
    )


class _Function:
    """Looks for changes in the tokens of one function's body."""

    def __init__(self, text, found, orders):
        self.text = text
        self.tokens = found
        self.orders = orders

    def changes(self):
        """(operator, edits, what), in the order of the text."""
        for index, token in enumerate(self.tokens):
            if token.kind == "word":
                yield from self._word(index, token)
            elif token.kind == "mark":
                yield from self._mark(index, token)

    def _at(self, index):
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _quote(self, start, end):
        return " ".join(self.text[start:end].split())

    def _replace(self, operator, token, replacement):
        edit = (token.start, token.end, replacement)
        return operator, [edit], f"{token.text} becomes {replacement}"

    def _blanked(self, operator, start, end, keep, what):
        """[start, end) becomes `keep`, with its lines."""
        lines = "\n" * self.text.count("\n", start, end)
        return operator, [(start, end, keep + lines)], what

    # -------------------------------------------------------------- one token

    def _mark(self, index, token):
        if token.text in _COMPARISONS:
            yield self._replace("compare", token, _COMPARISONS[token.text])
        elif token.text in _LOGIC:
            yield self._replace("logic", token, _LOGIC[token.text])
        elif token.text in _SIGNS and self._is_arithmetic(index, token):
            yield self._replace("sign", token, _SIGNS[token.text])
            after = self.tokens[index + 1]
            if token.text in "+-" and after.text == "1":
                what = f"{token.text} 1 is dropped"
                yield self._blanked("one", token.start, after.end, "", what)
        elif token.text == "?":
            yield from self._conditional(index)

    def _is_arithmetic(self, index, token):
        before = self.tokens[index - 1]
        operand = before.kind == "number" or before.text in (")", "]")
        operand = operand or (before.kind == "word" and before.text not in _KEYWORDS)
        if token.text in ("++", "--"):
            return operand or self.tokens[index + 1].kind == "word"
        return operand and not self._is_cast(index - 1)

    def _is_cast(self, index):
        """Whether a closing bracket ends a type in brackets, as in `(int) -x`."""
        opening = self.tokens[index].match
        if self._at(index) != ")" or opening < 0:
            return False
        words = [token.text for token in self.tokens[opening + 1 : index]]
        return len(words) > 0 and all(re.fullmatch(r"\w+_t|int|long|char|unsigned|\*", word)
                                      for word in words)

    # ------------------------------------------------------------- statements

    def _word(self, index, token):
        order = _ORDERED.fullmatch(token.text)
        if order:
            there = self.orders.get(order[1], set())
            for one in weaker(order[2], there):
                yield self._replace("order", token, f"mm_{order[1]}_{one}{order[3]}")
        if token.text in ("if", "while"):
            yield from self._negated(index)
        if token.text == "if":
            yield from self._branch(index)
        elif token.text in ("while", "for"):
            yield from self._loop(index)
        elif token.text == "continue" and self._at(index + 1) == ";":
            yield self._replace("retry", token, "")
        yield from self._call(index)

    def _condition(self, index):
        """The brackets behind if or while, as tokens; None where there are none."""
        opening = self.tokens[index + 1]
        if opening.text != "(" or opening.match < 0:
            return None
        return opening, self.tokens[opening.match]

    def _negated(self, index):
        brackets = self._condition(index)
        if brackets is None:
            return
        opening, closing = brackets
        marks = [token.text for token in self.tokens[index + 2 : opening.match]]
        if [mark for mark in marks if mark in ("==", "!=", "&&", "||", "?")] in (
            ["=="],
            ["!="],
        ):
            return  # the comparison's mutant is the same
        inside = self._quote(opening.end, closing.start)
        edits = [(opening.end, opening.end, "!("), (closing.start, closing.start, ")")]
        yield "negate", edits, f"{self.tokens[index].text} ({inside}) is negated"

    def _conditional(self, index):
        """a ? b : c, with a simple a: from the bracket or statement before it."""
        start, depth = index - 1, 0
        while start > 0:
            text = self.tokens[start].text
            if text in (")", "]"):
                depth += 1
            elif text in ("(", "["):
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and text in (",", ";", "=", "return", ":", "?", "{", "}"):
                break
            start -= 1
        begin, end = self.tokens[start + 1].start, self.tokens[index - 1].end
        edits = [(begin, begin, "!("), (end, end, ")")]
        yield "negate", edits, f"{self._quote(begin, end)} ? is negated"

    def _branch(self, index):
        """if (...) { ... return ...; }: the branch is emptied, the condition stays."""
        brackets = self._condition(index)
        if brackets is None:
            return
        opening = self.tokens[brackets[0].match + 1]
        if opening.text != "{":
            return
        first, last = brackets[0].match + 1, opening.match
        if not any(token.text == "return" for token in self.tokens[first:last]):
            return
        inside = self._quote(brackets[0].end, brackets[1].start)
        what = f"the branch of if ({inside}) is dropped"
        yield self._blanked("branch", opening.end, self.tokens[last].start, "", what)

    def _loop(self, index):
        """A loop that tries again makes a single pass."""
        brackets = self._condition(index)
        if brackets is None:
            return
        opening, closing = brackets
        inside = self._quote(opening.end, closing.start)
        token = self.tokens[index]
        if token.text == "for":
            if inside == ";;":
                once = "(int mm_once = 1; mm_once; mm_once = 0)"
                yield self._blanked("retry", opening.start, closing.end, once,
                                    "for (;;) makes a single pass")
            return
        what = f"while ({inside}) makes a single pass"
        if self._at(opening.match + 1) == ";":  # do ... while
            edits = [(opening.end, opening.end, "("), (closing.start, closing.start, ") && 0")]
        else:
            edits = [
                (token.start, opening.end, "for (int mm_once = 1; mm_once && ("),
                (closing.start, closing.end, "); mm_once = 0)"),
            ]
        yield "retry", edits, what

    def _call(self, index):
        """NAME(...); or (void)NAME(...); as a statement."""
        first = index
        if [self._at(index - n) for n in (3, 2, 1)] == ["(", "void", ")"]:
            first = index - 3
        if self._at(first - 1) not in ("{", "}", ";") or self._at(index) in _KEYWORDS:
            return
        if self._at(index) in _NO_CODE:
            return
        opening = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        if opening is None or opening.text != "(" or self._at(opening.match + 1) != ";":
            return
        start, end = self.tokens[first].start, self.tokens[opening.match].end
        what = f"{self._quote(start, end)} is dropped"
        yield self._blanked("call", start, end, "", what)


def _shifted(found, first, last):
    """tokens[first:last], whose brackets name each other by their new places."""
    part = found[first:last]
    for token in part:
        token.match = token.match - first if first <= token.match < last else -1
    return part


def mutants(path, text, orders):
    """All mutants of a source."""
    found = tokens.tokens(text)
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    made = []
    counts = {}
    for function in sources.functions(text):
        begin, end = starts[function.first - 1], starts[function.last]
        inside = [n for n, token in enumerate(found) if begin <= token.start < end]
        body = next(n for n in inside if found[n].text == "{")
        part = _shifted(found, body, inside[-1] + 1)
        for operator, edits, what in _Function(text, part, orders).changes():
            # Where preprocessor lines choose, a name may be there twice.
            kind = (function.name, operator)
            counts[kind] = counts.get(kind, 0) + 1
            line = text.count("\n", 0, edits[0][0]) + 1
            made.append(Mutant(path, *kind, counts[kind], line, edits, what))
    return made
