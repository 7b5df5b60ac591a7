"""The overlap rule: its laws, a slow model that says the same, and the complaint it must answer."""

import json
from fractions import Fraction
from itertools import pairwise
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.errors import Invalid
from programs.overlap import DEVICE_RANKS, Interval, device_kind, resolve
from programs.overlap_file import read_question

SOURCES = ("watch app", "phone app", "diary", "other")
DEVICES = ("watch", "band", "ring", "phone", "", "scale")
SIXTH_DECIMALS = st.floats(0, 500).map(lambda value: round(value, 6))


@st.composite
def intervals(draw, *, instants=True):
    start = draw(st.integers(0, 60))
    return Interval(
        start,
        start + draw(st.integers(0 if instants else 1, 30)),
        draw(
            st.one_of(
                st.integers(0, 500),
                st.floats(0, 500).map(lambda value: round(value, 6)),
                st.fractions(0, 500, max_denominator=1_000),
            )
        ),
        draw(st.sampled_from(SOURCES)),
        draw(st.sampled_from(DEVICES)),
        draw(st.booleans()),
        draw(st.one_of(st.none(), st.integers(0, 3))),
    )


records = st.lists(intervals(), max_size=12)
orders = st.lists(st.sampled_from(SOURCES), max_size=3, unique=True)


def model(found, priority):
    """Every unit of time by itself, every instant by itself: slow and plain, in exact fractions."""

    def quality(record):
        named = priority.index(record.source) if record.source in priority else len(priority)
        kind = 4 if record.manual else DEVICE_RANKS.get(device_kind(record.device), 5)
        length = record.end - record.start
        slow = -float(record.value / length) if length else float("inf")
        later = float("inf") if record.modified is None else -record.modified
        return named, kind, later, slow, record.source, record.device, record.start, record.end

    total = Fraction(0)
    for moment in range(100):
        covering = [record for record in found if record.start <= moment < record.end]
        if covering:
            best = min(covering, key=quality)
            total += Fraction(best.value) / (best.end - best.start)
        points = [record for record in found if record.start == record.end == moment]
        if points:
            best = min([*points, *covering], key=quality)
            total += Fraction(best.value) if best.start == best.end else 0
    return float(total)


@given(records, orders)
def test_the_sweep_says_what_the_slow_model_says(found, priority):
    assert resolve(found, priority).total == model(found, priority)


@given(records, orders, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(found, priority, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert resolve(shuffled, priority) == resolve(found, priority)


@given(st.lists(intervals(instants=False), min_size=1, max_size=10), orders, st.data())
def test_splitting_a_record_pro_rata_does_not_change_the_total(found, priority, data):
    place = data.draw(st.integers(0, len(found) - 1))
    whole = found[place]
    if whole.end - whole.start < 2:
        return
    cut = data.draw(st.integers(whole.start + 1, whole.end - 1))
    share = Fraction(whole.value) * Fraction(cut - whole.start, whole.end - whole.start)
    halves = [
        whole._replace(end=cut, value=share),
        whole._replace(start=cut, value=Fraction(whole.value) - share),
    ]
    split = [*found[:place], *halves, *found[place + 1 :]]
    assert resolve(split, priority).total == resolve(found, priority).total


@given(records, orders)
def test_the_union_is_at_most_the_sum(found, priority):
    assert resolve(found, priority).total <= float(sum((Fraction(record.value) for record in found), Fraction(0)))


@given(records, orders)
def test_the_segments_add_up_to_the_total_and_never_overlap(found, priority):
    resolved = resolve(found, priority)
    assert fsum(segment.value for segment in resolved.segments) == pytest.approx(resolved.total, rel=1e-12, abs=1e-12)
    stretches = [segment for segment in resolved.segments if segment.end > segment.start]
    assert all(one.end <= two.start for one, two in pairwise(stretches))


@given(records, orders)
def test_a_second_copy_of_everything_adds_nothing(found, priority):
    assert resolve([*found, *found], priority).total == resolve(found, priority).total


@given(st.lists(st.integers(0, 10_000), max_size=24))
def test_records_side_by_side_count_whole(values):
    hours = [Interval(hour * 60, hour * 60 + 60, value, "band app", "band") for hour, value in enumerate(values)]
    assert resolve(hours).total == sum(values)


def test_the_public_complaint_counts_7639_steps_and_not_13405():
    # Watch and phone on one walk: the sum of both was shown to the wearer of the watch.
    watch = [
        Interval(hour, hour + 1, steps, "watch app", "watch") for hour, steps in ((9, 2_000), (12, 3_639), (18, 2_000))
    ]
    phone = [
        Interval(hour, hour + 1, steps, "phone app", "phone") for hour, steps in ((9, 1_500), (12, 2_666), (18, 1_600))
    ]
    assert sum(record.value for record in [*watch, *phone]) == 13_405
    assert resolve([*phone, *watch]).total == 7_639


def test_the_phone_counts_only_where_the_watch_was_off():
    watch = Interval(0, 60, 600, "watch app", "watch")
    phone = Interval(30, 90, 600, "phone app", "phone")
    assert resolve([watch, phone]).total == 900


@pytest.mark.parametrize(("better", "worse"), [("watch", "band"), ("band", "ring"), ("ring", "phone"), ("phone", "")])
def test_devices_rank_from_watch_to_unlisted(better, worse):
    assert resolve([Interval(0, 1, 5, "a", worse), Interval(0, 1, 3, "b", better)]).total == 3


def test_typed_by_hand_ranks_below_a_phone_and_above_an_unlisted_device():
    typed = Interval(0, 1, 3, "diary", "watch", manual=True)
    assert resolve([typed, Interval(0, 1, 5, "a", "phone")]).total == 5
    assert resolve([typed, Interval(0, 1, 5, "a", "scale")]).total == 3


def test_the_members_own_order_comes_before_the_kind_of_device():
    found = [Interval(0, 1, 3, "watch app", "watch"), Interval(0, 1, 5, "phone app", "phone")]
    assert resolve(found, ["phone app"]).total == 5


def test_of_equal_sources_the_latest_change_counts():
    found = [Interval(0, 1, 3, "a", "watch", modified=2), Interval(0, 1, 5, "b", "watch", modified=1)]
    assert resolve(found).total == 3
    assert resolve([*found, Interval(0, 1, 9, "c", "watch")]).total == 3


def test_an_instant_counts_unless_a_better_record_covers_it_and_takes_nothing():
    around = Interval(0, 10, 100, "watch app", "watch")
    assert resolve([around, Interval(5, 5, 7, "phone app", "phone")]).total == 100
    assert resolve([around, Interval(10, 10, 7, "phone app", "phone")]).total == 107
    assert resolve([around._replace(device="phone"), Interval(5, 5, 7, "a", "watch")]).total == 107


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Apple Watch", "watch"),
        ("FITNESS_BAND", "band"),
        ("Oura Ring", "ring"),
        ("iPhone", "phone"),
        ("monitoring", ""),
    ],
)
def test_a_device_is_known_by_a_word_of_its_name(name, kind):
    assert device_kind(name) == kind


