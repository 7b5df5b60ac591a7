"""Contracts: the staff's consent comes first, and an employer takes part in one collective at a time."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from admin import contracts
from admin.contracts import NoConsent
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import MAY, OPERATOR, Principal, Purpose, Role, Side
from privacy.store import Store, transaction
from privacy.tenants import declared
from privacy.tenants.declared import Collective, Contract, Employer, StaffConsent
from tests.factories import NOW, TODAY, YEAR_START, as_hr, at_once, declared_company


def _employer(employers: Store, heads: int) -> Employer:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return contracts.add_employer(db, name="Smit", sector="G", region="Midden", heads=heads, since=YEAR_START)


def _collective(employers: Store) -> Collective:
    company = declared_company(employers)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return declared.collective(db, company.collective)


def _consent(employers: Store, employer: Employer, body: str = "works_council", held_on: date = TODAY) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        contracts.record_consent(db, employer.id, body=body, held_on=held_on, now=NOW)


def _join(
    employers: Store, collective: Collective, employer: Employer, *, starts_on: date = TODAY, prepaid: int = 6_000
) -> Contract:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        return contracts.join_collective(
            db, collective, employer.id, starts_on=starts_on, prepaid_per_head_cents=prepaid
        )


@pytest.mark.parametrize(
    ("heads", "body", "enough"),
    [
        (49, "meeting", True),
        (49, "representation", True),
        (49, "works_council", True),
        (50, "meeting", False),
        (50, "representation", False),
        (50, "works_council", True),
    ],
)
def test_from_fifty_heads_on_the_works_council_must_agree(
    employers: Store, heads: int, body: str, enough: bool
) -> None:
    employer = _employer(employers, heads)
    if enough:
        _consent(employers, employer, body)
    else:
        with pytest.raises(Invalid, match="the works council must agree"):
            _consent(employers, employer, body)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert (contracts.consent_of(db, employer.id) is not None) is enough


@pytest.mark.parametrize(
    ("body", "held_on", "field"),
    [("everybody", TODAY, "body"), ("meeting", TODAY + timedelta(days=1), "held_on")],
)
def test_consent_of_nobody_or_of_a_day_to_come_is_refused(
    employers: Store, body: str, held_on: date, field: str
) -> None:
    employer = _employer(employers, 10)
    with pytest.raises(Invalid) as refusal:
        _consent(employers, employer, body, held_on)
    assert refusal.value.field == field


def test_consent_recorded_twice_is_one_and_the_newest_counts(employers: Store) -> None:
    employer = _employer(employers, 10)
    for held_on in (TODAY, TODAY, TODAY - timedelta(days=9)):
        _consent(employers, employer, "meeting", held_on)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert len(db.scalars(select(StaffConsent).where(StaffConsent.employer == employer.id)).all()) == 2
        newest = contracts.consent_of(db, employer.id)
        assert newest is not None
        assert newest.held_on == TODAY


def test_no_employer_takes_part_without_consent(employers: Store) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    with pytest.raises(NoConsent, match="Record the staff's consent first"):
        _join(employers, collective, employer)
    _consent(employers, employer, "meeting")
    contract = _join(employers, collective, employer)
    assert (contract.heads, contract.prepaid_per_head_cents, contract.ends_on) == (10, 6_000, None)


@pytest.mark.parametrize("starts_on", [TODAY - timedelta(days=30), TODAY, TODAY + timedelta(days=30)])
def test_an_employer_takes_part_once_whenever_the_second_contract_would_start(
    employers: Store, starts_on: date
) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    _consent(employers, employer)
    _join(employers, collective, employer)
    with pytest.raises(Conflict, match="already takes part"):
        _join(employers, collective, employer, starts_on=starts_on)


def test_a_contract_that_has_ended_makes_room_for_the_next(employers: Store) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    _consent(employers, employer)
    _join(employers, collective, employer)
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        running = declared.contract_on(db, employer.id, TODAY)
        assert running is not None
        running.ends_on = TODAY
    with pytest.raises(Conflict):
        _join(employers, collective, employer)
    assert _join(employers, collective, employer, starts_on=TODAY + timedelta(days=1)).ends_on is None


def test_an_employer_that_joins_twice_at_once_takes_part_once(employers: Store) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    _consent(employers, employer)
    answers = at_once(4, lambda: _join(employers, collective, employer))
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict"] * 3 + ["Contract"]


@pytest.mark.parametrize("prepaid", [-10, 5, 6_001])
def test_a_prepayment_that_buys_no_whole_coins_is_refused(employers: Store, prepaid: int) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    _consent(employers, employer)
    with pytest.raises(Invalid, match="multiple of a coin's 10 cents"):
        _join(employers, collective, employer, prepaid=prepaid)


def test_a_contract_needs_declared_heads_on_its_first_day(employers: Store) -> None:
    collective, employer = _collective(employers), _employer(employers, 10)
    _consent(employers, employer)
    with pytest.raises(NotFound, match="has not declared"):
        _join(employers, collective, employer, starts_on=YEAR_START - timedelta(days=1))


@pytest.mark.parametrize(("coin", "reward"), [(0, 100), (-1, 100), (10, 9), (10, 0)])
def test_a_collective_whose_coins_are_worth_nothing_is_refused(employers: Store, coin: int, reward: int) -> None:
    company = declared_company(employers)
    with (
        pytest.raises(Invalid, match="A coin is worth"),
        transaction(employers, OPERATOR, Purpose.administration) as db,
    ):
        contracts.found_collective(
            db,
            company.holder,
            name="X",
            region="X",
            starts_on=TODAY,
            coin_value_cents=coin,
            yearly_reward_max_cents=reward,
        )


def test_hr_reads_its_own_consent(employers: Store) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        consent = contracts.consent_of(db, company.employer)
        assert consent is not None
        assert (consent.body, consent.held_on) == ("works_council", YEAR_START)


@pytest.mark.parametrize("role", [role for role in MAY if role is not Role.operator and Side.employers in MAY[role]])
def test_only_the_operator_makes_organisations(employers: Store, role: Role) -> None:
    company = declared_company(employers)
    principal = Principal(role=role, account=uuid4(), employer=company.employer, holder=company.holder)
    purpose = Purpose.operation if role is Role.job else Purpose.authentication
    for make in (
        lambda db: contracts.add_holder(db, name="Anders"),
        lambda db: contracts.add_employer(db, name="Anders", sector="C", region="Midden", heads=3, since=YEAR_START),
    ):
        with pytest.raises(Forbidden), transaction(employers, principal, purpose) as db:
            make(db)


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "two\nlines", "nul\0"])
def test_an_organisation_has_a_name_of_one_line_that_fits(employers: Store, name: str) -> None:
    company = declared_company(employers)
    calls = (
        lambda db: contracts.add_holder(db, name=name),
        lambda db: contracts.add_employer(db, name=name, sector="C", region="Midden", heads=3, since=YEAR_START),
        lambda db: contracts.add_employer(db, name="Smit", sector="C", region=name, heads=3, since=YEAR_START),
        lambda db: contracts.add_employer(db, name="Smit", sector=name, region="Midden", heads=3, since=YEAR_START),
        lambda db: contracts.found_collective(
            db,
            company.holder,
            name=name,
            region="Midden",
            starts_on=YEAR_START,
            coin_value_cents=10,
            yearly_reward_max_cents=24_000,
        ),
    )
    for make in calls:
        with pytest.raises(Invalid), transaction(employers, OPERATOR, Purpose.administration) as db:
            make(db)


def test_a_partner_is_of_a_known_kind(employers: Store) -> None:
    with pytest.raises(Invalid), transaction(employers, OPERATOR, Purpose.administration) as db:
        contracts.add_holder(db, name="Zonzeker", kind="uncle")


def test_names_keep_their_signs_and_lose_outer_spaces(employers: Store) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        assert contracts.add_holder(db, name=" O'Brien & Zn. ").name == "O'Brien & Zn."
