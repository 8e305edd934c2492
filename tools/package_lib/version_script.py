# SPDX-License-Identifier: MIT
"""The version script: which symbols the shared library exports, in which version."""

import re


class ScriptError(Exception):
    """The version script is not understood."""


def read(path, text):
    """{symbol: (node, line)} of all exported ones, in their order."""
    code = re.sub(r"#[^\n]*", "", text)
    found = {}
    nodes = list(re.finditer(r"^(\w[\w.]*)\s*\{(.*?)\}[^;{}]*;", code, re.DOTALL | re.MULTILINE))
    for node in nodes:
        exported = re.search(r"\bglobal\s*:(.*?)(?=\blocal\s*:|\Z)", node[2], re.DOTALL)
        if exported is None:
            raise ScriptError(f"{path}: {node[1]} has no `global:`")
        start = node.start(2) + exported.start(1)
        for name in re.finditer(r"[^\s;]+", exported[1]):
            line = code.count("\n", 0, start + name.start()) + 1
            if not re.fullmatch(r"\w+", name[0]):
                raise ScriptError(f"{path}:{line}: {name[0]}: name each symbol, without patterns")
            if name[0] in found:
                raise ScriptError(f"{path}:{line}: {name[0]} is there twice")
            found[name[0]] = (node[1], line)
    if not found:
        raise ScriptError(f"{path}: exports nothing")
    if not re.search(r"\blocal\s*:\s*\*\s*;", code):
        raise ScriptError(f"{path}: has no `local: *;`, so that everything is exported")
    return found


def newest(text):
    """The name of the last node: where new symbols go."""
    return re.findall(r"^(\w[\w.]*)\s*\{", re.sub(r"#[^\n]*", "", text), re.MULTILINE)[-1]
