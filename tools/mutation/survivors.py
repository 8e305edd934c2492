# SPDX-License-Identifier: MIT
"""The survivors that are explained: lines of `ID  equivalent|unreached: why`."""

import re

EQUIVALENT = "equivalent"  # no program can tell it from the original
UNREACHED = "unreached"  # it can be told, but not by what runs here
KINDS = (EQUIVALENT, UNREACHED)

_LINE = re.compile(r"(\S+)\s+(\w+): *(\S.*)")


class SurvivorsError(Exception):
    """A line explains nothing."""


def parse(text):
    """id: (kind, why)."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[2] not in KINDS:
            raise SurvivorsError(
                f"line {number}: not `ID  {'|'.join(KINDS)}: why`: {line.strip()}"
            )
        if match[1] in found:
            raise SurvivorsError(f"line {number}: {match[1]} is explained twice")
        found[match[1]] = (match[2], match[3])
    return found
