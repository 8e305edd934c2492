# SPDX-License-Identifier: MIT
"""The installed tree, as its users meet it: programs are built out of tree, from a prefix
that was moved, and run. The tar and the programs are those of //packaging."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from harness_lib import install_command
from package_lib import version_script

PACKAGING = Path(__file__).parent.parent / "packaging"
TAR = PACKAGING / "mmapper.tar"
MAP = PACKAGING / "mmapper.map"
CONSUMER = PACKAGING / "consumer"
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
C = ["gcc-12", "-std=c11", *WARNINGS]

FOLDER = Path(tempfile.mkdtemp())
PREFIX = FOLDER / "moved"


def setUpModule():
    first = FOLDER / "first"
    install_command.unpack(TAR, first)
    first.rename(PREFIX)


def tearDownModule():
    shutil.rmtree(FOLDER)


def run(*argv, code=0, **environment):
    """What a command says; fails with that unless it ends with `code`."""
    result = subprocess.run(
        argv,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    command = " ".join(map(str, argv))
    if result.returncode != code:
        raise AssertionError(f"{command}: exit code {result.returncode}\n{result.stdout}")
    return result.stdout


def pkg_config(*arguments):
    text = run("pkg-config", *arguments, "mmapper", PKG_CONFIG_PATH=f"{PREFIX}/lib/pkgconfig")
    return text.split()


def exported():
    """{symbol: (node, line)} of the version script."""
    return version_script.read(MAP.name, MAP.read_text(encoding="utf-8"))


def soname():
    dynamic = run("readelf", "--dynamic", "--wide", PREFIX / "lib/libmmapper.so")
    return re.search(r"\(SONAME\).*\[(.*)\]|$", dynamic)[1]


def needed(file):
    """The shared libraries that a file wants."""
    dynamic = run("readelf", "--dynamic", "--wide", file)
    return re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)


class ProgramTest(unittest.TestCase):
    """Programs that the test builds."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=FOLDER))
        self.program = self.folder / "program"

    def expect_to_work(self, program, libraries):
        found = [name for name in needed(program) if not name.startswith("libstdc++")]
        # g++ links these two by habit, whether they are used or not.
        found = [name for name in found if name not in ("libm.so.6", "libgcc_s.so.1")]
        self.assertEqual(sorted(found), sorted(libraries))
        said = run(program, LD_LIBRARY_PATH=f"{PREFIX}/lib")
        self.assertRegex(said, r'"objects"|objects holds')


class LibraryTest(unittest.TestCase):
    """The symbols of both libraries, against the version script."""

    SHARED = PREFIX / "lib/libmmapper.so"
    ARCHIVE = PREFIX / "lib/libmmapper.a"

    def defined(self, *options):
        text = run("nm", "--defined-only", "--format=posix", *options)
        return {line.split()[0] for line in text.splitlines() if " " in line}

    def test_exports_what_the_version_script_says(self):
        nodes = {node for node, _ in exported().values()}
        names = {f"{name}@@{node}" for name, (node, _) in exported().items()}
        self.assertEqual(self.defined("--dynamic", self.SHARED) - nodes, names)
        self.assertEqual(self.defined("--extern-only", self.ARCHIVE), set(exported()))

    def test_needs_the_c_library_only(self):
        self.assertEqual(needed(self.SHARED), ["libc.so.6"])

    def test_soname(self):
        self.assertRegex(str(soname()), r"^libmmapper\.so\.\d+$")
        link = PREFIX / "lib" / soname()
        self.assertEqual(link.resolve(), self.SHARED.resolve())

    def test_hardened(self):
        """As the compiler's defaults are: nothing writable is executable, no text relocation,
        and what is relocated cannot be written to afterwards."""
        headers = run("readelf", "--program-headers", "--dynamic", "--wide", self.SHARED)
        self.assertIn("GNU_RELRO", headers)
        self.assertIn("BIND_NOW", headers)
        self.assertNotIn("TEXTREL", headers)
        self.assertRegex(headers, r"GNU_STACK.* RW +0x")


