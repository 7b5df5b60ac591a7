"""Help by leave: one topic, some days, a code that only its member and helper know, and a line for every try."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from privacy import support
from privacy.access_log import Outcome, Reason, What, seen
from privacy.errors import Invalid, NotFound
from privacy.people import Profile, cipher_of
from privacy.principals import VISITOR, Purpose
from privacy.store import Store, transaction
from privacy.support import GrantRefused, Helped, SupportGrant, Topic
from tests.factories import NOW, as_member, copied_company, file_bytes, forms_on_disk, new_member

REASON = "The file of the watch would not load."


@pytest.fixture
def member(members: Store) -> Profile:
    return new_member(members, copied_company(members))


def leave(members: Store, member: Profile, *, topic=Topic.coins, health=False, days=3) -> str:
    with transaction(members, as_member(member), Purpose.own_use) as db:
        return support.give_leave(
            db,
            subject=member.subject,
            account=member.account,
            cipher=cipher_of(db, member.account),
            topic=topic,
            health=health,
            days=days,
            now=NOW,
        )


def use(members: Store, code: str, *, now=NOW, reason=REASON) -> Helped | None:
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db:
        grant = support.find_grant(db, code)
    with transaction(members, support.HELPER, Purpose.help) as db:
        return support.use_grant(db, grant, code=code, reason=reason, now=now)


def lines(members: Store, member: Profile):
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        return seen(db, member.subject, cipher=cipher_of(db, member.account))


def test_a_code_opens_its_member_for_one_topic_and_the_member_reads_why(members: Store, member) -> None:
    other = new_member(members, copied_company(members))
    code = leave(members, member)
    leave(members, other, topic=Topic.imports)
    helped = use(members, code)
    assert helped is not None
    assert (helped.subject, helped.account) == (member.subject, member.account)
    assert (helped.topic, helped.health) == (Topic.coins, False)
    (line,) = lines(members, member)
    assert (line.what, line.reason, line.outcome, line.words) == (What.coins, Reason.helping, Outcome.done, REASON)
    assert lines(members, other) == []


def test_values_are_a_line_of_their_own_and_only_where_the_member_ticked_them(members: Store, member) -> None:
    helped = use(members, leave(members, member, health=True))
    assert helped is not None
    assert helped.health
    assert [line.what for line in lines(members, member)] == [What.health, What.coins]


def test_a_code_may_be_typed_as_people_do(members: Store, member) -> None:
    code = leave(members, member)
    assert use(members, f" {code.lower().replace('-', ' ')} ") is not None


@pytest.mark.parametrize("code", ["", "AAAA-AAAA-AAAA", "x" * 500, "é☃"])
def test_an_unknown_code_is_refused(members: Store, member, code: str) -> None:
    leave(members, member)
    with pytest.raises(GrantRefused):
        use(members, code)


def test_a_code_that_is_over_opens_nothing_and_leaves_a_line(members: Store, member) -> None:
    code = leave(members, member, days=2)
    assert use(members, code, now=NOW + timedelta(days=2)) is None
    (line,) = lines(members, member)
    assert line.outcome is Outcome.refused
    with transaction(members, as_member(member), Purpose.own_use, read_only=True) as db:
        assert len(support.open_grants(db, member.account, NOW)) == 1
        assert support.open_grants(db, member.account, NOW + timedelta(days=2)) == []


def test_a_member_ends_a_code_and_nobody_else_does(members: Store, member) -> None:
    other = new_member(members, copied_company(members))
    code = leave(members, member)
    with transaction(members, as_member(member), Purpose.own_use) as db:
        (grant,) = support.open_grants(db, member.account, NOW)
        assert grant.code(cipher_of(db, member.account)) == code
    with transaction(members, as_member(other), Purpose.own_use) as db, pytest.raises(NotFound):
        support.withdraw(db, grant.id, now=NOW)
    assert use(members, code) is not None
    for _ in range(2):
        with transaction(members, as_member(member), Purpose.own_use) as db:
            support.withdraw(db, grant.id, now=NOW)
    assert use(members, code) is None


@pytest.mark.parametrize("reason", ["", "helping", "         .         ", "x" * 501])
def test_a_helper_says_why_in_words(members: Store, member, reason: str) -> None:
    code = leave(members, member)
    with pytest.raises(Invalid):
        use(members, code, reason=reason)
    assert lines(members, member) == []


@pytest.mark.parametrize("days", [0, 8, -1])
def test_leave_is_for_a_week_at_most(members: Store, member, days: int) -> None:
    with pytest.raises(Invalid):
        leave(members, member, days=days)


def test_nobody_gives_leave_for_somebody_else(members: Store, member) -> None:
    other = new_member(members, copied_company(members))
    with transaction(members, as_member(other), Purpose.own_use) as db, pytest.raises(NotFound):
        support.give_leave(
            db,
            subject=member.subject,
            account=other.account,
            cipher=cipher_of(db, other.account),
            topic=Topic.coins,
            health=False,
            days=1,
            now=NOW,
        )


def test_without_the_code_nothing_ties_account_and_pseudonym(members: Store, member) -> None:
    code = leave(members, member)
    with transaction(members, VISITOR, Purpose.authentication, read_only=True) as db:
        row = db.scalars(select(SupportGrant)).one()
    assert row.account == member.account
    kept = row.code_digest + row.sealed_code + row.sealed_subject
    assert member.subject.bytes not in kept
    assert code.encode() not in kept
    assert code.replace("-", "").encode() not in kept


def test_neither_code_nor_reason_is_on_disk(sqlite_members: Store) -> None:
    member = new_member(sqlite_members, copied_company(sqlite_members))
    code = leave(sqlite_members, member)
    assert use(sqlite_members, code) is not None
    disk = file_bytes(sqlite_members)
    for word in (code, code.replace("-", ""), REASON):
        for form in forms_on_disk(word):
            assert form not in disk, word


def test_two_members_never_share_a_code(members: Store, member) -> None:
    codes = {leave(members, member) for _ in range(20)}
    assert len(codes) == 20
    assert all(len(code) == 14 for code in codes)
    with pytest.raises(IntegrityError), transaction(members, as_member(member), Purpose.own_use) as db:
        row = db.scalars(select(SupportGrant)).first()
        assert row is not None
        again = {name: getattr(row, name) for name in row.__table__.columns.keys() if name != "id"}  # noqa: SIM118
        db.add(SupportGrant(id=member.subject, **again))
        db.flush()
