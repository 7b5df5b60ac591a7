"""Coins end by lot, once, and go back to the fund that paid them; what was spent is not there to end."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from books import a_fund, a_purse, rewards, verdict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from incentives.accounts import AccountKind, account_of, available, balance
from incentives.coin_terms import DEFAULT_MONTHS, funds_of, set_term
from incentives.expiry import PURSES_PER_BATCH, Ending, endings, expire
from incentives.funds import fund_account
from incentives.holds import hold, post_hold, void_hold
from incentives.ledger import NewTransfer, Transfer, TransferCode, book_many
from incentives.lots import Pairing, give_back, months_since_1970, pair, remaining, room
from incentives.pairings import pairing_problems
from incentives.purses import PurseKind, purse
from incentives.references import reference, reference_secret
from privacy.errors import Conflict, Forbidden, Invalid, NotFound
from privacy.principals import MAY, OPERATOR, Principal, Purpose, Role, Side
from privacy.store import Store, transaction

JAN = date(2026, 1, 10)
LAST_OF_JAN = date(2028, 1, 31)
"""Of what was earned in January 2026, without a term."""


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def move(
    db: Session, debit: UUID, credit: UUID, coins: int, code: TransferCode, on: date, *, earned: date | None = None
) -> NewTransfer:
    ref = reference(reference_secret(db), at=earned or on, key=uuid4().hex)
    made = NewTransfer(reference=ref, debit=debit, credit=credit, amount_coins=coins, code=code, cause="p/r/2026")
    book_many(db, [made], booked_at=noon(on))
    return made


def award(db: Session, fund: UUID, account: UUID, coins: int, earned: date, *, on: date | None = None) -> None:
    move(db, fund, account, coins, TransferCode.payment, on or earned, earned=earned)


def spend(db: Session, account: UUID, coins: int, on: date) -> NewTransfer:
    made = move(db, account, partner(db), coins, TransferCode.spend, on)
    pair(db, [made], booked_at=noon(on))
    return made


def partner(db: Session) -> UUID:
    return account_of(db, kind=AccountKind.partner, now=noon(JAN))


def run(db: Session, today: date) -> int:
    """A whole run of the job on a day."""
    coins, after = 0, None
    while True:
        done = expire(db, today=today, now=noon(today), after=after)
        coins, after = coins + done.coins, done.last
        if after is None:
            return coins


def problems(db: Session) -> list[str]:
    return list(pairing_problems(db))


def test_coins_end_after_their_last_day_once_and_go_back_to_their_fund(members: Store) -> None:
    with rewards(members) as db:
        one, other, account = a_fund(db, 100), a_fund(db, 100), a_purse(db)
        award(db, one, account, 5, JAN)
        award(db, other, account, 7, JAN)
        award(db, one, account, 11, date(2026, 2, 1))
        assert run(db, LAST_OF_JAN) == 0
        assert run(db, LAST_OF_JAN + timedelta(days=1)) == 12
        assert (balance(db, one), balance(db, other), balance(db, account)) == (100 - 11, 100, 11)
        assert run(db, LAST_OF_JAN + timedelta(days=1)) == run(db, LAST_OF_JAN + timedelta(days=9)) == 0
        told = {row.cause for row in db.scalars(select(Transfer).where(Transfer.code == TransferCode.expiry))}
        assert told == {"expiry/2026-01"}
        assert problems(db) == []
    assert verdict(members).problems == []


def test_spent_coins_never_end(members: Store) -> None:
    """The classic bug: the oldest coins were spent, and end nevertheless."""
    with rewards(members) as db:
        fund, account = a_fund(db, 100), a_purse(db)
        award(db, fund, account, 10, JAN)
        spend(db, account, 10, date(2026, 3, 1))
        award(db, fund, account, 10, date(2027, 6, 1))
        assert run(db, LAST_OF_JAN + timedelta(days=1)) == 0
        assert (balance(db, account), balance(db, fund)) == (10, 80)


def test_coins_that_are_set_aside_do_not_end_until_they_come_free(members: Store) -> None:
    day = LAST_OF_JAN + timedelta(days=1)
    with rewards(members) as db:
        fund, account = a_fund(db, 100), a_purse(db)
        award(db, fund, account, 10, JAN)
        kept, spent = uuid4(), uuid4()
        for name, coins in ((kept, 3), (spent, 4)):
            hold(db, reference=name, account=account, amount_coins=coins, expires_at=noon(day), now=noon(LAST_OF_JAN))
        assert run(db, day) == 3
        post_hold(
            db,
            reference=spent,
            credit=partner(db),
            code=TransferCode.spend,
            cause="order/1",
            booked_at=noon(LAST_OF_JAN),
        )
        void_hold(db, reference=kept)
        assert run(db, day) == 3, "a second time of the same lot, under a reference of its own"
        assert run(db, day) == 0
        assert (balance(db, fund), balance(db, partner(db)), balance(db, account)) == (96, 4, 0)
        assert problems(db) == []


def test_what_comes_back_or_comes_late_lasts_sixty_days_at_least(members: Store) -> None:
    subject, late = uuid4(), date(2028, 3, 5)
    with rewards(members) as db:
        fund, account = a_fund(db, 100), purse(db, subject, noon(JAN))
        award(db, fund, account, 10, JAN)
        spent = spend(db, account, 10, date(2026, 3, 1))
        back = move(db, spent.credit, account, 6, TransferCode.refund, late)
        give_back(db, spend=spent.reference, refund=back.reference, booked_at=noon(late))
        award(db, fund, account, 2, date(2026, 2, 2), on=late)
        until = late + timedelta(days=60)
        assert endings(db, subject) == [Ending(kind=PurseKind.free, last_day=until, coins=8)]
        assert run(db, until) == 0
        assert run(db, until + timedelta(days=1)) == 8
        assert (balance(db, fund), balance(db, account)) == (96, 0)
        assert problems(db) == []


def test_a_term_holds_for_what_is_earned_from_its_day_on_and_never_shortens(members: Store) -> None:
    subject, fund_only = uuid4(), {"kind": PurseKind.free, "today": JAN}
    with rewards(members) as db:
        fund, other = a_fund(db, 100), a_fund(db, 100)
        account = purse(db, subject, noon(JAN))
        set_term(db, fund=fund, since=date(2026, 3, 1), months=3, **fund_only)
        set_term(db, fund=fund, since=date(2026, 5, 1), months=6, **fund_only)
        set_term(db, fund=other, since=date(2026, 3, 1), months=None, **fund_only)
        for day in (JAN, date(2026, 3, 31), date(2026, 5, 1)):
            award(db, fund, account, 1, day)
            award(db, other, account, 1, day)
        assert [(each.last_day, each.coins) for each in endings(db, subject)] == [
            (date(2026, 9, 30), 1),  # March: 3 months when earned, 6 since May
            (date(2026, 11, 30), 1),
            (LAST_OF_JAN, 1),  # January: 24 months when earned; of the other fund, they never end since March
        ]
        assert run(db, date(2030, 1, 1)) == 3
        assert balance(db, account) == 3


def test_earmarked_coins_go_back_when_their_programme_is_over(members: Store) -> None:
    subject, over = uuid4(), date(2026, 12, 31)
    with rewards(members) as db:
        fund = a_fund(db, 300)
        set_term(db, fund=fund, kind=PurseKind.services, since=JAN, months=None, ends_on=over, today=JAN)
        for kind in PurseKind:
            award(db, fund, purse(db, subject, noon(JAN), kind), 100, date(2026, 2, 1))
        assert run(db, over) == 0
        assert run(db, over + timedelta(days=1)) == 100
        left = {kind: balance(db, purse(db, subject, noon(JAN), kind)) for kind in PurseKind}
        assert left == {PurseKind.free: 100, PurseKind.services: 0, PurseKind.good_cause: 100}
        assert balance(db, fund) == 100
        assert problems(db) == []


def test_a_term_is_refused_where_it_would_be_unfair_or_unclear(members: Store) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 0)
        good = {"fund": fund, "kind": PurseKind.free, "since": JAN, "months": 12, "today": JAN}
        set_term(db, **good)
        set_term(db, **good)
        for change, error, field in (
            ({"months": 0}, Invalid, "months"),
            ({"months": 241}, Invalid, "months"),
            ({"since": JAN - timedelta(days=1)}, Invalid, "since"),
            ({"ends_on": date(2026, 12, 31)}, Invalid, "ends_on"),
            ({"kind": PurseKind.services, "ends_on": JAN - timedelta(days=1)}, Invalid, "ends_on"),
            ({"fund": uuid4()}, NotFound, "fund"),
            ({"months": 13}, Conflict, "since"),
        ):
            with pytest.raises(error) as refusal:
                set_term(db, **{**good, **change})
            assert refusal.value.field == field
    member = Principal(role=Role.member, account=uuid4(), subject=uuid4())
    with transaction(members, member, Purpose.own_use) as db, pytest.raises(Forbidden):
        set_term(db, **good)


def test_only_the_operator_asks_which_funds_a_collective_has(members: Store) -> None:
    collective, unknown = uuid4(), uuid4()
    with rewards(members) as db:
        opened = sorted(
            fund_account(db, collective=collective, payer=payer, payer_id=uuid4(), now=noon(JAN))
            for payer in ("employer", "insurer")
        )
    with transaction(members, OPERATOR, Purpose.operation) as db:
        assert funds_of(db, collective) == opened
        with pytest.raises(NotFound, match="no funds yet") as missing:
            funds_of(db, unknown)
        assert missing.value.field == "collective"
    others = {role: sorted(MAY[role][Side.members]) for role in MAY if Side.members in MAY[role]}
    del others[Role.operator], others[Role.job]
    assert {Role.visitor, Role.member} <= set(others)
    for role, purposes in others.items():
        who = Principal(role=role, account=uuid4(), subject=uuid4() if role is Role.member else None)
        for purpose in purposes:
            with transaction(members, who, purpose) as db:
                for each in (collective, unknown):
                    with pytest.raises(Forbidden, match="Only the operator"):
                        funds_of(db, each)


def test_a_run_goes_over_every_purse(members: Store) -> None:
    with rewards(members) as db:
        fund = a_fund(db, 2_000)
        accounts = [a_purse(db) for _ in range(PURSES_PER_BATCH + 3)]
        secret = reference_secret(db)
        given = [
            NewTransfer(
                reference=reference(secret, at=JAN, key=account.hex),
                debit=fund,
                credit=account,
                amount_coins=2,
                code=TransferCode.payment,
                cause="p/r/1",
            )
            for account in accounts
        ]
        book_many(db, given, booked_at=noon(JAN))
        assert run(db, LAST_OF_JAN + timedelta(days=1)) == 2 * len(accounts)
        assert balance(db, fund) == 2_000


WHAT = ("award", "late_award", "correct", "spend", "hold", "post", "void", "refund", "expire", "wait")
ACTS = st.lists(
    st.tuples(st.sampled_from(WHAT), st.integers(1, 12), st.integers(0, 3)),
    min_size=1,
    max_size=25,
)


class Life:
    """Random acts on one purse of two funds, beside a count of what each must have done."""

    def __init__(self, db: Session) -> None:
        self.db, self.today = db, JAN
        self.funds = [a_fund(db, 10_000), a_fund(db, 10_000)]
        self.account = purse(db, uuid4(), noon(JAN))
        for fund, months in zip(self.funds, (2, 5), strict=True):
            set_term(db, fund=fund, kind=PurseKind.free, since=date(2026, 1, 10), months=months, today=JAN)
        self.spends: list[tuple[UUID, int]] = []
        self.holds: list[UUID] = []
        self.awarded: dict[UUID, int] = defaultdict(int)

    def act(self, what: str, coins: int, which: int) -> None:
        getattr(self, what)(coins, which)

    @property
    def spendable(self) -> int:
        return available(self.db, self.account) or 0

    def award(self, coins: int, which: int, *, late: int = 0) -> None:
        fund, earned = self.funds[which % 2], self.today - timedelta(days=late)
        award(self.db, fund, self.account, coins, earned, on=self.today)
        self.awarded[fund] += coins

    def late_award(self, coins: int, which: int) -> None:
        self.award(coins, which, late=70 * which)

    def correct(self, coins: int, which: int) -> None:
        fund = self.funds[which % 2]
        if coins := min(coins, room(self.db, [self.account]).get((self.account, fund), 0)):
            made = move(self.db, self.account, fund, coins, TransferCode.correction, self.today)
            pair(self.db, [made], booked_at=noon(self.today))
            self.awarded[fund] -= coins

    def spend(self, coins: int, _which: int) -> None:
        if coins := min(coins, self.spendable):
            self.spends.append((spend(self.db, self.account, coins, self.today).reference, coins))

    def hold(self, coins: int, _which: int) -> None:
        if coins := min(coins, self.spendable):
            name, now = uuid4(), noon(self.today)
            until = now + timedelta(days=8_000)
            hold(self.db, reference=name, account=self.account, amount_coins=coins, expires_at=until, now=now)
            self.holds.append(name)

    def post(self, _coins: int, which: int) -> None:
        if self.holds:
            name, now = self.holds.pop(which % len(self.holds)), noon(self.today)
            paid = {"credit": partner(self.db), "code": TransferCode.spend, "cause": "order/1", "booked_at": now}
            self.spends.append((name, post_hold(self.db, reference=name, **paid).amount_coins))

    def void(self, _coins: int, which: int) -> None:
        if self.holds:
            void_hold(self.db, reference=self.holds.pop(which % len(self.holds)))

    def refund(self, coins: int, which: int) -> None:
        if self.spends:
            at = which % len(self.spends)
            paid, left = self.spends[at]
            if coins := min(coins, left):
                back = move(self.db, partner(self.db), self.account, coins, TransferCode.refund, self.today)
                give_back(self.db, spend=paid, refund=back.reference, booked_at=noon(self.today))
                self.spends[at] = (paid, left - coins)

    def expire(self, _coins: int, _which: int) -> None:
        run(self.db, self.today)

    def wait(self, coins: int, _which: int) -> None:
        self.today += timedelta(days=20 * coins)

    def check(self) -> None:
        """Expired + spent + left = awarded, per fund; nothing is paired twice or beyond its lot."""
        lots = remaining(self.db, [self.account])[self.account]
        assert sum(lot.coins for lot in lots) == balance(self.db, self.account)
        paired: dict[tuple[UUID, str], int] = defaultdict(int)
        codes = {row.id: row.code for row in self.db.scalars(select(Transfer))}
        for row in self.db.scalars(select(Pairing)):
            code = codes[row.transfer]
            paired[row.fund, "spent" if code is TransferCode.refund else code] += row.amount_coins
        for fund in self.funds:
            spent = paired[fund, TransferCode.spend] + paired[fund, "spent"]
            expired = paired[fund, TransferCode.expiry]
            left = sum(lot.coins for lot in lots if lot.fund == fund)
            assert spent >= 0
            assert expired >= 0
            assert expired + spent + left == self.awarded[fund]
            assert balance(self.db, fund) == 10_000 - spent - left, "what expired is back, and no more"
        assert problems(self.db) == []


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ACTS)
def test_whatever_happens_every_coin_leaves_once_and_all_add_up(
    members: Store, acts: Sequence[tuple[str, int, int]]
) -> None:
    with rewards(members) as db:
        life = Life(db)
        for what, coins, which in acts:
            life.act(what, coins, which)
        life.check()
        life.today += timedelta(days=5_000)
        for name in life.holds:
            void_hold(db, reference=name)
        run(db, life.today)
        life.check()
        assert balance(db, life.account) == 0, "in the end everything is spent or back"
        db.rollback()


def test_the_default_term_is_told_in_months(members: Store) -> None:
    assert DEFAULT_MONTHS == 24
    assert months_since_1970(JAN) == 56 * 12
    with rewards(members) as db:
        fund, account = a_fund(db, 10), a_purse(db)
        award(db, fund, account, 1, date(2026, 2, 28))
        assert run(db, date(2028, 2, 29)) == 0
        assert run(db, date(2028, 3, 1)) == 1
