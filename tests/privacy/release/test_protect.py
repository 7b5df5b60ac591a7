"""The pure stage: what a people file makes due is published once, counted exactly, whatever people do."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_world import ZeroNoise

from privacy.errors import Invalid
from privacy.release.document import Document, tables_of
from privacy.release.noise import SeededNoise
from privacy.release.people import People, read_people
from privacy.release.plan import YEARLY_LIMIT_MICRO, Audience, Name, Tier
from privacy.release.protect import State, Terms, TooSmall, protect, standard_rho
from privacy.release.protect_state import load_state, save_state

HEADER = "employee_id,period,department,age_band,active,programme_rest,programme_walk,programme_food,coins_euro"
TERMS = Terms(rho=standard_rho(Audience.employer))


def row(who: int, month: int, *, active: int = 0, took: str = "", coins: str = "") -> str:
    programmes = ",".join(str(int(each in took)) for each in ("rest", "walk", "food"))
    return f"e{who},{month},d{who % 3},{'young' if who % 2 else 'old'},{active},{programmes},{coins}"


def file_of(rows: Sequence[str]) -> People:
    return read_people("\n".join([HEADER, *rows]).encode(), file="people.csv")


def firm(heads: int, months: range, *, active: int, took: str = "") -> list[str]:
    """The first ``active`` of so many take part every month."""
    return [
        row(who, month, active=int(who < active), took=took if who < active else "", coins="10" if who < active else "")
        for month in months
        for who in range(heads)
    ]


def run(rows: Sequence[str], *, state: State | None = None, noise=None) -> dict[tuple[Name, str], Document]:
    made = protect(file_of(rows), terms=TERMS, state=state or State(), noise=noise or ZeroNoise())
    return {(each.statistic, each.window): each for each in made}


def test_a_year_of_a_large_firm_is_counted_exactly_before_noise() -> None:
    made = run(firm(120, range(12), active=90, took="walk rest food"))

    assert [made[Name.reach, f"2000-{month:02d}"].figures[0].raw for month in range(1, 13)] == [90] * 12
    assert {window: each.noisy for (name, window), each in made.items() if name is Name.participation} == {
        f"2000-Q{quarter}": (270,) for quarter in range(1, 5)
    }
    grouping = made[Name.grouping, "2000-H2"]
    assert (grouping.table, grouping.cells, grouping.heads) == ("department", ("d0", "d1", "d2"), (40, 40, 40))
    assert grouping.noisy == (180, 180, 180)
    assert made[Name.age_bands, "2000"].noisy == (540, 540)
    assert made[Name.programmes, "2000-H1"].cells == ("food", "rest", "walk")
    assert made[Name.programmes, "2000-H1"].noisy == (90, 90, 0)  # two of three count, the first in the alphabet
    assert made[Name.coins, "2000"].noisy == (90 * 6_000,)  # 120 euro each, of which 60 count
    spent = sum(each.rho_micro for each in made.values())
    assert spent == YEARLY_LIMIT_MICRO[Tier.hr] - 30_000  # no effects, no score


def test_a_small_firm_gets_no_table_of_groups() -> None:
    made = run(firm(60, range(12), active=30))

    assert {name for name, _ in made} == {Name.reach, Name.participation, Name.programmes, Name.coins}


def test_joiners_enter_at_the_next_quarter_and_leavers_stay_until_it_ends() -> None:
    rows = firm(30, range(6), active=0)
    rows += [row(100, month, active=1) for month in (0, 1, 2, 3)]  # leaves within the second quarter
    rows += [row(101, month, active=1) for month in (4, 5)]  # joins within it
    made = run(rows)

    assert made[Name.participation, "2000-Q1"].heads == (31,)
    assert made[Name.participation, "2000-Q1"].noisy == (3,)
    assert made[Name.participation, "2000-Q2"].heads == (31,)
    assert made[Name.participation, "2000-Q2"].noisy == (1,)
    assert made[Name.reach, "2000-06"].figures[0].raw == 2


def test_small_groups_are_together_or_in_no_table() -> None:
    def department(who: int) -> str:
        return "north" if who < 60 else "south" if who < 90 else "east" if who < 105 else "west"

    rows = [row(who, month, active=1).split(",") for month in range(6) for who in range(120)]
    named = [",".join([*each[:2], department(int(each[0][1:])), *each[3:]]) for each in rows]
    grouping = run(named)[Name.grouping, "2000-H1"]

    assert dict(zip(grouping.cells, grouping.heads, strict=True)) == {"north": 60, "south": 30, "east;west": 30}
    fewer = [each for each in named if not each.startswith(("e118,", "e119,", "e117,", "e116,", "e115,", "e114,"))]
    assert run(fewer)[Name.grouping, "2000-H1"].cells == ("north", "south")


@given(st.integers(0, 30), st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_month_by_month_with_a_state_publishes_the_same_as_all_at_once(active: int, cut: int) -> None:
    rows = firm(30, range(12), active=active)
    whole = protect(file_of(rows), terms=TERMS, state=State(), noise=SeededNoise(5))
    state, noise, parts = State(), SeededNoise(5), []
    for months in (range(cut), range(cut, 12)):
        parts += protect(file_of(firm(30, months, active=active)), terms=TERMS, state=state, noise=noise)

    assert parts == whole
    assert protect(file_of(rows), terms=TERMS, state=state, noise=noise) == []  # also where the clock is set back


def test_a_state_in_files_is_the_state(tmp_path: Path) -> None:
    state, noise = State(), SeededNoise(7)
    first = protect(file_of(firm(30, range(4), active=9)), terms=TERMS, state=state, noise=noise)
    save_state(tmp_path, state)
    kept = load_state(tmp_path)
    rest = firm(30, range(4, 8), active=9)

    assert kept.documents == first
    assert protect(file_of(rest), terms=TERMS, state=kept, noise=SeededNoise(1)) == protect(
        file_of(rest), terms=TERMS, state=state, noise=SeededNoise(1)
    )
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(Invalid, match="cannot be read"):
        load_state(tmp_path)


def test_a_deed_that_arrives_late_counts_in_the_month_being_published() -> None:
    state = State()
    run(firm(30, range(2), active=0), state=state)
    late = run([*firm(30, range(2), active=3), *firm(30, range(2, 3), active=0)], state=state)

    assert late[Name.reach, "2000-03"].figures[0].raw == 3
    assert late[Name.participation, "2000-Q1"].noisy == (6,)


def test_what_appears_does_not_depend_on_anybody() -> None:
    def shape(rows: Sequence[str]) -> list[object]:
        made = protect(file_of(rows), terms=TERMS, state=State(), noise=SeededNoise(1))
        return [
            (each.name, [(row.cell, row.measure, row.denominator) for row in each.rows]) for each in tables_of(made)
        ]

    nobody = firm(120, range(12), active=0)
    everybody = firm(120, range(12), active=120, took="walk")
    one = [*nobody[:-1], row(119, 11, active=1, took="walk", coins="999999")]

    assert shape(nobody) == shape(everybody) == shape(one)


def test_a_firm_under_25_heads_is_refused_and_a_later_small_month_ends_the_year() -> None:
    with pytest.raises(TooSmall, match="25"):
        run(firm(24, range(12), active=12))
    made = run([*firm(25, range(2), active=5), *firm(24, range(2, 3), active=5), *firm(40, range(3, 13), active=5)])

    assert [window for name, window in made if name is Name.reach] == ["2000-01", "2000-02", "2001-01"]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("employee_id,active\ne1,1", "no column period"),
        ("employee_id,period,salary\ne1,0,9", "'salary' that is not known"),
        ("employee_id,period,active\n", "has no rows"),
        ("", "cannot be read"),
        ("employee_id,period,active\ne1,0,1\ne1,0,0", "line 3, employee_id: the employee has a second row"),
        ("employee_id,period,active\ne1,-1,1", "line 2, period"),
        ("employee_id,period,active\ne1,0,1\n,0,0", "line 3, employee_id"),
        ("employee_id,period,active\ne1,0,2", "line 2, active: it is 0 or 1"),
        ("employee_id,period,active\ne1,0,yes", "line 2, active"),
        ("employee_id,period,score\ne1,0,10.5", "line 2, score: it lies between 0 and 10"),
        ("employee_id,period,coins_euro\ne1,0,nan", "line 2, coins_euro"),
        ("employee_id,period,coins_euro\ne1,0,1e309", "line 2, coins_euro"),
        ("employee_id,period,coins_euro\ne1,0,-5", "line 2, coins_euro"),
        ("employee_id,period,department\ne1,0,a|b", "line 2, department"),
    ],
)
def test_a_wrong_file_is_refused_by_line_and_field(text: str, match: str) -> None:
    with pytest.raises(Invalid, match=match):
        read_people(text.encode(), file="people.csv")


def test_a_missing_month_is_named() -> None:
    with pytest.raises(Invalid, match="Period 1 is missing"):
        run([*firm(30, range(1), active=3), *firm(30, range(2, 4), active=3)])
