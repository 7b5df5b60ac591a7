"""Who stays out of a kind of report counts as inactive from the next freeze, and in nothing else can it be seen."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from release_world import World, ZeroNoise
from sqlalchemy import event, select

from incentives.leaving import AT_LEAVING
from privacy.codicil import Decision, Use, choose
from privacy.erasure import erase
from privacy.jobs import Period
from privacy.principals import Principal, Purpose, Role, job
from privacy.release.cohorts import Cohort, CohortMember, ReachIncrement, ReachMark
from privacy.release.counting import counted_activity
from privacy.release.mechanisms import FACTOR_SENSITIVITY_SQUARED
from privacy.release.noise import SeededNoise
from privacy.release.plan import PARTICIPATION, Audience, Name, Scope, Tier
from privacy.release.pools import assign_pools
from privacy.store import transaction
from tests.factories import Company, copied_invitation, new_member

QUARTER = "2026-01 2026-02 2026-03"
HALF_YEAR = f"{QUARTER} 2026-04 2026-05 2026-06"
EMPLOYER, INSURER = Use.employer_report, Use.insurer_report
FIRMS = {"A": 30, "B": 30, "C": 25, "D": 12, "E": 12}


def decide(world: World, subject: UUID, use: Use, allowed: bool, at: datetime) -> None:
    member = Principal(role=Role.member, subject=subject)
    with transaction(world.members, member, Purpose.own_use) as db:
        choose(db, subject, use, allowed, at)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=UTC) + timedelta(hours=hour)


def rows(world: World, table: type) -> list:
    with transaction(world.members, job("test"), Purpose.operation, read_only=True) as db:
        return list(db.scalars(select(table)))


def contents(world: World) -> dict[tuple[Scope, Name, str], str]:
    return {key: row.content for key, row in world.outbox().items()}


def exact(world: World, kind: Audience, name: Name) -> dict[str, int]:
    """The newest exact integer by window, where the world was published without noise; one scope of the kind."""
    found = [(key, row.document()) for key, row in world.outbox().items() if key[0].kind is kind and key[1] is name]
    assert len({key[0] for key, _ in found}) == 1
    return {
        key[2]: int(document.figures[0].raw) if name is Name.reach else document.noisy[0]
        for key, document in sorted(found, key=lambda each: each[0][2])
    }


def firm_of_thirty(world: World) -> UUID:
    firm = world.firm("A", 30)
    world.staff(firm, 5, active=5, months=HALF_YEAR)
    return firm


# -------------------------------------------------------------------------------------------- nothing shows but absence


@pytest.mark.parametrize("uses", [(EMPLOYER,), (INSURER,), (EMPLOYER, INSURER)], ids="+".join)
def test_twin_worlds_in_which_one_person_stays_out_or_does_nothing_publish_the_same_bytes(
    new_world: Callable[[], World], uses: tuple[Use, ...]
) -> None:
    def published(months: str, uses: Iterable[Use]) -> World:
        world = new_world()
        firms = world.small_collective()
        for name in "ABC":
            world.staff(firms[name], 9, active=6, months=HALF_YEAR)
        target = world.person("target", firms["A"], months=months)
        for use in uses:
            decide(world, target, use, False, at("2025-12-20"))
        world.run_through("2026-01", "2026-06", SeededNoise(7))
        return world

    stays_out, inactive, active = published(HALF_YEAR, uses), published("", ()), published(HALF_YEAR, ())
    tiers = {Tier.hr: EMPLOYER in uses, Tier.insurer: INSURER in uses}
    for key, content in contents(stays_out).items():
        twin = inactive if tiers[key[0].tier] else active
        assert content == contents(twin)[key], key
    assert contents(stays_out).keys() == contents(inactive).keys() == contents(active).keys()
    assert contents(inactive) != contents(active)
    if len(uses) == 2:
        for table, marks in ((ReachMark, ("tier", "subject")), (ReachIncrement, ("audience", "month", "people"))):
            assert _values(stays_out, table, marks) == _values(inactive, table, marks)
    for table, columns in ((CohortMember, ("quarter", "subject")), (Cohort, ("employer", "quarter", "heads"))):
        assert _values(stays_out, table, columns) == _values(active, table, columns)


def _values(world: World, table: type, columns: tuple[str, ...]) -> list[tuple]:
    return sorted(tuple(str(getattr(row, name)) for name in columns) for row in rows(world, table))


def test_the_hour_of_a_choice_tells_nothing(new_world: Callable[[], World]) -> None:
    def published(decided: datetime | None, back: datetime | None = None) -> dict:
        world = new_world()
        firm = firm_of_thirty(world)
        target = world.person("target", firm, months=HALF_YEAR)
        if decided is not None:
            decide(world, target, EMPLOYER, False, decided)
        if back is not None:
            decide(world, target, EMPLOYER, True, back)
        world.run_through("2026-01", "2026-03", SeededNoise(3))
        return contents(world)

    out = published(at("2026-01-01"))
    assert out == published(at("2026-01-31", hour=23)) == published(at("2025-06-01"))
    assert published(at("2026-01-05"), at("2026-01-31", hour=23)) == published(None) != out


def test_between_a_months_end_and_the_job_a_choice_counts_for_the_next_month(world: World) -> None:
    firm = firm_of_thirty(world)
    target = world.person("target", firm, months=HALF_YEAR)
    decide(world, target, EMPLOYER, False, Period.parse("2026-01").end)
    world.run_through("2026-01", "2026-02", ZeroNoise())
    assert exact(world, Audience.employer, Name.reach) == {"2026-01": 6, "2026-02": 6}
    assert target in {row.subject for row in rows(world, ReachMark)}


def test_a_month_that_is_published_late_counts_by_the_choices_at_its_own_end(new_world: Callable[[], World]) -> None:
    def published(runs: tuple[str, ...]) -> dict:
        world = new_world()
        firm = firm_of_thirty(world)
        target = world.person("target", firm, months=HALF_YEAR)
        late = world.person("late", firm, months="2026-03")
        decide(world, target, EMPLOYER, False, at("2026-02-10"))
        decide(world, late, EMPLOYER, False, at("2026-04-01"))
        for month in runs:
            world.run(month, ZeroNoise())
        return contents(world)

    in_time, late = published(("2026-01", "2026-02", "2026-03")), published(("2026-01", "2026-03"))
    assert in_time == late


def test_a_run_that_crashed_and_runs_again_counts_the_same_whatever_was_chosen_in_between(
    new_world: Callable[[], World],
) -> None:
    class CrashError(Exception):
        pass

    def crash(*_: object) -> None:
        raise CrashError

    def published(*, crashing: bool) -> dict:
        world = new_world()
        firm = firm_of_thirty(world)
        target = world.person("target", firm, months=HALF_YEAR)
        world.run("2026-01", SeededNoise(3))
        if crashing:
            event.listen(world.members.engine, "commit", crash)
            with suppress(CrashError):
                world.run("2026-02", SeededNoise(4))
            event.remove(world.members.engine, "commit", crash)
            decide(world, target, EMPLOYER, False, at("2026-03-01", hour=2))
        world.run("2026-02", SeededNoise(4))
        return contents(world)

    assert published(crashing=True) == published(crashing=False)


# ------------------------------------------------------------------------------------------------- from when it counts


def test_opting_out_after_publication_changes_no_published_number(world: World) -> None:
    firm = firm_of_thirty(world)
    target = world.person("target", firm, months=HALF_YEAR)
    world.run_through("2026-01", "2026-03", ZeroNoise())
    before, marks = contents(world), rows(world, ReachMark)
    increments = [(row.month, row.people) for row in rows(world, ReachIncrement)]
    decide(world, target, EMPLOYER, False, at("2026-04-10"))
    world.run("2026-03", ZeroNoise())
    world.run_through("2026-04", "2026-06", ZeroNoise())

    after = contents(world)
    assert {key: after[key] for key in before} == before
    assert len(rows(world, ReachMark)) == len(marks) == 6
    assert [(row.month, row.people) for row in rows(world, ReachIncrement)][:3] == increments
    assert exact(world, Audience.employer, Name.reach) == {f"2026-{month:02d}": 6 for month in range(1, 7)}
    assert exact(world, Audience.employer, Name.participation) == {"2026-Q1": 18, "2026-Q2": 15}


def test_who_is_back_counts_from_the_next_freeze_without_what_was_done_meanwhile(world: World) -> None:
    firm = firm_of_thirty(world)
    meanwhile = world.person("meanwhile", firm, months="2026-01 2026-02")
    again = world.person("again", firm, months="2026-01 2026-02 2026-04")
    for each in (meanwhile, again):
        decide(world, each, EMPLOYER, False, at("2026-01-02"))
        decide(world, each, EMPLOYER, True, at("2026-03-15"))
    world.run_through("2026-01", "2026-06", ZeroNoise())

    assert [row.people for row in rows(world, ReachIncrement)] == [5, 0, 0, 1, 0, 0]
    assert [row.subject for row in rows(world, ReachMark) if row.month == "2026-04"] == [again]
    assert exact(world, Audience.employer, Name.participation) == {"2026-Q1": 15, "2026-Q2": 16}


def test_going_out_and_coming_back_counts_a_person_once(world: World) -> None:
    firm = world.firm("A", 30)
    target = world.person("target", firm, months=HALF_YEAR)
    for number, allowed in enumerate((False, True, False, True)):
        decide(world, target, EMPLOYER, allowed, at(f"2026-0{number + 2}-10"))
    world.run_through("2026-01", "2026-06", ZeroNoise())

    assert [row.people for row in rows(world, ReachIncrement)] == [1, 0, 0, 0, 0, 0]
    assert exact(world, Audience.employer, Name.participation) == {"2026-Q1": 2, "2026-Q2": 2}


def test_who_stays_out_at_a_quarters_end_adds_nothing_to_it(world: World) -> None:
    firm = world.firm("A", 30)
    target = world.person("target", firm, months=HALF_YEAR)
    decide(world, target, EMPLOYER, False, at("2026-03-30"))
    world.run_through("2026-01", "2026-03", ZeroNoise())
    assert exact(world, Audience.employer, Name.participation) == {"2026-Q1": 0}


def test_denominators_and_what_is_published_follow_from_heads_alone(world: World) -> None:
    firm = world.firm("A", 30)
    for number in range(30):
        person = world.person(f"p{number}", firm, months=QUARTER)
        decide(world, person, EMPLOYER, False, at("2026-01-02"))
    world.run_through("2026-01", "2026-03", ZeroNoise())
    documents = [row.document() for row in world.outbox().values()]
    assert len(documents) == 4
    assert {heads for each in documents for heads in each.heads} == {30}
    assert {number for each in documents for number in each.noisy} == {0}


@pytest.mark.parametrize(("use", "kept_out"), [(EMPLOYER, Audience.employer), (INSURER, Audience.collective)])
def test_each_choice_is_about_its_own_readers(world: World, use: Use, kept_out: Audience) -> None:
    firms = world.small_collective()
    target = world.person("target", firms["A"], months=QUARTER)
    decide(world, target, use, False, at("2026-01-02"))
    world.run_through("2026-01", "2026-03", ZeroNoise())
    people = dict.fromkeys((Audience.employer, Audience.collective), 0)
    for row in rows(world, ReachIncrement):
        people[Audience(row.audience_kind)] += row.people
    assert people == {kind: int(kind is not kept_out) for kind in people}


def test_who_stays_out_of_the_employers_report_is_in_no_pools_report(world: World) -> None:
    firms = [world.firm(f"F{number}", 22) for number in range(5)]
    assign_pools(world.employers, on=date(2026, 1, 1))
    world.copy()
    target = world.person("target", firms[0], months=QUARTER)
    world.person("other", firms[1], months=QUARTER)
    decide(world, target, EMPLOYER, False, at("2026-01-02"))
    world.run_through("2026-01", "2026-03", ZeroNoise())
    assert exact(world, Audience.pool, Name.reach) == {f"2026-0{month}": 1 for month in (1, 2, 3)}
    assert exact(world, Audience.pool, Name.participation) == {"2026-Q1": 3}
    assert exact(world, Audience.collective, Name.participation) == {"2026-Q1": 6}


# ------------------------------------------------------------------------------- sensitivity, moving, leaving, erasing

MONTHS = [f"2026-{month:02d}" for month in range(1, 13)]
spells = st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(0, 11), st.integers(0, 11)), min_size=1, max_size=3)
deeds = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), min_size=3, max_size=14)
decided = st.lists(st.tuples(st.sampled_from([EMPLOYER, INSURER]), st.integers(0, 11), st.booleans()), max_size=6)
PERSON = {"spells": spells, "deeds": deeds, "decided": decided}


def year_of(world: World, population: dict[str, dict]) -> dict[Tier, dict[tuple[Scope, Name, str], int]]:
    """Publish a year without noise: the exact integer of every release."""
    firms = {name: world.firm(name, heads) for name, heads in FIRMS.items()}
    arriving: list[tuple[int, UUID, str]] = []
    for name, person in population.items():
        for number, (firm, start, end) in enumerate(person["spells"]):
            since = Period.parse(MONTHS[min(start, end)]).first_day.replace(day=1 + 9 * (number % 2))
            until = None if end == 11 else Period.parse(MONTHS[max(start, end)]).last_day
            subject = world.person(name, firms[firm], since=since, until=until)
            arriving += [(max(seen, month), subject, MONTHS[month]) for month, seen in person["deeds"]]
        for number, (use, month, allowed) in enumerate(sorted(person["decided"], key=lambda each: each[1])):
            decide(world, subject, use, allowed, at(f"{MONTHS[month]}-10", hour=number))
    for number, month in enumerate(MONTHS):
        world.deeds |= {(subject, label) for seen, subject, label in arriving if seen <= number}
        world.run(month, ZeroNoise())
    values: dict[Tier, dict[tuple[Scope, Name, str], int]] = {tier: {} for tier in Tier}
    for key, row in world.outbox().items():
        values[key[0].tier][key] = row.document().noisy[-1]
    return values


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.fixed_dictionaries(PERSON))
@example(
    target={
        "spells": [("B", 0, 6), ("C", 3, 11), ("C", 9, 10)],
        "deeds": [(0, 0), (1, 10), (3, 3), (5, 5), (7, 8), (9, 9)],
        "decided": [(EMPLOYER, 0, False), (EMPLOYER, 2, True), (EMPLOYER, 4, False), (INSURER, 1, False)],
    }
)
def test_one_person_with_all_choices_moves_no_audience_by_more_than_the_stated_sensitivity(
    new_world: Callable[[], World], target: dict
) -> None:
    others = {"other": {"spells": [("B", 0, 11)], "deeds": [(0, 0), (4, 4), (8, 8)], "decided": [(EMPLOYER, 3, False)]}}
    without, with_target = (year_of(new_world(), people) for people in (others, others | {"target": target}))
    for tier in Tier:
        assert without[tier].keys() == with_target[tier].keys()
        moved = {key: with_target[tier][key] - value for key, value in without[tier].items()}
        reach = sum(change**2 for (_, name, _), change in moved.items() if name is Name.reach)
        assert reach <= FACTOR_SENSITIVITY_SQUARED
        for quarter in ("2026-Q1", "2026-Q2", "2026-Q3", "2026-Q4"):
            changes = [change for (_, _, window), change in moved.items() if window == quarter and change]
            assert len(changes) <= 1
            assert sum(change**2 for change in changes) <= PARTICIPATION.sensitivity_squared


@given(
    st.dictionaries(st.integers(0, 5), st.sets(st.sampled_from(MONTHS[:6])), max_size=6),
    st.lists(st.sets(st.integers(0, 5)), min_size=6, max_size=6),
    st.integers(0, 5),
    st.integers(0, 5),
)
def test_a_choice_takes_months_out_of_ones_own_activity_alone(
    done: dict[int, set[str]], outside: list[set[int]], person: int, frozen: int
) -> None:
    who = [UUID(int=number) for number in range(6)]
    activity = {who[number]: months for number, months in done.items()}
    declined = {label: {who[each] for each in outside[number]} for number, label in enumerate(MONTHS[:6])}
    without = {label: each - {who[person]} for label, each in declined.items()}
    month = Period.parse(MONTHS[frozen])
    one, other = (counted_activity(activity, each, frozen_at=month) for each in (declined, without))

    assert {key: value for key, value in one.items() if key != who[person]} == {
        key: value for key, value in other.items() if key != who[person]
    }
    assert one.get(who[person], set()) <= other.get(who[person], set()) <= set(activity.get(who[person], ()))
    if person in outside[frozen]:
        assert who[person] not in one


def test_with_two_employers_a_choice_holds_for_both(world: World) -> None:
    firms = world.small_collective()
    for name in "AB":
        target = world.person("target", firms[name], months=QUARTER)
    decide(world, target, EMPLOYER, False, at("2026-01-02"))
    world.run_through("2026-01", "2026-03", ZeroNoise())
    assert {row.tier for row in rows(world, ReachMark)} == {Tier.insurer}
    employers = [row.document() for key, row in world.outbox().items() if key[0].kind is Audience.employer]
    assert {number for each in employers for number in each.noisy} == {0}


def test_a_choice_goes_along_to_the_next_employer(world: World) -> None:
    firms = world.small_collective()
    target = world.person("target", firms["A"], until=date(2026, 2, 20), months=HALF_YEAR)
    world.person("target", firms["B"], since=date(2026, 2, 21))
    decide(world, target, EMPLOYER, False, at("2026-02-25"))
    world.run_through("2026-01", "2026-06", ZeroNoise())
    [mark] = [row for row in rows(world, ReachMark) if row.tier == Tier.hr]
    assert (mark.month, mark.audience) == ("2026-01", firms["A"])
    for key, row in world.outbox().items():
        if key[1] is Name.participation and key[0].kind is Audience.employer:
            assert row.document().noisy == (0,), key


@pytest.mark.parametrize("erased_at", [at("2026-04-01", hour=2), at("2026-05-10")], ids=["before the job", "later"])
@pytest.mark.parametrize("stays_out", [False, True])
def test_somebody_erased_stays_in_what_was_frozen_and_is_in_nothing_after_it(
    world: World, stays_out: bool, erased_at: datetime
) -> None:
    firm = firm_of_thirty(world)
    company = Company(holder=world.holder, collective=world.collective, employer=firm, code="CODE")
    copied_invitation(world.members, company, code="CODE", shared=True)
    who = new_member(world.members, company, today=date(2025, 12, 1))
    world.deeds |= {(who.subject, month) for month in HALF_YEAR.split()}
    if stays_out:
        decide(world, who.subject, EMPLOYER, False, at("2026-01-05"))
    runs = [Period.parse(month) for month in HALF_YEAR.split()]
    while runs and runs[0].end + timedelta(hours=3) < erased_at:
        world.run(runs.pop(0).label, ZeroNoise())
    before = contents(world)
    assert erase(world.members, who.account, now=erased_at, at_leaving=AT_LEAVING)
    world.deeds = {(subject, month) for subject, month in world.deeds if subject != who.subject}
    assert rows(world, Decision) == []
    for period in runs:
        world.run(period.label, ZeroNoise())

    after = contents(world)
    assert {key: after[key] for key in before} == before
    reached = 5 if stays_out else 6
    assert exact(world, Audience.employer, Name.reach) == {f"2026-{month:02d}": reached for month in range(1, 7)}
    first_quarter = 15 if stays_out or erased_at < at("2026-04-01", hour=3) else 18
    assert exact(world, Audience.employer, Name.participation) == {"2026-Q1": first_quarter, "2026-Q2": 15}
