# SPDX-License-Identifier: MIT
"""What is installed against what is public: packaging/libraries.bzl names every public
library of the mapper, the spaces and the bindings, and packaging/mmapper.map exports every function that
their headers declare, and no other."""

import re
from pathlib import Path

from package_lib import declarations, version_script

LIBRARIES = "packaging/libraries.bzl"
MAP = "packaging/mmapper.map"
ABI = "bazel run //packaging:update_abi"

_FOLDERS = ("mmapper", "spaces", "bindings/mmtk")


def check(root):
    try:
        rules = {}
        for folder in _FOLDERS:
            rules.update(_public_rules(root, folder))
        listed = _listed(root)
        exported = version_script.read(MAP, _text(root, MAP))
        declared = _declared(root, sorted({path for paths in rules.values() for path in paths}))
    except (OSError, declarations.HeaderError, version_script.ScriptError) as error:
        return [str(error)]
    return _libraries(rules, listed) + _functions(root, declared, exported)


def _text(root, path):
    return Path(root, path).read_text(encoding="utf-8")


def _public_rules(root, folder):
    """{label: headers} of the libraries of `folder` that anybody may depend on."""
    rules = {}
    for rule in re.findall(r"^cc_library\(.*?^\)", _text(root, f"{folder}/BUILD"), re.M | re.S):
        if "testonly = True" in rule or "//visibility:public" not in rule:
            continue
        name = re.search(r'name = "(\w+)"', rule)[1]
        hdrs = re.search(r"hdrs = \[(.*?)\]", rule, re.DOTALL)
        label = f"//{folder}" if name == folder else f"//{folder}:{name}"
        rules[label] = [
            f"{folder}/{header}" for header in re.findall(r'"([^"]+)"', hdrs[1] if hdrs else "")
        ]
    return rules


def _listed(root):
    """{label: line} of LIBRARIES."""
    text = _text(root, LIBRARIES)
    found = re.search(r"^LIBRARIES = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise OSError(f"{LIBRARIES}: has no list LIBRARIES")
    return {
        label[1]: text.count("\n", 0, found.start(1) + label.start()) + 1
        for label in re.finditer(r'"([^"]+)"', found[1])
    }


def _declared(root, headers):
    """{function: where it is declared}, without those that headers define."""
    found = {}
    for path in headers:
        header = declarations.read(path, _text(root, path))
        for one in header.all(declarations.FUNCTION):
            found[one.name] = f"{path}:{one.line}"
    return found


def _libraries(rules, listed):
    problems = [
        f"{label}: is public but not installed: add it to LIBRARIES in {LIBRARIES}, or make it "
        "visible to those only that use it"
        for label in sorted(rules.keys() - listed.keys())
    ]
    return problems + [
        f"{LIBRARIES}:{listed[label]}: {label} is no public cc_library"
        for label in sorted(listed.keys() - rules.keys())
    ]


def _functions(root, declared, exported):
    node = version_script.newest(_text(root, MAP))
    problems = [
        f"{where}: {name} is public but not exported: add `{name};` to {node} in {MAP}, then "
        f"run `{ABI}`"
        for name, where in sorted(declared.items())
        if name not in exported
    ]
    return problems + [
        f"{MAP}:{line}: {name} is exported but no public header declares it: declare it, or if "
        f"it was never released drop the line and run `{ABI}`"
        for name, (_, line) in exported.items()
        if name not in declared
    ]
