"""Inviting: codes that nobody guesses, letters that anybody gets, and a list that knows nothing of who joined."""

import io
import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from privacy.errors import Invalid
from privacy.post.employers import Mail
from privacy.post.queueing import unseal
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from privacy.tenants import declared, invitations, roster, roster_draft
from privacy.tenants.codes import ALPHABET, SINGLE_CHARACTERS, code_digest, code_digests, new_code
from privacy.tenants.declared import Invitation
from privacy.tenants.roster_file import read_people, recognise
from tests.factories import JOB, NOW, TODAY, Company, as_hr, declared_company

DAY = timedelta(days=1)
JOIN_URL = "https://vitaal.example.org/join/"


def list_people(employers: Store, company: Company, *addresses: str, today: date = TODAY) -> list[UUID]:
    """Make HR's list exactly these people, and answer their ids in order."""
    rows = "".join(f"Person {number},{number},{address}\n" for number, address in enumerate(addresses))
    file = io.BytesIO(f"name,staff number,e-mail\n{rows}".encode())
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        draft = roster_draft.new_draft(db, company.employer, now=NOW)
        form = recognise(file)
        assert roster_draft.add_rows(db, draft, read_people(file, form), form) == []
        roster_draft.take_over(db, draft, seen=roster_draft.plan(db, draft, today=today).counts, today=today)
        return [each.id for each in roster.people(db, company.employer, today=today, first=0, count=1_000)]


