"""What each audience may be told: read strictly, never above the plan, derived figures by the staff's consent alone."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_world import NAMES, World, ZeroNoise
from sqlalchemy import select

from admin.audience_policies import policy_of, publish_policy
from admin.contracts import consent_to_policy
from privacy.codicil import Use, choose
from privacy.errors import Conflict, Invalid, NotFound
from privacy.jobs import Period
from privacy.memberships import Membership
from privacy.principals import Principal, Purpose, Role, job
from privacy.release.audiences import policy_for
from privacy.release.plan import PLAN, YEARLY_LIMIT_MICRO, Audience, Name, Scope, SizeClass
from privacy.release.policy import AudiencePolicy, read_policy, standard_policy, strictest
from privacy.release.promised import in_region
from privacy.release.published import releases_for
from privacy.release.regions import add_region, assign_regions
from privacy.release.scopes import Roster
from privacy.store import transaction
from privacy.tenants.declared import Holder

NOW = datetime(2025, 11, 3, 12, tzinfo=UTC)
JANUARY = Period.parse("2026-01")
WITH_SCORE = "{version: 1, starts_on: 2026-01-01, derived: [wearables], audiences: {employer: {reach: {}, score: {}}}}"

shares = st.dictionaries(st.sampled_from(Name), st.one_of(st.none(), st.integers(1, 300_000)))
documents = st.dictionaries(st.sampled_from(Audience), shares)


def read(text: str) -> AudiencePolicy:
    return read_policy(text, "policy.yaml")


# ----------------------------------------------------------------------------------------------------- the document


@settings(max_examples=80, deadline=None)
@given(document=documents, derived=st.sampled_from([[], ["wearables"]]))
def test_whatever_a_policy_says_no_audience_gets_more_than_the_plan(document: dict, derived: list[str]) -> None:
    audiences = {kind: {name: {"micro_rho": most} for name, most in each.items()} for kind, each in document.items()}
    try:
        policy = AudiencePolicy.model_validate({"audiences": audiences, "derived": derived})
    except ValueError:
        return
    assert read_policy(policy.canonical(), "again").canonical() == policy.canonical()
    for kind in Audience:
        for size in SizeClass:
            asked = [(each, policy.rho_year_micro(each, kind, size)) for each in PLAN]
            assert all(micro <= each.rho_year_micro.get((kind, size), 0) for each, micro in asked)
            assert sum(micro for _, micro in asked) <= YEARLY_LIMIT_MICRO[Scope(kind, UUID(int=1)).tier]
            assert not any(micro and each.derived for each, micro in asked) or derived
            met = strictest([policy, standard_policy()])
            assert all(met.rho_year_micro(each, kind, size) <= micro for each, micro in asked)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audiences: {employer: {reach: {micro_rho: 50000}}}", "audiences.employer.reach.micro_rho: 50000 .* 40000"),
        (
            "audiences: {employer: {steps: {}}}",
            "audiences.employer.steps: there is none of this name: use one of reach",
        ),
        ("audiences: {boss: {}}", "audiences.boss: there is none of this name: use one of employer"),
        ("audiences: {pool: {grouping: {}}}", "audiences.pool.grouping: no plan gives this"),
        ("audiences: {employer: {score: {}}}", "audiences.employer.score: this rests on wearables or questionnaires"),
        ("audiences: {employer: {reach: {micro_rho: true}}}", "audiences.employer.reach.micro_rho: input should be"),
        ("{audiences: {}, derived: [mood]}", "derived.0: input should be 'wearables' or 'questionnaires'"),
        ("{audiences: {}, starts_on: soon}", "starts_on: write the day as 2027-01-01"),
        ("{audiences: {}, version: 0}", "version: input should be greater"),
        ("{audiences: {}, extra: 1}", "extra: there is no such key"),
        ("version: 1", "audiences: is missing: add it"),
        ("- reach", "a policy is a list of keys"),
        ("{", "line 1: this is neither YAML nor JSON"),
        ("[" * 5000, "neither YAML nor JSON"),
        ("", "a policy is a list of keys"),
        ("#" * 30_000, "at most 20,000 characters"),
    ],
)
def test_a_bad_policy_is_refused_by_path(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(text)


def test_the_standard_gives_nothing_derived_and_no_region() -> None:
    policy = standard_policy()
    assert not policy.needs_consent
    assert policy.audiences.keys() == {Audience.employer, Audience.pool, Audience.collective}
    assert not policy.allows(Name.score, Audience.employer)
    assert not standard_policy(60).allows(Name.grouping, Audience.employer)
    assert standard_policy(120).allows(Name.grouping, Audience.employer)


# ------------------------------------------------------------------------------------------------------- the record


def insurer(world: World) -> Principal:
    return Principal(role=Role.insurer, account=uuid4(), holder=world.holder)


def record(world: World, text: str, *, now: datetime = NOW, collective: UUID | None = None) -> AudiencePolicy:
    policy = read(text)
    with transaction(world.employers, insurer(world), Purpose.administration) as db:
        publish_policy(db, collective or world.collective, policy, now=now)
    world.copy()
    return policy


def holds(world: World, scope: Scope, month: Period = JANUARY) -> AudiencePolicy:
    with transaction(world.members, job("test"), Purpose.publishing, read_only=True) as db:
        return policy_for(db, scope, month)


def test_a_policy_begins_with_a_year_to_come_and_is_what_both_stores_say(world: World) -> None:
    scope = Scope(Audience.employer, world.firm("A", 30))
    assert holds(world, scope) == standard_policy()
    first = record(world, "{version: 1, starts_on: 2026-01-01, audiences: {employer: {reach: {micro_rho: 9000}}}}")
    record(world, "{version: 1, starts_on: 2026-01-01, audiences: {employer: {reach: {micro_rho: 9000}}}}")
    second = record(world, "{version: 2, starts_on: 2027-01-01, audiences: {}}", now=datetime(2026, 6, 1, tzinfo=UTC))
    assert holds(world, scope, Period.parse("2025-12")) == standard_policy()
    assert holds(world, scope, Period.parse("2026-12")) == first
    assert holds(world, scope, Period.parse("2027-01")) == second
    with transaction(world.employers, insurer(world), Purpose.administration) as db:
        assert [policy_of(db, world.collective, year) for year in (2025, 2026, 2027, 2030)] == [
            standard_policy(), first, second, second,
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("{version: 1, starts_on: 2025-11-04, audiences: {}}", Invalid, "starts_on: .* write 2026-01-01"),
        ("{version: 1, starts_on: 2025-01-01, audiences: {}}", Invalid, "starts_on: .* write 2026-01-01"),
        (
            "{version: 3, starts_on: 2026-01-01, audiences: {}}",
            Invalid,
            "version: the next version of this policy is 1",
        ),
    ],
)
def test_the_running_year_is_fixed(world: World, text: str, error: type[Exception], said: str) -> None:
    world.firm("A", 30)
    with pytest.raises(error, match=said):
        record(world, text)


def test_a_version_says_one_thing_only_and_others_write_none(world: World) -> None:
    world.firm("A", 30)
    record(world, "{version: 1, starts_on: 2027-01-01, audiences: {}}")
    with pytest.raises(Conflict, match="write it as a new version"):
        record(world, "{version: 1, starts_on: 2028-01-01, audiences: {}}")
    with pytest.raises(Invalid, match="the version before starts on 2027-01-01"):
        record(world, "{version: 2, starts_on: 2026-01-01, audiences: {}}")
    stranger = Principal(role=Role.insurer, account=uuid4(), holder=uuid4())
    with transaction(world.employers, stranger, Purpose.administration) as db, pytest.raises(NotFound):
        publish_policy(db, world.collective, read("audiences: {}"), now=NOW)


def test_a_collective_that_nobody_has_joined_may_begin_with_one(world: World) -> None:
    record(world, "{version: 1, starts_on: 2025-11-10, audiences: {}}")
    scope = Scope(Audience.employer, world.firm("A", 30, starts_on=date(2025, 11, 10)))
    assert holds(world, scope, Period.parse("2025-11")).audiences == {}


# -------------------------------------------------------------------------------------------------- consent, groups


def agree(world: World, employer: UUID, policy: AudiencePolicy, *, body: str = "meeting", now: datetime = NOW) -> None:
    hr = Principal(role=Role.hr, account=uuid4(), employer=employer)
    with transaction(world.employers, hr, Purpose.administration) as db:
        consent_to_policy(db, employer, policy=policy.digest, body=body, held_on=now.date(), now=now)
    world.copy()


def test_derived_figures_wait_for_the_staffs_consent_to_that_very_policy(world: World) -> None:
    small, large = world.firm("small", 30), world.firm("large", 50)
    policy = record(world, WITH_SCORE)
    for each in (small, large):
        assert not holds(world, Scope(Audience.employer, each)).allows(Name.score, Audience.employer)
    with pytest.raises(Invalid, match="works council must agree"):
        agree(world, large, policy)
    with pytest.raises(NotFound):
        agree(world, small, read("{version: 1, derived: [questionnaires], audiences: {}}"))
    agree(world, small, policy)
    agree(world, large, policy, body="works_council", now=datetime(2026, 2, 1, tzinfo=UTC))  # the year has begun
    assert holds(world, Scope(Audience.employer, small)) == policy
    assert holds(world, Scope(Audience.employer, large)) == policy.without_derived()
    assert holds(world, Scope(Audience.employer, large), Period.parse("2027-01")) == policy
    assert not holds(world, Scope(Audience.collective, world.collective)).derived  # not all have agreed


def test_a_move_to_another_collective_changes_nothing_within_the_year(world: World) -> None:
    firm = world.firm("A", 30, ends_on=date(2026, 4, 30))
    other = world.add_collective(uuid5(NAMES, "other"))
    first = record(world, "{version: 1, starts_on: 2026-01-01, audiences: {employer: {reach: {}}}}")
    second = record(world, "{version: 1, starts_on: 2026-01-01, audiences: {employer: {coins: {}}}}", collective=other)
    world.contract(firm, 30, starts_on=date(2026, 5, 1), ends_on=None, collective=other)
    scope = Scope(Audience.employer, firm)
    assert holds(world, scope, Period.parse("2026-01")) == first
    assert holds(world, scope, Period.parse("2026-05")) == second  # a year that begins there


# ------------------------------------------------------------------------------------------------------------ regions


def town(world: World, *, heads: int = 100, region: str = "Utrecht") -> list[UUID]:
    return [world.firm(f"firm {number}", heads, region=region if number else region.upper()) for number in range(10)]


def add_reader(world: World, kind: str = "municipality", name: str = "Utrecht") -> tuple[UUID, UUID]:
    holder = uuid4()
    with world.declaring() as db:
        db.add(Holder(id=holder, kind=kind, name=f"Gemeente {name}"))
        db.flush()
        return holder, add_region(db, holder, name=name).id


OPEN = "{version: 1, starts_on: 2026-01-01, audiences: {employer: {reach: {}}, region: {participation: {}}}}"


def test_a_region_reads_about_a_thousand_heads_where_the_collectives_let_it(world: World) -> None:
    firms = town(world)
    holder, region = add_reader(world)
    assert assign_regions(world.employers, year=2026) == ()  # the standard lets no region know
    record(world, OPEN)
    assert assign_regions(world.employers, year=2025) == ()
    assert assign_regions(world.employers, year=2026) == (region,)
    world.firm("late", 400, starts_on=date(2026, 2, 1))
    assert assign_regions(world.employers, year=2026) == ()  # fixed by the year's first day
    world.copy()
    inside = world.person("inside", firms[0])
    world.person("outside", world.firm("elsewhere", 30, region="Zwolle"))
    with transaction(world.members, job("test", collective=region), Purpose.publishing) as db:
        assert set(db.scalars(select(Membership.subject))) == {inside}
        [group] = Roster(db, Scope(Audience.region, region)).groups(Period.parse("2026-12")).values()
        assert (len(group.employers), group.heads) == (10, 1_000)
        assert Roster(db, Scope(Audience.region, region)).groups(Period.parse("2027-01")) == {}
    scope = Scope(Audience.region, region)
    reader = Principal(role=Role.insurer, account=uuid4(), holder=holder)
    with transaction(world.employers, reader, Purpose.reports, read_only=True) as db:
        assert releases_for(db, scope) == []
    with transaction(world.employers, insurer(world), Purpose.reports, read_only=True) as db, pytest.raises(NotFound):
        releases_for(db, scope)


def test_a_regions_figure_is_published_once_a_year_and_counts_its_own_people_alone(world: World) -> None:
    firms = town(world)
    _, region = add_reader(world)
    record(world, OPEN)
    assign_regions(world.employers, year=2026)
    world.copy()
    months = " ".join(f"2026-{month:02d}" for month in range(1, 13))
    outside = world.person("outside", world.firm("elsewhere", 30, region="Zwolle"), months=months)
    for each in (outside, *(world.person(f"in {firm}", firm, months=months) for firm in firms[:3])):
        with transaction(world.members, Principal(role=Role.member, subject=each), Purpose.own_use) as db:
            choose(db, each, Use.policy, True, datetime(2026, 1, 2, tzinfo=UTC))
    world.person("silent", firms[0], months=months)  # never said yes
    world.run_through("2026-01", "2026-12", ZeroNoise())
    world.run("2026-12", ZeroNoise())
    scope = Scope(Audience.region, region)
    [(key, row)] = [(key, row) for key, row in world.outbox().items() if key[0] == scope]

    assert key == (scope, Name.participation, "2026")
    document = row.document()
    assert (document.noisy, document.heads, document.rho_micro) == ((36,), (1_000,), 10_000)
    hr = Principal(role=Role.hr, account=uuid4(), employer=firms[0])
    with transaction(world.employers, hr, Purpose.reports, read_only=True) as db:
        assert in_region(db, firms[0], year=2026)
        assert not in_region(db, firms[0], year=2027)


def test_a_region_below_a_thousand_heads_or_of_another_partner_is_none(world: World) -> None:
    town(world, heads=99)
    add_reader(world)
    record(world, OPEN)
    assert assign_regions(world.employers, year=2026) == ()
    with pytest.raises(Invalid, match="Only a region or municipality"):
        add_reader(world, kind="insurer", name="Zwolle")
    with pytest.raises(Conflict, match="lies in one region"):
        add_reader(world, name=" utrecht ")
