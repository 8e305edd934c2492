# SPDX-License-Identifier: MIT
"""Compiles and links without Bazel: a mutant of one source costs one compilation and one
link. Objects are kept, by their flags and by the contents of all they were made from."""

import hashlib
import json
import os
import shlex
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

COMPILER = "clang-19"
# Unreferenced functions are left out of the program: one that is the same with a mutant
# cannot notice it. No debug information, and no names of files, would tell two apart.
FLAGS = "-std=c17 -O2 -w -D_GNU_SOURCE -pthread -ffunction-sections -fdata-sections".split()
LINK_FLAGS = "-pthread -Wl,--gc-sections -Wl,--build-id=none -Wl,-s".split()
OUTPUT = "OUTPUT"
KEPT_DAYS = 14
COMPILE_SECONDS = 300


class BuildError(Exception):
    """The compiler or the linker refused."""


def first_error(text):
    lines = text.strip().splitlines() or ["no output"]
    return next((line for line in lines if "error" in line), lines[-1])


def digest(*parts):
    """One name for several byte strings."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()


def headers_of(dependencies, roots):
    """The files below `roots` that a dependency file of the compiler names, relative to
    their root, without the source itself."""
    words = dependencies.replace("\\\n", " ").partition(":")[2].split()
    found = []
    for word in words[1:]:
        for root in roots:
            if word.startswith(f"{root}/"):
                found.append(word[len(str(root)) + 1 :])
                break
    return sorted(set(found))


@dataclass
class Tree:
    """Sources: a folder, and what is changed over it, kept in a folder of its own."""

    base: Path
    overlay: Path = None
    changed: set = field(default_factory=set)

    def path(self, name):
        return (self.overlay if name in self.changed else self.base) / name

    def read(self, name):
        try:
            return self.path(name).read_bytes()
        except OSError:
            return b"\0missing"

    def write(self, name, text):
        self.changed.add(name)
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    @property
    def roots(self):
        return [root for root in (self.overlay, self.base) if root is not None]


class Builder:
    """Compiles the sources of trees over one base."""

    def __init__(self, cache, base, flags=()):
        self.cache = Path(cache)
        self.base = Tree(Path(base))
        self.flags = [*FLAGS, *flags]
        self.compiled = 0
        self._lock = threading.Lock()
        self._known = {}  # (source, flags): (object, headers), of the base
        self._contents = {}
        for folder in ("objects", "manifests"):
            (self.cache / folder).mkdir(parents=True, exist_ok=True)
        self._compiler = subprocess.run(
            [COMPILER, "--version"], capture_output=True, check=True
        ).stdout
        self._linking = {}
        self._marker = self.cache / "marker.o"
        self._marker.touch()
        self._prune()

    def _prune(self):
        oldest = time.time() - KEPT_DAYS * 24 * 3600
        for file in self.cache.glob("*/*"):
            if file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)

    def _content(self, tree, name):
        if name in tree.changed:
            return digest(tree.read(name))
        if name not in self._contents:
            self._contents[name] = digest(self.base.read(name))
        return self._contents[name]

    def manifest_key(self, tree, source, flags):
        """Names what a source was made into before, but for its headers."""
        return digest(self._compiler, "\0".join(flags), source, self._content(tree, source))

    def object_key(self, tree, manifest_key, headers):
        contents = [f"{name}={self._content(tree, name)}" for name in headers]
        return digest(manifest_key, *contents)

    def object(self, tree, source, own_flags=()):
        """(object, headers) of a source; raises BuildError."""
        place = (source, tuple(own_flags))
        known = self._known.get(place)
        if known and not tree.changed & {source, *known[1]}:
            return known
        flags = [*self.flags, *own_flags]
        key = self.manifest_key(tree, source, flags)
        made = self._find(tree, key) or self._compile(tree, source, flags, key)
        if not tree.changed:
            self._known[place] = made
        return made

    def _manifest(self, key):
        try:
            text = (self.cache / "manifests" / key).read_text(encoding="utf-8")
            return json.loads(text)
        except (OSError, ValueError):
            return []

    def _object_path(self, key):
        return self.cache / "objects" / f"{key}.o"

    def _find(self, tree, key):
        for headers in self._manifest(key):
            path = self._object_path(self.object_key(tree, key, headers))
            if path.exists():
                os.utime(path)
                os.utime(self.cache / "manifests" / key)
                return path, headers
        return None

    def _compile(self, tree, source, flags, key):
        with tempfile.TemporaryDirectory(dir=self.cache) as folder:
            made, dependencies = Path(folder, "object.o"), Path(folder, "object.d")
            argv = [COMPILER, *flags, "-c", str(tree.path(source)), "-o", str(made)]
            argv += ["-MMD", "-MF", str(dependencies)]
            for root in tree.roots:
                argv += [f"-I{root}", f"-fmacro-prefix-map={root}/="]
            run(argv)
            headers = headers_of(dependencies.read_text(encoding="utf-8"), tree.roots)
            path = self._object_path(self.object_key(tree, key, headers))
            os.replace(made, path)
            lists = [headers, *(old for old in self._manifest(key) if old != headers)]
            manifest = Path(folder, "manifest")
            manifest.write_text(json.dumps(lists[:8]), encoding="utf-8")
            os.replace(manifest, self.cache / "manifests" / key)
        with self._lock:
            self.compiled += 1
        return path, headers

    def objects(self, tree, program):
        """source: object, of all that a program is made of."""
        return {
            source: self.object(tree, source, flags)[0]
            for source, flags in program.sources.items()
        }

    def link(self, objects, program, output):
        """`output`, linked from the result of objects()."""
        output.parent.mkdir(parents=True, exist_ok=True)
        command = self._linker_command(program.linkopts)
        at = command.index(str(self._marker))
        files = [str(file) for file in objects.values()]
        command[at : at + 1] = files
        command[command.index(OUTPUT)] = str(output)
        run(command)
        return output

    def _linker_command(self, linkopts):
        """What the compiler would call to link the marker into OUTPUT: asked once, since
        starting it takes longer than linking."""
        key = tuple(linkopts)
        if key not in self._linking:
            argv = [COMPILER, "-###", str(self._marker), *LINK_FLAGS, *linkopts, "-o", OUTPUT]
            self._linking[key] = shlex.split(run(argv).strip().splitlines()[-1])
        return list(self._linking[key])


def run(argv):
    """The output; raises BuildError."""
    result = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMPILE_SECONDS,
        check=False,
    )
    output = result.stdout.decode("utf-8", "replace")
    if result.returncode != 0:
        raise BuildError(first_error(output))
    return output
