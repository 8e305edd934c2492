# SPDX-License-Identifier: MIT
"""The searches of each model: what is defined, what they must come by, how they fail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """Holds when `error` is None; otherwise fails with an error that contains it."""

    name: str
    defines: tuple = ()
    witnesses: tuple = ()
    error: str = None
    frozen: bool = False
    deep: bool = False


def _bug(name, error, *defines, frozen=False):
    return Run(name, (f"BUG_{name}", *defines), error=error, frozen=frozen)


END_STATE = "invalid end state"

_CHUNK_FAULTS = ("EEXIST", "ENOMEM", "HALF_COMMITTED")
_CHUNK_RACES = (
    "BUSY_PINNED",
    "CLAIM_LOST",
    "COMMITTED_INTO_A_CLAIM",
    "COMMIT_LOST",
    "HELPED",
    "OWN_TRANSIENT",
    "PREFIX_UNDONE",
    "WAITED",
)
_CHUNK_ALL = (
    *_CHUNK_FAULTS,
    *_CHUNK_RACES,
    "HALF_DECOMMITTED",
    "RELEASE_REFUSED",
    "TRANSFERRED",
)
_CHUNK_EXTERNAL = (*_CHUNK_FAULTS, "CLAIM_LOST", "OWN_TRANSIENT", "PREFIX_UNDONE", "WAITED")

_CHUNK = (
    Run("three-threads", witnesses=_CHUNK_ALL),
    Run("any-two-calls", ("WIDE=1", "THREADS=2", "CHUNKS=3"), _CHUNK_ALL),
    Run("external", ("EXTERNAL",), _CHUNK_EXTERNAL),
    Run("one-frozen", ("FREEZE",), _CHUNK_RACES, frozen=True),
    Run("three-threads-external", ("WIDE=1", "EXTERNAL"), _CHUNK_EXTERNAL, deep=True),
    Run("three-threads-3-chunks", ("CHUNKS=3",), _CHUNK_ALL, deep=True),
    _bug("BLIND_CLAIM", "kernel[i]==0"),
    _bug("UNDO_ALL", "verdict=="),
    _bug("NO_ROLLBACK", "!((((chunk[c]&15)=="),
    _bug("EARLY_MAPPED", "committed[first]"),
    _bug("NO_PINS", "kernel[i]==me"),
    _bug("MAP_FIXED", "kernel[i]==0"),
    _bug("EEXIST_IS_OURS", "kernel[i]==(next>>4)"),
    _bug("DECOMMIT_UNDONE", "committed[i]"),
    _bug("RELEASE_EARLY", "kernel[i]==0"),
    _bug("DIRECT_ADOPT", "promised[c]==0", "EXTERNAL"),
    _bug("WAIT_FOR_ANYONE", "waits_for[c]!=0", "FREEZE", frozen=True),
)

_REGION_RACES = (
    "LOOKUP_DURING_CHANGE",
    "PREFIX_UNDONE",
    "REGION_SPLIT",
    "SLOT_LOST",
    "SPLIT_LOST",
    "WHOLE_REGION_SWAPPED",
    "WORD_LOST",
)
_TABLE = "truth[c]=="

_REGION = (
    Run("two-owners", witnesses=_REGION_RACES),
    Run("one-owner", ("OTHER=1",), _REGION_RACES),
    Run("two-calls-each", ("CALLS=2",), _REGION_RACES, deep=True),
    _bug("BASE_LOST", _TABLE),
    _bug("BLIND_SPLIT", _TABLE),
    _bug("SPLIT_IGNORED", _TABLE),
    _bug("SPLIT_IS_CLAIM", _TABLE),
    _bug("UNMAPPED_AS_ZERO", _TABLE),
    _bug("SLOTS_COPIED", _TABLE),
    _bug("REUNIFIED", "truths_seen&"),
)

_PINS_RACES = (
    "BUSY_PINNED",
    "CLAIM_LOST",
    "COMMITTED_INTO_A_CLAIM",
    "HELPED",
    "RELEASED",
    "STALE_LOAD",
)
_PINS_WAITING = ("BUSY_PINNED", "HELPED", "STALE_LOAD", "WAITING")
_FOREIGN = "holder==1"

_PINS = (
    Run("two-helpers", witnesses=_PINS_RACES),
    Run("waiting", ("WAITING",), _PINS_WAITING),
    _bug("PIN_ACQ_REL", _FOREIGN),
    _bug("LOOK_ACQUIRE", _FOREIGN),
    _bug("CLAIM_ACQ_REL", _FOREIGN),
    _bug("SPLIT_ACQ_REL", _FOREIGN),
    _bug("PINS_ACQUIRE", _FOREIGN),
    _bug("LOOK_BEFORE_PIN", _FOREIGN),
    _bug("PINS_BEFORE_CLAIM", _FOREIGN),
    _bug("UNPIN_EARLY", _FOREIGN),
    _bug("NO_PINS_READ", _FOREIGN),
    _bug("WAIT_PINNED", END_STATE, "WAITING"),
)

MODELS = {"chunk": _CHUNK, "region": _REGION, "pins": _PINS}
