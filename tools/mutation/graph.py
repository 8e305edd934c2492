# SPDX-License-Identifier: MIT
"""What a program is made of, read from Bazel's graph, so that there is no second list."""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

from harness_lib import workspace

_SOURCES = (".c", ".S", ".s")


@dataclass
class Rule:
    """One cc_* rule of this workspace, or one that is another's binary."""

    label: str
    kind: str
    files: list = field(default_factory=list)  # srcs and hdrs, by path
    deps: list = field(default_factory=list)
    copts: list = field(default_factory=list)
    linkopts: list = field(default_factory=list)
    args: list = field(default_factory=list)


@dataclass
class Program:
    """What is compiled and linked for a binary or a test."""

    label: str
    sources: dict  # path: flags of its own
    headers: list
    linkopts: list
    args: list
    is_test: bool = True

    @property
    def name(self):
        return self.label.rpartition(":")[2]

    @property
    def files(self):
        return sorted({*self.sources, *self.headers})


def path_of(label):
    """//mmapper:call.c, or //mmapper/testing:x.h, as a path."""
    package, _, name = label.removeprefix("//").partition(":")
    return f"{package}/{name}" if package else name


def _list(element, name):
    found = element.find(f"list[@name='{name}']")
    return [item.get("value") for item in found] if found is not None else []


def parse(text):
    """The cc rules of this workspace in an answer of bazel query --output=xml."""
    rules = {}
    for element in ElementTree.fromstring(text).iter("rule"):
        label, kind = element.get("name"), element.get("class")
        binary = element.find("label[@name='binary']")
        if not label.startswith("//"):
            continue
        if binary is not None:  # behind a transition, which is not ours to follow
            rules[label] = Rule(label, "cc_binary", deps=[binary.get("value")])
        if not kind.startswith("cc_"):
            continue
        files = _list(element, "srcs") + _list(element, "hdrs")
        rules[label] = Rule(
            label,
            kind,
            [path_of(file) for file in files if file.startswith("//")],
            _list(element, "deps"),
            # The project's warnings are to stop no mutant.
            [
                flag
                for flag in _list(element, "copts")
                if not flag.startswith(("-W", "-std="))
            ],
            _list(element, "linkopts"),
            _list(element, "args"),
        )
    return rules


def program(rules, label):
    """The Program that a rule and all it depends on make up."""
    todo, seen = [label], []
    own = rules[label]
    made = Program(label, {}, [], [], own.args, own.kind == "cc_test")
    while todo:
        rule = rules.get(todo.pop(0))
        if rule is None or rule in seen:
            continue
        seen.append(rule)
        todo += rule.deps
        for file in rule.files:
            if file.endswith(_SOURCES):
                made.sources.setdefault(file, rule.copts)
            elif file not in made.headers:
                made.headers.append(file)
        made.linkopts += [flag for flag in rule.linkopts if flag not in made.linkopts]
    return made


def load(*expressions):
    """All programs (cc_binary and cc_test) among the targets of the expressions."""
    wanted = " + ".join(f"({expression})" for expression in expressions)
    result = workspace.bazel(
        "query", "--output=xml", f"deps({wanted})", capture_output=True, text=True
    )
    if result.returncode != 0:
        raise workspace.EnvironmentProblem(f"bazel query failed:\n{result.stderr.strip()}")
    rules = parse(result.stdout)
    return [
        program(rules, label)
        for label, rule in rules.items()
        if rule.kind in ("cc_binary", "cc_test")
    ]
