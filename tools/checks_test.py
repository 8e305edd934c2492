# SPDX-License-Identifier: MIT
"""Every check, with what it must find planted, and without."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from checks import (
    compiling,
    edges,
    formatting,
    layering,
    orders,
    sources,
    style,
    symbols,
)

C = "/* SPDX-License-Identifier: MIT */\n"
COPTS = '# SPDX-License-Identifier: MIT\nMMAPPER_COPTS = [\n    "-Wall",\n    "-Werror",\n]\n'


class CheckTest(unittest.TestCase):
    """A small workspace that each test fills."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name

    def write(self, path, text):
        file = Path(self.root, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def expect_one(self, problems, *parts):
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])


class SourcesTest(unittest.TestCase):
    """The little C that the checks understand."""

    def test_functions(self):
        text = (
            "struct s {\n    int x;\n};\n\n"
            "__attribute__((format(printf, 1, 2))) static int\nmany_lines(int a,\n"
            "           int b)\n{\n    return a;\n}\n\nint one(void)\n{\n    return 1;\n}\n"
        )
        found = [(f.name, f.first, f.last) for f in sources.functions(text)]
        self.assertEqual(found, [("many_lines", 5, 10), ("one", 12, 15)])

    def test_code_only(self):
        text = 'a("mmap(\\"x"); /* mmap(\n */ b; // mmap(\nc;'
        code = sources.code_only(text)
        self.assertNotIn("mmap", code)
        self.assertEqual(len(code), len(text))
        self.assertEqual(code.count("\n"), 2)


class StyleTest(CheckTest):
    def test_good(self):
        self.write("mmapper/a.c", C + 'const char *picture = "XX' + 'X";\n')
        self.write("tools/run.sh", "#!/bin/bash\n# SPDX-License-Identifier: MIT\n")
        self.assertEqual(style.check(self.root), [])

    def test_nothing_found(self):
        self.expect_one(style.check(self.root), "no source")

    def test_licence(self):
        self.write("mmapper/a.c", "int a;\n")
        self.expect_one(style.check(self.root), "mmapper/a.c:1:", "SPDX")

    def test_file_length(self):
        self.write("spaces/a.c", C + "\n" * style.FILE_LINES)
        self.expect_one(style.check(self.root), "spaces/a.c", "401 lines")

    def test_function_length(self):
        body = "    x();\n" * (style.FUNCTION_LINES - 3)
        self.write("mmapper/a.c", C + "int fits(void)\n{\n" + body + "}\n")
        self.assertEqual(style.check(self.root), [])
        self.write("mmapper/a.c", C + "int f(void)\n{\n    x();\n" + body + "}\n")
        self.expect_one(style.check(self.root), "mmapper/a.c:2", "f has 61 lines")

    def test_marker(self):
        self.write("mmapper/a.c", C + "int a; /* TO" + "DO: b */\n")
        self.expect_one(style.check(self.root), "mmapper/a.c:2", "TO" + "DO")

    def test_tab(self):
        self.write("mmapper/a.c", C + "\tint a;\n")
        self.expect_one(style.check(self.root), "mmapper/a.c:2", "tab")

    def test_trailing_space(self):
        self.write("BUILD", "# SPDX-License-Identifier: MIT\nx = 1 \n")
        self.expect_one(style.check(self.root), "BUILD:2", "white space")


