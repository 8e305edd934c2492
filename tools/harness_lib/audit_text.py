# SPDX-License-Identifier: MIT
"""An audit as text, and as JSON."""

from collections import Counter

from harness_lib.audit_memory import MAPPED, MOVED, UNMAPPED
from harness_lib.display import count, size

LINE_KINDS = {
    "event": "calls and ends of threads",
    "beginning": "beginnings",
    "signal": "signals",
    "note": "notes",
    "blank": "blank",
    "unreadable": "UNREADABLE",
}
MOST_SPACES = 4
SMALL_GAP = 4 << 20  # a chunk of a mapper does not fit


def some(number, word, plural="s"):
    return f"{count(number)} {word}{plural if number != 1 else ''}"


def pid(model, task):
    return model.tasks[task].pid


def lines(history, model, most_mappings, rows):
    """`most_mappings` is vm.max_map_count."""
    yield history.name
    yield from _input(history, model)
    yield from _sums(model, most_mappings)
    yield from _overwritten(model, rows)
    yield from _holes(model, rows)
    yield from _reservations(model, rows)


def _input(history, model):
    counts = ", ".join(
        f"{count(history.counts.get(kind, 0))} {name}"
        for kind, name in LINE_KINDS.items()
        if history.counts.get(kind) or kind in ("event", "unreadable")
    )
    yield f"  lines        {count(history.lines)}: {counts}"
    for line, reason, text in history.unreadable:
        yield f"    line {line}: {reason}: {text}".rstrip(": ")
    left = history.counts.get("unreadable", 0) - len(history.unreadable)
    if left > 0:
        yield f"    ... and {count(left)} more"
    if history.unfinished:
        yield f"  unfinished   {some(history.unfinished, 'call')} of which the end is missing"
    processes = sum(task.process == i for i, task in enumerate(model.tasks))
    yield (
        f"  who          {some(processes, 'process', 'es')}, {some(len(model.tasks), 'thread')}, "
        f"{some(len(model.busy_spaces()), 'address space')} with mappings; pages of "
        f"{model.page_bytes} bytes"
    )
    if model.reordered or model.inferred:
        yield (
            f"  order        {some(model.reordered, 'call')} taken before the line of its result, "
            f"{some(model.inferred, 'range')} known from calls that need them"
        )
    if model.untold:
        yield (
            f"  untold       {some(model.untold, 'call')} changed mappings in a way that the "
            "line does not tell"
        )
    for line, why in model.oddities[:8]:
        yield f"  odd          line {line}: {why}"
    if len(model.oddities) > 8:
        yield f"               ... and {count(len(model.oddities) - 8)} more"


def _sums(model, most_mappings):
    spaces = sorted(
        model.busy_spaces(), key=lambda i: model.spaces[i].mappings.value, reverse=True
    )
    for index in spaces[:MOST_SPACES]:
        space = model.spaces[index]
        where = f", {model.space_name(index)}" if len(spaces) > 1 else ""
        share = space.mappings.value / most_mappings
        yield (
            f"  mappings     at most {count(space.mappings.value)} (line "
            f"{space.mappings.line}), {share:.1%} of vm.max_map_count {most_mappings}{where}"
        )
        yield (
            f"  bytes        at most {peak(space.bytes, 'mapped')}, "
            f"{peak(space.accessible, 'accessible')}, {peak(space.reserved, 'only reserved')}"
        )
    if len(spaces) > MOST_SPACES:
        more = some(len(spaces) - MOST_SPACES, "address space")
        yield f"               ... and {more} with fewer"


def peak(value, what):
    where = f" (line {value.line})" if value.value else ""
    return f"{size(value.value)} {what}{where}"


def _overwritten(model, rows):
    hows = Counter(one.how for one in model.overwrites)
    yield (
        f"  overwritten  {some(len(model.overwrites), 'range')} of another origin: "
        f"{hows[MAPPED]} {MAPPED}, {hows[MOVED]} {MOVED}, {hows[UNMAPPED]} {UNMAPPED} by "
        "another thread"
    )
    for one in model.overwrites[:rows]:
        yield f"    {overwrite(model, one)}"
    yield from _more(len(model.overwrites), rows)
    if model.own:
        yield (
            f"  replaced     {some(model.own, 'range')} ({size(model.own_bytes)}) by their own "
            "holder: segments of a file, memory committed by MAP_FIXED"
        )


def overwrite(model, one):
    gone = " (ended)" if one.holder_gone else ""
    reserved = "" if one.accessible else " (only reserved)"
    return (
        f"line {one.line}: thread {pid(model, one.task)} {one.how} {one.start:#x}-{one.end:#x} "
        f"({size(one.end - one.start)}) of {model.origin_name(one.held)}{gone}{reserved}, "
        f"mapped by {line_list(one.held_lines)}; now of {model.origin_name(one.now)}"
    )


def line_list(numbers):
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    words = ", ".join(str(number) for number in numbers[:4])
    return f"lines {words}" + (f" and {len(numbers) - 4} more" if len(numbers) > 4 else "")


