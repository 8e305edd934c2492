# SPDX-License-Identifier: MIT
"""What package_lib reads in headers and writes in pages, and what it refuses."""

import io
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from checks import exports
from package_lib import comments, declarations, manual, roff, tree, version_script

HEADER = """/* SPDX-License-Identifier: MIT */
/*
 * A thing: something to have.
 *
 *     | picture |
 */
#ifndef THING_H
#define THING_H

#include "mmapper/other.h"

#ifdef __cplusplus
extern "C" {
#endif

struct thing;

/* -------------------------------------------------------------- section */

/* At most these. */
#define THING_MAX 7

/* A pair; `a` comes first. */
struct pair {
    int a; /* } */
    int b;
};

enum { THING_ONE = 1, THING_TWO };

typedef bool (*thing_visitor)(void *argument);

/*
 * Makes a thing of `pair` (not NULL): all or nothing.
 * Errors: NO_MEMORY, BUSY; try again.
 */
enum mm_status thing_create(const struct pair *pair, struct thing **thing,
                            struct mm_error *error);

/* Constant. */
int thing_a(const struct thing *thing);
int thing_b(const struct thing *thing);
/* Something else than thing_a. */
int thing_c(const struct thing *thing);

/* Twice `value`. */
static inline int twice(int value)
{
    if (value > 0) {
        return 2 * value;
    }
    return value + value;
}

#ifdef __cplusplus
}
#endif

#endif /* THING_H */
"""

MAP = "# c\nV_1 {\n    global:\n        a; # x\n        b;\n    local:\n        *;\n};\n"


def header(text=HEADER):
    return declarations.read("spaces/thing.h", text)


class DeclarationsTest(unittest.TestCase):
    def test_header(self):
        found = header()
        self.assertEqual(found.comment.splitlines()[0], "A thing: something to have.")
        self.assertEqual(found.includes, ["mmapper/other.h"])
        groups = [[(one.kind, one.names) for one in group] for group in found.groups]
        self.assertEqual(
            groups,
            [
                [("constant", ["THING_MAX"])],
                [("type", ["pair"])],
                [("constant", ["THING_ONE", "THING_TWO"])],
                [("type", ["thing_visitor"])],
                [("function", ["thing_create"])],
                [(("function"), [f"thing_{name}"]) for name in "abc"],
                [("inline", ["twice"])],
            ],
        )

    def test_function(self):
        create = header().all(declarations.FUNCTION)[0]
        line = HEADER.splitlines().index("enum mm_status thing_create(const struct pair *pair, "
                                         "struct thing **thing,") + 1
        self.assertEqual((create.line, create.result), (line, "enum mm_status"))
        twice = header().all(declarations.INLINE)[0]
        self.assertEqual((twice.prototype, twice.result), ("int twice(int value);", "int"))

    def test_function_without_comment(self):
        text = HEADER.replace("/* Twice `value`. */\n", "")
        line = text.splitlines().index("static inline int twice(int value)") + 1
        with self.assertRaisesRegex(declarations.HeaderError, f"spaces/thing.h:{line}: twice"):
            header(text)

    def test_header_without_comment(self):
        text = HEADER[: HEADER.index("/*\n")] + HEADER[HEADER.index("#ifndef") :]
        with self.assertRaisesRegex(declarations.HeaderError, "what the header is for"):
            header(text)

    def test_not_understood(self):
        text = HEADER.replace("struct thing;", "int thing = 1;")
        with self.assertRaisesRegex(declarations.HeaderError, ":16: not understood: int thing"):
            header(text)


