"""Organisations as they declare themselves: by date, one's own alone, and refused where they make no sense."""

from collections.abc import Callable
from datetime import date, timedelta
from types import FunctionType
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from admin import contracts
from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants import copies, declared
from privacy.tenants.codes import code_digest
from tests.factories import (
    CODE_EXPIRES_ON,
    JOB,
    NOW,
    TODAY,
    YEAR_START,
    as_hr,
    as_insurer,
    copied_company,
    declared_company,
)

DAY = timedelta(days=1)


def test_heads_hold_from_the_day_they_are_declared_for(employers: Store) -> None:
    company = declared_company(employers, heads=12)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        declared.declare_heads(db, company.employer, valid_from=TODAY, heads=15)
        assert declared.heads_on(db, company.employer, TODAY - DAY) == 12
        assert declared.heads_on(db, company.employer, TODAY) == 15
        assert declared.heads_on(db, company.employer, TODAY + 900 * DAY) == 15
        with pytest.raises(NotFound, match="has not declared"):
            declared.heads_on(db, company.employer, YEAR_START - DAY)


def test_heads_declared_again_for_the_same_day_correct_them(employers: Store) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        unit = declared.add_unit(db, company.employer, name="Bakkerij", kind="site")
        for heads in (7, 9):
            declared.declare_heads(db, company.employer, valid_from=TODAY, heads=heads)
            declared.declare_heads(db, company.employer, unit=unit.id, valid_from=TODAY, heads=heads - 2)
        assert declared.heads_on(db, company.employer, TODAY) == 9
        assert declared.unit_heads(db, company.employer, TODAY) == {unit.id: 7}


def test_the_heads_of_a_unit_are_not_those_of_the_whole(employers: Store) -> None:
    company = declared_company(employers, heads=12)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        unit = declared.add_unit(db, company.employer, name="Winkel", kind="department")
        declared.declare_heads(db, company.employer, unit=unit.id, valid_from=TODAY, heads=5)
        declared.declare_heads(db, company.employer, unit=unit.id, valid_from=TODAY + DAY, heads=6)
        assert declared.heads_on(db, company.employer, TODAY) == 12
        assert declared.unit_heads(db, company.employer, TODAY - DAY) == {}
        assert declared.unit_heads(db, company.employer, TODAY) == {unit.id: 5}
        assert declared.unit_heads(db, company.employer, TODAY + DAY) == {unit.id: 6}
        assert [each.name for each in declared.units_of(db, company.employer)] == ["Winkel"]


@pytest.mark.parametrize("heads", [0, -1, 10_000_001])
def test_an_impossible_headcount_is_refused(employers: Store, heads: int) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        with pytest.raises(Invalid) as refusal:
            declared.declare_heads(db, company.employer, valid_from=TODAY, heads=heads)
        assert refusal.value.field == "heads"


@pytest.mark.parametrize(
    ("name", "kind", "field"), [(" ", "site", "name"), ("x" * 81, "site", "name"), ("A", "team", "kind")]
)
def test_a_unit_needs_a_name_and_a_known_kind(employers: Store, name: str, kind: str, field: str) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        with pytest.raises(Invalid) as refusal:
            declared.add_unit(db, company.employer, name=name, kind=kind)
        assert refusal.value.field == field