class LayeringTest(CheckTest):
    def test_good(self):
        self.write("mmapper/atomic.h", C + "#include <ck_pr.h>\n_Atomic int a;\n")
        self.write("mmapper/mmap_support_linux.c", C + "#include <sys/mman.h>\n")
        self.write("stress/foreign_noise.c", C + "void f(void) { munmap(0, 1); }\n")
        self.write("bench/bare.c", C + "#include <sys/mman.h>\n")
        self.write("examples/a.c", C + "#include <stdatomic.h>\n_Atomic int a;\n")
        self.write("spaces/a.c", C + "/* mmap() */\n" + '#include "mmapper/mmapper.h"\n')
        self.write("spaces/a_test.c", C + '#include "mmapper/testing/expect.h"\n')
        self.write("spaces/BUILD", 'cc_test(\n    name = "t",\n    srcs = ["h.h"],\n)\n')
        self.write("spaces/h.h", C + '#include "mmapper/testing/expect.h"\n')
        self.assertEqual(layering.check(self.root), [])

    def planted(self, path, line, *parts):
        self.write(path, C + line + "\n")
        self.expect_one(layering.check(self.root), f"{path}:2", *parts)

    def test_atomic(self):
        self.planted("spaces/a_test.c", "_Atomic int a;", "_Atomic", "mmapper/atomic.h")

    def test_builtin(self):
        self.planted("mmapper/a.c", "int a = __atomic_load_n(p, 0);", "__atomic_load_n")

    def test_concurrency_kit(self):
        self.planted("stress/a.c", "#include <ck_pr.h>", "ck_pr.h")

    def test_system_call(self):
        self.planted("spaces/a.c", "int a = munmap(p, 1);", "`munmap`")

    def test_system_call_of_a_benchmark(self):
        self.planted("bench/cases_a.c", "int a = munmap(p, 1);", "`munmap`")

    def test_private_header_of_a_benchmark(self):
        self.planted("bench/a.c", '#include "mmapper/chunk_table.h"', "private")

    def test_repository_header_of_an_example(self):
        self.planted("examples/b/a.c", '#include "mmapper/atomic.h"', "public headers")

    def test_private_header_of_an_example(self):
        self.planted("examples/b/a.c", '#include "mmapper/chunk_table.h"', "private")

    def test_test_double_of_an_example(self):
        line = '#include "mmapper/testing/expect.h"'
        self.planted("examples/b/a.c", line, "test double")

    def test_system_call_of_an_example(self):
        self.planted("examples/b/a.c", "int a = munmap(p, 1);", "`munmap`")

    def test_concurrency_kit_of_an_example(self):
        self.planted("examples/b/a.c", "int a = ck_pr_load_int(p);", "of the language")

    def test_header(self):
        self.planted("mmapper/a.c", "#include <sys/mman.h>", "sys/mman.h")

    def test_raw_system_call(self):
        self.planted("mmapper/a.c", "long a = syscall(SYS_mmap, 0);", "SYS_mmap")

    def test_witness(self):
        self.planted("mmapper/a.c", "#include <urcu/rculfhash.h>", "liburcu")

    def test_private_header(self):
        line = '#include "mmapper/chunk_table.h"'
        self.planted("spaces/a.c", line, "chunk_table.h", "private")

    def test_test_double(self):
        line = '#include "mmapper/testing/sim_kernel.h"'
        self.planted("mmapper/a.c", line, "test double")

    def test_upwards(self):
        self.planted("mmapper/a.c", '#include "spaces/space_map.h"', "above")

    def test_binding(self):
        self.write("bindings/b/a_test.c", C + '#include "mmapper/testing/expect.h"\n')
        self.write("bindings/b/b.c", C + '#include "bindings/b/b.h"\n#include "mmapper/atomic.h"\n')
        self.assertEqual(layering.check(self.root), [])
        self.planted("bindings/b/b.c", '#include "stress/field.h"', "above")
        self.planted("bindings/b/b.c", '#include "mmapper/testing/expect.h"', "test double")
        self.planted("bindings/b/b.c", "int a = munmap(p, 1);", "`munmap`")


ROW = "| EDGE | mmapper/a.c:put | `mmapper/b.c:get` | data before flag |\n"
PUT = "void put(void)\n{\n    mm_store_release_u32(&f, 1); /* edge: EDGE */\n}\n"
GET = "int get(void)\n{\n    /* edge: EDGE */\n    return mm_load_acquire_u32(&f);\n}\n"


