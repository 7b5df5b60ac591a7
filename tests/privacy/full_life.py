"""A member who has done everything once: what erasure and backups are tried on."""

from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from incentives import shop
from incentives.funds import credit_payment, fund_account
from incentives.settle import FundShare, settle
from incentives.verify import verify
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, Purpose
from privacy.store import Store, transaction
from programs import enrolment
from programs.check_ins import check_in
from programs.days import take_in
from programs.documents import ready_text
from programs.imports.records import Rejected, whole_day
from programs.offered import ProgrammeVersionCopy
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, new_member
from tests.offers import add_voucher

ZONE = ZoneInfo("Europe/Amsterdam")
PROGRAMME = "move-and-rest"
AWARDED_COINS, PRICE_COINS = 50, 20


def offer(members: Store, company: Company) -> None:
    """A running programme, as the copying job leaves it."""
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=company.collective,
                key=PROGRAMME,
                version=1,
                effective_from=YEAR_START,
                published_at=NOW,
                document=ready_text(PROGRAMME),
            )
        )


def bring(members: Store, profile: Profile, days: int, *, steps: int = 6_000, first: date | None = None) -> None:
    """Steps of some days, and a line that is refused."""
    first = first or TODAY - timedelta(days=days)
    records = [
        whole_day("steps", first + timedelta(days=n), steps, zone=ZONE, app="App", device_name="Watch")
        for n in range(days)
    ]
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        take_in(
            db,
            subject=profile.subject,
            cipher=cipher_of(db, profile.account),
            records=[*records, Rejected("A line that is wrong.", line=7)],
            format="test",
            batch=uuid4(),
            now=NOW,
        )


def award(members: Store, profile: Profile, company: Company, coins: int, *, rule: str = "steps") -> None:
    """Coins earned and settled, from a fund that is paid for."""
    import pandas as pd

    with transaction(members, JOB, Purpose.rewards) as db:
        fund = fund_account(db, collective=company.collective, payer="insurer", payer_id=company.holder, now=NOW)
        credit_payment(db, payment=uuid4(), fund=fund, amount_coins=1_000, booked_at=NOW)
        rows = [(profile.subject, "2026-W09", rule, coins, TODAY)]
        settle(
            db,
            programme="test",
            entitlements=pd.DataFrame(rows, columns=["member", "period", "rule", "coins", "at"]),
            funds={profile.subject: [FundShare(fund, 100)]},
            now=NOW,
        )


def live(members: Store, company: Company, *, nickname: str = "Sam", days: int = 3) -> Profile:
    """Join, take part, bring data, check in, choose a goal, earn and buy."""
    profile = new_member(members, company, nickname=nickname)
    with transaction(members, as_member(profile), Purpose.own_use) as db:
        enrolment.enrol(db, profile.subject, collective=company.collective, programme=PROGRAMME, today=TODAY)
        enrolment.choose_goal(db, profile.subject, metric="steps", value=7_000, today=TODAY)
        check_in(db, subject=profile.subject, kind="meal", at=NOW, zone=ZONE, reference="today", now=NOW)
    bring(members, profile, days)
    award(members, profile, company, AWARDED_COINS)
    with transaction(members, OPERATOR, Purpose.operation) as db:
        item = add_voucher(
            db,
            partner=uuid4(),
            title_nl="Koffie",
            title_en="Coffee",
            description_nl="Een kop.",
            description_en="A cup.",
            price_coins=PRICE_COINS,
            codes=[f"VOUCHER-{uuid4().hex[:8]}"],
            now=NOW,
        )
    with transaction(members, as_member(profile), Purpose.rewards) as db:
        shop.buy(
            db,
            subject=profile.subject,
            cipher=cipher_of(db, profile.account),
            item=item.id,
            order=uuid4(),
            now=NOW,
        )
    return profile


def problems_of_the_books(members: Store) -> list[str]:
    with transaction(members, OPERATOR, Purpose.operation, read_only=True) as db:
        return verify(db).problems
