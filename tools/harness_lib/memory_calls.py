# SPDX-License-Identifier: MIT
"""The system calls that change mappings: what their flags are called, as strace writes
them. The values are those of Linux on x86-64 and aarch64."""

PROTECTIONS = {"PROT_READ": 1, "PROT_WRITE": 2, "PROT_EXEC": 4}
MAP_FLAGS = {
    "MAP_SHARED": 0x1,
    "MAP_PRIVATE": 0x2,
    "MAP_FIXED": 0x10,
    "MAP_ANONYMOUS": 0x20,
    "MAP_GROWSDOWN": 0x100,
    "MAP_LOCKED": 0x2000,
    "MAP_NORESERVE": 0x4000,
    "MAP_POPULATE": 0x8000,
    "MAP_STACK": 0x20000,
    "MAP_HUGETLB": 0x40000,
    "MAP_FIXED_NOREPLACE": 0x100000,
}
REMAP_FLAGS = {"MREMAP_MAYMOVE": 1, "MREMAP_FIXED": 2, "MREMAP_DONTUNMAP": 4}
ATTACH_FLAGS = {"SHM_RDONLY": 0o10000, "SHM_RND": 0o20000, "SHM_REMAP": 0o40000}
ADVICE = {
    "MADV_NORMAL": 0,
    "MADV_RANDOM": 1,
    "MADV_SEQUENTIAL": 2,
    "MADV_WILLNEED": 3,
    "MADV_DONTNEED": 4,
    "MADV_FREE": 8,
    "MADV_REMOVE": 9,
    "MADV_DONTFORK": 10,
    "MADV_DOFORK": 11,
    "MADV_MERGEABLE": 12,
    "MADV_UNMERGEABLE": 13,
    "MADV_HUGEPAGE": 14,
    "MADV_NOHUGEPAGE": 15,
    "MADV_DONTDUMP": 16,
    "MADV_DODUMP": 17,
    "MADV_WIPEONFORK": 18,
    "MADV_KEEPONFORK": 19,
    "MADV_COLD": 20,
    "MADV_PAGEOUT": 21,
    "MADV_POPULATE_READ": 22,
    "MADV_POPULATE_WRITE": 23,
    "MADV_DONTNEED_LOCKED": 24,
    "MADV_COLLAPSE": 25,
    "MADV_GUARD_INSTALL": 102,
    "MADV_GUARD_REMOVE": 103,
}
ADVICE_NAMES = {value: name for name, value in ADVICE.items()}
_WORD = 1 << 64


def flags(value, names, none="0"):
    """The names of the bits of `value`, joined by |, what has none as a number."""
    words = [name for name, bit in names.items() if value & bit]
    rest = value & ~sum(names.values())
    if rest:
        words.append(hex(rest))
    return "|".join(words) or none


def _signed(value):
    return str(value - _WORD if value >= _WORD // 2 else value)


def _address(value):
    return hex(value) if value else "NULL"


def _protection(value):
    return flags(value, PROTECTIONS, none="PROT_NONE")


def _map_flags(value):
    return flags(value, MAP_FLAGS)


def _remap_flags(value):
    return flags(value, REMAP_FLAGS)


def _attach_flags(value):
    return flags(value, ATTACH_FLAGS)


def _advice(value):
    return ADVICE_NAMES.get(value, str(value))


_SHAPES = {
    "mmap": (_address, str, _protection, _map_flags, _signed, hex),
    "munmap": (_address, str),
    "mremap": (_address, str, str, _remap_flags, _address),
    "mprotect": (_address, str, _protection),
    "pkey_mprotect": (_address, str, _protection, _signed),
    "madvise": (_address, str, _advice),
    "process_madvise": (_signed, _address, str, _advice, str),
    "brk": (_address,),
    "shmat": (_signed, _address, _attach_flags),
    "remap_file_pages": (_address, str, _protection, str, _map_flags),
    "mseal": (_address, str, str),
}


def text_of(name, arguments):
    """A call with its arguments, numbers as the kernel gets them."""
    shape = _SHAPES.get(name, (hex,) * len(arguments))
    if name == "mremap" and not arguments[3] & REMAP_FLAGS["MREMAP_FIXED"]:
        shape = shape[:4]
    words = (show(value) for show, value in zip(shape, arguments))
    return f"{name}({', '.join(words)})"
