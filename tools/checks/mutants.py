# SPDX-License-Identifier: MIT
"""The planted bugs of stress/mutants: each says what it is, and applies to the sources."""

from pathlib import Path

from checks import sources
from mutation import diff, planted, survivors

FOLDER = "stress/mutants"


def check(root):
    problems = []
    paths = planted.files(Path(root, FOLDER))
    if not paths:
        problems.append(f"{FOLDER}: no planted bug was found")
    for path in paths:
        problems += [f"{FOLDER}/{path.name}: {problem}" for problem in _patch(root, path)]
    return problems + _survivors(root)


def _patch(root, path):
    try:
        patch = planted.load(path)
        planted.check(patch)
        for file in patch.files:
            source = Path(root, file.path)
            text = source.read_text(encoding="utf-8") if source.exists() else None
            if diff.apply(file, text) == text:
                return [f"{file.path}: changes nothing"]
    except (planted.PatchError, diff.DiffError) as error:
        return [str(error)]
    return []


def _survivors(root):
    """What is explained must at least be a function that there is."""
    path = Path(root, FOLDER, "survivors.txt")
    if not path.exists():
        return []
    try:
        explained = survivors.parse(path.read_text(encoding="utf-8"))
    except survivors.SurvivorsError as error:
        return [f"{FOLDER}/{path.name}: {error}"]
    problems = []
    for name in explained:
        file, function = (name.split(":") + ["", ""])[:2]
        source = Path(root, file)
        known = sources.functions(source.read_text(encoding="utf-8")) if source.is_file() else []
        if all(one.name != function for one in known):
            problems.append(f"{FOLDER}/{path.name}: {name}: there is no such function")
    return problems
