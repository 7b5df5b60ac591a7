"""Spread funds: the coins of one fund in several places, so that processes that pay out of it do not wait in one queue.

A spread fund stays one account: transfers name it, it has one balance and one floor. Its coins lie in slots, which
together are its balance; the account's own row holds none. Who pays takes from a slot that nobody else is using and
that has enough; where there is none, from all of them together, which are then filled evenly anew. So the fund never
pays more than it has, and pays whatever it has. On SQLite, which has one writer, nothing is spread.

Locks: a spread fund comes after all accounts that are not spread; several in the order of their ids, each by slot.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, SmallInteger, Uuid, bindparam, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from privacy.errors import Invalid, NotFound
from privacy.store.columns import AccountId
from privacy.store.holding import Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rights import ALL
from privacy.store.rows import OWN_ROWS

SLOTS_MAX = 64


class FundSlot(MembersBase):
    """A part of a spread fund's coins. ``slot`` counts from 0."""

    __tablename__ = "fund_slot"
    __job_may__ = ALL
    __table_args__ = (
        CheckConstraint("coins >= 0", name="coins"),
        CheckConstraint(f"slot BETWEEN 0 AND {SLOTS_MAX - 1}", name="slot"),
    )

    __holding__ = Holding(
        about="Where the coins of a fund lie that several processes pay out of.",
        columns={
            "account": pseudonym("the fund's account"),
            "slot": plain("which part"),
            "coins": plain("all parts together are the fund's balance"),
        },
        keeping=Keeping.ledger,
        not_exported="About organisations alone.",
    )

    account: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    coins: Mapped[int] = mapped_column(BigInteger)


def spread_among(db: Session, accounts: Collection[UUID]) -> list[UUID]:
    """Those of the accounts that are spread, in the order of their locks."""
    found = select(FundSlot.account).where(FundSlot.slot == 0, FundSlot.account.in_(accounts))
    return sorted(db.scalars(found))


def in_slots(db: Session) -> dict[UUID, int]:
    """What lies in the slots of each spread fund."""
    sums = select(FundSlot.account, func.sum(FundSlot.coins)).group_by(FundSlot.account)
    return {account: int(coins) for account, coins in db.execute(sums)}


def lock_spread(db: Session, funds: Collection[UUID], needed: Mapping[UUID, int]) -> None:
    """Keep so many coins of each spread fund for this transaction; all of a fund's where none are named.

    Where no slot has enough that is free, all of the fund is locked: what it has stays true until the transaction ends.
    """
    for fund in funds:
        coins = needed.get(fund)
        if (
            coins is None
            or db.execute(_TAKE_ONE, {"fund": fund, "coins": coins}, execution_options=_OWN).first() is None
        ):
            db.execute(_TAKE_ALL, {"fund": fund}, execution_options=_OWN)


def spread_fund(db: Session, fund: UUID, slots: int) -> int:
    """Spread a fund over so many slots, 1 to no longer spread it; what it has. Must come first in its transaction.

    Nobody books meanwhile: whoever books has looked which funds are spread.
    Raises: Invalid (SQLite, the number), NotFound.
    """
    if not 1 <= slots <= SLOTS_MAX:
        raise Invalid(f"A fund is spread over 2 to {SLOTS_MAX} slots; 1 puts it together again.", field="slots")
    if db.get_bind().dialect.name == "sqlite":
        raise Invalid("On SQLite there is one writer, so that nothing is won by spreading a fund.", field="slots")
    db.execute(text("LOCK TABLE fund_slot IN ACCESS EXCLUSIVE MODE"))
    own = {"fund": fund}
    main = db.execute(_MAIN, own, execution_options=_OWN).one_or_none()
    if main is None:
        raise NotFound("There is no such fund.", field="fund")
    coins = int(main.coins)
    db.execute(_EMPTY, own, execution_options=_OWN)
    db.execute(_BALANCE, own | {"coins": coins if slots == 1 else 0}, execution_options=_OWN)
    if slots > 1:
        each, rest = divmod(coins, slots)
        db.add_all(FundSlot(account=fund, slot=slot, coins=each + (slot < rest)) for slot in range(slots))
        db.flush()
    return coins


_OWN = {OWN_ROWS: True}
_MAIN = text(
    "SELECT balance_coins + (SELECT coalesce(sum(coins), 0) FROM fund_slot WHERE account = :fund) AS coins"
    " FROM ledger_account WHERE id = :fund AND kind = 'fund' AND held_coins = 0 AND floor_coins = 0 FOR NO KEY UPDATE"
).bindparams(bindparam("fund", type_=Uuid()))
_EMPTY = text("DELETE FROM fund_slot WHERE account = :fund").bindparams(bindparam("fund", type_=Uuid()))
_BALANCE = text("UPDATE ledger_account SET balance_coins = :coins WHERE id = :fund").bindparams(
    bindparam("fund", type_=Uuid()), bindparam("coins", type_=BigInteger())
)
_TAKE_ONE = text(
    "SELECT slot FROM fund_slot WHERE account = :fund AND coins >= :coins"
    " ORDER BY (slot + pg_backend_pid()) % 64, slot LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
).bindparams(bindparam("fund", type_=Uuid()), bindparam("coins", type_=BigInteger()))
_TAKE_ALL = text(
    "SELECT count(*) FROM (SELECT FROM fund_slot WHERE account = :fund ORDER BY slot FOR NO KEY UPDATE) AS locked"
).bindparams(bindparam("fund", type_=Uuid()))
