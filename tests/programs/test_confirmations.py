"""Milestones that a third party confirms: one code, one step, once; whoever gave it learns nothing."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from incentives.funds import fund_account
from incentives.ledger import AccountKind, TransferCode, account_of, book
from incentives.offering import Offer, add_item, add_label, add_partner, withdraw
from incentives.purses import purse_balances
from incentives.shelf import ItemKind
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from programs import confirmations, enrolment
from programs.check_ins import Event, NewEvent, add_events
from programs.confirmations import Confirmation, ConfirmationCode, NotConfirmed
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, settle_collective
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, at_once, copied_company, new_member

QUIT = (Path(__file__).parents[1] / "golden" / "catch-quit.yaml").read_text("utf-8")
KEY = "catch-quit"
LABEL_ENDS = date(2026, 12, 31)


def offer_quit(members: Store, company: Company) -> None:
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(), collective=company.collective, key=KEY, version=1, effective_from=YEAR_START,
                published_at=NOW, document=QUIT,
            )
        )  # fmt: skip


def add_service(members: Store, *, labelled: bool = True) -> UUID:
    with transaction(members, OPERATOR, Purpose.operation) as db:
        partner = add_partner(db, name=f"Rookvrij {uuid4().hex[:6]}")
        words = {
            "title_nl": "Stoppen",
            "title_en": "Quitting",
            "description_nl": "Samen.",
            "description_en": "Together.",
        }
        item = add_item(db, partner=partner.id, offer=Offer(kind=ItemKind.service, price_coins=10, **words), now=NOW)
        if labelled:
            add_label(db, item=item.id, scheme="NELL", grade="A", issued_on=YEAR_START, expires_on=LABEL_ENDS, now=NOW)
        return item.id


def make(members: Store, company: Company, service: UUID, milestone: str = "end", **more: object) -> list[str]:
    wanted = {"count": 3, "until": None, "now": NOW, **more}
    with transaction(members, OPERATOR, Purpose.operation) as db:
        _, codes = confirmations.make_codes(
            db,
            service=service,
            collective=company.collective,
            milestone=milestone,
            **wanted,  # pyright: ignore
        )
        return list(codes)


def take_part(members: Store, company: Company) -> Profile:
    who = new_member(members, company)
    with transaction(members, as_member(who), Purpose.own_use) as db:
        enrolment.enrol(db, who.subject, collective=company.collective, programme=KEY, today=TODAY)
    return who


def enter(members: Store, who: Profile, code: str, *, days: int = 0) -> Event:
    with transaction(members, as_member(who), Purpose.rewards) as db:
        return confirmations.enter(
            db, who.subject, code=code, cipher=cipher_of(db, who.account), zone=ZONE, now=NOW + timedelta(days=days)
        )


@pytest.fixture
def company(members: Store) -> Company:
    found = copied_company(members)
    offer_quit(members, found)
    return found


def test_a_code_confirms_one_step_once_and_the_coins_follow(members: Store, company: Company) -> None:
    service, sam = add_service(members), take_part(members, company)
    first, second, third = make(members, company, service)
    enter(members, sam, f" {first.lower()} ")
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="employer", payer_id=company.collective, now=NOW)
        book(
            db, reference=uuid4(), debit=account_of(db, kind=AccountKind.outside, now=NOW), credit=fund,
            amount_coins=500, code=TransferCode.payment, cause="payment/one", booked_at=NOW,
        )  # fmt: skip
        settle_collective(db, company.collective, now=NOW)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        assert sum(purse_balances(db, sam.subject).values()) == 50
        (kept,) = db.scalars(select(Confirmation))
        by = kept.by(cipher_of(db, sam.account))
        assert (by["service"], by["provider"][:8]) == ("Quitting", "Rookvrij")
        steps = confirmations.milestones(db, sam.subject, today=TODAY)
        assert [each.confirmed_on for each in steps] == [TODAY, None, None, None]
    with pytest.raises(NotConfirmed):
        enter(members, sam, first)
    with pytest.raises(Conflict, match="confirmed already"):
        enter(members, sam, second, days=1)
    enter(members, take_part(members, company), second)  # what was refused is not used up
    with transaction(members, JOB, Purpose.rewards) as db:
        assert db.scalar(select(func.count()).select_from(ConfirmationCode)) == 1
    assert third


def test_forged_foreign_old_revoked_and_used_codes_are_answered_alike(members: Store, company: Company) -> None:
    service, sam = add_service(members), take_part(members, company)
    other = copied_company(members)
    offer_quit(members, other)
    nobody = new_member(members, company)
    (foreign,) = make(members, other, service, count=1)
    (old,) = make(members, company, service, "3m", count=1, until=TODAY)
    good, used = make(members, company, service, "6m", count=2)
    enter(members, sam, used)
    with transaction(members, OPERATOR, Purpose.operation) as db:
        batch, (revoked,) = confirmations.make_codes(
            db, service=service, collective=company.collective, milestone="12m", count=1, until=None, now=NOW
        )
        confirmations.revoke(db, batch.id, now=NOW)
    said: set[str] = set()
    for who, code in [
        (sam, "ABCD-EFGH-JKMN"), (sam, ""), (sam, foreign), (sam, old), (sam, used), (sam, revoked), (nobody, good)
    ]:  # fmt: skip
        with pytest.raises(NotConfirmed) as refusal:
            enter(members, who, code, days=1)
        said.add(f"{refusal.value.field} {refusal.value.message}")
    assert len(said) == 1
    with transaction(members, JOB, Purpose.rewards) as db:
        assert db.scalar(select(func.count()).select_from(Event).where(Event.kind.startswith("milestone:"))) == 1


def test_two_who_enter_one_code_at_once_cannot_both_have_it(members: Store, company: Company) -> None:
    people = [take_part(members, company) for _ in range(2)]
    (code,) = make(members, company, add_service(members), count=1)
    answers = at_once(2, lambda: enter(members, people.pop(), code))
    assert sorted(isinstance(each, NotConfirmed) for each in answers) == [False, True]


def test_codes_are_made_for_a_service_with_a_label_in_force_alone(members: Store, company: Company) -> None:
    service = add_service(members)
    for wrong in (add_service(members, labelled=False), uuid4()):
        with pytest.raises(NotFound, match="quality label"):
            make(members, company, wrong)
    with pytest.raises(NotFound, match="quality label"):
        make(members, company, service, now=NOW + timedelta(days=400))
    for change, field in (
        ({"milestone": "5m"}, "milestone"), ({"count": 0}, "count"), ({"until": LABEL_ENDS + timedelta(1)}, "until"),
        ({"until": TODAY - timedelta(1)}, "until"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refusal:
            make(members, company, service, **change)  # pyright: ignore
        assert refusal.value.field == field
    (code,) = make(members, company, service, count=1)
    with pytest.raises(NotConfirmed):  # never after the label's last day
        enter(members, take_part(members, company), code, days=320)
    with transaction(members, OPERATOR, Purpose.operation) as db:
        withdraw(db, item=service, now=NOW)
    with pytest.raises(NotFound):
        make(members, company, service)


def test_nobody_says_it_of_themselves_and_codes_are_the_operators(members: Store, company: Company) -> None:
    sam = take_part(members, company)
    with transaction(members, as_member(sam), Purpose.rewards) as db:
        with pytest.raises(Forbidden):
            add_events(db, subject=sam.subject, events=[NewEvent("milestone:end", NOW, "me")], zone=ZONE, now=NOW)
        with pytest.raises(Forbidden):
            confirmations.make_codes(
                db, service=uuid4(), collective=company.collective, milestone="end", count=1, until=None, now=NOW
            )
