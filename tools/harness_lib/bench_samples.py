# SPDX-License-Identifier: MIT
"""What the benchmark's programs print, kept as it is: everything else is computed."""

import json
from dataclasses import dataclass, field

INLINED = ", inlined"


@dataclass
class Samples:
    """Of one run. Names in the order in which they were first seen."""

    # case: {(side, threads): {(round, repetition): ns}}
    timed: dict = field(default_factory=dict)
    # case: {side: (value, unit)}
    counted: dict = field(default_factory=dict)
    # case: {side: why}
    skipped: dict = field(default_factory=dict)

    def add(self, line, number, suffix=""):
        """One line of round `number`; `suffix` tells the program."""
        row = json.loads(line)
        case, side = row["case"] + suffix, row["side"]
        if "skipped" in row:
            self.skipped.setdefault(case, {})[side] = row["skipped"]
        elif "value" in row:
            self.counted.setdefault(case, {})[side] = (row["value"], row["unit"])
        else:
            variants = self.timed.setdefault(case, {})
            samples = variants.setdefault((side, row["threads"]), {})
            samples[number, row["repetition"]] = row["ns"]

    def cases(self):
        return list(self.timed) + list(self.counted)

    def sides(self, case):
        """The product's own first, then what it is measured beside."""
        return list(dict.fromkeys(side for side, _ in self.timed[case]))

    def threads(self, case):
        return list(dict.fromkeys(threads for _, threads in self.timed[case]))

    def as_json(self):
        return {
            "timed": [
                {
                    "case": case,
                    "side": side,
                    "threads": threads,
                    "samples": [[*when, ns] for when, ns in samples.items()],
                }
                for case, variants in self.timed.items()
                for (side, threads), samples in variants.items()
            ],
            "counted": self.counted,
            "skipped": self.skipped,
        }


def from_json(value):
    """The samples that as_json gave; KeyError, TypeError or ValueError for others."""
    samples = Samples(skipped=value["skipped"])
    for case, sides in value["counted"].items():
        samples.counted[case] = {side: tuple(figure) for side, figure in sides.items()}
    for row in value["timed"]:
        variants = samples.timed.setdefault(row["case"], {})
        variants[row["side"], row["threads"]] = {
            (number, repetition): ns for number, repetition, ns in row["samples"]
        }
    return samples