class CommentsTest(unittest.TestCase):
    def test_blocks(self):
        text = "One\ntwo:\n    code\n\n    more\n\n G1 Item\n    goes on\n  tag   says\n"
        self.assertEqual(
            comments.blocks(text),
            [
                comments.Paragraph("One two:"),
                comments.Literal(["code", "more"]),
                comments.Item("G1", "Item goes on"),
                comments.Item("tag", "says"),
            ],
        )

    def test_summary(self):
        for text, expected in (
            ("Makes it (all; of it). More.", "makes it"),
            ("MAPPED means `this`: that.", "MAPPED means this"),
            ("mm_x is kept", "mm_x is kept"),
            ("Long" + " text" * 10 + ", and" + " more" * 20 + ".", "long" + " text" * 10),
        ):
            self.assertEqual(comments.summary(text), expected)

    def test_errors(self):
        self.assertEqual(comments.split_errors("Does. Errors: as a; b."), ("Does.", "As a; b."))
        self.assertEqual(
            comments.split_errors("Does. Errors, in vain: X."), ("Does.", "Errors, in vain: X.")
        )
        self.assertEqual(comments.split_errors("Errors are rare"), ("Errors are rare", ""))


class RoffTest(unittest.TestCase):
    def test_nothing_becomes_a_request(self):
        self.assertEqual(roff.lines(".x\n'y\na\\b-c"), ["\\&.x", "\\(aqy", "a\\eb\\-c"])
        self.assertEqual(roff.text(".hidden", {}), ["\\&.hidden"])

    def test_markup(self):
        pages = {"mm_a": 3, "mm_b": 3}
        self.assertEqual(
            roff.text("mm_a, mm_b and mm_c of `x` give MM_OK", pages, ["mm_a"]),
            ["\\fBmm_a\\fP, \\fBmm_b\\fP(3) and mm_c of \\fIx\\fP give \\fBMM_OK\\fP"],
        )

    def test_no_paragraph_below_a_heading(self):
        self.assertEqual(roff.page([".SH A", ".PP", "b", ".PP", "c"]), ".SH A\nb\n.PP\nc\n")


class ManualTest(unittest.TestCase):
    def setUp(self):
        self.pages, self.links = manual.pages([header()], ".SH X\n@HEADERS@\n", "1.2", "2000-01-01")

    def test_pages(self):
        expected = ["man7/mmapper.7"]
        expected += [f"man3/{name}.3" for name in ("thing", "thing_a", "thing_create", "twice")]
        self.assertEqual(sorted(self.pages), sorted(expected))
        self.assertEqual(
            self.links,
            {
                "man3/pair.3": "thing.3",
                "man3/thing_b.3": "thing_a.3",
                "man3/thing_c.3": "thing_a.3",
                "man3/thing_visitor.3": "thing.3",
            },
        )

    def test_function(self):
        page = self.pages["man3/thing_create.3"]
        self.assertIn("thing_create \\- makes a thing of pair\n", page)
        self.assertIn('.B "enum mm_status thing_create(const struct pair *pair, ', page)
        self.assertIn(".SH ERRORS\n\\fBNO_MEMORY\\fP, \\fBBUSY\\fP; try again.\n", page)
        self.assertIn("unless\nit is NULL, has the record", page)

    def test_group(self):
        page = self.pages["man3/thing_a.3"]
        self.assertIn("thing_a, thing_b, thing_c \\- constant\n", page)
        self.assertIn(".SS thing_a, thing_b\nConstant.\n.SS thing_c\nSomething else", page)
        self.assertNotIn("RETURN VALUE", page)

    def test_header(self):
        page = self.pages["man3/thing.3"]
        self.assertIn("thing \\- something to have\n", page)
        self.assertIn(".EX\n| picture |\n.EE", page)
        self.assertIn("struct pair {\n    int a; /* } */\n", page)
        self.assertIn(".BR thing_create (3)\nmakes a thing of pair\n", page)

    def test_same_name(self):
        text = HEADER.replace("twice(", "thing(")
        with self.assertRaisesRegex(declarations.HeaderError, "thing: .* the same page"):
            manual.pages([header(text)], "", "1", "2")


