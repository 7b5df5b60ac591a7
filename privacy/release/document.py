"""The content of one release: public parameters, stored noisy integers, declared heads, table rows. Pure.

It is written once as canonical JSON, whose BLAKE2b digest is kept beside it. Reading it back gives the same points
and rows: nothing that is shown comes from anywhere else.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

from privacy.errors import Conflict
from privacy.jobs import Every, Period
from privacy.release import mechanisms
from privacy.release.display import Point, shown
from privacy.release.plan import Audience, Name, Scope
from privacy.release.table import Row

FORMAT = 1
NAMESPACE = UUID("6d1a3f0e-93f4-5c55-9f1c-0f5c8b6a7d21")
"""Namespace of release ids, chosen once."""


def release_id(scope: Scope, statistic: Name, window: str) -> UUID:
    """The same id for the same scope, statistic and window in every store and on every attempt."""
    return uuid5(NAMESPACE, f"{scope.kind}:{scope.id}:{statistic}:{window}")


def digest_of(content: str) -> str:
    """BLAKE2b with 32 bytes, in hexadecimal."""
    return blake2b(content.encode(), digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One release.

    window: ``2026-05`` or ``2026-Q2``. noisy: for reach y of every month from ``first_month`` to the window; for
    participation one number. heads: declared heads, one per noisy number. scale_grains: standard deviation of the
    noise in 1/1024. rho_micro: what this release added to the budget; noise: its source.
    """

    scope: Scope
    statistic: Name
    window: str
    first_month: str
    noisy: tuple[int, ...]
    heads: tuple[int, ...]
    scale_grains: int
    sensitivity_squared: int
    rho_micro: int
    noise: str

    @property
    def id(self) -> UUID:
        """See ``release_id``."""
        return release_id(self.scope, self.statistic, self.window)

    @property
    def scale(self) -> Fraction:
        """Standard deviation of the noise on the stored integers."""
        return Fraction(self.scale_grains, mechanisms.GRAIN)

    @property
    def months(self) -> list[str]:
        """The month that each noisy number ends in."""
        if self.statistic is Name.participation:
            return [Period.parse(self.window).last_day.strftime("%Y-%m")]
        month = Period.parse(self.first_month)
        labels: list[str] = []
        for _ in self.noisy:
            labels.append(month.label)
            month = month.next()
        return labels

    def points(self) -> list[Point]:
        """The estimates with their standard errors, the oldest month first."""
        if self.statistic is Name.reach:
            estimates = mechanisms.reach_estimates(self.noisy)
            errors = mechanisms.reach_errors(len(self.noisy), self.scale)
        else:
            estimates = [mechanisms.participation_estimate(value) for value in self.noisy]
            errors = [mechanisms.participation_error(self.scale)] * len(estimates)
        return [
            Point(label=label, estimate=estimate, error=error, heads=heads)
            for label, estimate, error, heads in zip(self.months, estimates, errors, self.heads, strict=True)
        ]

    def rows(self) -> list[Row]:
        """The table: for reach one row per month of the year so far, for participation one row."""
        reach = self.statistic is Name.reach
        return [
            Row(
                table="total",
                cell="all",
                measure="active",
                start=self.first_month,
                end=point.label,
                value=round(point.estimate),
                stat="any" if reach else "mean",
                cohort="-1" if reach else self.first_month,
                unit="count",
                denominator=point.heads,
                noise="gauss",
                scale=round(point.error, 4),
                round_base=0,
                low=round(shown(point).low * point.heads / 100, 2),
                high=round(shown(point).high * point.heads / 100, 2),
            )
            for point in self.points()
        ]

    def noise_covariance(self) -> list[list[float]] | None:
        """Covariance of the rows' errors in people squared, None where they are independent."""
        if self.statistic is not Name.reach:
            return None
        return mechanisms.reach_covariance(len(self.noisy), self.scale)

    @property
    def table_name(self) -> str:
        """Name of the table's file: one per year for reach, so that a later month replaces the shorter table."""
        return f"{self.statistic}-{self.window[:4] if self.statistic is Name.reach else self.window}"

    def canonical(self) -> str:
        """The content as stored: JSON with sorted keys and no spaces."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "audience": {"kind": self.scope.kind, "id": str(self.scope.id)},
            "statistic": self.statistic,
            "window": self.window,
            "first_month": self.first_month,
            "noisy": self.noisy,
            "heads": self.heads,
            "parameters": {
                "mechanism": "factorised-sum" if self.statistic is Name.reach else "sum",
                "noise": self.noise,
                "scale_grains": self.scale_grains,
                "sensitivity_squared": self.sensitivity_squared,
                "rho_micro": self.rho_micro,
            },
            "rows": [asdict(row) for row in self.rows()],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read(content: str) -> Document:
    """The release of a stored content. Raises Conflict where it is of a newer format."""
    fields = json.loads(content)
    if fields["format"] != FORMAT:
        raise Conflict("A published report was written by a newer version of Vitaal: install that version to read it.")
    parameters = fields["parameters"]
    return Document(
        scope=Scope(Audience(fields["audience"]["kind"]), UUID(fields["audience"]["id"])),
        statistic=Name(fields["statistic"]),
        window=fields["window"],
        first_month=fields["first_month"],
        noisy=tuple(fields["noisy"]),
        heads=tuple(fields["heads"]),
        scale_grains=parameters["scale_grains"],
        sensitivity_squared=parameters["sensitivity_squared"],
        rho_micro=parameters["rho_micro"],
        noise=parameters["noise"],
    )


def latest(documents: Sequence[Document], statistic: Name) -> Document | None:
    """The newest release of a statistic, if any."""
    return max((each for each in documents if each.statistic is statistic), key=lambda each: each.window, default=None)


def quarter_of(month: Period) -> Period | None:
    """The quarter that ends with this month, if it does."""
    quarter = Period.of(Every.quarter, month.start)
    return quarter if quarter.end == month.end else None
