"""Who gave an address gets a letter when coins end soon: once for each warning, which names the day alone."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from books import a_fund, rewards
from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.ledger import NewTransfer, TransferCode, book_many
from incentives.purses import purse
from incentives.references import reference, reference_secret
from incentives.warning import warn
from privacy.addresses import MemberAddress
from privacy.errors import Forbidden
from privacy.people import Profile
from privacy.post.addresses import comparable, plain_address
from privacy.post.members import Mail
from privacy.post.queueing import unseal
from privacy.principals import Principal, Purpose, Role
from privacy.reaching import readers
from privacy.store import Store, keys_of, transaction
from tests.factories import copied_company, new_member
from vitaal.registry import load_tables

EARNED, LAST = date(2026, 1, 10), date(2028, 1, 31)


def give_address(db: Session, profile: Profile, address: str) -> None:
    cipher = keys_of(db).cipher(profile.account)
    row = MemberAddress(
        account=profile.account,
        digest=keys_of(db).lookup_digest(comparable(plain_address(address)), domain="member address"),
        sealed=cipher.seal(address.encode(), context=f"member_address.sealed:{profile.account}"),
        second_step=False,
    )
    db.add(row)
    db.flush()


def award(db: Session, subject: UUID, coins: int) -> None:
    at = datetime(2026, 1, 10, tzinfo=UTC)
    made = NewTransfer(
        reference=reference(reference_secret(db), at=EARNED, key=uuid4().hex),
        debit=a_fund(db, coins),
        credit=purse(db, subject, at),
        amount_coins=coins,
        code=TransferCode.payment,
        cause="p/r/1",
    )
    book_many(db, [made], booked_at=at)


def told(db: Session, left_days: int) -> list[tuple[str | None, str, str]]:
    """The letters there are after a run that many days before the last day."""
    day = LAST - timedelta(days=left_days)
    warn(db, today=day, now=datetime(day.year, day.month, day.day, 3, tzinfo=UTC))
    opened = [unseal(keys_of(db), row.id, row.sealed) for row in db.scalars(select(Mail).order_by(Mail.due_at))]
    return [(each.to, each.letter.kind, each.letter.values["day"]) for each in opened]


def test_a_letter_goes_out_once_sixty_and_fourteen_days_ahead(members: Store) -> None:
    load_tables()
    company = copied_company(members)
    sam, kim = new_member(members, company), new_member(members, company)
    with rewards(members) as db:
        give_address(db, sam, "sam@example.org")
        award(db, sam.subject, 12)
        award(db, kim.subject, 12)
        letter = ("sam@example.org", "coins_end", "31 januari 2028")
        assert told(db, 61) == []
        assert told(db, 60) == [letter]
        assert told(db, 59) == told(db, 40) == told(db, 30) == [letter], "once, and kim gave no address"
        assert told(db, 14) == told(db, 13) == told(db, 0) == [letter, letter]
        assert told(db, -1) == [letter, letter]


def test_who_has_spent_the_coins_is_not_told(members: Store) -> None:
    load_tables()
    sam = new_member(members, copied_company(members))
    with rewards(members) as db:
        give_address(db, sam, "sam@example.org")
        purse(db, sam.subject, datetime(2026, 1, 10, tzinfo=UTC))
        assert told(db, 60) == []


def test_only_a_job_finds_out_to_whom_it_writes(members: Store) -> None:
    member = Principal(role=Role.member, account=uuid4(), subject=uuid4())
    with transaction(members, member, Purpose.own_use) as db, pytest.raises(Forbidden):
        list(readers(db, [uuid4()]))
