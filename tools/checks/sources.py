# SPDX-License-Identifier: MIT
"""Finds the sources, and takes C apart as far as the checks need."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

C_SUFFIXES = {".c", ".h"}
_CODE_SUFFIXES = C_SUFFIXES | {".py", ".sh", ".bzl", ".dict"}
_CODE_NAMES = {"BUILD", "WORKSPACE", ".bazelrc", ".clang-format", ".clang-tidy"}
_SCRIPTS = {"tools/harness", ".ci/run"}
_SKIPPED_FOLDERS = {".git", ".harness", "__pycache__", "corpus"}


@dataclass
class Source:
    """One file, by its path in the workspace."""

    path: str
    text: str
    is_test: bool = False  # only tests are built from it

    @property
    def lines(self):
        return self.text.splitlines()

    @property
    def is_c(self):
        return Path(self.path).suffix in C_SUFFIXES

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1


def _is_code(path):
    name = os.path.basename(path)
    return (
        Path(path).suffix in _CODE_SUFFIXES or name in _CODE_NAMES or path in _SCRIPTS
    )


def _test_files(folder):
    """The files that the BUILD file of `folder` gives to tests and testonly targets
    alone; None for all of them."""
    try:
        text = Path(folder, "BUILD").read_text(encoding="utf-8")
    except OSError:
        return set()
    if re.search(r"default_testonly = True", text):
        return None
    test, product = set(), set()
    for rule in re.findall(r"^\w+\(.*?^\)", text, re.DOTALL | re.MULTILINE):
        is_test = re.match(r"\w+_test\(", rule) or "testonly = True" in rule
        (test if is_test else product).update(re.findall(r'"([\w.]+\.[ch])"', rule))
    return test - product


def find(root, wanted=_is_code):
    """All sources under `root`, sorted by path."""
    found = []
    for folder, folders, names in os.walk(root):
        tests = _test_files(folder)
        folders[:] = [
            name
            for name in folders
            if name not in _SKIPPED_FOLDERS and not name.startswith("bazel-")
        ]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if wanted(path):
                text = Path(root, path).read_text(encoding="utf-8")
                is_test = tests is None or name in tests or name.endswith("_test.c")
                found.append(Source(path, text, is_test))
    return sorted(found, key=lambda source: source.path)


def find_c(root, *folders):
    """The C sources of some folders."""
    return [
        source
        for source in find(root)
        if source.is_c and source.path.startswith(tuple(f"{name}/" for name in folders))
    ]


_TOKENS = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.DOTALL,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text, keep_includes=False):
    """`text` with comments and the contents of strings blanked: offsets and lines stay.
    With keep_includes, the file names of #include stay."""

    def replace(match):
        if match["string"] and keep_includes:
            start = text.rfind("\n", 0, match.start()) + 1
            if re.match(r"\s*#\s*include\b", text[start : match.start()]):
                return match[0]
        return _blank(match[0])

    return _TOKENS.sub(replace, text)


def comments(text):
    """(first line, last line, text) of each comment."""
    for match in _TOKENS.finditer(text):
        if match["comment"]:
            first = text.count("\n", 0, match.start()) + 1
            yield first, first + match[0].count("\n"), match[0]


@dataclass
class Function:
    """A function definition. Lines count from 1, both included."""

    name: str
    first: int  # where its signature begins
    last: int


def functions(text):
    """The definitions in Linux style: the braces of a body stand in the first column."""
    lines = code_only(text).splitlines()
    found = []
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
        elif line.startswith("}") and opened is not None:
            first = _signature_start(lines, opened)
            name = _signature_name(" ".join(lines[first - 1 : opened - 1]))
            found.append(Function(name, first, number))
            opened = None
    return found


def _signature_start(lines, opened):
    first = opened
    while first > 1:
        before = lines[first - 2].rstrip()
        if not before or before.endswith((";", "}", "\\")) or before.startswith("#"):
            break
        first -= 1
    return first


def _signature_name(signature):
    # Attributes look like calls: the name is what stands before the last group.
    names = re.findall(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature))
    return names[0] if names else "?"
