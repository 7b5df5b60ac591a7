"""Fitbit's CSV: what is read, what is refused, and the real files with all their faults."""

import io
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import Invalid
from programs.day_values import day_values
from programs.imports import fitbit
from programs.imports.detect import detect
from programs.imports.lines import LINE_BYTES_MAX
from programs.imports.records import Record, Rejected

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "fitbit"
needs_real_files = pytest.mark.skipif(not REAL.is_dir(), reason=f"the real Fitbit files are not at {REAL}")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")

DAILY = (
    "Id,ActivityDate,TotalSteps,TotalDistance,VeryActiveMinutes,FairlyActiveMinutes,LightlyActiveMinutes,"
    "SedentaryMinutes,Calories\n"
)
HOURLY = "Id,ActivityHour,StepTotal\n"
SLEEP = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed\n"
WEIGHT = "Id,Date,WeightKg,WeightPounds,Fat,BMI,IsManualReport,LogId\n"


def read(text, zone=AMSTERDAM, file="export.csv"):
    content = text.encode() if isinstance(text, str) else text
    return list(fitbit.read(io.BytesIO(content), file=file, zone=zone))


def records(text, **options):
    return [item for _, item in read(text, **options) if isinstance(item, Record)]


def errors(text):
    return [item for _, item in read(text) if isinstance(item, Rejected)]


def test_a_day_gives_steps_and_minutes_of_the_local_day_as_written():
    found = records(DAILY + "15,4/12/2016,13162,8.5,25,13,328,728,1985\n")
    assert {record.metric: record.value for record in found} == {
        "steps": 13_162,
        "moderate_minutes": 13,
        "vigorous_minutes": 25,
        "sedentary_minutes": 728,
    }
    assert {record.local_day for record in found} == {date(2016, 4, 12)}
    assert all(record.whole_day and record.worn and not record.manual for record in found)


def test_zero_steps_are_no_evidence_of_wear():
    assert not any(record.worn for record in records(DAILY + "15,5/12/2016,0,0,0,0,0,1440,0\n"))


def test_steps_without_any_active_minute_are_steps_all_the_same_and_the_minutes_are_unknown():
    worn = {record.metric: record.worn for record in records(DAILY + "15,5/3/2016,12015,9,0,0,0,1440,3212\n")}
    assert worn == {"steps": True, "moderate_minutes": False, "vigorous_minutes": False, "sedentary_minutes": False}


def test_active_minutes_without_steps_are_evidence_for_the_minutes_only():
    worn = {record.metric: record.worn for record in records(DAILY + "15,4/23/2016,0,0,33,0,0,1407,2664\n")}
    assert worn == {"steps": False, "moderate_minutes": True, "vigorous_minutes": True, "sedentary_minutes": True}


@pytest.mark.parametrize("written", ["4/12/2016 17:00", "4/12/2016 5:00:00 PM"])
def test_an_hour_is_an_hour_of_the_members_zone(written):
    (hour,) = records(f"{HOURLY}15,{written},373\n")
    assert datetime.fromtimestamp(hour.start_ms / 1000, UTC) == datetime(2016, 4, 12, 15, tzinfo=UTC)
    assert (hour.end_ms - hour.start_ms, hour.offset_s) == (3_600_000, 7_200)


def test_midnight_is_twelve_am():
    (night,) = records(f"{HOURLY}15,4/12/2016 12:00:00 AM,1\n")
    assert datetime.fromtimestamp(night.start_ms / 1000, AMSTERDAM).hour == 0


def test_the_hour_that_the_clock_shows_twice_counts_twice():
    found = records(HOURLY + "".join(f"15,10/30/2016 {hour}:00,100\n" for hour in (1, 2, 2, 3)))
    assert len({record.source_id for record in found}) == 4
    assert [later.start_ms - found[0].start_ms for later in found] == [0, 3_600_000, 7_200_000, 10_800_000]
    assert day_values(found) == {(date(2016, 10, 30), "steps"): 400}


def test_the_hour_that_the_clock_skips_is_an_error_only_where_somebody_walked_in_it():
    assert errors(f"{HOURLY}15,3/27/2016 2:00,0\n") == []
    (error,) = errors(f"{HOURLY}15,3/27/2016 2:00,70\n")
    assert "Europe/Amsterdam" in error.message
    assert [record.value for record in records(f"{HOURLY}15,3/27/2016 2:00,70\n", zone=ZoneInfo("UTC"))] == [70]


def test_a_night_belongs_to_the_day_of_waking_as_given():
    (night,) = records(f"{SLEEP}15,4/13/2016 12:00:00 AM,2,384,407\n")
    assert (night.metric, night.local_day, night.value) == ("sleep_minutes", date(2016, 4, 13), 384)


def test_a_typed_weight_is_known_as_typed():
    found = records(
        f"{WEIGHT}15,5/2/2016 11:59:59 PM,52.5999984741211,115.9,22,22.6,True,1462233599000\n"
        "15,4/13/2016 1:08:52 AM,133.5,294.3,,47.5,False,1460509732000\n"
    )
    assert [(record.manual, record.source_id) for record in found] == [
        (True, "log 1462233599000"),
        (False, "log 1460509732000"),
    ]
    assert day_values(found)[date(2016, 5, 2), "weight_kg"] == 52.6


