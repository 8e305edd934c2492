# SPDX-License-Identifier: MIT
"""What all mutants of a run came to."""

from collections import Counter
from dataclasses import dataclass, field

from mutation import survivors

KILLED = "killed"
SURVIVED = "survived"
NO_CODE = "no code"  # compiles to what the original compiles to
NO_BUILD = "no build"  # does not compile


@dataclass
class Ended:
    """One mutant, and what became of it."""

    mutant: object
    outcome: str
    by: str = ""
    runs: int = 0
    seconds: float = 0
    problem: str = ""

    def as_json(self):
        return {
            "id": self.mutant.id,
            "line": self.mutant.line,
            "what": self.mutant.what,
            "outcome": self.outcome,
            "killed_by": self.by,
            "runs": self.runs,
            "seconds": round(self.seconds, 3),
            "problem": self.problem,
        }


@dataclass
class Score:
    """`explained` is what survivors.parse returns; `complete`: nothing was left out."""

    ended: list
    explained: dict = field(default_factory=dict)
    complete: bool = False

    def of(self, outcome):
        return [one for one in self.ended if one.outcome == outcome]

    def _survivors(self, kind):
        return [
            one
            for one in self.of(SURVIVED)
            if self.explained.get(one.mutant.id, (None,))[0] == kind
        ]

    def equivalent(self):
        return self._survivors(survivors.EQUIVALENT)

    def unreached(self):
        return self._survivors(survivors.UNREACHED)

    def unexplained(self):
        return self._survivors(None)

    def stale(self):
        """Explanations of mutants that did not survive, or that do not exist (any more)."""
        alive = {one.mutant.id for one in self.of(SURVIVED)}
        tried = {one.mutant.id for one in self.ended}
        return sorted(
            name
            for name in self.explained
            if name not in alive and (name in tried or self.complete)
        )

    def figures(self):
        """Honest ones: `of all` counts every survivor against the tests, `score` leaves
        those apart that are explained as equivalent."""
        killed, alive = len(self.of(KILLED)), len(self.of(SURVIVED))
        live = killed + alive
        counted = live - len(self.equivalent())
        return {
            "mutants": len(self.ended),
            "no_build": len(self.of(NO_BUILD)),
            "no_code": len(self.of(NO_CODE)),
            "killed": killed,
            "survived": alive,
            "equivalent": len(self.equivalent()),
            "unreached": len(self.unreached()),
            "unexplained": len(self.unexplained()),
            "of_all": round(killed / live, 4) if live else 1.0,
            "score": round(killed / counted, 4) if counted else 1.0,
        }

    def good(self):
        return not self.unexplained() and not self.stale()

    def killers(self):
        """(name, how many), the busiest first."""
        return Counter(one.by for one in self.of(KILLED)).most_common()

    def lines(self):
        """What is printed at the end."""
        figures = self.figures()
        yield (
            f"{figures['mutants']} mutants: {figures['no_build']} do not compile, "
            f"{figures['no_code']} compile to the same code, {figures['killed']} killed, "
            f"{figures['survived']} survived"
        )
        yield (
            f"of the survivors {figures['equivalent']} are explained as equivalent, "
            f"{figures['unreached']} as out of reach, {figures['unexplained']} are not "
            "explained"
        )
        yield (
            f"score: {100 * figures['score']:.1f} % killed; {100 * figures['of_all']:.1f} % "
            "when the explained equivalents count as well"
        )
        for one in self.unexplained():
            yield f"SURVIVED {one.mutant.id} (line {one.mutant.line}): {one.mutant.what}"
        for name in self.stale():
            yield f"STALE {name}: explained, but it does not survive or does not exist"
