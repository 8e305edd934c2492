# SPDX-License-Identifier: MIT
"""Runs one check: check.py NAME [--root DIR] [archives...]. Exit codes: 0 good, 1 a
problem was found, 2 usage. `tidy --each` prints `ok FILE` or `not-ok FILE` per file."""

import argparse
import sys
from pathlib import Path

from checks import (
    compiling,
    edges,
    exports,
    formatting,
    layering,
    mutants,
    orders,
    style,
    symbols,
)

CHECKS = {
    "style": style.check,
    "layering": layering.check,
    "edges": edges.check,
    "exports": exports.check,
    "orders": orders.check,
    "mutants": mutants.check,
    "headers": compiling.headers,
    "compilers": compiling.compilers,
    "format": formatting.formatting,
    "tidy": formatting.tidy,
}


def tidy_each(root):
    clean = True
    for path, output in formatting.tidy_each(root):
        clean = clean and not output
        if output:
            print(output, end="")
        print(f"{'not-ok' if output else 'ok'} {path}", flush=True)
    return 0 if clean else 1


def main():
    parser = argparse.ArgumentParser(prog="check.py", description=__doc__)
    parser.add_argument("name", choices=[*CHECKS, "symbols"])
    parser.add_argument("archives", nargs="*", help="for symbols")
    parser.add_argument("--root", default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--each", action="store_true", help="with tidy")
    options = parser.parse_args()
    if options.name == "tidy" and options.each:
        return tidy_each(options.root)
    if options.name == "symbols":
        problems = symbols.check([f for f in options.archives if f.endswith(".a")])
    else:
        problems = CHECKS[options.name](options.root)
    for problem in problems:
        print(problem)
    print(f"{options.name}: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
