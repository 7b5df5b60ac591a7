"""What every reader yields: records in our own words, and refusals that name line and field.

A reader maps only what is honest to the vocabulary, drops positions, names and addresses, and never guesses a value.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from incentives.vocabulary import DAY_METRICS

MS_PER_S = 1_000
BY_DAY_OF_WAKING = frozenset({"sleep_minutes"})
"""Metrics of which a record that runs past midnight belongs to one day as a whole."""


class Record(NamedTuple):
    """One measured or typed fact, as its source gives it.

    local_day: the day it counts for, as the source writes it or by its own UTC offset; sleep: the day of waking.
    start_ms, end_ms: epoch milliseconds; equal for an instant. offset_s: the UTC offset at the start.
    device_kind: ``watch``, ``band``, ``ring``, ``phone``, ``scale`` or empty. source_id: the source's own record id, by
    which a corrected record is recognised; without one, the times are the identity.
    whole_day: the source's own total of the local day, which its parts must not be added to.
    worn: whether the record shows that the device was worn; without, it is kept but gives no value.
    """

    metric: str
    local_day: date
    start_ms: int
    end_ms: int
    offset_s: int
    value: float
    unit: str
    app: str
    device_kind: str = ""
    device_name: str = ""
    source_id: str | None = None
    modified_ms: int | None = None
    manual: bool = False
    whole_day: bool = False
    worn: bool = True

    @property
    def source(self) -> str:
        """The name under which a member ranks this source."""
        return source_name(self.app, self.device_name)


class Rejected(NamedTuple):
    """One error: where, and one sentence about what is wrong. ``line`` for text, ``record`` for other formats."""

    message: str
    field: str | None = None
    line: int | None = None
    record: int | None = None
    file: str | None = None

    def document(self) -> dict[str, str | int | None]:
        """The error as ``vitaal import --json`` prints it."""
        place: dict[str, str | int | None] = (
            {"record": self.record} if self.line is None and self.record is not None else {"line": self.line}
        )
        return {"file": self.file, **place, "field": self.field, "message": self.message}


def source_name(app: str, device_name: str) -> str:
    """``app/device``, or the app alone."""
    return f"{app}/{device_name}" if device_name else app


def whole_day(
    metric: str,
    day: date,
    value: float,
    *,
    zone: ZoneInfo,
    app: str,
    device_kind: str = "",
    device_name: str = "",
    source_id: str | None = None,
    modified_ms: int | None = None,
    manual: bool = False,
    worn: bool = True,
) -> Record:
    """A source's own total of one local day, or the value that a member types for it."""
    start_ms, end_ms, offset_s = day_span(day, zone)
    return Record(
        metric=metric,
        local_day=day,
        start_ms=start_ms,
        end_ms=end_ms,
        offset_s=offset_s,
        value=value,
        unit=DAY_METRICS[metric].unit,
        app=app,
        device_kind=device_kind,
        device_name=device_name,
        source_id=source_id or f"day {day}",
        modified_ms=modified_ms,
        manual=manual,
        whole_day=True,
        worn=worn,
    )


@lru_cache(maxsize=8_192)
def day_span(day: date, zone: ZoneInfo) -> tuple[int, int, int]:
    """Start and end of a local day (23, 24 or 25 hours), both in ms, and the UTC offset at its start in seconds."""
    midnight = datetime.combine(day, time(), zone)
    return epoch_ms(midnight), epoch_ms(datetime.combine(day + timedelta(days=1), time(), zone)), offset_s(midnight)


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an instant with a zone."""
    return (at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def offset_s(at: datetime) -> int:
    """The UTC offset of an instant with a zone, in seconds."""
    offset = at.utcoffset()
    if offset is None:
        raise TypeError("an instant without a time zone has no offset")
    return round(offset.total_seconds())


def days_of(record: Record) -> list[date]:
    """The local days that a record counts for: more than one only where its interval runs past midnight."""
    if record.whole_day or record.metric in BY_DAY_OF_WAKING or record.end_ms == record.start_ms:
        return [record.local_day]
    last = datetime.fromtimestamp((record.end_ms - 1) / MS_PER_S + record.offset_s, UTC).date()
    return [record.local_day + timedelta(days=after) for after in range(max(0, (last - record.local_day).days) + 1)]
