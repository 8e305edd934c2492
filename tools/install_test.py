# SPDX-License-Identifier: MIT
"""tools/harness install: where it installs, what it refuses, and that a failure changes
nothing."""

import io
import os
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness_lib import install_command, workspace


class InstallTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.prefix = self.folder / "prefix"

    def tar(self, **files):
        """lib/NAME=TEXT for each; a text that begins with > is where a link leads."""
        path = self.folder / "tar"
        with tarfile.open(path, "w") as tar:
            for name, text in files.items():
                entry = tarfile.TarInfo(f"lib/{name}")
                entry.mode = 0o644
                if text.startswith(">"):
                    entry.type, entry.linkname = tarfile.SYMTYPE, text[1:]
                else:
                    entry.size = len(text)
                tar.addfile(entry, io.BytesIO(text.encode()))
        return path

    def installed(self):
        return {
            str(path.relative_to(self.prefix)): path.read_text(encoding="utf-8")
            for path in self.prefix.rglob("*")
            if path.is_file()
        }

    def expect_refusal(self, words, function, *arguments):
        with self.assertRaisesRegex(workspace.EnvironmentProblem, words):
            function(*arguments)

    def test_destination(self):
        for prefix, destdir, expected in (
            (f"{self.folder}/a/../prefix/", "", self.prefix),
            (str(self.prefix), str(self.folder), f"{self.folder}{self.prefix}"),
        ):
            found = install_command.destination(prefix, destdir)
            self.assertEqual(found, Path(expected))

    def test_relative(self):
        known = os.path.abspath("here/x")
        self.expect_refusal(
            f"--prefix here/x is not an absolute path.*{known}",
            install_command.destination,
            "here/x",
            "",
        )
        self.expect_refusal("--destdir y", install_command.destination, "/usr", "y")
        self.expect_refusal("--prefix is empty", install_command.destination, "", "/y")

    def test_no_folder(self):
        file = self.folder / "file"
        file.write_text("text", encoding="utf-8")
        self.expect_refusal(
            f"cannot install {file}/x: {file} is no folder",
            install_command.destination,
            f"{file}/x",
            "",
        )

    def test_no_permission(self):
        with mock.patch("os.access", return_value=False):
            self.expect_refusal(
                f"cannot install {self.prefix}: no permission to write in {self.folder}",
                install_command.destination,
                str(self.prefix),
                "",
            )
        self.assertFalse(self.prefix.exists())

    def test_install(self):
        names = install_command.unpack(self.tar(a="one", b=">a"), self.prefix)
        self.assertEqual(names, ["lib/a", "lib/b"])
        self.assertEqual(self.installed(), {"lib/a": "one", "lib/b": "one"})
        self.assertEqual(os.readlink(self.prefix / "lib/b"), "a")
        self.assertEqual((self.prefix / "lib/a").stat().st_mode & 0o777, 0o644)

    def test_again(self):
        install_command.unpack(self.tar(a="one", b=">a"), self.prefix)
        (self.prefix / "lib/mine").write_text("mine", encoding="utf-8")
        with open(self.prefix / "lib/a", encoding="utf-8") as running:
            install_command.unpack(self.tar(a="two", b="file now"), self.prefix)
            # Who uses the old file keeps all of it.
            self.assertEqual(running.read(), "one")
        expected = {"lib/a": "two", "lib/b": "file now", "lib/mine": "mine"}
        self.assertEqual(self.installed(), expected)

    def test_folder_in_the_way(self):
        install_command.unpack(self.tar(a="one"), self.prefix)
        (self.prefix / "lib/b").mkdir()
        self.expect_refusal(
            f"cannot install {self.prefix}/lib/b: a folder is in the way",
            install_command.unpack,
            self.tar(a="two", b="two"),
            self.prefix,
        )
        self.assertEqual(self.installed(), {"lib/a": "one"})

    def test_disk_full(self):
        install_command.unpack(self.tar(a="one"), self.prefix)
        full = OSError(28, "No space left on device", "somewhere")
        with mock.patch("shutil.copyfileobj", side_effect=[None, full]):
            self.expect_refusal(
                "cannot install somewhere: No space left",
                install_command.unpack,
                self.tar(a="two", b="two"),
                self.prefix,
            )
        self.assertEqual(self.installed(), {"lib/a": "one"})

    def test_broken_tar(self):
        path = self.folder / "tar"
        path.write_bytes(b"no tar")
        self.expect_refusal("cannot install", install_command.unpack, path, self.prefix)
        self.assertFalse(self.prefix.exists())


if __name__ == "__main__":
    sys.exit(unittest.main())
