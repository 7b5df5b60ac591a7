"""One person moves every counted vector by no more than the plan says."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from privacy.jobs import Every, Period, months_in
from privacy.release.counting import cells_months, clipped_cents, programme_people
from privacy.release.plan import COINS, GROUPING, PROGRAMMES

HALF = Period.parse("2026-H1")
MONTHS = months_in(HALF)
LABELS = [each.label for each in MONTHS]
KEYS = ("food", "rest", "sleep", "walk")
programmes = st.dictionaries(st.sampled_from([*KEYS, "other"]), st.sets(st.sampled_from([*LABELS, "2025-12"])))
people = st.lists(programmes, max_size=4)


def squared(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


@given(people, programmes)
def test_one_person_counts_in_two_programmes_at_most(others: list, target: dict) -> None:
    taken = {UUID(int=number): each for number, each in enumerate(others)}
    without = programme_people(taken, KEYS, months=MONTHS)
    moved = squared(without, programme_people(taken | {UUID(int=99): target}, KEYS, months=MONTHS))

    assert moved <= PROGRAMMES.sensitivity_squared
    assert moved == min(sum(bool(set(LABELS) & target.get(key, set())) for key in KEYS), 2)


def test_of_many_programmes_those_with_most_months_count_then_the_first_in_the_alphabet() -> None:
    taken = {UUID(int=1): {"walk": LABELS[:3], "sleep": LABELS[:1], "food": LABELS[:1], "rest": ()}}

    assert programme_people(taken, KEYS, months=MONTHS) == (1, 0, 0, 1)


@given(st.lists(st.integers(-500, 50_000), max_size=5), st.integers(-500, 10**9))
def test_one_persons_coins_move_the_sum_by_sixty_euro_at_most(others: list[int], target: int) -> None:
    amounts = {UUID(int=number): each for number, each in enumerate(others)}
    moved = clipped_cents(amounts | {UUID(int=99): target}) - clipped_cents(amounts)

    assert moved >= 0
    assert moved**2 <= COINS.sensitivity_squared


@given(st.dictionaries(st.integers(0, 5), st.sets(st.sampled_from(LABELS))), st.sets(st.sampled_from(LABELS)))
def test_one_person_moves_one_cell_of_a_grouping_by_its_months(others: dict, target: set[str]) -> None:
    activity = {UUID(int=number): months for number, months in others.items()}
    cells = {"north": {UUID(int=0), UUID(int=1), UUID(int=99)}, "south": {UUID(int=2)}, "west": set()}
    without = cells_months(cells, activity, months=MONTHS)
    moved = squared(without, cells_months(cells, activity | {UUID(int=99): target}, months=MONTHS))

    assert moved == len(target) ** 2 <= GROUPING.sensitivity_squared


def test_a_half_year_is_six_months_and_has_a_name() -> None:
    assert [each.label for each in MONTHS] == [f"2026-0{month}" for month in range(1, 7)]
    assert HALF.next().label == "2026-H2"
    assert Period.of(Every.half, HALF.start) == HALF