class VersionScriptTest(unittest.TestCase):
    def test_read(self):
        text = MAP + "V_2 { global: c; } V_1;\n"
        found = version_script.read("m", text)
        self.assertEqual(found, {"a": ("V_1", 4), "b": ("V_1", 5), "c": ("V_2", 9)})
        self.assertEqual(version_script.newest(text), "V_2")

    def test_refused(self):
        for text, problem in (
            (MAP.replace("b;", "a;"), "m:5: a is there twice"),
            (MAP.replace("b;", "b*;"), "m:5: .*without patterns"),
            (MAP.replace("*;", "x;"), "no `local"),
            (MAP.replace("global", "globl"), "V_1 has no"),
            ("", "exports nothing"),
        ):
            with self.assertRaisesRegex(version_script.ScriptError, problem):
                version_script.read("m", text)


class TreeTest(unittest.TestCase):
    def test_equal_contents_make_an_equal_tar(self):
        written = []
        for _ in range(2):
            made = tree.Tree()
            made.add("b", "text")
            made.link("a", "b")
            out = io.BytesIO()
            made.write(out)
            written.append(out.getvalue())
        self.assertEqual(*written)
        with tarfile.open(fileobj=io.BytesIO(written[0])) as tar:
            self.assertEqual(tar.getnames(), ["a", "b"])

    def test_twice(self):
        made = tree.Tree()
        made.add("a", "text")
        with self.assertRaisesRegex(ValueError, "a: twice"):
            made.link("a", "b")

    def test_fill(self):
        self.assertEqual(tree.fill("x@A@y @a@", {"A": "1"}), "x1y @a@")


class ExportsTest(unittest.TestCase):
    """The check, in a small workspace."""

    RULE = 'cc_library(\n    name = "{}",\n    hdrs = ["{}"],\n    visibility = ["{}"],\n)\n'

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        names = ["thing_create", "thing_a", "thing_b", "thing_c"]
        self.map = "V_1 {{ global: {}; local: *; }};\n".format("; ".join(names))
        self.write("packaging/mmapper.map", self.map)
        self.write("bindings/mmtk/BUILD", "")
        self.write("packaging/libraries.bzl", 'LIBRARIES = [\n    "//spaces:thing",\n]\n')
        self.write("mmapper/BUILD", "")
        self.write("spaces/BUILD", self.RULE.format("thing", "thing.h", "//visibility:public"))
        self.write("spaces/thing.h", HEADER)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def expect_one(self, *parts):
        problems = exports.check(self.root)
        self.assertEqual(len(problems), 1, problems)
        for part in parts:
            self.assertIn(part, problems[0])

    def test_good(self):
        self.assertEqual(exports.check(self.root), [])

    def test_not_exported(self):
        self.write("packaging/mmapper.map", self.map.replace("thing_b; ", ""))
        self.expect_one("spaces/thing.h:", "thing_b", "add `thing_b;` to V_1", "update_abi")

    def test_not_declared(self):
        self.write("packaging/mmapper.map", self.map.replace("thing_b", "thing_b; gone"))
        self.expect_one("packaging/mmapper.map:1:", "gone", "no public header")

    def test_not_installed(self):
        text = self.RULE.format("other", "thing.h", "//visibility:public")
        self.write("mmapper/BUILD", text)
        self.write("mmapper/thing.h", HEADER)
        self.expect_one("//mmapper:other", "add it to LIBRARIES")

    def test_not_public(self):
        self.write("spaces/BUILD", self.RULE.format("thing", "thing.h", "//fuzz:__pkg__"))
        problems = exports.check(self.root)
        self.assertIn("packaging/libraries.bzl:2: //spaces:thing is no public", problems[0])

    def test_comment_missing(self):
        self.write("spaces/thing.h", HEADER.replace("/* Constant. */\n", ""))
        self.expect_one("spaces/thing.h:", "thing_a has no comment")


if __name__ == "__main__":
    sys.exit(unittest.main())