class PkgConfigTest(ProgramTest):
    def test_shared(self):
        flags = pkg_config("--cflags", "--libs")
        run(*C, CONSUMER / "consumer.c", "-o", self.program, *flags)
        self.expect_to_work(self.program, [soname(), "libc.so.6"])

    def test_static(self):
        flags = pkg_config("--static", "--cflags", "--libs")
        run(*C, "-static", CONSUMER / "consumer.c", "-o", self.program, *flags)
        self.expect_to_work(self.program, [])

    def test_internal_names_are_free(self):
        """A program may call its own functions as the library calls its internal ones."""
        symbols = run("nm", "--defined-only", "--format=posix", LibraryTest.ARCHIVE)
        names = set(re.findall(r"^(\w+) [tT] ", symbols, re.MULTILINE)) - set(exported())
        self.assertIn("chunk_set_add", names)
        own = self.folder / "own.c"
        text = "".join(f"int {name}(void);\nint {name}(void)\n{{\n    return 0;\n}}\n" for name in names)
        own.write_text(text, encoding="utf-8")
        flags = pkg_config("--static", "--cflags", "--libs")
        run(*C, "-static", CONSUMER / "consumer.c", own, "-o", self.program, *flags)
        self.expect_to_work(self.program, [])

    def test_cpp(self):
        flags = pkg_config("--cflags", "--libs")
        for compiler in ("g++-12", "clang++-19"):
            with self.subTest(compiler):
                source = CONSUMER / "consumer.cpp"
                run(compiler, "-std=c++17", *WARNINGS, source, "-o", self.program, *flags)
                self.expect_to_work(self.program, [soname(), "libc.so.6"])

    def test_flags_are_of_this_prefix_only(self):
        for flag in pkg_config("--static", "--cflags", "--libs"):
            if flag.startswith(("-I", "-L")):
                self.assertTrue(Path(flag[2:]).resolve().is_relative_to(PREFIX), flag)
            else:
                self.assertIn(flag, ("-lmmapper", "-pthread"))


class CMakeTest(ProgramTest):
    def configure(self, source, *more, code=0):
        argv = ["-S", source, "-B", self.folder / "build", f"-DCMAKE_PREFIX_PATH={PREFIX}"]
        return run("cmake", *argv, *more, code=code)

    def refusal(self, version):
        """What CMake says to a project that wants this version."""
        text = f"cmake_minimum_required(VERSION 3.19)\nproject(refused NONE)\n{version}\n"
        (self.folder / "CMakeLists.txt").write_text(text, encoding="utf-8")
        return self.configure(self.folder, code=1)

    def test_targets(self):
        compilers = ["-DCMAKE_C_COMPILER=gcc-12", "-DCMAKE_CXX_COMPILER=g++-12"]
        self.configure(CONSUMER, *compilers)
        run("cmake", "--build", self.folder / "build")
        for name, libraries in (
            ("shared", [soname(), "libc.so.6"]),
            ("shared_cpp", [soname(), "libc.so.6"]),
            ("static", ["libc.so.6"]),
        ):
            with self.subTest(name):
                self.expect_to_work(self.folder / "build" / name, libraries)

    def test_versions(self):
        script = self.folder / "find.cmake"
        script.write_text(
            "cmake_minimum_required(VERSION 3.19)\n"
            f"include({PREFIX}/lib/cmake/mmapper/mmapper-config-version.cmake)\n"
            'message("found=${PACKAGE_VERSION_COMPATIBLE} exact=${PACKAGE_VERSION_EXACT}")\n',
            encoding="utf-8",
        )
        major, minor, patch = pkg_config("--modversion")[0].split(".")
        for wanted, found in (
            (f"{major}.{minor}", "TRUE"),
            (f"{major}.{minor}.{patch}", "TRUE exact=TRUE"),
            (f"{major}.{minor}.{int(patch) + 1}", "FALSE"),
            (f"{major}.{int(minor) + 1}", "FALSE"),
            (f"{major}.{int(minor) - 1}", "FALSE"),
            (f"{int(major) + 1}.{minor}", "FALSE"),
        ):
            with self.subTest(wanted):
                parts = [f"-DPACKAGE_FIND_VERSION={wanted}"]
                parts.append(f"-DPACKAGE_FIND_VERSION_MAJOR={wanted.split('.')[0]}")
                parts.append(f"-DPACKAGE_FIND_VERSION_MINOR={wanted.split('.')[1]}")
                self.assertIn(f"found={found}", run("cmake", *parts, "-P", script))

    def test_other_version_is_refused(self):
        self.assertIn("not accepted", self.refusal("find_package(mmapper 99.0 REQUIRED)"))

    def test_incomplete_tree_is_refused(self):
        archive = PREFIX / "lib/libmmapper.a"
        archive.rename(self.folder / "hidden")
        self.addCleanup((self.folder / "hidden").rename, archive)
        said = self.refusal("find_package(mmapper REQUIRED)")
        self.assertIn("lib/libmmapper.a is missing", said)


