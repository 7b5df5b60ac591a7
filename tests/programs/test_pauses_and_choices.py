"""What members say of themselves: pauses without a reason, days of their own choice, and for whom their coins are."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
import yaml
from sqlalchemy import select

from incentives.funds import fund_account
from incentives.ledger import AccountKind, TransferCode, account_of, book
from incentives.purses import PurseKind, purse_balances
from incentives.vocabulary import GIVES_TO
from privacy.errors import Conflict, Invalid, NotFound
from privacy.people import Profile, cipher_of
from privacy.principals import Purpose
from privacy.store import Store, transaction
from programs import enrolment, own_choices, pauses
from programs.days import take_in
from programs.documents import ready_text
from programs.imports.records import whole_day
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, settle_collective
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, copied_company, new_member

KEY, DAY = "choosing", timedelta(days=1)
KEEP = {
    "id": "keep_it", "kind": "loss_framed", "title": {"nl": "A", "en": "A"}, "coins_per_day": 2,
    "any_of": [{"metric": "steps", "at_least": 7_000}],
}  # fmt: skip
DAYS = {
    "id": "my_days", "kind": "chosen_schedule", "title": {"nl": "A", "en": "A"},
    "any_of": [{"metric": "steps", "at_least": 7_000}],
    "options": [
        {"id": "early", "title": {"nl": "A", "en": "A"}, "weekdays": ["mon", "tue"], "coins": 3},
        {"id": "late", "title": {"nl": "A", "en": "A"}, "weekdays": ["wed", "thu"], "coins": 3},
    ],
}  # fmt: skip
GIVE = {
    "id": "walked", "kind": "rate", "title": {"nl": "A", "en": "A"}, "metric": "steps", "coins": 1, "per": 1_000,
    "member_may_give": True,
}  # fmt: skip


def world(members: Store, *rules: object) -> tuple[Company, Profile]:
    """Somebody who takes part since today, a Monday, with money for everything."""
    company = copied_company(members)
    document = yaml.safe_load(ready_text("move-and-rest"))
    document |= {"key": KEY, "rewards": {"rules": list(rules)}, "goals": []}
    document["funding"] = [{"payer": "insurer", "percent": 100}]
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(), collective=company.collective, key=KEY, version=1, effective_from=YEAR_START,
                published_at=NOW, document=yaml.safe_dump(document),
            )
        )  # fmt: skip
    sam = new_member(members, company)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        enrolment.enrol(db, sam.subject, collective=company.collective, programme=KEY, today=TODAY)
    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="insurer", payer_id=company.holder, now=NOW)
        outside = account_of(db, kind=AccountKind.outside, now=NOW)
        book(
            db, reference=uuid4(), debit=outside, credit=fund, amount_coins=900, code=TransferCode.payment,
            cause="payment/one", booked_at=NOW,
        )  # fmt: skip
    return company, sam


def walk(members: Store, sam: Profile, *days: int) -> None:
    records = [whole_day("steps", TODAY + n * DAY, 8_000, zone=ZONE, app="A", device_name="W") for n in days]
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        take_in(
            db, subject=sam.subject, cipher=cipher_of(db, sam.account), records=records, format="test", batch=uuid4(),
            now=NOW + 20 * DAY,
        )  # fmt: skip


def coins(members: Store, company: Company, sam: Profile, *, days: int) -> dict[PurseKind, int]:
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_collective(db, company.collective, now=NOW + days * DAY)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        return {kind: balance for kind, balance in purse_balances(db, sam.subject).items() if balance}


def test_a_pause_protects_until_it_is_taken_back(members: Store) -> None:
    company, sam = world(members, KEEP)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        pauses.pause(db, sam.subject, from_day=TODAY + DAY, until_day=TODAY + 9 * DAY, today=TODAY)
    assert coins(members, company, sam, days=4) == {PurseKind.free: 12}  # Monday was missed before it began
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        pauses.take_back(db, sam.subject, from_day=TODAY + DAY, today=TODAY + 4 * DAY)
        assert [each.until_day for each in pauses.pauses(db, sam.subject)] == [TODAY + 3 * DAY]
    assert coins(members, company, sam, days=7) == {PurseKind.free: 6 + 14}  # Friday to Sunday were missed
    with transaction(members, as_member(sam), Purpose.own_use) as db, pytest.raises(NotFound):
        pauses.take_back(db, sam.subject, from_day=TODAY + DAY, today=TODAY + 7 * DAY)


def test_what_has_not_begun_is_taken_away_and_says_nothing(members: Store) -> None:
    _, sam = world(members, KEEP)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        pauses.pause(db, sam.subject, from_day=TODAY + DAY, until_day=TODAY + DAY, today=TODAY)
        pauses.take_back(db, sam.subject, from_day=TODAY + DAY, today=TODAY)
        assert not db.scalars(select(pauses.Pause)).all()


def test_pauses_are_bounded(members: Store) -> None:
    _, sam = world(members, KEEP)
    with transaction(members, as_member(sam), Purpose.own_use) as db:

        def wrong(first: date, last: date) -> str:
            with pytest.raises((Invalid, Conflict)) as refusal:
                pauses.pause(db, sam.subject, from_day=first, until_day=last, today=TODAY)
            return f"{refusal.value.field} {refusal.value.message}"

        assert "from_day A pause begins" in wrong(TODAY - 3 * DAY, TODAY)
        assert "until_day The last day" in wrong(TODAY, TODAY - DAY)
        assert "until_day Choose" in wrong(TODAY, TODAY + 400 * DAY)
        assert "until_day You can pause 60" in wrong(TODAY, TODAY + 60 * DAY)
        pauses.pause(db, sam.subject, from_day=TODAY - 2 * DAY, until_day=TODAY, today=TODAY)
        assert "from_day You have a pause" in wrong(TODAY, TODAY + DAY)
        for n in (3, 5, 7):
            pauses.pause(db, sam.subject, from_day=TODAY + n * DAY, until_day=TODAY + n * DAY, today=TODAY)
        assert "from_day You can pause 4" in wrong(TODAY + 9 * DAY, TODAY + 9 * DAY)


def test_a_first_choice_of_days_counts_for_who_starts_and_another_from_the_next_week(members: Store) -> None:
    company, sam = world(members, DAYS)
    walk(members, sam, 0, 1, 2, 3, 7, 8, 9, 10)
    where = {"collective": company.collective, "programme": KEY, "rule": "my_days"}
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        own_choices.choose_schedule(db, sam.subject, option="early", today=TODAY, **where)  # pyright: ignore
        for wrong, kind in (({"option": "never"}, Invalid), ({"rule": "other", "option": "early"}, NotFound)):
            with pytest.raises(kind):
                own_choices.choose_schedule(db, sam.subject, today=TODAY, **{**where, **wrong})  # pyright: ignore
    assert coins(members, company, sam, days=4) == {PurseKind.free: 6}
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        own_choices.choose_schedule(db, sam.subject, option="late", today=TODAY + 2 * DAY, **where)  # pyright: ignore
    assert coins(members, company, sam, days=9) == {PurseKind.free: 6 + 3}  # Wednesday of the next week
    assert coins(members, company, sam, days=14) == {PurseKind.free: 6 + 6}


def test_coins_go_to_a_good_cause_from_the_day_after_it_was_chosen(members: Store) -> None:
    company, sam = world(members, GIVE)
    walk(members, sam, 0, 1, 2)
    with transaction(members, as_member(sam), Purpose.own_use) as db:
        where = {"collective": company.collective, "programme": KEY}
        own_choices.choose_purpose(db, sam.subject, gives_to="charity", today=TODAY, **where)  # pyright: ignore
        with pytest.raises(Invalid):
            own_choices.choose_purpose(db, sam.subject, gives_to="boss", today=TODAY, **where)  # pyright: ignore
        assert own_choices.choice(db, sam.subject, key=GIVES_TO, on=TODAY) is None
    assert coins(members, company, sam, days=5) == {PurseKind.free: 8, PurseKind.good_cause: 16}