@pytest.mark.parametrize(
    "value", ["", "-1", "1,5", '"1,5"', "1.5", "NaN", "inf", "1e5", "٣", "9" * 30, "0x10", " 5", "5 "]
)
def test_steps_that_are_no_count_are_refused_by_line_and_field(value):
    bad = errors(f"{HOURLY}15,4/12/2016 0:00,1\n15,4/12/2016 1:00,{value}\n")
    assert [(error.line, error.file) for error in bad] == [(3, "export.csv")]
    assert value == "1,5" or bad[0].field == "StepTotal"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "13/4/2016",
        "2/30/2016",
        "2016-04-12",
        "4/12/16",
        "4/12/2016 25:00",
        "4/12/2016 0:00 AM",
        "0/0/2016",
    ],
)
def test_a_date_that_is_no_us_date_is_refused_by_line_and_field(value):
    (error,) = errors(f"{SLEEP}15,{value},1,384,407\n")
    assert (error.line, error.field) == (2, "SleepDay")


def test_every_wrong_field_of_a_line_is_named_and_the_good_lines_are_read():
    text = DAILY + "15,4/12/2016,x,8.5,25,-3,328,728,1985\n15,4/13/2016,10735,6.9,21,19,217,776,1797\n"
    assert [error.field for error in errors(text)] == ["TotalSteps", "FairlyActiveMinutes"]
    assert {record.local_day for record in records(text)} == {date(2016, 4, 13)}


def test_a_line_that_was_cut_off_is_reported():
    (error,) = errors(DAILY + "15,4/12/2016,13162,8.5,25,13,328,728,1985\n15,4/13/20")
    assert (error.line, "cut off" in error.message) == (3, True)


@pytest.mark.parametrize(
    "line", ["15,4/12/2016 0:00,\x001", '15,"4/12/2016 0:00,1', "15," + "4" * LINE_BYTES_MAX * 3 + ",1"]
)
def test_nul_bytes_open_quotation_marks_and_giant_fields_cost_one_line(line):
    text = f"{HOURLY}{line}\n15,4/12/2016 1:00,70\n"
    assert [error.line for error in errors(text)] == [2]
    assert [record.value for record in records(text)] == [70]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\xff\xfeI\x00d\x00", "UTF-8"),
        (f"{HOURLY}15,4/12/2016 0:00,1\n".encode() + b"15,4/12/2016 1:00,\xe9\n", "line 3.*UTF-8"),
        (b"Id,ActivityHour,Steps\n15,4/12/2016 0:00,1\n", "StepTotal missing"),
        (b"Id,ActivityHour,StepTotal,Id\n", "twice"),
        (b"x" * 100_000, "column names"),
        (b"\x00\x01\x02\n", "column names"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused_with_its_name(content, says):
    with pytest.raises(Invalid, match=rf"export\.csv.*{says}"):
        read(content)


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm():
    text = "\ufeff" + HOURLY + "15,4/12/2016 0:00,70\n\n"
    assert [record.value for record in records(text.replace("\n", "\r\n"))] == [70]


def test_the_format_is_told_by_the_content():
    stream = io.BytesIO(WEIGHT.encode())
    assert detect(stream, file="notes.txt") == "fitbit"
    assert stream.tell() == 0
    with pytest.raises(Invalid, match=r"notes\.txt"):
        detect(io.BytesIO(b"name,age\n"), file="notes.txt")


@given(st.binary(max_size=400))
def test_whatever_the_bytes_the_reader_answers_or_refuses(content):
    try:
        found = read(HOURLY.encode() + content)
    except Invalid:
        with pytest.raises(UnicodeDecodeError):
            content.decode()
    else:
        assert all(0 <= item.value < 1e9 for _, item in found if isinstance(item, Record))


def test_a_folder_without_daily_activity_is_refused(tmp_path):
    with pytest.raises(Invalid, match="dailyActivity"):
        list(fitbit.read_folder(tmp_path))
    with pytest.raises(Invalid, match="no folder"):
        list(fitbit.read_folder(tmp_path / "missing"))


def test_a_folder_whose_file_has_other_columns_is_refused_by_the_files_name(tmp_path):
    (tmp_path / "dailyActivity_merged.csv").write_text(DAILY)
    (tmp_path / "sleepDay_merged.csv").write_text("Id,Nights\n")
    (tmp_path / "notes.csv").write_text("whatever\n")
    with pytest.raises(Invalid, match=r"sleepDay_merged\.csv"):
        list(fitbit.read_folder(tmp_path))


@needs_real_files
def test_the_real_files_are_read_without_an_error():
    items = list(fitbit.read_folder(REAL))
    assert len({person for person, _ in items}) == 33
    assert not [item for _, item in items if isinstance(item, Rejected)]
    kinds = Counter((item.metric, item.whole_day) for _, item in items if isinstance(item, Record))
    assert kinds["steps", True] == 940
    assert kinds["steps", False] == 22_099
    assert kinds["sleep_minutes", True] == 413
    assert kinds["weight_kg", False] == 67
    found = [item for _, item in items if isinstance(item, Record)]
    assert sum(1 for item in found if item.metric == "steps" and item.whole_day and not item.worn) == 77
    assert sum(1 for item in found if item.metric == "sedentary_minutes" and item.value == 1_440) == 79
    assert sum(1 for item in found if item.manual) == 41


@needs_real_files
def test_on_real_days_the_total_counts_and_not_its_hours():
    by_person: dict[str, list[Record]] = {}
    for person, item in fitbit.read_folder(REAL):
        if isinstance(item, Record) and item.metric == "steps":
            by_person.setdefault(person, []).append(item)
    agreeing = days = 0
    for found in by_person.values():
        hours = [record for record in found if not record.whole_day]
        totals = {record.local_day: record.value for record in found if record.whole_day}
        for day in {record.local_day for record in hours}:
            days += 1
            agreeing += sum(record.value for record in hours if record.local_day == day) == totals[day]
        values = day_values(found)
        assert values == {(day, "steps"): value for day, value in totals.items() if value}
    assert (agreeing, days) == (775, 934)
