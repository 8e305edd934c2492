# SPDX-License-Identifier: MIT
"""Makes what is installed, for the rules of packaging/BUILD: package.py COMMAND --help."""

import argparse
import sys
from pathlib import Path

from package_lib import declarations, manual, roff, tree, version_script


def read(path):
    return Path(path).read_text(encoding="utf-8")


def names(options):
    """The exported symbols, one a line."""
    print("\n".join(version_script.read(options.map, read(options.map))))


def make_tree(options):
    """The installed tree, as a tar."""
    made = tree.Tree()
    values = {
        "ABI": options.abi,
        "SERIES": tree.series(options.version),
        "VERSION": options.version,
    }
    tree.add_libraries(
        made,
        Path(options.shared).read_bytes(),
        Path(options.archive).read_bytes(),
        options.version,
        options.abi,
    )
    for path in [*options.headers, *options.needed_headers]:
        made.add(f"include/mmapper/{path}", read(path))
    for path, folder in (
        (options.pkg_config, "lib/pkgconfig"),
        *[(file, "lib/cmake/mmapper") for file in options.cmake],
    ):
        made.add(f"{folder}/{Path(path).stem}", tree.fill(read(path), values))
    # Only these are documented: the others are there because they are included.
    headers = [declarations.read(path, read(path)) for path in options.headers]
    values["PROGRAM"] = "\n".join(roff.lines(tree.program(read(options.readme))))
    values["HEADERS"] = "@HEADERS@"
    overview = tree.fill(read(options.overview), values)
    pages, links = manual.pages(headers, overview, options.version, options.date)
    for path, text in pages.items():
        made.add(f"share/man/{path}", text)
    for path, target in links.items():
        made.link(f"share/man/{path}", target)
    made.add("share/doc/mmapper/LICENSE", read(options.license))
    with open(options.output, "wb") as file:
        made.write(file)


def parser():
    top = argparse.ArgumentParser(prog="package.py", description=__doc__)
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser("names", help=names.__doc__)
    command.add_argument("map")
    command.set_defaults(function=names)
    command = commands.add_parser("tree", help=make_tree.__doc__)
    for name in ("output", "version", "abi", "date", "shared", "archive", "pkg-config"):
        command.add_argument(f"--{name}", required=True)
    for name in ("overview", "readme", "license"):
        command.add_argument(f"--{name}", required=True)
    for name in ("headers", "needed-headers", "cmake"):
        command.add_argument(f"--{name}", nargs="+", required=True)
    command.set_defaults(function=make_tree)
    return top


def main(argv):
    options = parser().parse_args(argv)
    try:
        options.function(options)
    except (declarations.HeaderError, version_script.ScriptError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
