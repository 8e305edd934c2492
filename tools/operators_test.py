# SPDX-License-Identifier: MIT
"""The operators of tools/harness mutants --operators, on small texts, and the score."""

import unittest

from harness_lib import workspace
from mutation import operator_run, operators, score, survivors, tokens

ORDERS = {
    "load": {"relaxed", "acquire", "seq_cst"},
    "store": {"relaxed", "release"},
    "cas": {"relaxed", "release", "acq_rel", "seq_cst"},
    "fetch_add": {"relaxed", "release", "seq_cst"},
}


def found(body, operator=None):
    """(operator, the mutated body) of each mutant of a function's body."""
    text = f"int f(int a)\n{{\n{body}\n}}\n"
    head, tail = text.index(body), text.index(body) + len(body)
    return [
        (mutant.operator, mutant.apply(text)[head : len(mutant.apply(text)) - len(text) + tail])
        for mutant in operators.mutants("m/f.c", text, ORDERS)
        if operator in (None, mutant.operator)
    ]


class TokensTest(unittest.TestCase):
    def test_tokens(self):
        text = '#define A(x) \\\n    (x + 1)\n/* a < b */ a->b <= "<" >> 1.5e+3; // c'
        texts = [token.text for token in tokens.tokens(text)]
        self.assertEqual(texts, ["a", "->", "b", "<=", ">>", "1.5e+3", ";"])

    def test_brackets(self):
        made = tokens.tokens("f(a[1], (b));")
        self.assertEqual([(token.text, token.match) for token in made if token.match >= 0][0], ("(", 10))
        self.assertEqual(made[made[3].match].text, "]")


class OperatorsTest(unittest.TestCase):
    def expect(self, body, operator, *mutated):
        self.assertEqual(found(body, operator), [(operator, text) for text in mutated])

    def test_compare(self):
        self.expect("    return a < 1;", "compare", "    return a <= 1;")
        self.expect("    return a->b != *p;", "compare", "    return a->b == *p;")
        self.expect("    return a << 1 >> 2;", "compare")

    def test_logic(self):
        self.expect("    return a && &b;", "logic", "    return a || &b;")

    def test_sign(self):
        self.expect("    return a + b;", "sign", "    return a - b;")
        self.expect("    return f(-a) * -1 + +b;", "sign", "    return f(-a) * -1 - +b;")
        self.expect("    return (size_t)-a;", "sign")
        self.expect("    return (a) - b;", "sign", "    return (a) + b;")
        self.expect("    a++;", "sign", "    a--;")
        self.expect("    a += 2;", "sign", "    a -= 2;")

    def test_no_code(self):
        self.expect("    mm_plain_writes(&a);", "call")
        self.expect("    mm_count(&a);", "call", "    ;")

    def test_one(self):
        self.expect("    return a + 1;", "one", "    return a ;")
        self.expect("    return a + 10;", "one")

    def test_order(self):
        self.expect("    mm_load_seq_cst_u16(p);", "order", "    mm_load_acquire_u16(p);")
        self.expect("    mm_load_acquire_u32(p);", "order", "    mm_load_relaxed_u32(p);")
        self.expect("    mm_cas_seq_cst_u64(p, 0, 1);", "order", "    mm_cas_acq_rel_u64(p, 0, 1);")
        self.expect("    mm_cas_acq_rel_u64(p, 0, 1);", "order", "    mm_cas_release_u64(p, 0, 1);")
        self.expect("    mm_fetch_add_seq_cst_u64(p, 1);", "order", "    mm_fetch_add_release_u64(p, 1);")
        self.expect("    mm_load_relaxed_u64(p);", "order")

    def test_weaker(self):
        every = {"relaxed", "acquire", "release", "acq_rel", "seq_cst"}
        self.assertEqual(operators.weaker("acq_rel", every), ["acquire", "release"])
        self.assertEqual(operators.weaker("seq_cst", every), ["acq_rel"])

    def test_orders_of(self):
        text = "bool mm_cas_release_u##W(int a)\nint mm_load_acquire_u##W(int b)\n"
        self.assertEqual(operators.orders_of(text), {"cas": {"release"}, "load": {"acquire"}})

    def test_negate(self):
        self.expect("    if (f(a)) {\n    }", "negate", "    if (!(f(a))) {\n    }")
        self.expect("    while (a < 1) {\n    }", "negate", "    while (!(a < 1)) {\n    }")
        self.expect("    b = a > 1 ? 2 : 3;", "negate", "    b = !(a > 1) ? 2 : 3;")
        # The same as its comparison's mutant.
        self.expect("    if (a == 1) {\n    }", "negate")

    def test_branch(self):
        body = "    if (a) {\n        return 1;\n    }\n    b();"
        self.expect(body, "branch", "    if (a) {\n\n}\n    b();")
        self.expect("    if (a) {\n        b();\n    }", "branch")

    def test_retry(self):
        once = "for (int mm_once = 1; mm_once"
        self.expect("    while (a) {\n    }", "retry", f"    {once} && (a); mm_once = 0) {{\n    }}")
        self.expect("    do {\n    } while (f(a));", "retry", "    do {\n    } while ((f(a)) && 0);")
        self.expect("    for (;;) {\n    }", "retry", f"    {once}; mm_once = 0) {{\n    }}")
        self.expect("    for (i = 0; i < 2; i++) {\n    }", "retry")
        self.assertEqual(found("    while (a) {\n        continue;\n    }", "retry")[1][1],
                         "    while (a) {\n        ;\n    }")

    def test_call(self):
        self.expect("    f(a,\n      b);", "call", "    \n;")
        self.expect("    (void)f(a);", "call", "    ;")
        self.expect("    x = f(a);", "call")
        self.expect("    return f(a);", "call")
        self.expect("    if (a) {\n        f(b);\n    }", "call", "    if (a) {\n        ;\n    }")

    def test_names(self):
        text = "int f(int a)\n{\n    return a < 1 || a < 2;\n}\n"
        made = operators.mutants("m/f.c", text, ORDERS)
        self.assertEqual(
            [mutant.id for mutant in made],
            ["m/f.c:f:compare:1", "m/f.c:f:logic:1", "m/f.c:f:compare:2"],
        )
        self.assertEqual(made[0].line, 3)

    def test_product(self):
        """Lines stay where they are, and every mutant has a name of its own."""
        made = operator_run.find_mutants(workspace.ROOT, "mmapper/claim.c")
        text = (workspace.ROOT / "mmapper/claim.c").read_text(encoding="utf-8")
        self.assertGreater(len(made), 10)
        self.assertEqual(len({mutant.id for mutant in made}), len(made))
        for mutant in made:
            mutated = mutant.apply(text)
            self.assertNotEqual(mutated, text)
            self.assertEqual(mutated.count("\n"), text.count("\n"), mutant.id)

    def test_sample(self):
        numbers = list(range(100))
        chosen = operator_run.sample(numbers, 10, 3)
        self.assertEqual(chosen, operator_run.sample(numbers, 10, 3))
        self.assertEqual((len(chosen), chosen), (10, sorted(chosen)))
        self.assertIs(operator_run.sample(numbers, 100, 3), numbers)