def invite(employers: Store, company: Company, person: UUID, *, today: date = TODAY) -> str:
    """Let HR invite somebody, and answer the code as it stands in the letter."""
    before = letters(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        invitations.invite_person(db, person, join_url=JOIN_URL, locale="nl", now=NOW, today=today)
    ((_, code),) = letters(employers) - before
    return code


def letters(employers: Store) -> set[tuple[str | None, str]]:
    """Address and code of every invitation on its way."""
    with transaction(employers, JOB, Purpose.operation, read_only=True) as db:
        found = [unseal(employers.keys, row.id, row.sealed or b"") for row in db.scalars(select(Mail))]
    return {(letter.to, letter.letter.values["code"]) for letter in found}


@pytest.fixture
def company(employers: Store) -> Company:
    return declared_company(employers)


def test_a_code_for_one_person_has_80_random_bits_in_groups_that_can_be_read_out() -> None:
    codes = {new_code(SINGLE_CHARACTERS) for _ in range(500)}
    assert len(codes) == 500
    assert len(ALPHABET) == len(set(ALPHABET)) == 32
    for code in codes:
        assert re.fullmatch(rf"[{ALPHABET}]{{4}}(-[{ALPHABET}]{{4}}){{3}}", code)
    assert {letter for code in codes for letter in code} == {*ALPHABET, "-"}


def test_a_misread_letter_finds_the_code_all_the_same() -> None:
    for typed in ("01AB-CDEF", "oiab cdef", "OLAB-CDEF"):
        assert code_digest("01AB-CDEF") in code_digests(typed)
    assert code_digest("DEMO") in code_digests("demo")


def test_an_invitation_is_one_letter_and_the_code_is_nowhere_else(employers: Store, company: Company) -> None:
    (person,) = list_people(employers, company, "Anna+werk@Example.org")
    code = invite(employers, company, person)
    assert letters(employers) == {("Anna+werk@example.org", code)}
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        row = db.scalars(select(Invitation).where(Invitation.seat == person)).one()
        assert (row.code_digest, row.shared, row.issued_on) == (code_digest(code), False, TODAY)
        assert row.expires_on == TODAY + invitations.SINGLE_LASTS
        assert db.scalars(select(declared.SharedCode.code)).all() == [company.code]


def test_inviting_again_gives_a_new_code_and_ends_the_old_one(employers: Store, company: Company) -> None:
    (person,) = list_people(employers, company, "anna@example.org")
    first, second = (invite(employers, company, person, today=TODAY + days * DAY) for days in (0, 3))
    assert first != second
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        rows = {row.code_digest: row.expires_on for row in db.scalars(select(Invitation).where(~Invitation.shared))}
        assert rows == {
            code_digest(first): TODAY + 2 * DAY,
            code_digest(second): TODAY + 3 * DAY + invitations.SINGLE_LASTS,
        }
        assert roster.person(db, person, today=TODAY + 3 * DAY).invited_on == TODAY + 3 * DAY


def test_who_has_no_address_is_not_invited_by_mail(employers: Store, company: Company) -> None:
    (person,) = list_people(employers, company, "")
    with (
        pytest.raises(Invalid, match="no e-mail address"),
        transaction(employers, as_hr(company), Purpose.administration) as db,
    ):
        invitations.invite_person(db, person, join_url=JOIN_URL, locale="nl", now=NOW, today=TODAY)


def test_everybody_new_is_invited_once(employers: Store, company: Company) -> None:
    people = list_people(employers, company, "a@example.org", "", "b@example.org", "c@example.org")
    invite(employers, company, people[2])
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        assert invitations.never_invited(db, company.employer, today=TODAY) == 2
        for expected in (1, 1, 0):
            count = invitations.invite_new(
                db, company.employer, join_url=JOIN_URL, locale="nl", now=NOW, today=TODAY, count=1
            )
            assert count == expected
        assert invitations.never_invited(db, company.employer, today=TODAY) == 0
    assert sorted(to or "" for to, _ in letters(employers)) == ["a@example.org", "b@example.org", "c@example.org"]


def test_an_invitation_ends_with_its_row_and_follows_its_unit(employers: Store, company: Company) -> None:
    anna, bram = list_people(employers, company, "a@example.org", "b@example.org")
    for person in (anna, bram):
        invite(employers, company, person)
    list_people(employers, company, "a@example.org", today=TODAY + DAY)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        rows = {row.seat: row.ends_on for row in db.scalars(select(Invitation).where(~Invitation.shared))}
        assert rows == {anna: None, bram: TODAY + DAY}
        roster.end_person(db, anna, ends_on=TODAY + 9 * DAY, today=TODAY + DAY)
        assert db.scalars(select(Invitation.ends_on).where(Invitation.seat == anna)).one() == TODAY + 9 * DAY


# --- Shared codes, a quarter each


def test_a_new_shared_code_lasts_until_its_quarter_ends_and_the_old_one_a_little_longer(
    employers: Store, company: Company
) -> None:
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        first = invitations.new_shared_code(db, company.employer, today=date(2026, 4, 2))
        valid = dict(declared.shared_codes(db, company.employer, date(2026, 4, 2)))
        assert valid == {company.code: date(2026, 4, 16), first: date(2026, 6, 30)}
        # Two weeks before the quarter ends a new code is one for the next quarter.
        second = invitations.new_shared_code(db, company.employer, today=date(2026, 6, 20))
        assert dict(declared.shared_codes(db, company.employer, date(2026, 6, 20))) == {
            first: date(2026, 6, 30),
            second: date(2026, 9, 30),
        }


def test_the_job_makes_the_next_code_once_and_in_time(employers: Store) -> None:
    company, other = declared_company(employers), declared_company(employers)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        code = invitations.new_shared_code(db, company.employer, today=date(2026, 4, 2))

    def codes(day: date) -> dict[str, date]:
        with transaction(employers, JOB, Purpose.operation) as db:
            invitations.renew_shared_codes(db, today=day)
        with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
            return dict(declared.shared_codes(db, company.employer, day))

    assert codes(date(2026, 6, 15)) == {code: date(2026, 6, 30)}
    renewed = codes(date(2026, 6, 16))
    assert sorted(renewed.values()) == [date(2026, 6, 30), date(2026, 9, 30)]
    assert codes(date(2026, 6, 17)) == renewed
    assert sorted(codes(date(2026, 9, 20)).values()) == [date(2026, 9, 30), date(2026, 12, 31)]
    with transaction(employers, as_hr(other), Purpose.administration, read_only=True) as db:
        assert [each for each, _ in declared.shared_codes(db, other.employer, TODAY)] == [other.code]


def test_an_employer_without_a_contract_gets_no_new_code(employers: Store, company: Company) -> None:
    with transaction(employers, OPERATOR, Purpose.administration) as db:
        invitations.new_shared_code(db, company.employer, today=date(2026, 4, 2))
        db.scalars(
            select(declared.Contract).where(declared.Contract.employer == company.employer)
        ).one().ends_on = date(2026, 6, 20)
    with transaction(employers, JOB, Purpose.operation) as db:
        invitations.renew_shared_codes(db, today=date(2026, 6, 25))
        assert len(db.scalars(select(Invitation)).all()) == 2
