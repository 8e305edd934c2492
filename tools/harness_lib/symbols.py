# SPDX-License-Identifier: MIT
"""Functions and lines of addresses in programs and libraries, from llvm-symbolizer."""

import json
import shutil
import subprocess
from dataclasses import dataclass

from harness_lib import workspace

_NAMES = ("/usr/lib/llvm-19/bin/llvm-symbolizer", "llvm-symbolizer-19", "llvm-symbolizer")
# Where Bazel's compilations say that they took place.
_BUILD_FOLDERS = ("/proc/self/cwd/", f"{workspace.ROOT}/")


@dataclass(frozen=True)
class Place:
    """One function; several of an address where calls were inlined, the innermost first."""

    function: str  # "" when it is not known
    file: str = ""
    line: int = 0

    def __str__(self):
        name = self.function or "??"
        return f"{name} {self.file}:{self.line}" if self.file and self.line else name


class Symbolizer:
    """Asks for many addresses at once, and remembers."""

    def __init__(self, program=None):
        found = (shutil.which(name) for name in _NAMES)
        self.program = program or next((path for path in found if path), None)
        self.known = {}

    def look_up(self, addresses):
        """`addresses` are (file, address in the file). Those that it knows nothing of get
        no places, as all do when there is no symbolizer."""
        new = [at for at in dict.fromkeys(addresses) if at not in self.known]
        if new:
            self.known.update({at: [] for at in new})
            self.known.update(zip(new, self._ask(new)))

    def places(self, file, address):
        return self.known.get((file, address), [])

    def _ask(self, addresses):
        if self.program is None:
            return []
        lines = "".join(f'"{file}" {address:#x}\n' for file, address in addresses)
        command = [self.program, "--output-style=JSON", "--inlines", "--demangle"]
        try:
            result = subprocess.run(
                command, input=lines, capture_output=True, text=True, check=False
            )
        except OSError:
            return []
        return [_places(line) for line in result.stdout.splitlines()]


def _places(line):
    try:
        symbols = json.loads(line).get("Symbol", [])
    except ValueError:
        return []
    return [
        Place(one.get("FunctionName", ""), _short(one.get("FileName", "")), one.get("Line", 0))
        for one in symbols
        if one.get("FunctionName")
    ]


def _short(path):
    for folder in _BUILD_FOLDERS:
        path = path.removeprefix(folder)
    return path
