"""The roster: sealed, HR's own, changed by whole files after a look, or not at all."""

import io
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from privacy.errors import Conflict, Invalid, NotFound
from privacy.principals import Purpose
from privacy.store import Store, transaction
from privacy.tenants import declared, invitations, roster, roster_draft
from privacy.tenants.roster import Listed, RosterPerson
from privacy.tenants.roster_draft import ListChanged, Plan, RosterDraft, RosterDraftRow
from privacy.tenants.roster_file import Fault, Form, Why, read_people, recognise
from tests.factories import JOB, NOW, TODAY, Company, as_hr, declared_company, file_bytes, forms_on_disk

DAY = timedelta(days=1)
HEAD = "naam;personeelsnummer;e-mail;afdeling;vanaf;tot en met\n"
ANNA = "Anna van der Berg;007;anna@example.org;Magazijn;;\n"
BRAM = "Bram O'Brien;008;bram@example.org;Kantoor;2026-01-01;\n"
CARO = "Caro;009;;;;\n"


@pytest.fixture
def company(employers: Store) -> Company:
    company = declared_company(employers, heads=60)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        for name in ("Magazijn", "Kantoor"):
            declared.add_unit(db, company.employer, name=name, kind="department")
    return company


def checked(employers: Store, company: Company, rows: str, *, today: date = TODAY) -> tuple[UUID, list[Fault], Plan]:
    """A file put into a draft, what is wrong with it, and what it would do."""
    file = io.BytesIO((HEAD + rows).encode())
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        draft = roster_draft.new_draft(db, company.employer, now=NOW)
        form = recognise(file)
        faults = roster_draft.add_rows(db, draft, read_people(file, form), form)
        faults += roster_draft.rows_twice(db, draft, form)
        return draft, faults, roster_draft.plan(db, draft, today=today)


def uploaded(employers: Store, company: Company, rows: str, *, today: date = TODAY) -> Plan:
    draft, faults, plan = checked(employers, company, rows, today=today)
    assert faults == []
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        return roster_draft.take_over(db, draft, seen=plan.counts, today=today)


def listed(employers: Store, company: Company, *, today: date = TODAY) -> list[Listed]:
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        return roster.people(db, company.employer, today=today, first=0, count=100)


def numbers(plan: Plan) -> tuple[int, int, int, int]:
    return plan.added, plan.changed, plan.same, plan.leaving


def test_what_was_uploaded_is_on_the_list_exactly(employers: Store, company: Company) -> None:
    assert numbers(uploaded(employers, company, ANNA + BRAM + CARO)) == (3, 0, 0, 0)
    anna, bram, caro = listed(employers, company)
    assert (anna.name, anna.number, anna.address) == ("Anna van der Berg", "007", "anna@example.org")
    assert (bram.name, bram.starts_on, bram.ends_on) == ("Bram O'Brien", date(2026, 1, 1), None)
    assert (caro.address, caro.unit, caro.starts_on) == ("", None, TODAY)
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:
        units = {unit.id: unit.name for unit in declared.units_of(db, company.employer)}
        sizes = roster.unit_sizes(db, company.employer, today=TODAY)
        assert {units[unit]: count for unit, count in sizes.items()} == {"Magazijn": 1, "Kantoor": 1}
        assert roster.size(db, company.employer, today=TODAY) == 3


def test_the_same_file_again_changes_nothing(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA + BRAM + CARO)
    before = listed(employers, company)
    assert numbers(uploaded(employers, company, CARO + ANNA + BRAM, today=TODAY + DAY)) == (0, 0, 3, 0)
    assert listed(employers, company) == before


def test_a_file_adds_changes_and_ends_and_says_so_before(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA + BRAM)
    before = {each.name: each.id for each in listed(employers, company)}
    moved = "Anna Berg;007;Anna@Example.org;Kantoor;;2026-12-31\n"
    draft, faults, plan = checked(employers, company, moved + CARO)
    assert (faults, numbers(plan)) == ([], (1, 1, 0, 1))
    assert [each.name for each in listed(employers, company)] == ["Anna van der Berg", "Bram O'Brien"]
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        roster_draft.take_over(db, draft, seen=plan.counts, today=TODAY)
    anna, bram, caro = listed(employers, company)
    assert (anna.id, anna.name, anna.address) == (before["Anna van der Berg"], "Anna Berg", "Anna@Example.org")
    assert anna.ends_on == date(2026, 12, 31)
    assert (bram.ends_on, caro.name) == (TODAY, "Caro")
    assert [each.name for each in listed(employers, company, today=TODAY + DAY)] == ["Anna Berg", "Caro"]