@pytest.mark.timeout(60)
def test_many_records_take_little_time():
    found = [
        Interval(at * 7, at * 7 + 5_000, 10, SOURCES[at % 4], DEVICES[at % 6], False, at % 11) for at in range(60_000)
    ]
    assert 0 < resolve(found).total < 600_000


def test_the_document_takes_milliseconds_and_iso_alike():
    times = ["2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", "2026-01-01T08:30:00.500+00:00"]
    epochs = [1767254400000, 1767258000000, 1767256200500]
    answers = []
    for start, end, cut in (times, epochs):
        document = {
            "records": [
                {"start": start, "end": end, "value": 3600, "source": "p", "device": "phone", "manual": False},
                {"start": cut, "end": end, "value": 100, "source": "w", "device": "watch", "modified": cut},
            ]
        }
        question = read_question(json.dumps(document), file="overlap.json")
        answers.append(question.answer(resolve(question.records, question.priority)))
    assert answers[0]["total"] == answers[1]["total"] == 1900.5
    assert answers[1]["segments"][0] == {
        "start": epochs[0],
        "end": epochs[2],
        "value": 1800.5,
        "source": "p",
        "device": "phone",
    }
    assert answers[0]["segments"][1]["start"] == "2026-01-01T08:30:00.500000+00:00"


RECORD = {"start": 0, "end": 1, "value": 1, "source": "a"}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("{", "file"),
        ("[" * 100_000, "file"),
        (b"\xff", "file"),
        ("[]", "records"),
        (json.dumps({"records": [3]}), "records"),
        (json.dumps({"records": [RECORD | {"start": "noon"}]}), "start"),
        (json.dumps({"records": [RECORD | {"start": True}]}), "start"),
        (json.dumps({"records": [RECORD | {"end": -1}]}), "end"),
        (json.dumps({"records": [RECORD | {"value": -1}]}), "value"),
        (json.dumps({"records": [RECORD | {"value": "1"}]}), "value"),
        ('{"records": [{"start": 0, "end": 1, "value": NaN, "source": "a"}]}', "file"),
        ('{"records": [{"start": 0, "end": 1, "value": 1e999, "source": "a"}]}', "value"),
        (json.dumps({"records": [RECORD | {"source": None}]}), "source"),
        (json.dumps({"records": [RECORD | {"manual": "no"}]}), "manual"),
        (json.dumps({"records": [RECORD], "priority": "a"}), "priority"),
    ],
)
def test_a_document_that_is_wrong_is_refused_by_file_and_field(text, field):
    with pytest.raises(Invalid, match=r"overlap\.json") as refusal:
        read_question(text, file="overlap.json")
    assert refusal.value.field == field
