"""Advance choices: defaults, decisions that only grow, consents that lapse, texts that people can read."""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from privacy import choice_texts, codicil
from privacy.codicil import BASIS, Basis, Decision, Use, choices, choices_for_export, choose, declined_by, who_declined
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.people import Profile
from privacy.principals import OPERATOR, Principal, Purpose, Role
from privacy.store import Store, transaction
from privacy.store.append_only import append_only_tables
from privacy.store.engine import raw_connection
from privacy.store.holding import Nature
from privacy.store.members import MembersBase
from tests.factories import JOB, NOW, Company, as_member, at_once, copied_company, new_member
from vitaal.registry import USES

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
OPTIONAL = [use for use in Use if BASIS[use] is not Basis.agreement]
CONSENTS = [use for use in Use if BASIS[use] is Basis.consent]


@pytest.fixture
def company(members: Store) -> Company:
    return copied_company(members)


@pytest.fixture
def member(members: Store, company: Company) -> Profile:
    return new_member(members, company)


def decide(members: Store, who: Profile, use: Use, allowed: bool, now: datetime = NOW, **more: Any) -> None:
    with transaction(members, as_member(who), Purpose.own_use) as db:
        choose(db, who.subject, use, allowed, now, **more)


def on(members: Store, who: Profile, at: datetime = NOW) -> dict[Use, bool]:
    with transaction(members, as_member(who), Purpose.own_use, read_only=True) as db:
        return {each.use: each.allowed for each in choices(db, who.subject, at)}


def declined(members: Store, who: Collection[UUID], use: Use, at: datetime) -> set[UUID]:
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        return who_declined(db, who, use, at)


def decisions(members: Store) -> int:
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        return db.scalar(select(func.count()).select_from(Decision)) or 0


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The texts, which a test may add versions to."""
    found = dict(choice_texts.all_versions())
    monkeypatch.setattr(choice_texts, "all_versions", lambda: found)
    return found


def add_version(texts: dict[str, Any], use: Use, *, effective_from: date, asks_again: bool) -> None:
    newest = texts[use][-1]
    changed = {"version": newest.version + 1, "effective_from": effective_from, "asks_again": asks_again}
    texts[use] = (*texts[use], newest.model_copy(update=changed))


def test_reports_are_on_and_consents_off_until_a_member_decides(members: Store, member: Profile) -> None:
    assert on(members, member) == {use: BASIS[use] is not Basis.consent for use in Use}
    for use in Use:
        assert declined(members, [member.subject], use, NOW) == ({member.subject} if use in CONSENTS else set())


@pytest.mark.parametrize("use", OPTIONAL)
def test_each_decision_is_a_new_row_and_the_newest_holds(members: Store, member: Profile, use: Use) -> None:
    for hours, allowed in enumerate((False, True, False)):
        decide(members, member, use, allowed, NOW + hours * HOUR)
    for hours, allowed in enumerate((False, True, False)):
        assert on(members, member, NOW + hours * HOUR)[use] is allowed
        after = NOW + (hours + 0.5) * HOUR
        assert declined(members, [member.subject], use, after) == (set() if allowed else {member.subject})
    assert decisions(members) == 3
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        choice = next(each for each in choices(db, member.subject, NOW + 2 * HOUR) if each.use is use)
    assert choice.since == NOW + 2 * HOUR
    assert [(each.number, each.allowed) for each in choice.history] == [(3, False), (2, True), (1, False)]


def test_a_choice_about_one_use_changes_no_other_and_nobody_elses(
    members: Store, company: Company, member: Profile
) -> None:
    other = new_member(members, company)
    before = on(members, member)
    decide(members, member, Use.employer_report, False)
    assert on(members, member) == before | {Use.employer_report: False}
    assert on(members, other) == before
    both = [member.subject, other.subject]
    assert declined(members, both, Use.employer_report, NOW + HOUR) == {member.subject}
    assert declined(members, both, Use.insurer_report, NOW + HOUR) == set()
    assert declined(members, [other.subject], Use.employer_report, NOW + HOUR) == set()


def test_a_decision_counts_from_the_instant_after_it(members: Store, member: Profile) -> None:
    """A period's end is the first instant after it: what is decided then belongs to the next one."""
    decide(members, member, Use.employer_report, False, NOW)
    instants = [NOW - HOUR, NOW, NOW + timedelta(microseconds=1)]
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        found = declined_by(db, [member.subject], Use.employer_report, instants)
    assert [found[at] for at in instants] == [set(), set(), {member.subject}]


