"""Notes on what was published with an error: a dated sentence beside the figure, never a second figure. Pure.

A note says one of a few fixed things, with a day and who declared it, so that it tells nothing but that. What can be
wrong about one group is only what was declared about it; a fault in our software is noted on every report that it
concerned at once, so that no note follows from what anybody did.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from privacy.jobs import Period
from privacy.release.columns import SCOPE_COLUMNS, ScopeColumns
from privacy.release.plan import Audience, Name, Scope
from privacy.store.holding import Holding, Keeping, public


class Kind(StrEnum):
    """What was wrong."""

    heads = "heads"
    contract = "contract"
    units = "units"
    programme = "programme"
    software = "software"
    """Of every group that has this statistic's window."""


class By(StrEnum):
    """Who declared it."""

    employer = "employer"
    holder = "holder"
    operator = "operator"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Note:
    """One note on one release."""

    noted_on: date
    window: str
    statistic: Name
    kind: Kind
    declared_by: By

    @property
    def period(self) -> Period:
        """The window of the figure."""
        return Period.parse(self.window)

    def figure(self, locale: str) -> str:
        """Which figure it is about."""
        return _FIGURE[locale][self.statistic]

    def sentence(self, locale: str) -> str:
        """What was wrong, who said so, and what to do with the figure, in Dutch (``nl``) or English (``en``)."""
        return " ".join([_WRONG[locale][self.kind].format(by=_BY[locale][self.declared_by]), _STAYS[locale]])


def csv_of(notes: Iterable[Note]) -> str:
    """The notes as CSV, the oldest first."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("noted_on", "statistic", "window", "kind", "declared_by", "text_nl", "text_en"))
    for each in sorted(notes):
        texts = (each.sentence("nl"), each.sentence("en"))
        writer.writerow((each.noted_on, each.statistic, each.window, each.kind, each.declared_by, *texts))
    return out.getvalue()


class NoteColumns(ScopeColumns):
    """One note, as written by the operator; the same in the members' copy."""

    @declared_attr.directive
    def __table_args__(cls) -> tuple[CheckConstraint, ...]:
        return (
            CheckConstraint(f"kind IN ({_listed(Kind)})", name="kind"),
            CheckConstraint(f"declared_by IN ({_listed(By)})", name="declared_by"),
        )

    __holding__: ClassVar[Holding | None] = Holding(
        about="That a published figure rests on something declared wrongly, in fixed words.",
        columns=SCOPE_COLUMNS
        | {
            "statistic": public("on which statistic"),
            "window": public("on which period"),
            "kind": public("what was wrong: one of a few fixed things"),
            "declared_by": public("who said so: the employer, the collective's holder or the operator"),
            "noted_on": public("on which day it was noted"),
        },
        keeping=Keeping.organisation,
        not_exported="On a figure about a group; members read it on their own pages.",
    )

    statistic: Mapped[str] = mapped_column(String(20), primary_key=True)
    window: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    declared_by: Mapped[str] = mapped_column(String(12))
    noted_on: Mapped[date]

    @property
    def scope(self) -> Scope:
        """The group whose figure it is."""
        return Scope(Audience(self.audience_kind), self.audience)

    def note(self) -> Note:
        """What it says."""
        return Note(
            noted_on=self.noted_on,
            window=self.window,
            statistic=Name(self.statistic),
            kind=Kind(self.kind),
            declared_by=By(self.declared_by),
        )


def _listed(names: type[Kind] | type[By]) -> str:
    return ", ".join(f"'{each}'" for each in names)


_BY = {
    "nl": {By.employer: "de werkgever", By.holder: "het collectief", By.operator: "de beheerder van Vitaal"},
    "en": {By.employer: "the employer", By.holder: "the collective", By.operator: "the operator of Vitaal"},
}
_WRONG = {
    "nl": {
        Kind.heads: "Volgens {by} was het aantal mensen verkeerd opgegeven."
        " Lees dit cijfer als een deel van het aantal dat er toen stond.",
        Kind.contract: "Volgens {by} klopten de data van het contract niet."
        " Het cijfer gaat over wie er toen volgens het contract bij hoorde.",
        Kind.units: "Volgens {by} was de indeling in afdelingen of vestigingen verkeerd opgegeven."
        " Vergelijk deze groepen niet met elkaar.",
        Kind.programme: "Volgens {by} was een programma verkeerd opgegeven."
        " Lees dit cijfer niet als meting van dat programma.",
        Kind.software: "Volgens {by} zat er een fout in onze software. Die raakt alle rapporten over deze periode."
        " Besluit niets op grond van dit cijfer.",
    },
    "en": {
        Kind.heads: "According to {by} the number of people was declared wrongly."
        " Read this figure as a share of the number that stood there.",
        Kind.contract: "According to {by} the dates of the contract were wrong."
        " The figure is about those who belonged to it by the contract of then.",
        Kind.units: "According to {by} the departments or sites were declared wrongly."
        " Do not compare these groups with one another.",
        Kind.programme: "According to {by} a programme was declared wrongly."
        " Do not read this figure as a measure of that programme.",
        Kind.software: "According to {by} there was a fault in our software. It concerns all reports about this period."
        " Do not decide anything on this figure.",
    },
}
_STAYS = {
    "nl": "Het cijfer blijft staan. Een tweede cijfer zou kunnen verraden wie meedoet.",
    "en": "The figure stays. A second one could give people away.",
}
_FIGURE = {
    "nl": {
        Name.reach: "Minstens één keer meegedaan",
        Name.participation: "Meegedaan in een gewone maand",
        Name.grouping: "Per afdeling of vestiging",
        Name.age_bands: "Per leeftijd",
        Name.programmes: "Per programma",
        Name.coins: "Munten",
        Name.effects: "Effect van een programma",
        Name.score: "Gemiddelde score",
    },
    "en": {
        Name.reach: "Took part at least once",
        Name.participation: "Took part in an average month",
        Name.grouping: "By department or site",
        Name.age_bands: "By age",
        Name.programmes: "By programme",
        Name.coins: "Coins",
        Name.effects: "Effect of a programme",
        Name.score: "Average score",
    },
}
