# SPDX-License-Identifier: MIT
"""What each operation of mmapper/atomic.h becomes on 64-bit Arm, against the table in
mmapper/atomic_aarch64.txt: no test on x86, and no emulator on x86, sees a barrier that is
missing there."""

import re
import subprocess
import tempfile
from pathlib import Path

TABLE = "mmapper/atomic_aarch64.txt"
_TARGET = "aarch64-linux-gnu"
_MACHINE = "third_party/ck/aarch64"  # Concurrency Kit's description of it
_COMPILE = ["clang-19", f"--target={_TARGET}", "-std=c17", "-O2", "-I.", "-isystem", _MACHINE]
_WIDTHS = (16, 32, 64)
_ORDERS = {
    "load": ("relaxed", "acquire", "seq_cst"),
    "store": ("relaxed", "release"),
    "cas": ("relaxed", "acquire", "release", "acq_rel", "seq_cst"),
    "fetch_add": ("relaxed", "release", "seq_cst"),
}
_GROUPS = {"load": ("acquire", "seq_cst"), "cas": ("release", "seq_cst")}
_BODIES = {
    "load": ("uint{w}_t", "const mm_atomic_u{w} *a", "return {name}(a)"),
    "store": ("void", "mm_atomic_u{w} *a, uint{w}_t v", "{name}(a, v)"),
    "cas": ("bool", "mm_atomic_u{w} *a, uint{w}_t e, uint{w}_t v", "return {name}(a, e, v)"),
    "fetch_add": ("uint{w}_t", "mm_atomic_u{w} *a, uint{w}_t v", "return {name}(a, v)"),
    "load_group": ("uint64_t", "const mm_atomic_u16 *a", "return {name}(a)"),
    "cas_group": ("unsigned", "mm_atomic_u16 *a, uint16_t e, uint16_t v", "return {name}(a, e, v)"),
}
# Accesses and barriers; a call can only be one of the compiler's helpers.
_MEMORY = re.compile(r"^(?:ld\w*|st\w*|cas\w*|swp\w*|dmb\s+\w+|dsb\s+\w+|isb|bl\s.*)")
_HELPER = re.compile(r"<(\w+)>")


def operations():
    """name -> (return type, parameters, body)"""
    found = {}
    for kind, orders in _ORDERS.items():
        for order in orders:
            for width in _WIDTHS:
                name = f"mm_{kind}_{order}_u{width}"
                found[name] = [text.format(w=width, name=name) for text in _BODIES[kind]]
    for kind, orders in _GROUPS.items():
        for order in orders:
            name = f"mm_{kind}_{order}_u16_group"
            found[name] = [text.format(name=name) for text in _BODIES[f"{kind}_group"]]
    return found


def _source():
    lines = ['#include "mmapper/atomic.h"']
    for name, (result, parameters, body) in operations().items():
        lines.append(f"{result} out_{name}({parameters}) {{ {body}; }}")
    return "\n".join(lines) + "\n"


def disassembled(text):
    """name -> "ldr; dmb ish", of what objdump says."""
    found = {}
    name = None
    for line in text.splitlines():
        begin = re.match(r"^[0-9a-f]+ <out_(\w+)>:", line)
        if begin:
            name = begin[1]
            found[name] = []
        fields = line.split("\t")
        if name is None or len(fields) < 2:
            continue
        instruction = " ".join(fields[1:]).strip()
        if "[sp" in instruction:
            continue  # registers kept over a call
        word = _MEMORY.match(instruction)
        if instruction.startswith("bl "):
            helper = _HELPER.search(line)
            found[name].append(helper[1] if helper else instruction)
        elif word:
            found[name].append(word[0].split()[0] if "dmb" not in word[0] else word[0])
    return {name: "; ".join(words) for name, words in found.items()}


def read_table(text):
    table = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, words = line.partition(" ")
            table[name] = words.strip()
    return table


def compiled(root):
    """(name -> instructions, None), or (None, what went wrong)"""
    with tempfile.TemporaryDirectory() as folder:
        made = str(Path(folder, "orders.o"))
        commands = [
            (_COMPILE + ["-x", "c", "-c", "-o", made, "-"], _source()),
            ([f"{_TARGET}-objdump", "-dr", "--no-show-raw-insn", made], None),
        ]
        for argv, text in commands:
            try:
                result = subprocess.run(
                    argv, cwd=root, input=text, capture_output=True, text=True, check=False
                )
            except FileNotFoundError:
                return None, f"{argv[0]} is not installed"
            if result.returncode != 0:
                return None, f"mmapper/atomic.h for {_TARGET}:\n{result.stderr}"
    return disassembled(result.stdout), None


def compare(table, found):
    problems = []
    for name in sorted(table.keys() | found.keys()):
        if name not in found:
            problems.append(f"{TABLE}: {name} is no operation of mmapper/atomic.h")
        elif table.get(name) != found[name]:
            problems.append(
                f"{TABLE}: {name} is `{found[name]}`, not `{table.get(name, 'listed')}`"
            )
    return problems


def check(root):
    table = Path(root, TABLE)
    if not table.exists():
        return [f"{TABLE}: missing"]
    found, problem = compiled(root)
    if problem:
        return [problem]
    return compare(read_table(table.read_text(encoding="utf-8")), found)