def _holes(model, rows):
    total = sum(hole.end - hole.start for hole in model.holes)
    others = [h for h in model.holes if h.filled_by not in (None, h.origin)]
    still = [h for h in model.holes if h.filled_by is None]
    yield (
        f"  holes        {some(len(model.holes), 'range')} ({size(total)}) given back from "
        f"inside a mapping: {count(len(others))} filled by somebody else, {count(len(still))} "
        "open at the end"
    )
    for hole in (others + still)[:rows]:
        yield f"    {hole_line(model, hole)}"
    yield from _more(len(others) + len(still), rows)
    gaps = [gap for index in model.busy_spaces() for gap in model.gaps(index)]
    small = [end - start for start, end in gaps if end - start < SMALL_GAP]
    yield (
        f"  gaps         {some(len(gaps), 'gap')} between what is mapped at the end, "
        f"{count(len(small))} of them below {size(SMALL_GAP)} ({size(sum(small))} in all)"
    )
    if model.vain:
        where = line_list([line for line, _ in model.vain])
        yield f"  in vain      {some(len(model.vain), 'munmap')} of nothing at all: {where}"


def hole_line(model, hole):
    filled = "still open"
    if hole.filled_by is not None:
        filled = f"filled by {model.origin_name(hole.filled_by)} (line {hole.filled_line})"
    return (
        f"line {hole.line}: thread {pid(model, hole.task)} gave back {hole.start:#x}-"
        f"{hole.end:#x} ({size(hole.end - hole.start)}) inside what line {hole.mapped_line} "
        f"mapped for {model.origin_name(hole.origin)}; {filled}"
    )


def _reservations(model, rows):
    total = sum(one.end - one.start for one in model.reservations)
    used = sum(one.used for one in model.reservations)
    unused = model.unused()
    never = sum(one.end - one.start for one in unused)
    yield (
        f"  reservations {count(len(model.reservations))} ({size(total)}) made without access, "
        f"{size(used)} of them ever used; {count(len(unused))} ({size(never)}) not at all"
    )
    for one in unused[:rows]:
        yield f"    {reservation_line(model, one)}"
    yield from _more(len(unused), rows)


def reservation_line(model, one):
    held = f"{size(one.held)} still held" if one.held else "given back or replaced"
    return (
        f"line {one.line}: thread {pid(model, one.task)} reserved {one.start:#x}-{one.end:#x} "
        f"({size(one.end - one.start)}), never used; {held}"
    )


def _more(number, rows):
    if number > rows:
        yield f"    ... and {count(number - rows)} more (--rows)"


def as_json(history, model, most_mappings):
    return {
        "name": history.name,
        "lines": history.lines,
        "kinds_of_lines": history.counts,
        "unreadable": [
            {"line": line, "reason": reason, "text": text}
            for line, reason, text in history.unreadable
        ],
        "unfinished": history.unfinished,
        "page_bytes": model.page_bytes,
        "max_map_count": most_mappings,
        "threads": [
            {"pid": task.pid, "process": model.tasks[task.process].pid, "line": task.line}
            for task in model.tasks
        ],
        "spaces": [_space_json(model, index) for index in model.busy_spaces()],
        "overwrites": [_overwrite_json(model, one) for one in model.overwrites],
        "replaced_by_holder": {"ranges": model.own, "bytes": model.own_bytes},
        "holes": [
            {
                "line": hole.line,
                "pid": pid(model, hole.task),
                "start": hex(hole.start),
                "bytes": hole.end - hole.start,
                "mapped_line": hole.mapped_line,
                "of": model.origin_name(hole.origin),
                "filled_line": hole.filled_line,
                "filled_by": model.origin_name(hole.filled_by),
            }
            for hole in model.holes
        ],
        "unmapped_nothing": [{"line": line, "pid": pid(model, t)} for line, t in model.vain],
        "reservations": [
            {
                "line": one.line,
                "pid": pid(model, one.task),
                "start": hex(one.start),
                "bytes": one.end - one.start,
                "used_bytes": one.used,
                "held_bytes": one.held,
            }
            for one in model.reservations
        ],
        "odd": [{"line": line, "why": why} for line, why in model.oddities],
        "untold": model.untold,
        "reordered": model.reordered,
        "inferred": model.inferred,
    }


def _space_json(model, index):
    space = model.spaces[index]
    return {
        "process": model.tasks[space.process].pid,
        "line": space.line,
        "peaks": {
            name: {"value": getattr(space, name).value, "line": getattr(space, name).line}
            for name in ("mappings", "ranges", "bytes", "accessible", "reserved")
        },
        "gaps_at_end": len(model.gaps(index)),
        "bytes_at_end": space.map.bytes,
    }


def _overwrite_json(model, one):
    return {
        "line": one.line,
        "pid": pid(model, one.task),
        "how": one.how,
        "start": hex(one.start),
        "bytes": one.end - one.start,
        "accessible": one.accessible,
        "held": model.origin_name(one.held),
        "held_lines": one.held_lines,
        "holder_ended": one.holder_gone,
        "now": model.origin_name(one.now),
    }
