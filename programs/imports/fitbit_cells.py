"""The cells of one line of Fitbit's CSV: strict about form, so that nothing is guessed."""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")

_MOMENT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?( [AP]M)?)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,6}(\.\d{1,20})?", re.ASCII)
_NO_MOMENT = datetime(1970, 1, 1)  # noqa: DTZ001 - stands in for a time that is refused
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Row:
    """One line by column name; what is wrong with its fields collects in ``faults`` as (field, message)."""

    __slots__ = ("cells", "faults")

    def __init__(self, cells: dict[str, str]) -> None:
        self.cells = cells
        self.faults: list[tuple[str, str]] = []

    def whole(self, column: str) -> int:
        """A count."""
        text = self.cells[column]
        if _WHOLE.fullmatch(text):
            return int(text)
        return self._instead(0, column, "must be a whole number from 0 to 999,999,999")

    def decimal(self, column: str) -> float:
        """A measured number."""
        text = self.cells[column]
        if _DECIMAL.fullmatch(text):
            return float(text)
        return self._instead(0.0, column, "must be a number of 0 or more with a point as decimal sign")

    def flag(self, column: str) -> bool:
        """A yes or no."""
        text = self.cells[column]
        if text in ("True", "False"):
            return text == "True"
        return self._instead(False, column, "must be True or False")

    def name(self, column: str) -> str:
        """An identifier of the source's own."""
        text = self.cells[column]
        return text if _NAME.fullmatch(text) else self._instead("", column, "must be 1 to 64 letters or digits")

    def moment(self, column: str) -> datetime:
        """A local time as written, without a zone."""
        try:
            return _local(self.cells[column])
        except ValueError:
            return self._instead(_NO_MOMENT, column, "must be a US date such as 4/28/2016, with or without a time")

    def day(self, column: str) -> date:
        """A local day as written."""
        return self.moment(column).date()

    def refuse(self, column: str, message: str) -> None:
        """Note that a field is wrong: ``message`` completes a sentence that begins with its name."""
        self.faults.append((column, message))

    def _instead(self, value: T, column: str, message: str) -> T:
        self.refuse(column, message)
        return value


@lru_cache(maxsize=8_192)
def _local(text: str) -> datetime:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("not a US date")
    month, day, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    half = match[7]
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("not an hour of twelve")
        hour = hour % 12 + (12 if half == " PM" else 0)
    if not 1970 <= year <= 9998:
        raise ValueError("not a year of ours")
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - local as written, the zone comes later
