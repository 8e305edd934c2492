# SPDX-License-Identifier: MIT
"""The installed tree, as a tar whose paths begin at the prefix."""

import io
import re
import tarfile

# Equal contents make an equal tar, whoever makes it and when.
_MODE = 0o644
_EPOCH = 0


class Tree:
    """Files and links, by their paths below the prefix."""

    def __init__(self):
        self.files = {}
        self.links = {}

    def add(self, path, contents):
        self._refuse_known(path)
        self.files[path] = contents if isinstance(contents, bytes) else contents.encode()

    def link(self, path, target):
        self._refuse_known(path)
        self.links[path] = target

    def _refuse_known(self, path):
        if path in self.files or path in self.links:
            raise ValueError(f"{path}: twice in the tree")

    def write(self, file):
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted([*self.files, *self.links]):
                entry = tarfile.TarInfo(path)
                entry.mtime, entry.mode = _EPOCH, _MODE
                if path in self.links:
                    entry.type, entry.linkname = tarfile.SYMTYPE, self.links[path]
                    tar.addfile(entry)
                else:
                    entry.size = len(self.files[path])
                    tar.addfile(entry, io.BytesIO(self.files[path]))


def fill(template, values):
    """`template` with each @NAME@ replaced."""
    return re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], template)


def series(version):
    """The part of a version within which the interface stays compatible."""
    return version.rpartition(".")[0]


def add_libraries(tree, shared, archive, version, abi):
    real = f"libmmapper.so.{version}"
    tree.add(f"lib/{real}", shared)
    tree.link(f"lib/libmmapper.so.{abi}", real)
    tree.link("lib/libmmapper.so", f"libmmapper.so.{abi}")
    tree.add("lib/libmmapper.a", archive)


def program(readme):
    """The first C program of the README."""
    return re.search(r"^```c\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)[1].rstrip("\n")