class EdgesTest(CheckTest):
    def fill(self, row=ROW, put=PUT, get=GET):
        self.write(edges.TABLE, "# Edges\n\n| label | from | to | why |\n|---|---|---|---|\n" + row)
        self.write("mmapper/a.c", C + put)
        self.write("mmapper/b.c", C + get)
        return edges.check(self.root)

    def test_good(self):
        self.assertEqual(self.fill(), [])

    def test_no_table(self):
        self.expect_one(edges.check(self.root), edges.TABLE, "missing")
        self.assertTrue(any("no table" in problem for problem in self.fill(row="")))

    def test_unknown_label(self):
        put = PUT.replace("edge: EDGE", "edge: EDGE, OTHER-1")
        self.expect_one(self.fill(put=put), "mmapper/a.c:4", "OTHER-1", "not in the table")

    def test_malformed_label(self):
        put = PUT.replace("edge: EDGE", "edge: EDGE */ /* edge: lower_case")
        self.expect_one(self.fill(put=put), "mmapper/a.c:4", "without a label")

    def test_access_without_citation(self):
        get = GET + "int other(void)\n{\n    a();\n    return mm_cas_acq_rel_u32(&f, 1, 2);\n}\n"
        self.expect_one(self.fill(get=get), "mmapper/b.c:10", "mm_cas_acq_rel_u32", "no edge")

    def test_access_in_a_binding(self):
        self.write("bindings/b/b.c", C + "int a = mm_load_acquire_u32(&f);\n")
        self.expect_one(self.fill(), "bindings/b/b.c:2", "no edge")

    def test_relaxed_needs_none(self):
        self.assertEqual(self.fill(get=GET + "int r = mm_load_relaxed_u32(&f);\n"), [])

    def test_wrapped_statement(self):
        put = PUT.replace("(&f, 1);", "(\n        &f,\n        1);")
        self.assertEqual(self.fill(put=put), [])

    def test_end_does_not_cite(self):
        put = PUT.replace("put(", "set(") + "void put(void)\n{\n    a();\n    b();\n    c();\n}\n"
        self.expect_one(self.fill(put=put), "mmapper/a.c:put", "from end", "does not cite")

    def test_no_such_function(self):
        row = ROW.replace("b.c:get", "b.c:fetch")
        self.expect_one(self.fill(row=row), "no function fetch")

    def test_no_such_file(self):
        row = ROW.replace("b.c:get", "c.c:get")
        self.expect_one(self.fill(row=row), "no source mmapper/c.c")

    def test_one_sided_row(self):
        row = ROW.replace("`mmapper/b.c:get`", "readers")
        self.expect_one(self.fill(row=row), "acquire side")

    def test_no_reason(self):
        row = ROW.replace("data before flag", "")
        self.assertIn("needs LABEL, from, to and why", self.fill(row=row)[0])

    def test_twice(self):
        self.expect_one(self.fill(row=ROW + ROW), "twice")


