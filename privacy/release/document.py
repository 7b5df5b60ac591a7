"""The content of one release: public parameters, stored noisy integers, declared heads, and what is shown. Pure.

It is written once as canonical JSON, whose BLAKE2b digest is kept beside it. What is shown was worked out when it was
published, from its noisy integers and those published about the group before; reading it back gives the same figures
and rows, and nothing that is shown comes from anywhere else.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from fractions import Fraction
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid5

from privacy.errors import Conflict
from privacy.jobs import Period
from privacy.release import mechanisms
from privacy.release.estimate import Estimated, Reading, estimated
from privacy.release.plan import PLAN, Audience, Name, Scope, Statistic, statistic_of
from privacy.release.table import Row

FORMAT = 2
DECIMALS = 4
"""Of the figures that are kept: finer than anything that is shown."""
NAMESPACE = UUID("6d1a3f0e-93f4-5c55-9f1c-0f5c8b6a7d21")
"""Namespace of release ids, chosen once."""
ALL = "all"
"""The one cell of a table that has no groups."""
TOTAL = "total"
ANYBODY = "-1"
"""In place of a cohort: anyone on the roster in the window."""


def release_id(scope: Scope, statistic: Name, window: str) -> UUID:
    """The same id for the same scope, statistic and window in every store and on every attempt."""
    return uuid5(NAMESPACE, f"{scope.kind}:{scope.id}:{statistic}:{window}")


def digest_of(content: str) -> str:
    """BLAKE2b with 32 bytes, in hexadecimal."""
    return blake2b(content.encode(), digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One release.

    window: ``2026-05``, ``2026-Q2``, ``2026-H1``, ``2026``. first_month: of the scope's year (reach) or of the window.
    table: ``total``, or the public column whose values the cells are. cells: of a total ``all``; of programmes their
    keys. noisy: the new integers, one per cell; of reach y of its month, whose place in the scope's year is
    ``position``. heads: declared, one per cell. scale_grains: standard deviation of the noise in 1/1024. rho_micro:
    what this release added to the budget; noise: its source. figures: what was worked out to be shown, one per cell.
    """

    scope: Scope
    statistic: Name
    window: str
    first_month: str
    table: str = TOTAL
    cells: tuple[str, ...] = (ALL,)
    position: int = 0
    noisy: tuple[int, ...]
    heads: tuple[int, ...]
    scale_grains: int
    sensitivity_squared: int
    rho_micro: int
    noise: str
    figures: tuple[Estimated, ...] = field(default=())

    @property
    def id(self) -> UUID:
        """See ``release_id``."""
        return release_id(self.scope, self.statistic, self.window)

    @property
    def plan(self) -> Statistic:
        """The line of the plan that it belongs to."""
        return statistic_of(self.statistic, self.period.every)

    @property
    def period(self) -> Period:
        """The window."""
        return Period.parse(self.window)

    @property
    def last_month(self) -> str:
        """The month with which the window ends."""
        return self.period.last_day.strftime("%Y-%m")

    @property
    def scale(self) -> Fraction:
        """Standard deviation of the noise on the stored integers."""
        return Fraction(self.scale_grains, mechanisms.GRAIN)

    def reading(self) -> Reading:
        """What the estimator reads of it."""
        return Reading(
            statistic=self.statistic,
            window=self.window,
            first_month=self.first_month,
            cells=self.cells,
            noisy=self.noisy,
            position=self.position,
            heads=self.heads,
            scale=self.scale,
            months=self.plan.divisor,
        )

    def rows(self) -> list[Row]:
        """The rows of its table, one per cell."""
        by_programme = self.statistic is Name.programmes
        last_month, cohort = self.last_month, ANYBODY if self.statistic in COUNTED_ANYBODY else self.first_month
        return [
            Row(
                table=self.table,
                cell=ALL if by_programme else figure.cell,
                measure=f"programme_{figure.cell}" if by_programme else MEASURES[self.statistic],
                start=self.first_month,
                end=last_month,
                value=round(figure.value),
                stat=STATS[self.statistic],
                cohort=cohort,
                unit="count",
                denominator=figure.heads,
                noise="gauss",
                scale=round(figure.raw_error, DECIMALS),
                round_base=0,
                low=round(figure.low, 2),
                high=round(figure.high, 2),
            )
            for figure in self.figures
        ]

    @property
    def table_name(self) -> str:
        """Name of the table's file: one per year for reach, to which each month adds a row."""
        return f"{self.statistic}-{self.window[:4] if self.statistic is Name.reach else self.window}"

    def canonical(self) -> str:
        """The content as stored: JSON with sorted keys and no spaces."""
        document: dict[str, Any] = {
            "format": FORMAT,
            "audience": {"kind": self.scope.kind, "id": str(self.scope.id)},
            "statistic": self.statistic,
            "window": self.window,
            "first_month": self.first_month,
            "table": self.table,
            "cells": self.cells,
            "position": self.position,
            "noisy": self.noisy,
            "heads": self.heads,
            "figures": {key: [getattr(each, key) for each in self.figures] for key in FIGURES},
            "parameters": {
                "mechanism": "factorised-sum" if self.statistic is Name.reach else "sum",
                "noise": self.noise,
                "scale_grains": self.scale_grains,
                "sensitivity_squared": self.sensitivity_squared,
                "rho_micro": self.rho_micro,
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


FIGURES = tuple(each.name for each in fields_of(Estimated) if each.name not in ("cell", "heads"))
"""What is kept of each cell's figures."""
MEASURES: Mapping[Name, str] = {
    Name.reach: "active",
    Name.participation: "active",
    Name.grouping: "active",
    Name.age_bands: "active",
    Name.effects: "active",
    Name.coins: "coins_euro",
    Name.score: "score",
}
STATS: Mapping[Name, str] = {
    Name.reach: "any",
    Name.programmes: "any",
    Name.participation: "mean",
    Name.grouping: "mean",
    Name.age_bands: "mean",
    Name.effects: "mean",
    Name.coins: "sum",
    Name.score: "mean",
}
COUNTED_ANYBODY = (Name.reach, Name.programmes, Name.coins)


def read(content: str) -> Document:
    """The release of a stored content. Raises Conflict where it is of another format."""
    fields = json.loads(content)
    if fields["format"] != FORMAT:
        raise Conflict("A published report was written by another version of Vitaal: install that version to read it.")
    parameters = fields["parameters"]
    return Document(
        scope=Scope(Audience(fields["audience"]["kind"]), UUID(fields["audience"]["id"])),
        statistic=Name(fields["statistic"]),
        window=fields["window"],
        first_month=fields["first_month"],
        table=fields["table"],
        cells=tuple(fields["cells"]),
        position=fields["position"],
        noisy=tuple(fields["noisy"]),
        heads=tuple(fields["heads"]),
        scale_grains=parameters["scale_grains"],
        sensitivity_squared=parameters["sensitivity_squared"],
        rho_micro=parameters["rho_micro"],
        noise=parameters["noise"],
        figures=tuple(_figures(fields)),
    )


def _figures(fields: Mapping[str, Any]) -> Iterator[Estimated]:
    columns = [fields["figures"][key] for key in FIGURES]
    for cell, heads, *figures in zip(fields["cells"], fields["heads"], *columns, strict=True):
        yield Estimated(cell=cell, heads=heads, **dict(zip(FIGURES, figures, strict=True)))


def in_order(documents: Iterable[Document]) -> list[Document]:
    """The documents in the order in which they fell due: by the end of the window, then as the plan lists them."""
    lines = {(each.name, each.every): place for place, each in enumerate(PLAN)}
    return sorted(documents, key=lambda each: (each.period.end, lines[each.statistic, each.period.every]))


def figures_for(document: Document, before: Sequence[Document]) -> tuple[Estimated, ...]:
    """What is shown of a new release, from its integers and those published about the same scope before."""
    history = [each.reading() for each in in_order(before)]
    return tuple(_kept(each) for each in estimated([*history, document.reading()]))


def _kept(figure: Estimated) -> Estimated:
    figures: dict[str, float | None] = {key: getattr(figure, key) for key in FIGURES}
    rounded: dict[str, Any] = {key: None if value is None else round(value, DECIMALS) for key, value in figures.items()}
    return Estimated(cell=figure.cell, heads=figure.heads, **rounded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of one file; noise_covariance: of the errors of the raw figures, None where they are independent."""

    name: str
    rows: tuple[Row, ...]
    noise_covariance: Sequence[Sequence[float]] | None = None


def tables_of(documents: Iterable[Document]) -> list[Table]:
    """The tables of one scope's releases: a file for each window, and one for the year's reach."""
    found: dict[str, list[Document]] = {}
    for each in in_order(documents):
        found.setdefault(each.table_name, []).append(each)
    return [
        Table(
            name=name,
            rows=tuple(row for each in those for row in each.rows()),
            noise_covariance=_covariance(those) if those[0].statistic is Name.reach else None,
        )
        for name, those in found.items()
    ]


def _covariance(year: Sequence[Document]) -> list[list[float]]:
    """Of reach: people squared, as ``mechanisms.reach_covariance``, for the months that are there."""
    places = [each.position for each in year]
    whole = mechanisms.reach_covariance(max(places) + 1, year[-1].scale)
    return [[whole[row][column] for column in places] for row in places]
