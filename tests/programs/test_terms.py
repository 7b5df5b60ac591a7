"""Which version holds for whom, and what may start when: pure."""

from datetime import date, timedelta

import pytest

from programs.documents import change_amount, read_programme, ready_text
from programs.terms import Terms, Version, lowered, soonest

MOVE = ready_text("move-and-rest")
AMOUNT = "rewards.rules[1].coins"
DAY = timedelta(days=1)
JAN, FEB, MAR = date(2026, 1, 5), date(2026, 2, 2), date(2026, 3, 2)


def _version(on: date, coins: int, *, keeps: str = "period", notice: int = 14) -> Version:
    text = change_amount(MOVE, AMOUNT, coins) + f"\ngrandfather: {keeps}\nnotice_days: {notice}\n"
    return Version(on, read_programme(text, file="x"))


def test_without_a_promise_everybody_has_the_version_of_the_day() -> None:
    terms = Terms([_version(JAN, 10), _version(FEB, 5)])
    for spans in ([(JAN, None)], [(FEB + DAY, None)], []):
        assert terms.plan(spans) == ((JAN, 0), (FEB, 1))


def test_who_takes_part_keeps_the_terms_until_they_stop_where_the_version_promises_so() -> None:
    terms = Terms([_version(JAN, 10, keeps="enrolment"), _version(FEB, 5)])
    assert terms.plan([(JAN, None)]) == ((date.min, 0),)
    assert terms.plan([(FEB, None)]) == ((date.min, 1),)
    assert terms.plan([(JAN, FEB + 7 * DAY), (MAR, None)]) == ((date.min, 0), (MAR, 1))


def test_going_on_through_another_employer_the_day_after_is_no_new_start() -> None:
    terms = Terms([_version(JAN, 10, keeps="enrolment"), _version(FEB, 5)])
    assert terms.plan([(JAN, MAR - DAY), (MAR, None)]) == ((date.min, 0),)


def test_what_only_raises_holds_for_who_takes_part_too() -> None:
    terms = Terms([_version(JAN, 10, keeps="enrolment"), _version(FEB, 12, keeps="enrolment"), _version(MAR, 11)])
    assert terms.plan([(JAN, None)]) == ((date.min, 0), (FEB, 1))


def test_of_two_versions_for_one_day_the_later_one_is_kept() -> None:
    terms = Terms([_version(JAN, 10, keeps="enrolment"), _version(JAN, 9, keeps="enrolment"), _version(FEB, 5)])
    assert terms.plan([(JAN, None)]) == ((date.min, 1),)


def test_people_with_equal_terms_are_judged_together() -> None:
    terms = Terms([_version(JAN, 10, keeps="enrolment"), _version(FEB, 5)])
    members = {number: [(JAN + number * DAY, None)] for number in range(60)}
    found = terms.cohorts(members)  # type: ignore[arg-type]
    assert {plan: len(members) for plan, members in found.items()} == {((date.min, 0),): 28, ((date.min, 1),): 32}


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ("coins: 10\n      baseline", "coins: 11\n      baseline", None),
        ("coins: 10\n      baseline", "coins: 9\n      baseline", "rewards.rules[1].coins"),
        ("days_min: 4", "days_min: 3", None),
        ("days_min: 4", "days_min: 5", "rewards.rules[1].days_min"),
        ("increase_percent: 5\n      minimum", "increase_percent: 4\n      minimum", None),
        (
            "increase_percent: 5\n      minimum",
            "increase_percent: 5.5\n      minimum",
            "rewards.rules[1].increase_percent",
        ),
        ("per_week: 30", "per_week: 31", None),
        ("per_week: 30", "per_week: 29", "rewards.caps.per_week"),
        ("nl: Je eigen weekdoel", "nl: Je weekdoel", None),
        ("            - {metric: wheel_pushes, at_least: 2750}\n", "", "rewards.rules[0].bands[0].any_of"),
        ("per_week: 30", "per_week: 30, per_month: 120", "rewards.caps.per_month"),
    ],
)
def test_what_may_lower_is_told_by_its_place(before: str, after: str, where: str | None) -> None:
    assert MOVE.count(before) == 1
    old, new = read_programme(MOVE, file="x"), read_programme(MOVE.replace(before, after, 1), file="x")
    assert lowered(old, new) == (() if where is None else (where,))


def test_a_rule_that_goes_lowers_and_one_that_comes_does_not() -> None:
    old = read_programme(MOVE, file="x")
    fewer = old.model_copy(update={"rules": old.rules.model_copy(update={"rules": old.rules.rules[:-1]})})
    assert lowered(old, fewer) == (f"rewards.rules[{len(old.rules.rules) - 1}]",)
    assert lowered(fewer, old) == ()


@pytest.mark.parametrize(
    ("keeps", "notice", "today", "raising", "lowering"),
    [
        ("period", 14, FEB + DAY, FEB + DAY, FEB + 15 * DAY),
        ("period", 30, JAN, FEB, FEB + 2 * DAY),
        ("none", 14, FEB + DAY, FEB + 7 * DAY, FEB + 21 * DAY),
        ("none", 14, FEB, FEB, FEB + 14 * DAY),
    ],
)
def test_the_soonest_days_of_a_later_version(
    keeps: str, notice: int, today: date, raising: date, lowering: date
) -> None:
    days = soonest(_version(FEB, 10, keeps=keeps, notice=notice), today)
    assert (days.raising, days.lowering) == (raising, lowering)
