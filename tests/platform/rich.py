"""Members with something in every part, each with words and numbers of their own: what must find everything finds it.

Nothing of one of them occurs with the other: whoever hands out one person's data can be held to it.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from incentives import shop
from incentives.funds import credit_payment, fund_account
from privacy import codicil, people, support
from privacy.access_log import Reason, What, look
from privacy.people import Profile, cipher_of
from privacy.principals import OPERATOR, VISITOR, Purpose
from privacy.store import Store, transaction
from programs import enrolment
from programs.check_ins import check_in
from programs.days import take_in
from programs.documents import ready_text
from programs.imports.records import Record, Rejected, epoch_ms, whole_day
from programs.offered import ProgrammeVersionCopy
from programs.rewarding import ZONE, settle_member
from tests.factories import JOB, NOW, TODAY, YEAR_START, Company, as_member, copied_company, new_member
from tests.offers import add_voucher

MOVE = "move-and-rest"
LATER = NOW + timedelta(days=15)
LAST = LATER.date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich:
    """One member, and the words of theirs that stand nowhere but under their key."""

    profile: Profile
    words: tuple[str, ...]
    code: str
    """Of their leave for a helper."""


def rich_company(members: Store) -> Company:
    """A company whose programme runs and whose funds are full, with vouchers in the shop."""
    company = copied_company(members)
    with transaction(members, JOB, Purpose.copying) as db:
        db.add(
            ProgrammeVersionCopy(
                id=uuid4(),
                collective=company.collective,
                key=MOVE,
                version=1,
                effective_from=YEAR_START,
                published_at=NOW,
                document=ready_text(MOVE),
            )
        )
    with transaction(members, JOB, Purpose.rewards) as db:
        for payer, payer_id in (("insurer", company.holder), ("employer", company.employer)):
            fund = fund_account(db, collective=company.collective, payer=payer, payer_id=payer_id, now=NOW)
            credit_payment(db, payment=uuid4(), fund=fund, amount_coins=10_000, booked_at=NOW)
    return company


def rich_voucher(members: Store, codes: list[str]) -> UUID:
    """A voucher with these codes, in the order in which they were put up."""
    with transaction(members, OPERATOR, Purpose.operation) as db:
        return add_voucher(
            db,
            partner=uuid4(),
            title_nl="Kop koffie",
            title_en="Cup of coffee",
            description_nl="Aan de toonbank.",
            description_en="At the counter.",
            price_coins=10,
            codes=codes,
            now=NOW,
        ).id


def rich_member(members: Store, company: Company, *, name: str, steps: int) -> Rich:
    """Somebody called ``name`` who does everything that leaves a trace. ``steps``: a day, recognisable."""
    voucher_code = f"VOUCHER-{name}"
    voucher = rich_voucher(members, [voucher_code])
    profile = new_member(members, company, nickname=f"Nick-{name}", today=TODAY)
    me = as_member(profile)
    with transaction(members, me, Purpose.own_use) as db:
        enrolment.enrol(db, profile.subject, collective=company.collective, programme=MOVE, today=TODAY)
        enrolment.choose_goal(db, profile.subject, metric="steps", value=steps - 1, today=TODAY)
        codicil.choose(db, profile.subject, codicil.Use.employer_report, False, NOW, locale="en")
        cipher = cipher_of(db, profile.account)
        for number in range(3):
            check_in(
                db,
                subject=profile.subject,
                kind="meal",
                at=LATER - timedelta(days=number, minutes=steps % 60),
                zone=ZONE,
                reference=f"{name}-{number}",
                now=LATER,
            )
        for minutes, records in enumerate((_records(name, steps), _corrections(name, steps))):
            take_in(
                db,
                subject=profile.subject,
                cipher=cipher,
                records=records,
                format=f"format-{name}",
                batch=uuid4(),
                now=LATER + timedelta(minutes=minutes),
                first_day=TODAY,
            )
    with transaction(members, JOB, Purpose.rewards) as db:
        settle_member(db, profile.subject, LATER)
        shop.buy(db, subject=profile.subject, cipher=cipher, item=voucher, order=uuid4(), now=LATER)
    with transaction(members, me, Purpose.own_use) as db:
        code = support.give_leave(
            db,
            subject=profile.subject,
            account=profile.account,
            cipher=cipher,
            topic=support.Topic.imports,
            health=True,
            days=3,
            now=LATER,
        )
    with transaction(members, OPERATOR, Purpose.operation) as db:
        words = f"Words about {name}."
        look(db, subject=profile.subject, what=What.coins, reason=Reason.helping, now=LATER, words=words, cipher=cipher)
    with transaction(members, VISITOR, Purpose.authentication) as db:
        people.start_session(db, profile.account, now=LATER)
    own = (f"Nick-{name}", voucher_code, f"App-{name}", f"Watch-{name}", f"source-{name}-1", f"Refused {name}", words)
    return Rich(profile=profile, words=(*own, code), code=code)


def _records(name: str, steps: int) -> list[Record | Rejected]:
    app, device = f"App-{name}", f"Watch-{name}"
    found: list[Record | Rejected] = [
        whole_day(
            "steps", TODAY + timedelta(days=day), steps, zone=ZONE, app=app, device_kind="watch", device_name=device
        )
        for day in range(14)
    ]
    at = epoch_ms(NOW)
    common = {"local_day": TODAY, "offset_s": 3_600, "app": app, "device_name": device}
    found += [
        Record(metric="weight_kg", start_ms=at, end_ms=at, value=70 + steps / 10_000, unit="kg", **common),
        Record(
            metric="sleep_minutes",
            start_ms=at - 28_800_000,
            end_ms=at,
            value=steps % 500,
            unit="min",
            source_id=f"source-{name}-1",
            modified_ms=at,
            **common,
        ),
        Record(metric="steps", start_ms=at, end_ms=at + 60_000, value=10_000_000 + steps, unit="steps", **common),
        Rejected(f"Refused {name}", field="value", line=7, file="The file"),
    ]
    return found


def _corrections(name: str, steps: int) -> list[Record | Rejected]:
    """The night again as the source has it now, and wheelchair pushes, which have no code in FHIR."""
    at = epoch_ms(NOW)
    common = {"local_day": TODAY, "offset_s": 3_600, "app": f"App-{name}", "device_name": f"Watch-{name}"}
    return [
        Record(
            metric="sleep_minutes",
            start_ms=at - 28_800_000,
            end_ms=at,
            value=steps % 500 + 0.5,
            unit="min",
            source_id=f"source-{name}-1",
            modified_ms=at + 1,
            **common,
        ),
        Record(metric="wheel_pushes", start_ms=at, end_ms=at + 60_000, value=steps % 90, unit="pushes", **common),
    ]
