"""What an attack can say: an inference about somebody or some group, with the confidence in it. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import erf, sqrt

PEOPLE_SHOWN = 20


class Attack(StrEnum):
    """The attacks, as privacy.md of the design lists them."""

    totals_minus_parts = "totals-minus-parts"
    """A total less its published parts is the part that was withheld."""
    overlap = "overlap"
    """Two figures that differ in a few people or months: joiners, leavers, overlapping windows and cohorts."""
    all_or_nothing = "all-or-nothing"
    """A figure says that everybody, or nobody, took part."""
    suppressed = "suppressed-cells"
    """Integer bounds on withheld cells, over all tables together and through rounding."""
    reconstruction = "integer-reconstruction"
    """Integer bounds on single people, over all tables together."""
    one_unknown = "one-unknown-among-known"
    """Somebody all of whose colleagues, or some of them, are known: likelihood of everything published together."""
    averaging = "averaging"
    """The same answer given several times with fresh noise."""
    residue = "float-residue"
    """Values off their grid: noise made with floats, or a share that was not rounded."""
    budget = "budget"
    """What everything together costs, computed from its noise, against what was promised."""


def advantage(distance: float) -> float:
    """Advantage of the best test between two normal distributions d standard deviations apart: 2 Phi(d/2) - 1."""
    return erf(distance / (2 * sqrt(2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One inference.

    confidence: 0 = no better than guessing, 1 = certain. people: ids of the roster, or what is known of somebody.
    """

    attack: Attack
    confidence: float
    inference: str
    measure: str = ""
    people: tuple[str, ...] = ()
    cell: str = ""
    months: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    @property
    def right_of_100(self) -> int:
        """How many of 100 guesses between two equally likely answers are right."""
        return round(50 + 50 * self.confidence)

    def told(self) -> dict[str, object]:
        """For JSON."""
        return {
            "attack": self.attack,
            "confidence": round(self.confidence, 4),
            "right_of_100": self.right_of_100,
            "measure": self.measure,
            "people": list(self.people[:PEOPLE_SHOWN]),
            "people_count": len(self.people),
            "cell": self.cell,
            "months": list(self.months),
            "inference": self.inference,
            "figures": list(self.figures[:PEOPLE_SHOWN]),
        }

    def sentence(self) -> str:
        """For people."""
        who = ", ".join(self.people[:5]) + (f" and {len(self.people) - 5} more" if len(self.people) > 5 else "")
        about = "; ".join(each for each in (who, self.cell, _span(self.months)) if each)
        return f"{self.confidence:.2f} ({self.right_of_100} of 100 right)  {self.attack}: {about}: {self.inference}"


def _span(months: Sequence[str]) -> str:
    return "" if not months else months[0] if len(months) == 1 else f"{months[0]} to {months[-1]} ({len(months)})"


@dataclass(slots=True)
class Notebook:
    """Findings while they are made, one for each group of people and attack, with all its months."""

    _found: dict[tuple[object, ...], Finding] = field(default_factory=dict[tuple[object, ...], Finding])

    def add(self, finding: Finding) -> None:
        """Note it; the same about other months joins."""
        key = (finding.attack, finding.measure, finding.people, finding.cell, finding.inference)
        before = self._found.get(key)
        if before is not None:
            finding = Finding(
                attack=finding.attack,
                confidence=max(finding.confidence, before.confidence),
                inference=finding.inference,
                measure=finding.measure,
                people=finding.people,
                cell=finding.cell,
                months=tuple(dict.fromkeys((*before.months, *finding.months))),
                figures=tuple(dict.fromkeys((*before.figures, *finding.figures))),
            )
        self._found[key] = finding

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note several."""
        for each in findings:
            self.add(each)

    def all(self) -> list[Finding]:
        """Every finding, the surest first."""
        return sorted(
            self._found.values(), key=lambda each: (-each.confidence, each.attack, each.people, each.cell, each.months)
        )
