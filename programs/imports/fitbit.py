"""Fitbit's CSV export: daily activity, hourly steps, sleep and weight, told apart by their columns.

One file may hold many persons (``Id``). Dates are US dates without a zone: the local day is the day as written, the
hour is one of the member's zone. What we map, and what not:

- steps, moderate (``FairlyActive``), vigorous (``VeryActive``) and sedentary minutes, sleep, weight. Lightly active
  minutes have no metric of ours. Distances are kilometres (0.7 m a step) but of walking and running together, so
  they are neither ``walk_meters`` nor ``run_meters``. Calories, body fat and BMI are dropped.
- Not worn is not zero: zero steps are no evidence of wear, and neither are minutes of which none was active
  (1,440 sedentary minutes). Such values are kept, marked not worn. Steps counted on a day without active minutes are
  steps all the same: something counted them.
- A night belongs to the day that the file gives, the day of waking.

Memory does not grow with the file: one line at a time, of bounded length. A file that is not UTF-8 or has other columns
is refused as a whole; a bad line is reported with its number and fields, and the others are read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from incentives.vocabulary import DAY_METRICS
from privacy.errors import Invalid
from programs.imports.fitbit_cells import Row
from programs.imports.lines import read_header, read_lines
from programs.imports.records import Record, Rejected, epoch_ms, offset_s, whole_day

APP = "fitbit"
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Item = tuple[str, Record | Rejected]
"""A person's id in the file (empty where it cannot be read), and what one line says about that person."""

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Hours:
    """Hours that the local clock shows twice, as far as they were read: the second row is the second pass."""

    seen: set[tuple[str, datetime]] = field(default_factory=set)

    def start(self, row: Row, person: str, local: datetime, zone: ZoneInfo) -> datetime | None:
        """When the hour began, or None where the clock skipped it."""
        first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
        if offset_s(first) == offset_s(second):
            return first
        if offset_s(first) < offset_s(second):
            if row.whole("StepTotal"):
                row.refuse(
                    "ActivityHour", f"does not exist in {zone.key}, where the clock skipped it: give the right zone"
                )
            return None
        if (person, local) in self.seen:
            return second
        self.seen.add((person, local))
        return first


def _daily(row: Row, person: str, zone: ZoneInfo, _hours: _Hours) -> Iterator[Record]:
    day, steps = row.day("ActivityDate"), row.whole("TotalSteps")
    minutes = {
        "moderate_minutes": row.whole("FairlyActiveMinutes"),
        "vigorous_minutes": row.whole("VeryActiveMinutes"),
        "sedentary_minutes": row.whole("SedentaryMinutes"),
    }
    light = row.whole("LightlyActiveMinutes")
    moved = minutes["moderate_minutes"] + minutes["vigorous_minutes"] + light > 0
    if row.faults:
        return
    yield whole_day("steps", day, steps, worn=steps > 0, zone=zone, app=APP, device_kind="band", device_name="tracker")
    for metric, value in minutes.items():
        yield whole_day(metric, day, value, worn=moved, zone=zone, app=APP, device_kind="band", device_name="tracker")


def _hourly(row: Row, person: str, zone: ZoneInfo, hours: _Hours) -> Iterator[Record]:
    local, steps = row.moment("ActivityHour"), row.whole("StepTotal")
    if local.minute or local.second:
        row.refuse("ActivityHour", "must be a full hour")
    start = None if row.faults else hours.start(row, person, local, zone)
    if start is None or row.faults:
        return
    start_ms = epoch_ms(start)
    yield Record(
        metric="steps",
        local_day=local.date(),
        start_ms=start_ms,
        end_ms=start_ms + _HOUR // timedelta(milliseconds=1),
        offset_s=offset_s(start),
        value=steps,
        unit=DAY_METRICS["steps"].unit,
        app=APP,
        device_kind="band",
        device_name="tracker",
        source_id=f"hour {local:%Y-%m-%dT%H}{'+' if start.fold else ''}",
        worn=steps > 0,
    )


def _sleep(row: Row, person: str, zone: ZoneInfo, _hours: _Hours) -> Iterator[Record]:
    day, minutes = row.day("SleepDay"), row.whole("TotalMinutesAsleep")
    if not row.faults:
        yield whole_day(
            "sleep_minutes",
            day,
            minutes,
            worn=minutes > 0,
            zone=zone,
            app=APP,
            device_kind="band",
            device_name="tracker",
        )


