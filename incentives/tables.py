"""The CSV tables that rules are evaluated on, read strictly: a wrong line is named, never guessed at or skipped.

UTF-8 with a header, ISO dates, a point as decimal sign; columns in any order, further columns are left alone. An empty
value is unknown. Raises Invalid with one sentence that names the file, the line and the field.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache

import pandas as pd

from privacy.errors import Invalid

from .schedules.base import whole_amount
from .terms import AMOUNT_MAX
from .vocabulary import (
    BASELINE_PREFIX,
    CHARITY,
    DAY_METRICS,
    GIVES_TO,
    GOAL_PREFIX,
    is_event_kind,
    is_fact_key,
    unknown_event,
    unknown_fact,
    unknown_metric,
)

DAY_COLUMNS = ("member", "day", "metric", "value")
EVENT_COLUMNS = ("member", "at", "kind", "value")
FACT_COLUMNS = ("member", "key", "value", "from")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
Values = Mapping[str, str]


def read_day_metrics(data: bytes, *, file: str) -> pd.DataFrame:
    """Rows ``member, day, metric, value``; at most one value per member, day and metric."""
    seen: set[tuple[str, date, str]] = set()

    def row(values: Values) -> tuple[object, ...] | None:
        day, metric = _day(values["day"]), values["metric"]
        if metric not in DAY_METRICS:
            raise _Wrong("metric", unknown_metric(metric))
        key = (_member(values), day, metric)
        if key in seen:
            raise _Wrong("day", f"the member has a second value for {metric} on {day}")
        seen.add(key)
        return (*key, _amount(values["value"])) if values["value"] else None

    return _frame(data, file, DAY_COLUMNS, row)


def read_events(data: bytes, *, file: str) -> pd.DataFrame:
    """Rows ``member, at, kind, value``; ``at`` is local time, an offset behind it says so and changes nothing."""

    def row(values: Values) -> tuple[object, ...]:
        kind = values["kind"]
        if not is_event_kind(kind):
            raise _Wrong("kind", unknown_event(kind))
        return _member(values), _moment(values["at"]), kind, values["value"]

    return _frame(data, file, EVENT_COLUMNS, row, optional=("value",))


def read_facts(data: bytes, *, file: str) -> pd.DataFrame:
    """Rows ``member, key, value, from``; without ``from`` a fact holds always."""

    def row(values: Values) -> tuple[object, ...]:
        key, value = values["key"], values["value"]
        if not is_fact_key(key):
            raise _Wrong("key", unknown_fact(key))
        if key.startswith((GOAL_PREFIX, BASELINE_PREFIX)):
            try:
                whole_amount(key, value)
            except Invalid as error:
                raise _Wrong("value", error.message) from error
        if key == GIVES_TO and value not in ("self", CHARITY):
            raise _Wrong("value", f"'{value[:40]}' must be self or charity")
        return _member(values), key, value, _day(values["from"], "from") if values["from"] else None

    return _frame(data, file, FACT_COLUMNS, row)


class _Wrong(Exception):
    """One field of one line is wrong."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field, self.what = field, what


def _frame(
    data: bytes,
    file: str,
    columns: Sequence[str],
    row: Callable[[Values], tuple[object, ...] | None],
    *,
    optional: Sequence[str] = (),
) -> pd.DataFrame:
    found: list[tuple[object, ...]] = []
    for line, values in _lines(data, file, columns, optional):
        try:
            made = row(values)
        except _Wrong as wrong:
            raise Invalid(f"{file}: line {line}, {wrong.field}: {wrong.what}", field=wrong.field) from wrong
        if made is not None:
            found.append(made)
    return pd.DataFrame(found, columns=list(columns))


def _lines(data: bytes, file: str, columns: Sequence[str], optional: Sequence[str]) -> Iterator[tuple[int, Values]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Invalid(f"{file}: line {line} is not UTF-8 text", field="file") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(header, file, columns, optional)
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise Invalid(
                    f"{file}: line {reader.line_num} has {len(fields)} fields, the header has {len(header)}",
                    field="file",
                )
            values = dict.fromkeys(columns, "") | dict(zip(header, (field.strip() for field in fields), strict=True))
            yield reader.line_num, values
    except csv.Error as error:
        raise Invalid(f"{file}: line {reader.line_num} cannot be read as CSV: {error}", field="file") from error


def _check_header(header: list[str], file: str, columns: Sequence[str], optional: Sequence[str]) -> None:
    if not header:
        raise Invalid(f"{file}: is empty; line 1 must be {','.join(columns)}", field="file")
    for column in columns:
        if header.count(column) > 1:
            raise Invalid(f"{file}: line 1: the column '{column}' occurs twice", field=column)
        if column not in header and column not in optional:
            raise Invalid(f"{file}: line 1: the column '{column}' is missing", field=column)


def _member(values: Values) -> str:
    if not values["member"]:
        raise _Wrong("member", "is empty")
    return values["member"]


def _amount(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        hint = ", with a point as decimal sign" if "," in text else ""
        raise _Wrong("value", f"'{text[:40]}' is not a number{hint}")
    value = float(text)
    if not 0 <= value <= AMOUNT_MAX:
        raise _Wrong("value", f"{text[:40]} lies outside 0 to {AMOUNT_MAX:,}")
    return value


@lru_cache(maxsize=4096)
def _iso_day(text: str) -> date | None:
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day(text: str, field: str = "day") -> date:
    day = _iso_day(text)
    if day is None:
        raise _Wrong(field, f"'{text[:40]}' is not a date such as 2026-02-03")
    return day


def _moment(text: str) -> datetime:
    if _iso_day(text[:10]) is not None:
        try:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            pass
    raise _Wrong("at", f"'{text[:40]}' is not a date and time such as 2026-02-03T12:30")