@unittest.skipUnless(shutil.which("gcc-12") and shutil.which("clang-14"), "compilers")
class CompilingTest(CheckTest):
    def setUp(self):
        super().setUp()
        self.write("bazel/copts.bzl", COPTS)

    def test_compilers(self):
        self.write("mmapper/a.c", C + "int a(void);\nint a(void)\n{\n    return 0;\n}\n")
        self.assertEqual(compiling.compilers(self.root), [])
        self.write("mmapper/a.c", C + "static int unused;\n")
        problems = compiling.compilers(self.root)
        self.assertEqual(len(problems), 3, problems)
        self.assertIn("with gcc-12", problems[0])
        self.assertIn("clang-14", problems[1])
        self.assertIn("aarch64-linux-gnu-gcc-12", problems[2])

    def test_no_source(self):
        self.expect_one(compiling.compilers(self.root), "no library source")

    def test_headers(self):
        for header in layering.PUBLIC:
            self.write(header, C + "#pragma once\n")
        self.assertEqual(compiling.headers(self.root), [])
        self.write("mmapper/extent.h", C + "#pragma once\nsize_t needs_stddef;\n")
        problems = compiling.headers(self.root)
        self.assertEqual(len(problems), 3, problems)
        self.assertIn("mmapper/extent.h as c11", problems[0])
        self.write("mmapper/extent.h", C + "#pragma once\nstruct s { int class; };\n")
        self.expect_one(compiling.headers(self.root), "extent.h as c++17")

    def test_header_of_a_space(self):
        for header in layering.PUBLIC:
            self.write(header, C + "#pragma once\n")
        rule = 'cc_library(\n    name = "a",\n    hdrs = ["a.h"],\n    visibility = ["//visibility:%s"],\n)\n'
        self.write("spaces/a.h", C + "#pragma once\nunknown_t a;\n")
        self.write("spaces/BUILD", rule % "private")
        self.assertEqual(compiling.headers(self.root), [])
        self.write("spaces/BUILD", rule % "public")
        self.assertEqual(len(compiling.headers(self.root)), 3)

    def test_header_of_a_binding(self):
        for header in layering.PUBLIC:
            self.write(header, C + "#pragma once\n")
        rule = 'cc_library(\n    hdrs = ["a.h"],\n    visibility = ["//visibility:public"],\n)\n'
        self.write("bindings/b/BUILD", rule)
        self.write("bindings/b/a.h", C + "#pragma once\nunknown_t a;\n")
        problems = compiling.headers(self.root)
        self.assertEqual(len(problems), 3)
        self.assertIn("bindings/b/a.h as c11", problems[0])


@unittest.skipUnless(shutil.which("aarch64-linux-gnu-objdump"), "cross binutils")
class OrdersTest(CheckTest):
    """On the repository's own atomic.h, with one thing changed."""

    def setUp(self):
        super().setUp()
        source = Path(__file__).resolve().parent.parent
        for path in ["mmapper/atomic.h", "third_party/ck/aarch64/ck_md.h", orders.TABLE]:
            text = Path(source, path).read_text(encoding="utf-8")
            self.write(path, text)

    def change(self, path, before, after):
        text = Path(self.root, path).read_text(encoding="utf-8")
        self.assertIn(before, text)
        self.write(path, text.replace(before, after))

    def test_good(self):
        self.assertEqual(orders.check(self.root), [])

    def test_missing_fence(self):
        fence = "    ck_pr_fence_atomic_load();\n    return mm_load_acquire_u16_group(a);"
        self.change("mmapper/atomic.h", fence, "    return mm_load_acquire_u16_group(a);")
        self.expect_one(
            orders.check(self.root), "mm_load_seq_cst_u16_group is `ldr; dmb ish`, not"
        )

    def test_description_of_another_machine(self):
        self.change("third_party/ck/aarch64/ck_md.h", "CK_MD_RMO\n", "CK_MD_TSO\n")
        self.expect_one(orders.check(self.root), "another machine's")

    def test_swap_of_concurrency_kit(self):
        self.change("mmapper/atomic.h", "#if defined(__aarch64__)\n", "#if 0\n")
        problems = orders.check(self.root)
        self.assertEqual(len(problems), 5, problems)
        self.assertIn("mm_cas_acq_rel_u16 is `dmb ish; ldxrh; stxrh; dmb ish`", problems[0])

    def test_unknown_operation(self):
        self.change(orders.TABLE, "mm_load_relaxed_u16 ", "mm_load_consume_u16 ")
        problems = orders.check(self.root)
        self.assertEqual(len(problems), 2, problems)
        self.assertIn("mm_load_consume_u16 is no operation", problems[0])
        self.assertIn("mm_load_relaxed_u16 is `ldrh`, not `listed`", problems[1])

    def test_no_table(self):
        Path(self.root, orders.TABLE).unlink()
        self.expect_one(orders.check(self.root), "missing")


@unittest.skipUnless(shutil.which("clang-format-19"), "clang-format-19")
class FormattingTest(CheckTest):
    def test_format(self):
        self.write(".clang-format", "BasedOnStyle: LLVM\nIndentWidth: 4\n")
        self.write("mmapper/a.c", C + "int a;\n")
        self.assertEqual(formatting.formatting(self.root), [])
        self.write("mmapper/a.c", C + "int   a;\n")
        problems = formatting.formatting(self.root)
        self.assertIn("mmapper/a.c:2", problems[0])
        self.assertIn("clang-format-19 -i", problems[-1])


