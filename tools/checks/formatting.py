# SPDX-License-Identifier: MIT
"""clang-format and clang-tidy over the project's own C."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from checks import compiling, sources

_FOLDERS = (
    "mmapper",
    "spaces",
    "fuzz",
    "stress",
    "bench",
    "packaging",
    "guard",
    "examples",
    "bindings",
)


def formatting(root):
    """One problem for each line that clang-format would change."""
    paths = [source.path for source in sources.find_c(root, *_FOLDERS)]
    if not paths:
        return [f"{root}: no source was found"]
    result = subprocess.run(
        ["clang-format-19", "--dry-run", "-Werror", *paths],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        return []
    problems = [line for line in result.stdout.splitlines() if "error:" in line]
    return (problems or [result.stdout]) + ["run: clang-format-19 -i FILE"]


# What is compiled with the SIM backend of atomic.h only.
_SIMULATED = re.compile(
    r"stress/explore/|mmapper/testing/(sim_(locations|memory|run|wait)|slot_watch|litmus)"
    r"|fuzz/\w*schedule"
)


def tidy_each(root):
    """Yields (path, output) for each file; the output of a clean one is empty."""
    paths = [
        source.path
        for source in sources.find_c(root, *_FOLDERS)
        if source.path.endswith(".c")
    ]
    flags = [flag for flag in compiling.project_flags(root) if flag != "-Werror"]

    def run(path):
        result = subprocess.run(
            [
                "clang-tidy-19",
                "--quiet",
                "--warnings-as-errors=*",
                path,
                "--",
                *flags,
                "-D_GNU_SOURCE",
                *(["-DMMAPPER_ATOMIC_SIM"] if _SIMULATED.match(path) else []),
                "-I.",
            ],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if result.returncode == 0:
            return ""
        return result.stdout or result.stderr or "clang-tidy-19 failed"

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from zip(paths, pool.map(run, paths))


def tidy(root):
    found = list(tidy_each(root))
    if not found:
        return [f"{root}: no source was found"]
    return [f"{path}:\n{output}" for path, output in found if output]