class HeadersTest(unittest.TestCase):
    """Each header alone, with nothing but the C library beside the prefix."""

    INCLUDE = PREFIX / "include/mmapper"
    STANDARD = {"stdbool.h", "stddef.h", "stdint.h"}

    def headers(self):
        found = sorted(self.INCLUDE.rglob("*.h"))
        self.assertGreater(len(found), 10)
        return [str(header.relative_to(self.INCLUDE)) for header in found]

    def test_include_what_is_installed(self):
        for header in self.headers():
            text = (self.INCLUDE / header).read_text(encoding="utf-8")
            for mark, included in re.findall(r'^ *# *include *([<"])([^>"]+)', text, re.MULTILINE):
                known = self.STANDARD if mark == "<" else self.headers()
                self.assertIn(included, known, f"{header} includes {included}")

    def test_alone(self):
        folder = Path(tempfile.mkdtemp(dir=FOLDER))
        sources = []
        for header in self.headers():
            text = f'#include "{header}"\n#include "{header}"\ntypedef int declaration;\n'
            sources.append(folder / f"{header.replace('/', '_')}.c")
            sources[-1].write_text(text, encoding="utf-8")
        for compiler in (["gcc-12", "-std=c11"], ["g++-12", "-xc++", "-std=c++17"]):
            with self.subTest(compiler[0]):
                run(*compiler, *WARNINGS, f"-I{self.INCLUDE}", "-fsyntax-only", *sources)


class ManualTest(unittest.TestCase):
    """Every page, with both programs that show them."""

    MAN = PREFIX / "share/man"

    def pages(self):
        found = sorted(self.MAN.rglob("*.[37]"))
        self.assertGreater(len(found), 100)
        for page in found:
            self.assertTrue(page.exists(), f"{page.name} is a link to nothing")
        return [page for page in found if not page.is_symlink()]

    def test_groff(self):
        # As man --warnings does, but once for all pages.
        argv = ["-t", "-man", "-ww", "-Kutf8", "-Tutf8", "-z"]
        self.assertEqual(run("groff", *argv, *self.pages()), "")

    def test_mandoc(self):
        self.assertEqual(run("mandoc", "-Tlint", "-Wwarning", *self.pages()), "")

    def test_man_finds_pages(self):
        for section, name, words in (
            ("7", "mmapper", "COMPILING AND LINKING"),
            ("3", "mmapper_ensure_mapped", '#include "mmapper/mmapper.h"'),
            ("3", "side_metadata_store", "side_metadata_exchange"),
            ("3", "mm_strategy", "struct mm_strategy {"),
        ):
            with self.subTest(name):
                said = run("man", "--warnings", "-M", self.MAN, section, name, MANWIDTH="100")
                self.assertIn(words, said)


if __name__ == "__main__":
    sys.exit(unittest.main())