def test_who_comes_back_is_a_new_row(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA + BRAM)
    (anna, _) = listed(employers, company)
    uploaded(employers, company, BRAM)
    later = TODAY + 40 * DAY
    assert numbers(uploaded(employers, company, BRAM + ANNA, today=later)) == (1, 0, 1, 0)
    again = next(each for each in listed(employers, company, today=later) if each.name == anna.name)
    assert (again.id != anna.id, again.starts_on) == (True, later)


def test_who_left_before_is_not_taken_up_and_the_plan_says_so(employers: Store, company: Company) -> None:
    gone = "Dirk;010;dirk@example.org;;2020-01-01;2025-12-31\n"
    plan = uploaded(employers, company, ANNA + gone)
    assert (plan.rows, plan.added, plan.past) == (2, 1, 1)
    assert [each.name for each in listed(employers, company)] == ["Anna van der Berg"]


def test_nothing_is_taken_over_that_hr_has_not_seen(employers: Store, company: Company) -> None:
    draft, _, plan = checked(employers, company, ANNA)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        unit = declared.units_of(db, company.employer)[0].id
        sealing = roster.Sealing(employers.keys, company.employer)
        file = io.BytesIO((HEAD + ANNA).encode())
        (person,) = read_people(file, recognise(file))
        assert not isinstance(person, Fault)
        row = sealing.row(person) | {"unit": unit, "starts_on": TODAY}
        db.add(RosterPerson(employer=company.employer, place=1, **{k: v for k, v in row.items() if k in _COLUMNS}))
    with (
        pytest.raises(ListChanged, match="The list has changed since you looked"),
        transaction(employers, as_hr(company), Purpose.administration) as db,
    ):
        roster_draft.take_over(db, draft, seen=plan.counts, today=TODAY)
    assert len(listed(employers, company)) == 1


_COLUMNS = {column.name for column in RosterPerson.__table__.columns}


def test_an_unknown_unit_and_a_person_named_twice_are_named_by_row(employers: Store, company: Company) -> None:
    other_case = "A;11;ANNA@example.org;;;\n"
    _, faults, _ = checked(employers, company, ANNA + "B;12;b@example.org;magazijn;;\n" + other_case + CARO + CARO)
    assert faults == [Fault(3, "afdeling", Why.unit), Fault(4, "e-mail", Why.twice), Fault(6, "e-mail", Why.twice)]


def test_look_alike_addresses_are_reported_and_never_merged(employers: Store, company: Company) -> None:
    cyrillic = "Anna;11;аnna@example.org;;;\n"
    plus = "Anna;12;anna+werk@example.org;;;\n"
    plan = uploaded(employers, company, ANNA + BRAM + cyrillic + plus)
    assert plan.alike == [(2, 4), (2, 5)]
    addresses = [each.address for each in listed(employers, company)]
    assert addresses == ["anna@example.org", "bram@example.org", "аnna@example.org", "anna+werk@example.org"]


def test_a_draft_is_forgotten_with_the_next_one_and_after_a_day(employers: Store, company: Company) -> None:
    first, _, _ = checked(employers, company, ANNA)
    second, _, plan = checked(employers, company, ANNA + BRAM)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        with pytest.raises(NotFound):
            roster_draft.plan(db, first, today=TODAY)
        assert roster_draft.plan(db, second, today=TODAY) == plan
    for hours, left in ((23, 1), (25, 0)):
        with transaction(employers, JOB, Purpose.operation) as db:
            roster_draft.drop_old_drafts(db, now=NOW + timedelta(hours=hours))
            assert db.scalar(select(func.count()).select_from(RosterDraft)) == left
            assert db.scalar(select(func.count()).select_from(RosterDraftRow)) == 2 * left


