# SPDX-License-Identifier: MIT
"""tools/harness map: who holds what in the address space of a process."""

import io
import os
import shutil
import sys
from pathlib import Path

from harness_lib import (
    argument_types,
    map_json,
    map_layout,
    map_page,
    map_source,
    map_style,
    map_svg,
    map_text,
    workspace,
)

SUMMARY = (
    "Shows who holds what in the address space of a process: the kernel's mappings joined "
    "with the owners and states of its mapper's dump."
)
WIDTH = 120


def add_options(command):
    command.add_argument(
        "what", metavar="PID|DUMP", help="a process, or a file that a mapper's dump is in"
    )
    command.add_argument(
        "--dump", metavar="FILE", help="of a process: its dump, for states and owners"
    )
    command.add_argument(
        "--signal",
        metavar="NAME",
        help="send this first (USR2), and wait for a whole new dump in the file of --dump",
    )
    command.add_argument(
        "--wait",
        type=argument_types.positive,
        default=10,
        metavar="S",
        help="for the dump, at most (default %(default)s s)",
    )
    command.add_argument(
        "--maps", metavar="FILE", help="of a dump: a copy of /proc/PID/maps or smaps"
    )
    command.add_argument(
        "--smaps", action="store_true", help="of a process: what is resident, too (slower)"
    )
    command.add_argument(
        "--sole",
        action="store_true",
        help="nobody else maps in the mapper's window: mark who does",
    )
    command.add_argument(
        "--zoom",
        metavar="WHERE",
        help="only START-END, START+SIZE (0x7f0000000000+64m), or an owner (NAME, KIND:NAME)",
    )
    command.add_argument("--all", action="store_true", help="a line for every range")
    command.add_argument(
        "--linear", action="store_true", help="widths as sizes, instead of their logarithms"
    )
    command.add_argument(
        "--width",
        type=argument_types.columns,
        help=f"columns (default: the terminal's, else {WIDTH})",
    )
    command.add_argument(
        "--color",
        choices=["auto", "always", "never"],
        default="auto",
        help="of the text (default: on a terminal, unless NO_COLOR is set)",
    )
    command.add_argument(
        "--no-color", action="store_const", const="never", dest="color", help="letters only"
    )
    command.add_argument("--svg", metavar="FILE", help="write the picture too")
    command.add_argument("--html", metavar="FILE", help="write a page too, self-contained")


def view_of(options):
    pid = options.what.isdecimal() and not Path(options.what).exists()
    wrong = [
        ("--signal", options.signal and not pid, "is for a process"),
        ("--signal", options.signal and not options.dump, "needs --dump FILE"),
        ("--dump", options.dump and not pid, "is for a process"),
        ("--smaps", options.smaps and not pid, "is for a process; give its smaps to --maps"),
        ("--maps", options.maps and pid, "is for a dump, not for a process"),
    ]
    for name, is_wrong, words in wrong:
        if is_wrong:
            raise workspace.EnvironmentProblem(f"{name} {words}")
    if pid:
        return map_source.of_process(int(options.what), options)
    return map_source.of_files(options.what, options.maps, options.sole)


def style_of(options):
    if options.color == "auto":
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    else:
        colour = options.color == "always"
    return map_style.Colour() if colour else map_style.Plain()


def width_of(options):
    if options.width:
        return options.width
    terminal = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    return max(terminal, 80)


def write(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise workspace.EnvironmentProblem(f"cannot write {path}: {error.strerror}") from error


def verdict(view, ranges):
    """(exit code, sentence)"""
    bad = [part for part in ranges if part.bad]
    runs = sum(part.run is not None for part in ranges)
    if bad:
        places = map_text.count(len(bad), "place")
        first = next(mark for mark in bad[0].marks if not mark.note)
        return workspace.VIOLATION, (
            f"VIOLATION: table and kernel disagree in {places}, first at {bad[0].start:#x}: "
            f"{first.kind}: {first.text}"
        )
    if not view.has_kernel or all(dump.guessed for dump in view.dumps):
        one = "the kernel's names" if view.has_kernel else "the table"
        words = f"{map_text.count(runs, 'range')} by {one}; nothing compared"
        return workspace.GOOD, f"GOOD: {words}"
    return workspace.GOOD, f"GOOD: table and kernel agree in {map_text.count(runs, 'range')}"


def show(options):
    view = view_of(options)
    ranges = map_layout.zoomed(view, options.zoom) if options.zoom else view.ranges
    if not ranges:
        raise workspace.EnvironmentProblem(f"{options.what}: the mapper holds nothing")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # where blocks cannot be shown
    style = style_of(options)
    print(
        map_text.render(
            view, ranges, width_of(options), style, whole=options.all, linear=options.linear
        ),
        end="",
    )
    code, sentence = verdict(view, ranges)
    if options.svg:
        write(options.svg, map_svg.render(view, ranges, sentence, linear=options.linear))
        print(f"picture: {options.svg}")
    if options.html:
        write(options.html, map_page.render(view, ranges, sentence, linear=options.linear))
        print(f"page: {options.html}")
    workspace.write_json(options.json, map_json.document(view, ranges, code))
    print((style.bad if code else style.good)(sentence))
    return code
