"""The document that ``vitaal overlap`` reads and prints: records in, total and segments out. Pure.

Times are epoch milliseconds or ISO 8601 (without an offset: UTC); the answer uses ISO where the question did.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from privacy.errors import Invalid
from programs.overlap import Interval, Resolved

US_PER_MS = 1_000
VALUE_MAX = 1e12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """Intervals in microseconds, the member's own order of sources, and how to write times."""

    records: list[Interval]
    priority: list[str]
    iso: bool

    def answer(self, resolved: Resolved) -> dict[str, Any]:
        """Total and segments, as printed."""
        return {
            "total": _plain(resolved.total),
            "segments": [
                {
                    "start": self._time(segment.start),
                    "end": self._time(segment.end),
                    "value": _plain(segment.value),
                    "source": segment.source,
                    "device": segment.device or None,
                }
                for segment in resolved.segments
            ],
        }

    def _time(self, at_us: int) -> str | float:
        if self.iso:
            return (_EPOCH + timedelta(microseconds=at_us)).isoformat()
        return at_us // US_PER_MS if at_us % US_PER_MS == 0 else at_us / US_PER_MS


def read_question(text: str | bytes, *, file: str) -> Question:
    """Raises Invalid naming the file and the field."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is not UTF-8 text.", field="file") from error
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{file} is not a JSON document.", field="file") from error
    if not isinstance(document, dict) or not isinstance(document.get("records"), list):
        raise Invalid(f"{file}: an object with a list `records` is expected.", field="records")
    priority = document.get("priority") or []
    if not isinstance(priority, list) or not all(isinstance(name, str) for name in priority):
        raise Invalid(f"{file}: `priority` must be a list of names of sources.", field="priority")
    records: Sequence[Any] = document["records"]
    found = [_interval(record, f"{file}: records[{place}]") for place, record in enumerate(records)]
    return Question(found, priority, iso=any(isinstance(record["start"], str) for record in records))


def _interval(record: Any, where: str) -> Interval:
    if not isinstance(record, dict):
        raise Invalid(f"{where} must be an object.", field="records")
    start, end = (_time_us(record.get(name), f"{where}.{name}", name) for name in ("start", "end"))
    if end < start:
        raise Invalid(f"{where}.end lies before its start.", field="end")
    value = record.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= VALUE_MAX:
        raise Invalid(f"{where}.value must be a number from 0 to {VALUE_MAX:,.0f}.", field="value")
    source, device, manual = record.get("source"), record.get("device"), record.get("manual")
    if not isinstance(source, str):
        raise Invalid(f"{where}.source must be a name.", field="source")
    if device is not None and not isinstance(device, str):
        raise Invalid(f"{where}.device must be a name or null.", field="device")
    if manual is not None and not isinstance(manual, bool):
        raise Invalid(f"{where}.manual must be true, false or null.", field="manual")
    modified = record.get("modified")
    changed = None if modified is None else _time_us(modified, f"{where}.modified", "modified")
    return Interval(start, end, value, source, device or "", manual or False, changed)


def _time_us(value: Any, where: str, field: str) -> int:
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
            return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            pass
    elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and abs(value) < 1e14:
        return round(value * US_PER_MS)
    raise Invalid(f"{where} must be a time: milliseconds since 1970, or ISO 8601.", field=field)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _plain(value: float) -> float:
    return int(value) if value.is_integer() else value
