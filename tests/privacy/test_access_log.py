"""Who looked at whose data: nothing is shown without its line, and no line can be altered, dropped or swapped."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from incentives.purses import purse
from incentives.statements import statement
from privacy import access_log
from privacy.access_log import Action, Outcome, Reason, What, look, note_job, rounds, seen, verify
from privacy.access_members import AccessEntry
from privacy.claims import run_one
from privacy.errors import Invalid, NotFound
from privacy.jobs import Period
from privacy.memberships import memberships
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Principal, Purpose, Role, job, own_subject
from privacy.store import Store, transaction
from tests.databases import past_guards
from tests.factories import JOB, NOW, as_member, at_once, copied_company, new_member
from vitaal.scheduled import JOBS
from vitaal.stores import OpenStores
from vitaal.worker import context_for

HELPER = Principal(role=Role.support, name="test")


@pytest.fixture
def member(members: Store) -> Profile:
    return new_member(members, copied_company(members))


def as_operator(members: Store):
    return transaction(members, OPERATOR, Purpose.operation)


def look_once(members: Store, subject: UUID, what: What = What.coins, **more) -> None:
    with as_operator(members) as db:
        look(db, subject=subject, what=what, reason=Reason.asked, now=NOW, **more)


def verdict(members: Store, **more) -> access_log.Verdict:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return verify(db, **more)


@pytest.mark.parametrize(
    ("principal", "purpose"), [(OPERATOR, Purpose.operation), (HELPER, Purpose.help)], ids=["operator", "support"]
)
def test_nobody_is_seen_before_the_line_is_written(members: Store, member, principal, purpose) -> None:
    other = new_member(members, copied_company(members))
    with transaction(members, principal, purpose) as db:
        with pytest.raises(NotFound):
            own_subject(db, member.subject)
        with pytest.raises(NotFound):
            memberships(db, member.subject)
        look(db, subject=member.subject, what=What.programmes, reason=Reason.asked, now=NOW)
        assert len(memberships(db, member.subject)) == 1
        with pytest.raises(NotFound):
            memberships(db, other.subject)
    with transaction(members, principal, purpose) as db, pytest.raises(NotFound):
        memberships(db, member.subject)


def test_a_purse_is_printed_for_who_says_so_alone(members: Store, member) -> None:
    with transaction(members, JOB, Purpose.rewards) as db:
        account = purse(db, member.subject, NOW)
    with as_operator(members) as db:
        with pytest.raises(NotFound):
            statement(db, account)
        look(db, subject=member.subject, what=What.coins, reason=Reason.checking, now=NOW)
        assert statement(db, account).account == account


def test_where_the_line_cannot_be_written_nothing_is_shown(members: Store, member) -> None:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        with pytest.raises(DBAPIError):
            look(db, subject=member.subject, what=What.coins, reason=Reason.asked, now=NOW)
        with pytest.raises(NotFound):
            own_subject(db, member.subject)
        db.rollback()


def test_a_line_says_everything_that_the_standard_wants(members: Store, member) -> None:
    """NEN 7513: who, on whose behalf, whose data, of which kind, what was done, what for, why, when, how it ended."""
    helper = Principal(role=Role.support, account=uuid4(), name="desk", holder=uuid4())
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        cipher = cipher_of(db, member.account)
    with transaction(members, helper, Purpose.help) as db:
        look(
            db,
            subject=member.subject,
            what=What.imports,
            action=Action.read,
            reason=Reason.helping,
            now=NOW,
            words="The file would not load.",
            cipher=cipher,
        )
        row = db.get_one(AccessEntry, 1)
        assert (row.role, row.actor, row.actor_name) == ("support", helper.account, "desk")
        assert (row.organisation, row.subject) == (helper.holder, member.subject)
        assert (row.what, row.action, row.purpose) == ("imports", "read", "help")
        assert (row.reason, row.at, row.outcome) == ("helping", NOW, "done")
        assert b"load" not in (row.words or b"")
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        (found,) = seen(db, member.subject, cipher=cipher)
    assert found.words == "The file would not load."


def test_a_member_reads_the_lines_about_oneself_alone_the_newest_first(members: Store, member) -> None:
    other = new_member(members, copied_company(members))
    for what, subject in ((What.coins, member.subject), (What.seen, other.subject), (What.imports, member.subject)):
        look_once(members, subject, what)
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        assert [each.what for each in seen(db, member.subject)] == [What.imports, What.coins]
        with pytest.raises(NotFound):
            seen(db, other.subject)


def test_rounds_are_counted_by_month_from_when_somebody_joined(members: Store, member) -> None:
    for days, what in ((-40, What.coins), (0, What.coins), (1, What.coins), (2, What.participation), (31, What.coins)):
        with transaction(members, job(f"job-{what}"), Purpose.operation) as db:
            note_job(db, what, now=NOW + timedelta(days=days))
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        told = [(each.year, each.month, each.what, each.times) for each in rounds(db, since=NOW)]
    assert told == [(2026, 4, What.coins, 1), (2026, 3, What.coins, 2), (2026, 3, What.participation, 1)]


def test_a_try_that_was_refused_is_a_line_too_and_opens_nothing(members: Store, member) -> None:
    with as_operator(members) as db:
        look(db, subject=member.subject, what=What.coins, reason=Reason.asked, now=NOW, outcome=Outcome.refused)
        with pytest.raises(NotFound):
            own_subject(db, member.subject)
    assert verdict(members).lines == 1


def test_a_line_is_never_written_where_it_could_be_taken_back_alone(members: Store, member) -> None:
    with as_operator(members) as db, db.begin_nested(), pytest.raises(AssertionError):
        look(db, subject=member.subject, what=What.coins, reason=Reason.asked, now=NOW)


def test_lines_written_at_once_stand_in_one_chain(members: Store, member) -> None:
    done = at_once(8, lambda: look_once(members, member.subject))
    assert done == [None] * 8
    found = verdict(members)
    assert (found.problems, found.lines) == ([], 8)


@pytest.mark.parametrize("statement_", ["UPDATE access_log SET what = 'coins'", "UPDATE access_seal SET sequence = 9"])
def test_the_log_only_grows(members: Store, member, statement_: str) -> None:
    look_once(members, member.subject)
    with pytest.raises(DBAPIError, match="only grows"), members.engine.begin() as connection:
        connection.execute(text(statement_))


def tamper(members: Store, *statements: str) -> None:
    """As somebody who owns the database, but not the keys."""
    with members.engine.begin() as connection:
        past_guards(connection, "access_log", "access_round", "access_seal")
        for each in statements:
            connection.execute(text(each))


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE access_log SET what = 'seen' WHERE sequence = 2"], "Line 2 of the access log was altered."),
        (["UPDATE access_log SET subject = actor WHERE sequence = 2"], "Line 2 of the access log was altered."),
        (["DELETE FROM access_log WHERE sequence = 2"], "Line 2 of the access log is missing."),
        (
            ["DELETE FROM access_log WHERE sequence = 2", "DELETE FROM access_seal WHERE sequence = 2"],
            "Line 2 of the access log does not follow the line before it.",
        ),
        (
            [
                "UPDATE access_log SET sequence = 9 WHERE sequence = 1",
                "UPDATE access_log SET sequence = 1 WHERE sequence = 2",
                "UPDATE access_log SET sequence = 2 WHERE sequence = 9",
            ],
            "Line 1 of the access log was altered.",
        ),
        (["DELETE FROM access_seal WHERE sequence = 3"], "Line 3 of the access log has no seal."),
        (["UPDATE access_round SET actor_name = 'x'"], "Line 3 of the access log was altered."),
    ],
    ids=["altered", "given to another", "dropped", "dropped with seal", "swapped", "unsealed", "round altered"],
)
def test_what_was_done_to_the_log_shows(members: Store, member, statements: list[str], said: str) -> None:
    with transaction(members, Principal(role=Role.support, account=uuid4()), Purpose.help) as db:
        look(db, subject=member.subject, what=What.coins, reason=Reason.asked, now=NOW)
        look(db, subject=member.subject, what=What.imports, reason=Reason.asked, now=NOW)
    with transaction(members, job("test"), Purpose.operation) as db:
        note_job(db, What.coins, now=NOW)
    assert verdict(members).problems == []
    tamper(members, *statements)
    assert said in verdict(members).problems


def test_dropping_the_last_lines_shows_to_who_noted_the_head(members: Store, member) -> None:
    look_once(members, member.subject)
    look_once(members, member.subject)
    head = verdict(members).head
    assert verdict(members, expected=head).problems == []
    look_once(members, member.subject)
    assert verdict(members, expected=head).problems == [], "a head noted earlier stays in the chain"
    tamper(members, "DELETE FROM access_log WHERE sequence >= 2", "DELETE FROM access_seal WHERE sequence >= 2")
    assert verdict(members).problems == []
    assert "noted earlier" in verdict(members, expected=head).problems[0]
    with pytest.raises(Invalid):
        verdict(members, expected="nonsense")


def test_lines_that_were_kept_long_enough_may_go_where_the_log_says_so(members: Store, member) -> None:
    for _ in range(3):
        look_once(members, member.subject)
    with transaction(members, job("retention"), Purpose.operation) as db:
        access_log.note_cleared(db, up_to=2, now=NOW)
    tamper(members, "DELETE FROM access_log WHERE sequence <= 2")
    assert verdict(members).problems == []
    tamper(members, "DELETE FROM access_log WHERE sequence = 3")
    assert verdict(members).problems == ["Line 3 of the access log is missing."]


OWNED = ("observation", "day_metric", "event", "settlement", "purse", "membership", "enrolment", "goal", "reach_mark")


@pytest.mark.parametrize("each", JOBS, ids=lambda each: each.name)
def test_every_job_that_reads_members_leaves_a_line(members: Store, employers: Store, each) -> None:
    """Asked of the database itself: a job that selects from a table of members' rows must say so in ``Job.reads``."""
    new_member(members, copied_company(members))
    asked: set[str] = set()

    def note(_c, _cursor, statement: str, *_rest) -> None:
        words = statement.replace('"', " ").split()
        if words[0].upper() in ("SELECT", "WITH"):
            asked.update(name for name in OWNED if name in words or f"{name}," in words)

    event.listen(members.engine, "before_cursor_execute", note)
    try:
        _run(members, employers, each)
    finally:
        event.remove(members.engine, "before_cursor_execute", note)
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        written = [found.job for found in rounds(db, since=NOW - timedelta(days=1))]
    assert written == ([each.name] if each.reads is not None else [])
    assert each.reads is not None or not asked, f"{each.name} reads {asked}"


def _run(members: Store, employers: Store, each) -> None:
    period = Period.of(each.every, Period.of(each.every, NOW).start - timedelta(seconds=1))
    outcome = run_one(context_for(OpenStores(members, employers), NOW), each, period)
    assert outcome.state == "done", outcome.message
