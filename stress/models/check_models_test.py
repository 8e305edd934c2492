# SPDX-License-Identifier: MIT
"""The judge of the searches: it must not take half a search for a proof."""

import unittest

from check_models import judge
from model_runs import MODELS, Run

WHOLE = """witness LOST
witness HELPED
State-vector 88 byte, depth reached 212, errors: 0
  3165819 states, stored
"""
ASSERTION = """pan:1: assertion violated (holder==1) (at depth 99)
pan: wrote pins.pml.trail
Warning: Search not completed
State-vector 164 byte, depth reached 84, errors: 1
"""
HOLDS = Run("model", witnesses=("HELPED", "LOST"))
FAILS = Run("BUG", error="holder==1")


class Judge(unittest.TestCase):
    def test_a_whole_search_without_an_error_holds(self):
        self.assertIsNone(judge(HOLDS, WHOLE))

    def test_an_error_is_named(self):
        self.assertEqual(judge(HOLDS, ASSERTION), "assertion violated (holder==1)")

    def test_a_truncated_search_proves_nothing(self):
        for sign in (
            "error: max search depth too small",
            "Warning: Search not completed",
            "pan: out of memory",
            "pan: reached -DMEMLIM bound",
        ):
            self.assertIn("not searched to the end", judge(HOLDS, f"{sign}\n{WHOLE}"))

    def test_a_verdict_is_needed(self):
        self.assertEqual(judge(HOLDS, "witness LOST\nwitness HELPED\n"), "no verdict")

    def test_every_witness_is_needed(self):
        self.assertEqual(
            judge(HOLDS, WHOLE.replace("witness LOST\n", "")), "never came by LOST"
        )

    def test_a_planted_bug_is_found_as_expected(self):
        self.assertIsNone(judge(FAILS, ASSERTION))
        self.assertIn("was not found", judge(FAILS, WHOLE))
        other = ASSERTION.replace("assertion violated (holder==1)", "invalid end state")
        self.assertIn("not by", judge(FAILS, other))


class Runs(unittest.TestCase):
    def test_names_are_unique_and_all_models_have_both_kinds(self):
        for model, runs in MODELS.items():
            names = [run.name for run in runs]
            self.assertEqual(len(names), len(set(names)), model)
            self.assertTrue(any(run.error for run in runs), model)
            self.assertTrue(any(run.witnesses for run in runs), model)


if __name__ == "__main__":
    unittest.main()