ByEmployer = Callable[[Session, UUID], object]
BY_EMPLOYER: dict[str, ByEmployer] = {
    "employer": declared.employer,
    "contract_on": lambda db, employer: declared.contract_on(db, employer, TODAY),
    "contracts_from": lambda db, employer: declared.contracts_from(db, employer, TODAY),
    "collective_of": lambda db, employer: declared.collective_of(
        db, declared.Contract(employer=employer, collective=uuid4())
    ),
    "heads_on": lambda db, employer: declared.heads_on(db, employer, TODAY),
    "declare_heads": lambda db, employer: declared.declare_heads(db, employer, valid_from=TODAY, heads=3),
    "add_unit": lambda db, employer: declared.add_unit(db, employer, name="A", kind="site"),
    "units_of": declared.units_of,
    "unit_heads": lambda db, employer: declared.unit_heads(db, employer, TODAY),
    "invite": lambda db, employer: declared.invite(db, employer, code="NEW-CODE", shared=True, expires_on=TODAY),
    "shared_codes": lambda db, employer: declared.shared_codes(db, employer, TODAY),
    "record_consent": lambda db, employer: contracts.record_consent(
        db, employer, body="meeting", held_on=TODAY, now=NOW
    ),
    "consent_to_policy": lambda db, employer: contracts.consent_to_policy(
        db, employer, policy="0" * 64, body="meeting", held_on=TODAY, now=NOW
    ),
    "consent_of": contracts.consent_of,
    "end_contract": lambda db, employer: contracts.end_contract(db, employer, ends_on=TODAY, today=TODAY),
}
BY_HOLDER: dict[str, ByEmployer] = {
    "holder": declared.holder,
    "collectives": declared.collectives,
    "found_collective": lambda db, holder: contracts.found_collective(
        db, holder, name="X", region="X", starts_on=TODAY, coin_value_cents=10, yearly_reward_max_cents=100
    ),
}
BY_COLLECTIVE: dict[str, ByEmployer] = {
    "collective": declared.collective,
    "contracts_of": declared.contracts_of,
}


def _refusal(store: Store, principal: object, call: ByEmployer, asked: UUID) -> tuple[type, str, str | None]:
    with (
        pytest.raises(NotFound) as refusal,
        transaction(store, principal, Purpose.administration) as db,  # type: ignore[arg-type]
    ):
        call(db, asked)
    return type(refusal.value), refusal.value.message, refusal.value.field


def test_foreign_organisations_answer_like_missing_ones_in_every_function(employers: Store) -> None:
    mine, foreign = declared_company(employers), declared_company(employers)
    cases = [
        *((as_hr(mine), call, foreign.employer) for call in BY_EMPLOYER.values()),
        *((as_insurer(mine), call, foreign.holder) for call in BY_HOLDER.values()),
        *((as_insurer(mine), call, foreign.collective) for call in BY_COLLECTIVE.values()),
        *((as_hr(mine), call, mine.collective) for call in BY_COLLECTIVE.values()),
    ]
    for principal, call, there in cases:
        assert _refusal(employers, principal, call, there) == _refusal(employers, principal, call, uuid4())


def test_every_function_that_takes_an_organisation_is_in_the_table_above() -> None:
    covered = {*BY_EMPLOYER, *BY_HOLDER, *BY_COLLECTIVE}
    for module, more in ((declared, set()), (contracts, {"add_holder", "add_employer", "join_collective"})):
        functions = {
            name
            for name, found in vars(module).items()
            if isinstance(found, FunctionType) and found.__module__ == module.__name__
        }
        assert {name for name in functions if not name.startswith("_")} - covered - more == set()


def test_units_of_another_employer_answer_like_missing_ones(employers: Store) -> None:
    mine, foreign = declared_company(employers), declared_company(employers)
    with transaction(employers, as_hr(foreign), Purpose.administration) as db:
        unit = declared.add_unit(db, foreign.employer, name="Winkel", kind="site").id
    answers = set()
    for asked in (unit, uuid4()):
        for call in (
            lambda db, u: declared.declare_heads(db, mine.employer, unit=u, valid_from=TODAY, heads=3),
            lambda db, u: declared.invite(db, mine.employer, code="NEW-CODE", shared=True, expires_on=TODAY, unit=u),
        ):
            answers.add(_refusal(employers, as_hr(mine), call, asked))
    assert answers == {(NotFound, "There is no such unit.", None)}


def test_ones_own_organisation_answers(employers: Store) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        assert declared.employer(db, company.employer).name == "Bakkerij Jansen"
        contract = declared.contract_on(db, company.employer, TODAY)
        assert contract is not None
        assert declared.collective_of(db, contract).id == company.collective
        assert declared.contract_on(db, company.employer, YEAR_START - DAY) is None
    with transaction(employers, as_insurer(company), Purpose.administration, read_only=True) as db:
        assert declared.holder(db, company.holder).name == "Zonzeker"
        assert [each.id for each in declared.collectives(db, company.holder)] == [company.collective]
        ((contract, firm),) = declared.contracts_of(db, company.collective)
        assert (contract.employer, firm.id) == (company.employer, company.employer)


