# SPDX-License-Identifier: MIT
"""Who may name what: atomics, system calls, private headers."""

import re

from checks import sources

PUBLIC = {"mmapper/mmapper.h", "mmapper/mmap_support.h", "mmapper/extent.h"}
# Not public, but of the whole repository.
SHARED = {"mmapper/atomic.h", "mmapper/check.h"}

_FOLDERS = (
    "mmapper",
    "spaces",
    "fuzz",
    "stress",
    "bench",
    "guard",
    "examples",
    "bindings",
)

_ATOMICS = re.compile(
    r"\b(?:_Atomic|__atomic_\w+|__sync_\w+|atomic_(?:load|store|exchange|compare_exchange"
    r"|fetch|flag|init|thread_fence|signal_fence)\w*|ck_\w+)\b"
    r"|#\s*include\s*<(?:stdatomic|threads|ck_\w+)\.h>"
)
_ATOMICS_HERE = re.compile(r"mmapper/atomic\.h|mmapper/testing/atomic_sim\w*\.[ch]")
# What users copy has the atomics of the language, as their own code does: the
# repository's are not installed.
_C11_ATOMICS_HERE = re.compile(r"examples/.*")
_CONCURRENCY_KIT = re.compile(r"\bck_\w+\b|#\s*include\s*<ck_\w+\.h>")

_MAPPING = re.compile(
    r"\b(?:mmap|mmap64|munmap|mprotect|pkey_mprotect|madvise|posix_madvise|mremap|prctl"
    r"|mseal|brk|sbrk)\s*\("
    r"|\bSYS_(?:mmap|munmap|mprotect|madvise|mremap|prctl|mseal|brk)\b"
    r"|#\s*include\s*<sys/(?:mman|prctl)\.h>"
)
_MAPPING_HERE = re.compile(
    r"mmapper/(?:mmap_support_linux|linux_pages)\.c|mmapper/testing/.*|stress/.*|.*_test\.c|.*foreign.*"
    r"|bench/(?:bare|support)\.c"
    # The guard stands in for these calls; its demonstrations make them on purpose.
    r"|guard/(?:guard|interpose|ranges|reach|record|bypass_kinds|bypass_demo|quiet_demo)\.c"
    # The memory that the collector is compared with, without a mapper.
    r"|examples/collector/bare_memory\.c"
)

# Built for tests only, by a rule that makes the product too.
_ORACLES = {"examples/jemalloc/preload_checked.c"}

_URCU = re.compile(r"#\s*include\s*<urcu[^>]*>")
_URCU_HERE = re.compile(r"stress/.*")

_RULES = [
    (
        _ATOMICS,
        re.compile(f"{_ATOMICS_HERE.pattern}|{_C11_ATOMICS_HERE.pattern}"),
        "atomics only through mmapper/atomic.h",
    ),
    (
        _CONCURRENCY_KIT,
        re.compile(r"(?!examples/).*"),
        "an example has the atomics of the language",
    ),
    (
        _MAPPING,
        _MAPPING_HERE,
        "only mmapper/mmap_support_linux.c and linux_pages.c map memory (foreign code in tests and "
        "stress, the bare calls that bench compares with, and the guard, which stands "
        "in for such calls, excepted)",
    ),
    (_URCU, _URCU_HERE, "liburcu is the witness of stress/, nothing else links it"),
]

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def check(root):
    problems = []
    found = sources.find_c(root, *_FOLDERS)
    for source in found:
        problems += _names(source) + _includes(source)
    if not found:
        problems.append(f"{root}: no source was found")
    return problems


def _names(source):
    problems = []
    code = sources.code_only(source.text)
    for pattern, here, rule in _RULES:
        if here.fullmatch(source.path):
            continue
        for match in pattern.finditer(code):
            word = match[0].rstrip(" (")
            problems.append(
                f"{source.path}:{source.line_of(match.start())}: `{word}`: {rule}"
            )
    return problems


def _includes(source):
    problems = []
    code = sources.code_only(source.text, keep_includes=True)
    for match in _INCLUDE.finditer(code):
        reason = _forbidden(source, match[1])
        if reason:
            problems.append(
                f'{source.path}:{source.line_of(match.start())}: includes "{match[1]}": '
                f"{reason}"
            )
    return problems


def _forbidden(source, included):
    """Why `source` may not include `included`, or None."""
    folder = source.path.split("/")[0]
    if "/" not in included:
        return 'write the path from the workspace, as in "mmapper/extent.h"'
    target = included.split("/")[0]
    if folder == "mmapper":
        if target != "mmapper":
            return "the mapper knows nothing above it"
        if included.startswith("mmapper/testing/") and not (
            source.is_test or _ATOMICS_HERE.fullmatch(source.path)
        ):
            return "production code holds no test double"
        return None
    if folder == "examples" and included in SHARED:
        return "not installed: an example has public headers only"
    if target == "mmapper" and included not in PUBLIC | SHARED:
        if not included.startswith("mmapper/testing/"):
            return "a private header of the mapper"
        if folder in ("spaces", "bindings", "examples") and not (
            source.is_test or source.path in _ORACLES
        ):
            return "production code holds no test double"
    if folder == "spaces" and target not in ("mmapper", "spaces"):
        return "the spaces know nothing above them"
    if folder == "bindings" and target not in ("mmapper", "spaces", "bindings"):
        return "the bindings know nothing above them"
    return None