def _weight(row: Row, person: str, zone: ZoneInfo, _hours: _Hours) -> Iterator[Record]:
    local, kilograms, typed = row.moment("Date"), row.decimal("WeightKg"), row.flag("IsManualReport")
    log = row.name("LogId")
    if row.faults:
        return
    at = local.replace(tzinfo=zone)
    yield Record(
        metric="weight_kg",
        local_day=local.date(),
        start_ms=epoch_ms(at),
        end_ms=epoch_ms(at),
        offset_s=offset_s(at),
        value=kilograms,
        unit=DAY_METRICS["weight_kg"].unit,
        app=APP,
        device_kind="" if typed else "scale",
        device_name="" if typed else "scale",
        source_id=f"log {log}",
        manual=typed,
        worn=kilograms > 0,
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """One of the files: the columns that we need of it, and what a row of it says."""

    name: str
    columns: tuple[str, ...]
    records: Callable[[Row, str, ZoneInfo, _Hours], Iterator[Record]]


_LAYOUTS = (
    _Layout(
        "dailyActivity",
        (
            "Id",
            "ActivityDate",
            "TotalSteps",
            "VeryActiveMinutes",
            "FairlyActiveMinutes",
            "LightlyActiveMinutes",
            "SedentaryMinutes",
        ),
        _daily,
    ),
    _Layout("hourlySteps", ("Id", "ActivityHour", "StepTotal"), _hourly),
    _Layout("sleepDay", ("Id", "SleepDay", "TotalMinutesAsleep"), _sleep),
    _Layout("weightLogInfo", ("Id", "Date", "WeightKg", "IsManualReport", "LogId"), _weight),
)


def recognises(header: list[str]) -> bool:
    """Whether these are the columns of one of the files we read."""
    return any(set(layout.columns) <= set(header) for layout in _LAYOUTS)


def _layout(header: list[str], file: str) -> _Layout:
    if len(set(header)) != len(header):
        raise Invalid(f"{file}, line 1: a column name stands there twice.", field="file")
    nearest = min(_LAYOUTS, key=lambda layout: (len(set(layout.columns) - set(header)), -len(layout.columns)))
    missing = [column for column in nearest.columns if column not in header]
    if missing:
        raise Invalid(
            f"{file}, line 1: these are not the columns of Fitbit's {nearest.name} file: {', '.join(missing)} missing.",
            field="file",
        )
    return nearest


def read(stream: BinaryIO, *, file: str, zone: ZoneInfo = AMSTERDAM) -> Iterator[Item]:
    """The records of one file, in its order. Raises Invalid where the file as a whole cannot be read."""
    header = read_header(stream, file=file)
    layout, hours = _layout(header, file), _Hours()
    lines = read_lines(stream, file=file)
    next(lines)
    for number, cells in lines:
        if isinstance(cells, Rejected):
            yield "", cells
        elif len(cells) != len(header):
            message = f"The line has {len(cells)} of the {len(header)} columns: was the file cut off?"
            yield "", Rejected(message, line=number, file=file)
        else:
            row = Row(dict(zip(header, cells, strict=True)))
            person = row.name("Id")
            yield from ((person, record) for record in layout.records(row, person, zone, hours))
            for name, message in row.faults:
                yield person, Rejected(f"{name} {message}.", field=name, line=number, file=file)


def read_folder(folder: Path, *, zone: ZoneInfo = AMSTERDAM) -> Iterator[Item]:
    """The records of all Fitbit files in a folder; other CSV files of the export are passed over.

    Raises: Invalid where the folder has no daily activity, or a file that bears a known name cannot be read.
    """
    if not folder.is_dir():
        raise Invalid(f"There is no folder {folder}.", field="fitbit")
    known = tuple(layout.name for layout in _LAYOUTS)
    files = sorted(path for path in folder.glob("*.csv") if path.is_file() and path.name.startswith(known))
    if not any(path.name.startswith(known[0]) for path in files):
        raise Invalid(f"There is no {known[0]}*.csv in {folder}.", field="fitbit")
    for path in files:
        try:
            with path.open("rb") as stream:
                yield from read(stream, file=path.name, zone=zone)
        except OSError as error:
            raise Invalid(f"{path.name} cannot be read: {error.strerror}.", field="fitbit") from error