def test_a_shared_code_is_kept_as_text_for_the_poster_and_a_single_use_one_is_not(employers: Store) -> None:
    company = declared_company(employers, code="BAKKER-26")
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        declared.invite(db, company.employer, code="ONLY-ONCE", shared=False, expires_on=TODAY)
        declared.invite(db, company.employer, code="SUMMER", shared=True, expires_on=TODAY)
        assert declared.shared_codes(db, company.employer, TODAY) == [
            ("SUMMER", TODAY),
            ("BAKKER-26", CODE_EXPIRES_ON),
        ]
        assert declared.shared_codes(db, company.employer, TODAY + DAY) == [("BAKKER-26", CODE_EXPIRES_ON)]
        digests = set(db.scalars(select(declared.Invitation.code_digest)))
    assert digests == {code_digest("bakker26"), code_digest("only once"), code_digest("summer")}


@pytest.mark.parametrize("code", ["", "ABC", "A-B C", "----", "x" * 41])
def test_a_code_that_is_too_short_or_too_long_is_refused(employers: Store, code: str) -> None:
    company = declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        with pytest.raises(Invalid) as refusal:
            declared.invite(db, company.employer, code=code, shared=True, expires_on=TODAY)
        assert refusal.value.field == "code"


def test_a_code_serves_one_invitation_alone(employers: Store) -> None:
    declared_company(employers, code="BAKKER-26")
    other = declared_company(employers)
    with transaction(employers, as_hr(other), Purpose.administration) as db:
        with pytest.raises(Conflict, match="This code is in use"):
            declared.invite(db, other.employer, code="bakker 26", shared=True, expires_on=TODAY)
        declared.invite(db, other.employer, code="bakker 27", shared=True, expires_on=TODAY)


def test_an_employer_has_one_running_contract_in_the_database_too(employers: Store) -> None:
    company = declared_company(employers)
    row = declared.Contract(
        collective=company.collective, employer=company.employer, starts_on=TODAY, heads=1, prepaid_per_head_cents=0
    )
    with pytest.raises(IntegrityError), transaction(employers, OPERATOR, Purpose.administration) as db:
        db.add(row)


def test_copies_answer_by_date_like_the_originals(members: Store) -> None:
    company = copied_company(members, heads=12)
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(copies.HeadcountCopy(employer=company.employer, valid_from=TODAY, heads=15))
        db.flush()
        assert copies.heads_on(db, company.employer, TODAY - DAY) == 12
        assert copies.heads_on(db, company.employer, TODAY) == 15
        with pytest.raises(NotFound, match="has not declared"):
            copies.heads_on(db, company.employer, YEAR_START - DAY)
        assert copies.collective(db, company.collective).name == "MKB Midden"
        assert [each.id for each in copies.collectives(db)] == [company.collective]
        assert copies.employer(db, company.employer).sector == "C"
        for call in (copies.collective, copies.employer):
            with pytest.raises(NotFound):
                call(db, uuid4())


@pytest.mark.parametrize(
    ("ends_on", "first", "last", "counts"),
    [
        (None, TODAY, TODAY, True),
        (None, date(2025, 1, 1), YEAR_START - DAY, False),
        (None, date(2025, 1, 1), YEAR_START, True),
        (TODAY, TODAY, TODAY + DAY, True),
        (TODAY, TODAY + DAY, TODAY + DAY, False),
    ],
)
def test_a_copied_contract_is_in_force_from_its_first_to_its_last_day(
    members: Store, ends_on: date | None, first: date, last: date, counts: bool
) -> None:
    company = copied_company(members)
    with transaction(members, JOB, Purpose.copying) as db:
        db.scalars(select(copies.ContractCopy)).one().ends_on = ends_on
        db.flush()
        found = copies.contracts_in(db, company.collective, first=first, last=last)
        assert [each.employer for each in found] == [company.employer] * counts
        day = last if ends_on is None else first
        on_the_day = copies.contracts_on(db, [company.employer, uuid4()], day)
        assert [each.employer for each in on_the_day] == [company.employer] * counts
