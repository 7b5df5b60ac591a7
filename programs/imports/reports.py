"""The report of one import: what became of each record read."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from programs.imports.records import Rejected

ERRORS_KEPT_MAX = 1_000


@dataclass(slots=True)
class ImportReport:
    """Every record read is new, known, held back, too old or an error, never two of these.

    errors: the first ERRORS_KEPT_MAX of ``errors_total``. days: the local days whose metrics may have changed.
    """

    observations_new: int = 0
    observations_known: int = 0
    quarantined: int = 0
    too_old: int = 0
    errors_total: int = 0
    errors: list[Rejected] = field(default_factory=list[Rejected])
    days: set[date] = field(default_factory=set[date])

    def add_error(self, error: Rejected) -> None:
        """Count an error, and keep it while there is room."""
        self.errors_total += 1
        if len(self.errors) < ERRORS_KEPT_MAX:
            self.errors.append(error)

    def to_store(self) -> dict[str, Any]:
        """As it is kept, sealed, with the import."""
        return {
            "new": self.observations_new,
            "known": self.observations_known,
            "quarantined": self.quarantined,
            "too_old": self.too_old,
            "errors_total": self.errors_total,
            "errors": [list(error) for error in self.errors],
            "days": sorted(day.isoformat() for day in self.days),
        }

    @classmethod
    def from_store(cls, document: dict[str, Any]) -> "ImportReport":
        """The kept report again."""
        return cls(
            observations_new=document["new"],
            observations_known=document["known"],
            quarantined=document["quarantined"],
            too_old=document.get("too_old", 0),
            errors_total=document["errors_total"],
            errors=[Rejected(*error) for error in document["errors"]],
            days={date.fromisoformat(day) for day in document["days"]},
        )
