# SPDX-License-Identifier: MIT
"""Where an address space comes from: a process, its dump on a signal, or copies of both."""

import os
import re
import signal
import time
from pathlib import Path

from harness_lib import map_dump, map_join, map_kernel, map_pages, workspace

POLL_SECONDS = 0.05
OLD_SECONDS = 60


def signal_number(name):
    """USR2, SIGUSR2, 12 or RTMIN+3 as a number."""
    text = name.upper().removeprefix("SIG")
    real_time = re.fullmatch(r"RTMIN\+(\d+)", text)
    try:
        if real_time:
            return int(signal.SIGRTMIN) + int(real_time[1])
        return int(text) if text.isdigit() else int(signal.Signals["SIG" + text])
    except KeyError as error:
        raise workspace.EnvironmentProblem(f"there is no signal {name}") from error


def expect_caught(pid, number, name):
    """A signal that a process does not catch ends it, as a rule."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError as error:
        raise map_kernel.BadMaps(f"there is no process {pid}") from error
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status, re.MULTILINE)
    if not caught or not int(caught[1], 16) >> (number - 1) & 1:
        raise workspace.EnvironmentProblem(
            f"process {pid} does not catch {name}, which might end it: no signal was sent. "
            "Its program installs a handler that calls mmapper_write_dump_to "
            "(mmapper/inspect.h)"
        )


def identity(path):
    """What changes when a file is written."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def dump_on_signal(pid, name, path, seconds):
    """Sends the signal and waits until a whole dump has come to `path`."""
    number = signal_number(name)
    expect_caught(pid, number, name)
    before = identity(path)
    try:
        os.kill(pid, number)
    except ProcessLookupError as error:
        raise map_kernel.BadMaps(f"there is no process {pid}") from error
    except PermissionError as error:
        raise map_kernel.BadMaps(f"process {pid} is another user's: no signal was sent") from error
    deadline = time.monotonic() + seconds
    problem, last = f"{path} was not written", None
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        now = identity(path)
        if now == before:
            continue
        try:
            dumps = map_dump.read(path)
        except map_dump.BadDump as error:
            problem = str(error)
            continue
        # A process may have several mappers and write one dump after the other.
        if now == last:
            return dumps
        last = now
    raise workspace.EnvironmentProblem(
        f"no whole dump within {seconds:g} s of {name} to process {pid}: {problem}"
    )


def of_this(pid, dumps, mappings):
    """The dumps that are of this process, and not of one before it."""
    numbers = map_kernel.numbers_of(pid)
    mine = [dump for dump in dumps if dump.process in numbers]
    if dumps and not mine:
        raise workspace.EnvironmentProblem(
            f"the dump is of process {dumps[-1].process}, not of {pid}"
        )
    expect_tables(mine, mappings, f"process {pid}")
    return mine


def expect_tables(dumps, mappings, where):
    """That the mapper of a dump is where the dump says."""
    for dump in dumps:
        start, end = dump.tables
        if not any(one.start <= start < one.end for one in mappings):
            raise workspace.EnvironmentProblem(
                f"{where} has nothing at [{start:#x}, {end:#x}), where the mapper of the "
                "dump is: the dump is of another process, or the mapper is gone"
            )


def with_names(dumps, mappings, where):
    """The dumps, and of other mappers what the kernel's names tell."""
    known = {dump.prefix for dump in dumps}
    named = [dump for dump in map_kernel.guess(mappings) if dump.prefix not in known]
    if dumps or named:
        return dumps + named
    reason = (
        "this kernel has no names for anonymous memory (CONFIG_ANON_VMA_NAME)"
        if map_kernel.names_unknown_here()
        else "it uses none, or its kernel or its mmap_support give no names"
    )
    raise workspace.EnvironmentProblem(
        f"{where}: no mapping has the name of a mapper's owner: {reason}. "
        "A dump says more: --dump FILE, with --signal if the program writes one on a signal"
    )


def of_process(pid, options):
    """A View of a process that runs."""
    earlier = map_kernel.read_process(pid)
    command = map_kernel.command_of(pid)
    notes, dumps = [], []
    if options.signal:
        dumps = dump_on_signal(pid, options.signal, options.dump, options.wait)
    elif options.dump:
        dumps = map_dump.read(options.dump)
        age = time.time() - Path(options.dump).stat().st_mtime
        notes.append(f"the dump is {age:.0f} s old: what changed since is marked as well")
    mappings = map_kernel.read_process(pid, options.smaps)
    dumps = of_this(pid, dumps, mappings)
    joined = with_names(dumps, mappings, f"process {pid}")
    with map_pages.Pages(pid) as pages:
        view = map_join.join(joined, mappings, options.sole, pages.count)
    if options.signal:
        dropped = map_join.settle(view, map_join.join(joined, earlier, options.sole))
        if dropped:
            notes.append(f"in {dropped} places something was changing: not marked")
    view.pid, view.command, view.notes = pid, command, notes
    return finished(view)


def of_files(dump, maps, sole):
    """A View of a dump and, unless None, a copy of /proc/PID/maps."""
    dumps = map_dump.read(dump)
    if maps is None:
        view = map_join.join(dumps, None)
        view.notes.append("without --maps the kernel's part is missing")
        return finished(view)
    mappings = map_kernel.read_copy(maps)
    expect_tables(dumps, mappings, maps)
    view = map_join.join(with_names(dumps, mappings, maps), mappings, sole)
    return finished(view)


def finished(view):
    for dump in view.dumps:
        if dump.guessed:
            view.notes.append(
                f'mapper "{dump.prefix}" is known by the kernel\'s names only: memory without '
                "access counts as quarantined"
            )
    nameless = sum(1 for owner in view.owners if not owner.kind)
    if nameless:
        view.notes.append(f"{nameless} owners changed while the dump was written: no names")
    if not view.pid and len({dump.process for dump in view.dumps if not dump.guessed}) > 1:
        raise workspace.EnvironmentProblem("the dumps are of different processes")
    return view