def test_who_declined_is_right_for_more_subjects_than_one_statement_takes(members: Store) -> None:
    many = [uuid4() for _ in range(3 * codicil.SUBJECTS_AT_ONCE + 7)]
    row = {"purpose": Use.employer_report, "number": 1, "text_version": 1, "locale": "nl", "decided_at": NOW}
    with transaction(members, JOB, Purpose.operation) as db:
        rows = [row | {"subject": each, "allowed": number % 3 == 0} for number, each in enumerate(many)]
        db.execute(insert(Decision), rows)
    wanted = {each for number, each in enumerate(many) if number % 3}
    assert declined(members, many, Use.employer_report, NOW + HOUR) == wanted
    assert declined(members, [], Use.employer_report, NOW + HOUR) == set()


def test_the_same_decision_twice_is_one(members: Store, member: Profile) -> None:
    for _ in range(3):
        decide(members, member, Use.insurer_report, False)
    assert decisions(members) == 1


def test_two_decisions_at_once_leave_one_that_holds(members: Store, member: Profile) -> None:
    for outcome in at_once(4, lambda: decide(members, member, Use.insurer_report, False)):
        assert outcome is None or isinstance(outcome, Conflict), outcome
    assert decisions(members) == 1
    assert on(members, member)[Use.insurer_report] is False


def test_nobody_decides_for_another_or_reads_anothers_choices(
    members: Store, company: Company, member: Profile
) -> None:
    other = new_member(members, company)
    for principal, purpose in ((as_member(other), Purpose.own_use), (JOB, Purpose.operation)):
        with pytest.raises(NotFound), transaction(members, principal, purpose) as db:
            choose(db, member.subject, Use.employer_report, False, NOW)
    for read in (choices, lambda db, subject, _on: choices_for_export(db, subject)):
        for subject in (member.subject, uuid4()):
            with (
                pytest.raises(NotFound, match=r"^There is no such person\.$"),
                transaction(members, as_member(other), Purpose.own_use) as db,
            ):
                read(db, subject, NOW)
    assert decisions(members) == 0


@pytest.mark.parametrize("principal", [Principal(role=Role.member, subject=uuid4()), OPERATOR], ids=lambda p: p.role)
def test_only_jobs_may_ask_who_declined(members: Store, principal: Principal) -> None:
    purpose = Purpose.own_use if principal.role is Role.member else Purpose.operation
    with pytest.raises(Forbidden), transaction(members, principal, purpose) as db:
        who_declined(db, [uuid4()], Use.employer_report, NOW)


def test_no_decision_is_ever_changed_or_removed(members: Store, member: Profile) -> None:
    decide(members, member, Use.employer_report, False)
    assert "codicil_decision" in append_only_tables(MembersBase)
    for change in (update(Decision).values(allowed=True), delete(Decision)):
        with pytest.raises(DBAPIError, match="only grows"), raw_connection(members.engine) as connection:
            connection.execute(change)
    assert on(members, member)[Use.employer_report] is False


@pytest.mark.parametrize("use", [Use.own_use, Use.rewards])
def test_what_the_account_is_for_cannot_be_turned_off_by_a_choice(members: Store, member: Profile, use: Use) -> None:
    with pytest.raises(Invalid):
        decide(members, member, use, False)
    assert on(members, member)[use] is True


# ------------------------------------------------------------------------------------------------ texts that change

CHANGES = datetime(2026, 6, 1, tzinfo=UTC)


