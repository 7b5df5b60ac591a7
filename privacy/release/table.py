"""A published table in the format of docs/commands.md: one row per number, CSV, UTF-8, ISO dates, point. Pure.

A table whose numbers have correlated errors has ``NAME.attrs.json`` beside ``NAME.csv`` with their covariance.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One published number.

    start, end: months of the window. value: None where withheld. cohort: month whose roster defines the group,
    -1 for anyone on the roster in the window. scale: standard deviation of the noise in ``unit``.
    low, high: the 90% interval, in ``unit``; what pages show of it is rounded outwards and clamped.
    """

    table: str
    cell: str
    measure: str
    start: str
    end: str
    value: int | None
    stat: str
    cohort: str
    unit: str
    denominator: int
    noise: str
    scale: float
    round_base: int
    low: float
    high: float


COLUMNS = tuple(field.name for field in fields(Row))


def csv_text(rows: Sequence[Row]) -> str:
    """The rows as CSV with a header; a withheld value is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return out.getvalue()


def attributes_text(noise_covariance: Sequence[Sequence[float]]) -> str:
    """The covariance of the rows' errors, in people squared and row order, as JSON."""
    return json.dumps({"noise_cov": noise_covariance}, indent=2) + "\n"