def test_another_employers_people_and_drafts_answer_like_missing_ones(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA)
    (anna,) = listed(employers, company)
    draft, _, plan = checked(employers, company, BRAM)
    stranger = declared_company(employers)
    calls = {
        "draft": (
            lambda db, it: roster_draft.plan(db, it, today=TODAY),
            lambda db, it: roster_draft.take_over(db, it, seen=plan.counts, today=TODAY),
            lambda db, it: roster_draft.add_rows(db, it, [], Form("utf-8", ";", (), ())),
            lambda db, it: roster_draft.rows_twice(db, it, Form("utf-8", ";", (), ())),
            roster_draft.drop_draft,
        ),
        "person": (
            lambda db, it: roster.person(db, it, today=TODAY),
            lambda db, it: roster.end_person(db, it, ends_on=TODAY, today=TODAY),
            lambda db, it: invitations.invite_person(
                db, it, join_url="https://x/join/", locale="nl", now=NOW, today=TODAY
            ),
        ),
        "employer": (
            lambda db, it: roster.people(db, it, today=TODAY, first=0, count=9),
            lambda db, it: roster.found(db, it, words="a", today=TODAY, first=0, count=9),
            lambda db, it: list(roster.everybody(db, it, today=TODAY)),
            lambda db, it: roster.size(db, it, today=TODAY),
            lambda db, it: roster.unit_sizes(db, it, today=TODAY),
            lambda db, it: roster_draft.new_draft(db, it, now=NOW),
            lambda db, it: invitations.new_shared_code(db, it, today=TODAY),
            lambda db, it: invitations.never_invited(db, it, today=TODAY),
            lambda db, it: invitations.invite_new(db, it, join_url="", locale="nl", now=NOW, today=TODAY),
        ),
    }
    for kind, there in (("draft", draft), ("person", anna.id), ("employer", company.employer)):
        for call in calls[kind]:
            answers = set()
            for asked in (there, uuid4()):
                with (
                    pytest.raises(NotFound) as refusal,
                    transaction(employers, as_hr(stranger), Purpose.administration) as db,
                ):
                    call(db, asked)
                answers.add((refusal.value.message, refusal.value.field))
            assert len(answers) == 1, kind
    assert [each.name for each in listed(employers, company)] == ["Anna van der Berg"]


def test_a_row_ends_on_a_day_from_today_on(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA)
    (anna,) = listed(employers, company)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        with pytest.raises(Invalid) as refusal:
            roster.end_person(db, anna.id, ends_on=TODAY - DAY, today=TODAY)
        assert refusal.value.field == "ends_on"
        roster.end_person(db, anna.id, ends_on=TODAY + DAY, today=TODAY)
    assert [each.ends_on for each in listed(employers, company)] == [TODAY + DAY]
    assert listed(employers, company, today=TODAY + 2 * DAY) == []


def test_people_are_found_by_name_number_or_address_a_page_at_a_time(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA + BRAM + CARO)
    with transaction(employers, as_hr(company), Purpose.administration, read_only=True) as db:

        def names(words: str, first: int = 0, count: int = 10) -> tuple[int, list[str]]:
            total, page = roster.found(db, company.employer, words=words, today=TODAY, first=first, count=count)
            return total, [each.name for each in page]

        assert names("o'BRIEN") == (1, ["Bram O'Brien"])
        assert names("009") == (1, ["Caro"])
        assert names("example.org", first=1, count=1) == (2, ["Bram O'Brien"])
        assert names("nobody") == (0, [])


def test_names_numbers_and_addresses_are_nowhere_in_the_plain(employers: Store, company: Company) -> None:
    uploaded(employers, company, "Canary Person;CANARY-77;canary@example.org;;;\n")
    checked(employers, company, "Canary Person;CANARY-77;canary@example.org;;;\n")
    if employers.dialect == "sqlite":
        content = file_bytes(employers)
    else:
        with employers.engine.connect() as connection:
            tables = ("roster_person", "roster_draft_row")
            content = b"".join(
                repr(connection.exec_driver_sql(f"SELECT r::text FROM {table} AS r").all()).encode() for table in tables
            )
    assert content
    for words in ("Canary Person", "CANARY-77", "canary@example.org"):
        assert not [form for form in forms_on_disk(words) if form in content]


def test_a_sealed_row_cannot_be_moved_to_another_person(employers: Store, company: Company) -> None:
    uploaded(employers, company, ANNA + BRAM)
    with transaction(employers, as_hr(company), Purpose.administration) as db:
        anna, bram = db.scalars(select(RosterPerson).order_by(RosterPerson.place))
        anna.sealed = bram.sealed
    with pytest.raises(Conflict, match="does not fit its row"):
        listed(employers, company)
