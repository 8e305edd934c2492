# SPDX-License-Identifier: MIT
"""Where mutants are built: a copy of the sources, what is changed over it, the programs."""

import contextlib
import shutil
import tempfile
from pathlib import Path

from harness_lib import workspace
from mutation import build, graph, killing

STATE = workspace.STATE / "mutants"
# Of the mapper and the spaces, without those of the test doubles themselves.
UNIT_TESTS = 'kind("cc_test rule", //mmapper:* + //spaces:*)'


class Workshop:
    """Builds the explorer with the simulated atomics, and tests as they are."""

    def __init__(self, *expressions):
        programs = graph.load(*expressions)
        self.programs = {program.label: program for program in programs}
        STATE.mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.TemporaryDirectory(dir=STATE, prefix="run-")
        self.root = Path(self._folder.name)
        self.known = {file for program in programs for file in program.files}
        for file in sorted(self.known):
            copy = self.root / "base" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(workspace.ROOT / file, copy)
        self._simulated = self._builder(killing.FLAGS)
        self._native = self._builder(())
        self.base = build.Tree(self.root / "base")

    def _builder(self, flags):
        return build.Builder(STATE / "cache", self.root / "base", flags)

    def close(self):
        self._folder.cleanup()

    @property
    def explorer(self):
        return self.programs.get(killing.LABEL)

    @property
    def tests(self):
        return [program for program in self.programs.values() if program.is_test]

    @contextlib.contextmanager
    def tree(self):
        """Sources to be changed; gone with what was built of them afterwards."""
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            yield build.Tree(self.root / "base", Path(folder))

    def builder(self, program):
        return self._simulated if program.label == killing.LABEL else self._native

    def objects(self, tree, program):
        return self.builder(program).objects(tree, program)

    def binary(self, tree, program):
        """The program, of the sources of the tree."""
        folder = (tree.overlay or self.root) / "bin"
        objects = self.objects(tree, program)
        return self.builder(program).link(objects, program, folder / program.name)

    def base_binary(self, program):
        """The program, of the unchanged sources."""
        try:
            return self.binary(self.base, program)
        except build.BuildError as error:
            raise workspace.EnvironmentProblem(
                f"{program.label} does not build unchanged: {error}"
            ) from error

    def is_same(self, binary, program):
        """Whether a mutant's binary is that of the unchanged sources, so that running it
        tells nothing."""
        original = self.root / "bin" / program.name
        if not original.exists():
            self.base_binary(program)
        return original.read_bytes() == binary.read_bytes()
