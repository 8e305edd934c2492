# SPDX-License-Identifier: MIT
"""What the production archives define and what they want from others."""

import re
import subprocess

_HOOK = re.compile(
    r"(^|_)(sim|fault|test|fake|mock|hook|inject|schedule[rd]?|oracle)(_|$)"
    r"|^address_map|^checked_|^__(asan|tsan|ubsan|sanitizer|sancov)|^urcu|^cds_",
    re.IGNORECASE,
)
# What a runtime links next to its own names: everything global says where it is from.
_OURS = {
    "mmapper": re.compile(r"^(mm|mmapper|mmap_support)_"),
    "bindings": re.compile(r"^mmtk_"),
    "spaces": re.compile(
        r"^(chunk_set|freelist_(?:sizes|space|stripe|table)|immortal_(?:space|window)|raw_memory_freelist"
        r"|side_metadata|space_error|space_map|space_placement|space)_"
    ),
}
_MAPPING_SUPPORT = (
    "getrlimit ioctl madvise mmap mprotect munmap prctl pthread_setcancelstate sysconf syscall "
)
_C_LIBRARY = """
    __errno_location __stack_chk_fail abort close getpid open read sched_yield write
    bcmp memchr memcmp memcpy memmove memset
    strchr strcmp strlen strncmp strncpy strnlen strspn strstr strtoul strtoull
    snprintf vsnprintf
    __memcpy_chk __memmove_chk __memset_chk __strncpy_chk __snprintf_chk __vsnprintf_chk
    __open_2 __read_chk
"""
# The mapper neither allocates nor locks.
MAPPER = frozenset((_MAPPING_SUPPORT + _C_LIBRARY).split())
# Spaces and bindings hold their descriptions on the heap and map memory through the mapper only.
SPACES = frozenset(f"{_C_LIBRARY} calloc free".split())
# One of them has locks, which its header documents, and chooses one by the processor.
_LOCKS = frozenset(
    ["sched_getcpu"]
    + [f"pthread_mutex_{name}" for name in "init lock trylock unlock destroy".split()]
)


def _layer(archive):
    for layer in ("spaces", "bindings"):
        if f"/{layer}/" in f"/{archive}":
            return layer
    return "mmapper"


def _expected(archive):
    if _layer(archive) == "mmapper":
        return MAPPER
    return SPACES | _LOCKS if "freelist_space" in archive else SPACES


def _symbols(archive):
    """(defined, undefined) global names of an archive or object."""
    result = subprocess.run(
        ["nm", "--extern-only", "--format=posix", archive],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise OSError(f"{archive}: nm failed: {result.stderr.strip()}")
    defined, undefined = set(), set()
    for line in result.stdout.splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[1]) == 1:
            (undefined if words[1] in "Uvw" else defined).add(words[0])
    return defined, undefined


def check(archives):
    """`archives` make up the production libraries together."""
    try:
        symbols = {archive: _symbols(archive) for archive in archives}
    except OSError as error:
        return [str(error)]
    everything = set().union(*(defined for defined, _ in symbols.values()))
    problems = [] if everything else ["the archives define nothing"]
    for archive, (defined, undefined) in symbols.items():
        for name in sorted(filter(_HOOK.search, defined)):
            problems.append(f"{archive}: defines {name}: a test hook in production code")
        ours = _OURS[_layer(archive)]
        for name in sorted(name for name in defined if not ours.search(name)):
            problems.append(f"{archive}: defines {name}: a global name without a prefix")
        for name in sorted(undefined - everything - _expected(archive)):
            kind = "a test hook" if _HOOK.search(name) else "not an expected symbol"
            problems.append(
                f"{archive}: needs {name}: {kind} (tools/checks/symbols.py lists those)"
            )
    return problems
