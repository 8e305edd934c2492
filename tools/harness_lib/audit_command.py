# SPDX-License-Identifier: MIT
"""tools/harness audit: what a recorded program did to its address space."""

from pathlib import Path

from harness_lib import audit_history, audit_html, audit_reader, audit_text, workspace
from harness_lib.argument_types import at_least_zero

SUMMARY = """Reads recorded mapping histories, plain or gzipped, and says who overwrote whom, what
holes and unused reservations there were, and the peaks."""
RECORD = "Record one with strace -f -e trace=%memory,%process -o HISTORY PROGRAM."
MAX_MAP_COUNT = Path("/proc/sys/vm/max_map_count")
DEFAULT_MAX_MAP_COUNT = 65530


def add_options(audit):
    audit.description = f"{SUMMARY}\n{RECORD}"
    audit.add_argument("files", metavar="HISTORY", nargs="+")
    audit.add_argument(
        "--html", metavar="OUT", help="write a page of address space over time too"
    )
    audit.add_argument(
        "--rows",
        type=at_least_zero,
        default=20,
        metavar="N",
        help="of each finding in the text (default %(default)s)",
    )
    audit.add_argument(
        "--strict", action="store_true", help="exit code 1 when anything was overwritten"
    )


def most_mappings():
    """vm.max_map_count of this system: the recorded one's is in no history."""
    try:
        return max(1, int(MAX_MAP_COUNT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return DEFAULT_MAX_MAP_COUNT


def audit(options):
    most = most_mappings()
    audits = []
    for path in options.files:
        history = audit_reader.read_file(path)
        if not history.events:
            raise workspace.EnvironmentProblem(
                f"audit: {path}: no call in it can be read: is it strace's output?"
            )
        model = audit_history.build(history)
        audits.append((history, model))
        for line in audit_text.lines(history, model, most, options.rows):
            print(line)
    if options.html is not None:
        write_page(options.html, audit_html.render(audits, most))
        print(f"page: {options.html}")
    overwritten = sum(len(model.overwrites) for _, model in audits)
    code = workspace.VIOLATION if options.strict and overwritten else workspace.GOOD
    workspace.write_json(
        options.json,
        {
            "command": "audit",
            "verdict": workspace.VERDICTS[code],
            "histories": [audit_text.as_json(h, m, most) for h, m in audits],
        },
    )
    if options.strict:
        word = "VIOLATION" if code else "GOOD"
        print(f"{word}: {audit_text.some(overwritten, 'range')} overwritten")
    return code


def write_page(path, text):
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise workspace.EnvironmentProblem(f"cannot write {path}: {error.strerror}") from error
