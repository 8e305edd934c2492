# SPDX-License-Identifier: MIT
"""An address space as JSON. Addresses are strings: they do not fit every reader's numbers."""

from harness_lib import map_layout, workspace


def document(view, ranges, code):
    return {
        "command": "map",
        "verdict": workspace.VERDICTS[code],
        "pid": view.pid,
        "program": view.command,
        "notes": view.notes,
        "mappers": [mapper(dump) for dump in view.dumps],
        "owners": [owner(one) for one in view.owners],
        "ranges": [one_range(part) for part in ranges],
    }


def mapper(dump):
    return {
        "prefix": dump.prefix,
        "process": dump.process or None,
        "known_by_names_only": dump.guessed,
        "window": extent(*dump.window),
        "chunk_bytes": dump.chunk,
        "page_bytes": dump.page,
        "statistics": dump.statistics,
    }


def extent(start, end):
    return {"start": f"{start:#x}", "end": f"{end:#x}"}


def owner(one):
    return {
        "mapper": one.mapper,
        "number": one.number,
        "kind": one.kind,
        "name": one.name,
        "strategy": one.ranges[0].run.strategy,
        "reserved_bytes": one.total(),
        "mapped_bytes": one.total(map_layout.is_committed),
        "resident_bytes": one.memory("resident"),
        "huge_bytes": one.memory("huge"),
    }


def one_range(part):
    found = {**extent(part.start, part.end), "bytes": part.bytes, "state": part.state}
    if part.owner:
        found["owner"] = part.owner.index
    if part.mapping:
        found["kernel"] = {"access": part.mapping.access, "name": part.mapping.name}
    if part.resident is not None:
        found["resident_bytes"], found["huge_bytes"] = part.resident, part.huge
    if part.marks:
        found["marks"] = [
            {"kind": item.kind, "text": item.text, "note": item.note} for item in part.marks
        ]
    return found
