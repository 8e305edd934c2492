# SPDX-License-Identifier: MIT
"""Headers on their own, and the library with other compilers."""

import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checks import layering, sources

# For 64-bit Arm with the description of it that Concurrency Kit has there.
_COMPILERS = [
    ("gcc-12", []),
    ("clang-14", []),
    ("aarch64-linux-gnu-gcc-12", ["-isystem", "third_party/ck/aarch64"]),
]
_HEADER_WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]
_LANGUAGES = [
    ("clang-19", "c", "c11", ["-Wstrict-prototypes", "-pedantic"]),
    ("gcc-12", "c", "c11", ["-Wstrict-prototypes", "-pedantic"]),
    ("clang-19", "c++", "c++17", ["-pedantic"]),
]


def project_flags(root):
    """MMAPPER_COPTS of bazel/copts.bzl, so that there is one list of warnings."""
    text = Path(root, "bazel", "copts.bzl").read_text(encoding="utf-8")
    found = re.search(r"^MMAPPER_COPTS = \[(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    return re.findall(r'"([^"]+)"', found[1])


def _run_all(root, commands):
    """commands: (what, argv, input). Returns the problems of those that failed."""

    def run(command):
        what, argv, text = command
        if shutil.which(argv[0]) is None:
            return f"{what}: {argv[0]} is not installed"
        result = subprocess.run(
            argv,
            cwd=root,
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return f"{what}:\n{result.stdout}" if result.returncode != 0 else None

    with ThreadPoolExecutor() as pool:
        return [problem for problem in pool.map(run, commands) if problem]


def _public_headers(root):
    """The mapper's public headers, and those of the publicly visible rules of //spaces and
    of the bindings."""
    exported = set()
    for build in [Path(root, "spaces", "BUILD"), *Path(root, "bindings").glob("*/BUILD")]:
        if not build.exists():
            continue
        folder = build.parent.relative_to(root)
        text = build.read_text(encoding="utf-8")
        for rule in re.findall(r"^cc_library\(.*?^\)", text, re.DOTALL | re.MULTILINE):
            if "testonly = True" in rule or "//visibility:public" not in rule:
                continue
            hdrs = re.search(r"hdrs = \[(.*?)\]", rule, re.DOTALL)
            names = re.findall(r'"([^"]+\.h)"', hdrs[1]) if hdrs else []
            exported |= {f"{folder}/{name}" for name in names}
    return sorted(layering.PUBLIC | exported)


def headers(root):
    """Each public header, included twice and alone, as C11 and as C++17."""
    commands = []
    for header in _public_headers(root):
        if not Path(root, header).exists():
            return [f"{header}: missing"]
        # ISO C wants at least one declaration in a file.
        text = f'#include "{header}"\n#include "{header}"\ntypedef int declaration;\n'
        for compiler, language, standard, extra in _LANGUAGES:
            argv = [compiler, "-x", language, f"-std={standard}", "-fsyntax-only", "-I."]
            argv += _HEADER_WARNINGS + extra + ["-"]
            commands.append((f"{header} as {standard} with {compiler}", argv, text))
    return _run_all(root, commands)


def compilers(root):
    """The library with the compilers that are not the project's own, optimized: some
    warnings need the optimizer."""
    flags = project_flags(root)
    commands = []
    for source in sources.find_c(root, "mmapper", "spaces", "bindings"):
        if source.is_test or not source.path.endswith(".c"):
            continue
        for compiler, more in _COMPILERS:
            argv = [compiler, *flags, *more, "-D_GNU_SOURCE", "-O2", "-I.", "-c"]
            argv += [source.path, "-o", "/dev/null"]
            commands.append((f"{source.path} with {compiler}", argv, None))
    if not commands:
        return [f"{root}: no library source was found"]
    return _run_all(root, commands)
