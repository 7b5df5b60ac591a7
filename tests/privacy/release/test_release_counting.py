"""What is counted before any noise: each person once a year, in one scope, whenever their deeds arrive."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from privacy.jobs import Period
from privacy.release.counting import Spell, newly_reached, person_months
from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED, encode

MONTHS = [Period.parse(f"2026-{month:02d}") for month in range(1, 13)]
SCOPES = [UUID(int=number) for number in range(3)]

spells = st.lists(st.tuples(st.sampled_from(SCOPES), st.integers(0, 11), st.integers(0, 11)), max_size=4)
deeds = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=10)
population = st.lists(st.tuples(spells, deeds), min_size=1, max_size=4)


def vectors(people: list) -> dict[UUID, list[int]]:
    """The published integers of a year, without noise, for each scope."""
    marked: set[UUID] = set()
    increments: dict[UUID, list[int]] = {scope: [] for scope in SCOPES}
    for now, month in enumerate(MONTHS):
        arrived = {
            UUID(int=100 + number): {MONTHS[each].label for each, at in deeds if max(each, at) <= now}
            for number, (_, deeds) in enumerate(people)
        }
        for scope in SCOPES:
            of_scope = [
                Spell(
                    UUID(int=100 + number), scope, MONTHS[min(start, end)].first_day, MONTHS[max(start, end)].last_day
                )
                for number, (spells, _) in enumerate(people)
                for employer, start, end in spells
                if employer == scope
            ]
            new = newly_reached(of_scope, arrived, window=MONTHS[: MONTHS.index(month) + 1], already=marked)
            marked |= new
            increments[scope].append(len(new))
    return {scope: [encode(each[: at + 1]) for at in range(12)] for scope, each in increments.items()}


@given(population)
def test_a_persons_whole_year_moves_all_scopes_together_by_the_sensitivity_at_most(people: list) -> None:
    with_last, without_last = vectors(people), vectors(people[:-1])
    squares = sum(
        (one - other) ** 2 for scope in SCOPES for one, other in zip(with_last[scope], without_last[scope], strict=True)
    )

    assert squares <= FACTOR_SENSITIVITY_SQUARED


@given(st.sets(st.uuids(), max_size=5), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11)), max_size=30))
def test_person_months_are_three_each_at_most(cohort: set[UUID], deeds: list[tuple[int, int]]) -> None:
    subjects = sorted(cohort)
    activity: dict[UUID, list[str]] = {}
    for who, month in deeds:
        if who < len(subjects):
            activity.setdefault(subjects[who], []).append(MONTHS[month].label)
    total = person_months(cohort, activity, months=MONTHS[3:6])

    assert total == sum(len({month for month in each if "2026-04" <= month <= "2026-06"}) for each in activity.values())
    assert total <= 3 * len(cohort)


def test_a_deed_counts_only_while_the_person_belonged_to_the_scope() -> None:
    subject, scope = UUID(int=1), SCOPES[0]
    spell = Spell(subject, scope, MONTHS[2].first_day, MONTHS[3].first_day)

    def reached(month: str) -> set[UUID]:
        return newly_reached([spell], {subject: {month}}, window=MONTHS, already=())

    assert [month.label for month in MONTHS if reached(month.label)] == ["2026-03", "2026-04"]