@unittest.skipUnless(shutil.which("clang-tidy-19"), "clang-tidy-19")
class TidyTest(CheckTest):
    def test_tidy(self):
        self.write("bazel/copts.bzl", COPTS)
        self.write(".clang-tidy", "Checks: '-*,bugprone-*'\n")
        self.write("mmapper/a.c", C + "int a(int b);\nint a(int b)\n{\n    return b;\n}\n")
        self.assertEqual(formatting.tidy(self.root), [])
        text = C + "int a(int b);\nint a(int b)\n{\n    if (b) {\n        return 1;\n"
        text += "    } else {\n        return 1;\n    }\n}\n"
        self.write("mmapper/a.c", text)
        self.expect_one(formatting.tidy(self.root), "mmapper/a.c", "bugprone-branch-clone")


@unittest.skipUnless(shutil.which("gcc-12"), "gcc-12")
class SymbolsTest(CheckTest):
    def archive(self, folder, text):
        path = Path(self.root, folder)
        path.mkdir(parents=True, exist_ok=True)
        (path / "a.c").write_text(text, encoding="utf-8")
        compile_it = ["gcc-12", "-c", "a.c", "-o", "a.o"]
        subprocess.run(compile_it, cwd=path, check=True)
        subprocess.run(["ar", "rcs", "a.a", "a.o"], cwd=path, check=True)
        return str(path / "a.a")

    def test_good(self):
        mapper = self.archive("mmapper", "int mmap(); int mm_a(void) { return mmap(); }")
        space = self.archive("spaces", "int mm_a(); int space_a(void) { return mm_a(); }")
        self.assertEqual(symbols.check([mapper, space]), [])

    def test_hook(self):
        archive = self.archive("mmapper", "int mm_test_hook(void) { return 1; }")
        self.expect_one(symbols.check([archive]), "mm_test_hook", "test hook")

    def test_foreign_hook(self):
        archive = self.archive("mmapper", "int sim_yield(); int mm_a(void) { return sim_yield(); }")
        self.expect_one(symbols.check([archive]), "needs sim_yield", "test hook")

    def test_name_without_prefix(self):
        archive = self.archive("mmapper", "int os_release(void) { return 1; }")
        self.expect_one(symbols.check([archive]), "os_release", "without a prefix")

    def test_unexpected(self):
        text = "int pthread_mutex_lock(); int mm_a(void) { return pthread_mutex_lock(); }"
        archive = self.archive("mmapper", text)
        self.expect_one(symbols.check([archive]), "pthread_mutex_lock", "not an expected")

    def test_lock_of_a_space(self):
        text = "int pthread_mutex_lock(); int space_a(void) { return pthread_mutex_lock(); }"
        archive = self.archive("spaces", text)
        self.expect_one(symbols.check([archive]), "pthread_mutex_lock", "not an expected")

    def test_binding(self):
        text = "void *calloc(unsigned long, unsigned long); void *mmtk_a(void) { return calloc(1, 1); }"
        self.assertEqual(symbols.check([self.archive("bindings/mmtk", text)]), [])
        archive = self.archive("bindings/mmtk", "int space_a(void) { return 1; }")
        self.expect_one(symbols.check([archive]), "space_a", "without a prefix")
        archive = self.archive("bindings/mmtk", "int mmap(); int mmtk_a(void) { return mmap(); }")
        self.expect_one(symbols.check([archive]), "needs mmap")

    def test_space_behind_the_mapper(self):
        archive = self.archive("spaces", "int mmap(); int space_a(void) { return mmap(); }")
        self.expect_one(symbols.check([archive]), "needs mmap")

    def test_nothing(self):
        self.expect_one(symbols.check([]), "define nothing")
        self.expect_one(symbols.check(["/nowhere.a"]), "nm failed")


if __name__ == "__main__":
    unittest.main()