def test_a_consent_lapses_when_its_text_means_something_else(
    members: Store, member: Profile, texts: dict[str, Any]
) -> None:
    decide(members, member, Use.research, True)
    add_version(texts, Use.research, effective_from=CHANGES.date(), asks_again=True)
    before, after = CHANGES - timedelta(microseconds=1), CHANGES
    assert on(members, member, before)[Use.research] is True
    assert on(members, member, after)[Use.research] is False
    assert declined(members, [member.subject], Use.research, before) == set()
    assert declined(members, [member.subject], Use.research, after) == {member.subject}
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        choice = next(each for each in choices(db, member.subject, after) if each.use is Use.research)
    assert (choice.lapsed, choice.since, choice.text.version) == (True, CHANGES, 2)

    decide(members, member, Use.research, True, after + HOUR)
    assert on(members, member, after + HOUR)[Use.research] is True
    assert decisions(members) == 2


def test_a_yes_holds_where_only_the_words_changed(members: Store, member: Profile, texts: dict[str, Any]) -> None:
    decide(members, member, Use.research, True)
    add_version(texts, Use.research, effective_from=CHANGES.date(), asks_again=False)
    assert on(members, member, CHANGES)[Use.research] is True


def test_a_no_never_lapses_and_reports_need_no_new_yes(members: Store, member: Profile, texts: dict[str, Any]) -> None:
    decide(members, member, Use.policy, False)
    decide(members, member, Use.employer_report, False)
    decide(members, member, Use.insurer_report, True)
    for use in (Use.policy, Use.employer_report, Use.insurer_report):
        add_version(texts, use, effective_from=CHANGES.date(), asks_again=True)
    found = on(members, member, CHANGES)
    assert (found[Use.policy], found[Use.employer_report], found[Use.insurer_report]) == (False, False, True)


def test_a_yes_needs_the_text_in_force_and_a_no_counts_on_any(
    members: Store, member: Profile, texts: dict[str, Any]
) -> None:
    add_version(texts, Use.research, effective_from=CHANGES.date(), asks_again=True)
    with pytest.raises(Conflict, match="has changed"):
        decide(members, member, Use.research, True, CHANGES, shown=1)
    with pytest.raises(Invalid, match="no such text"):
        decide(members, member, Use.research, False, CHANGES - HOUR, shown=2)
    decide(members, member, Use.research, False, CHANGES, shown=1, locale="en")
    with transaction(members, JOB, Purpose.operation, read_only=True) as db:
        row = db.scalars(select(Decision)).one()
    assert (row.text_version, row.locale, row.allowed) == (1, "en", False)


def test_the_version_that_was_shown_is_recorded(members: Store, member: Profile, texts: dict[str, Any]) -> None:
    add_version(texts, Use.employer_report, effective_from=CHANGES.date(), asks_again=False)
    decide(members, member, Use.employer_report, False, CHANGES - HOUR)
    decide(members, member, Use.employer_report, True, CHANGES, locale="en")
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        told = choices_for_export(db, member.subject)
    assert [(each["text_version"], each["allowed"], each["locale"]) for each in told] == [
        (1, False, "nl"),
        (2, True, "en"),
    ]
    assert json.loads(json.dumps(told)) == told
    shown: Any = told[0]["text_shown"]
    assert shown == choice_texts.version_of(Use.employer_report, 1).nl.model_dump()


def test_every_column_of_a_decision_is_accounted_for_and_none_holds_words_about_a_person() -> None:
    holding = Decision.__holding__
    assert holding is not None
    assert set(holding.columns) == {column.name for column in Decision.__table__.columns}
    assert {each.nature for each in holding.columns.values()} == {Nature.pseudonym, Nature.plain}


def test_the_uses_that_are_shown_are_those_that_something_makes() -> None:
    for use, module in USES.items():
        source = import_module(module)
        assert source is not None
        if BASIS[Use(use)] is not Basis.agreement:
            assert use in {each.value for each in import_module("privacy.release.cohorts").USE_OF_TIER.values()}
    assert set(USES) == {"own_use", "rewards", "employer_report", "insurer_report"}