class ScoreTest(unittest.TestCase):
    def score(self, outcomes, explained, complete=True):
        ended = []
        for number, outcome in enumerate(outcomes, 1):
            mutant = operators.Mutant("m/f.c", "f", "sign", number, 1, [], "x")
            by = "O1" if outcome == score.KILLED else ""
            ended.append(score.Ended(mutant, outcome, by))
        return score.Score(ended, survivors.parse(explained), complete)

    def test_figures(self):
        explained = "m/f.c:f:sign:2 equivalent: so\nm/f.c:f:sign:3 unreached: so\n"
        result = self.score(
            [score.KILLED] + 3 * [score.SURVIVED] + [score.NO_CODE, score.NO_BUILD], explained
        )
        figures = result.figures()
        self.assertEqual((figures["killed"], figures["survived"]), (1, 3))
        self.assertEqual((figures["equivalent"], figures["unexplained"]), (1, 1))
        self.assertEqual((figures["of_all"], figures["score"]), (0.25, 0.3333))
        self.assertFalse(result.good())
        self.assertEqual([one.mutant.id for one in result.unexplained()], ["m/f.c:f:sign:4"])

    def test_stale(self):
        explained = "m/f.c:f:sign:1 equivalent: so\nm/f.c:f:sign:9 equivalent: so\n"
        result = self.score([score.KILLED], explained)
        self.assertEqual(result.stale(), ["m/f.c:f:sign:1", "m/f.c:f:sign:9"])
        self.assertFalse(result.good())
        # What was not tried may well survive.
        partial = self.score([score.KILLED], explained, complete=False)
        self.assertEqual(partial.stale(), ["m/f.c:f:sign:1"])

    def test_explained(self):
        self.assertTrue(self.score([score.SURVIVED], "m/f.c:f:sign:1 unreached: so\n").good())


if __name__ == "__main__":
    unittest.main()
