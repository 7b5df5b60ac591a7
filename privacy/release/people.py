"""People files: one row per employee on the roster and month, read strictly: a wrong line is named. Pure.

CSV, UTF-8, with a header: ``employee_id,period``, public columns among ``department``, ``site``, ``age_band``, and
measures among ``active``, ``programme_ID`` (0 or 1), ``score`` (0 to 10), ``coins_euro``. ``period`` is a whole month
counted from January of year 0 of the file. An empty measure counts as nothing.
"""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from privacy.errors import Invalid
from privacy.release.plan import SCORE_MAX

KEY = ("employee_id", "period")
PUBLIC = ("department", "site", "age_band")
ACTIVE, SCORE, COINS = "active", "score", "coins_euro"
PROGRAMME = "programme_"
PERIOD_MAX = 12 * 200
VALUE_CHARACTERS_MAX = 80
COINS_MAX_EURO = 1_000_000
_PROGRAMME = re.compile(r"programme_[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


@dataclass(frozen=True, slots=True)
class People:
    """A checked file. rows: ``employee_id`` and public columns as text, ``period`` int, measures as numbers."""

    rows: pd.DataFrame

    @property
    def periods(self) -> list[int]:
        """The months that it has rows for, the earliest first."""
        return sorted(int(each) for each in self.rows["period"].unique())

    @property
    def programmes(self) -> list[str]:
        """The programmes that it has columns for, without their prefix, in alphabetical order."""
        return sorted(str(each)[len(PROGRAMME) :] for each in self.rows.columns if str(each).startswith(PROGRAMME))


def read_people(data: bytes, *, file: str) -> People:
    """Check and read a people file. Raises: Invalid."""
    try:
        read = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, encoding="utf-8", index_col=False)
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8: save it as UTF-8.", field="people") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise Invalid(f"{file} cannot be read as CSV: {str(error).strip()[:200]}", field="people") from error
    _check_columns(read, file)
    if read.empty:
        raise Invalid(f"{file} has no rows: it needs one per employee and month.", field="people")
    checked: dict[str, pd.Series] = {}
    for name in map(str, read.columns):
        values: Any = read[name]
        checked[name] = _column(name)(values, name, file)
    rows = pd.DataFrame(checked)
    twice = rows.duplicated(list(KEY))
    if twice.any():
        raise _wrong(
            file, int(twice.to_numpy().argmax()), "employee_id", "the employee has a second row for this period"
        )
    return People(rows)


def _check_columns(read: pd.DataFrame, file: str) -> None:
    names = [str(each) for each in read.columns]
    for needed in KEY:
        if needed not in names:
            raise Invalid(f"{file} has no column {needed}: its first line names the columns.", field=needed)
    for name in names:
        if name not in (*KEY, *PUBLIC, ACTIVE, SCORE, COINS) and not _PROGRAMME.fullmatch(name):
            raise Invalid(f"{file} has a column {name!r} that is not known: leave it out.", field=name)
    if read.shape[1] != len(set(names)):
        raise Invalid(f"{file} has a column twice.", field="people")


def _column(name: str) -> Callable[[pd.Series, str, str], pd.Series]:
    if name == "period":
        return _periods
    if name in (*KEY, *PUBLIC):
        return _texts
    return _amounts


def _texts(values: pd.Series, name: str, file: str) -> pd.Series:
    bad = values.str.contains(r"[|;\x00-\x1f]", regex=True) | (values.str.len() > VALUE_CHARACTERS_MAX)
    if name == "employee_id":
        bad |= values == ""
    _refuse(bad, file, name, f"needs 1 to {VALUE_CHARACTERS_MAX} characters, without | and ;")
    return values


def _periods(values: pd.Series, name: str, file: str) -> pd.Series:
    _refuse(~values.str.fullmatch(r"[0-9]{1,4}"), file, name, "is a whole number of months from 0 on")
    periods = values.astype(int)
    _refuse(periods > PERIOD_MAX, file, name, f"is at most {PERIOD_MAX}")
    return periods


def _amounts(values: pd.Series, name: str, file: str) -> pd.Series:
    filled = values.where(values != "", "0")
    _refuse(~filled.str.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?"), file, name, "is a number such as 1 or 2.5, or empty")
    amounts = filled.astype(float)
    if name == SCORE:
        _refuse(amounts > SCORE_MAX, file, name, f"lies between 0 and {SCORE_MAX}")
    elif name == COINS:
        _refuse(amounts > COINS_MAX_EURO, file, name, f"is at most {COINS_MAX_EURO}")
    else:
        _refuse(~amounts.isin((0.0, 1.0)), file, name, "is 0 or 1")
    return amounts


def _refuse(bad: pd.Series, file: str, name: str, why: str) -> None:
    if bad.any():
        raise _wrong(file, int(np.asarray(bad).argmax()), name, f"it {why}")


def _wrong(file: str, place: int, name: str, why: str) -> Invalid:
    """The error for the row at this place; the line of names is line 1."""
    return Invalid(f"{file}, line {place + 2}, {name}: {why}.", field=name)
