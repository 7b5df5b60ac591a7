"""Accounts of the ledger: whose coins they hold, and the floor below which the database lets no balance fall.

Opening is harmless to repeat where an owner has one account of a kind: the unique key decides. Balances are written
by ``ledger`` and ``holds`` alone.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Enum,
    Row,
    UniqueConstraint,
    Uuid,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from incentives.bulk import insert_rows, table_of
from incentives.slots import FundSlot, lock_spread, spread_among
from privacy.errors import Conflict, NotFound
from privacy.store.columns import AccountId, UtcDateTime
from privacy.store.holding import AtErasure, Holding, Keeping, plain, pseudonym
from privacy.store.members import MembersBase
from privacy.store.rows import OWN_ROWS
from privacy.store.sight import Through

BALANCE_COINS_MAX = 4 * 10**18
"""Far from 2^63, where SQLite would silently go on in floating point."""
IDS_PER_QUERY = 500


class AccountKind(StrEnum):
    """Whose coins an account holds."""

    outside = "outside"
    """Where money comes from and goes to; the only kind that may be negative."""
    fund = "fund"
    purse = "purse"
    shop_clearing = "shop_clearing"
    partner = "partner"
    charity = "charity"
    expiry = "expiry"
    write_off = "write_off"


class Account(MembersBase):
    """Coins of one owner for one use. ``floor_coins`` None: no floor, for ``outside`` only."""

    __tablename__ = "ledger_account"
    __through__ = Through(columns=("id",), table="purse", key="account", only=("kind", "purse"))
    __table_args__ = (
        CheckConstraint("(kind = 'outside') = (floor_coins IS NULL)", name="floor_kind"),
        CheckConstraint("floor_coins IS NULL OR balance_coins - held_coins >= floor_coins", name="floor"),
        CheckConstraint("held_coins >= 0", name="held"),
        CheckConstraint(f"balance_coins BETWEEN -{BALANCE_COINS_MAX} AND {BALANCE_COINS_MAX}", name="balance"),
        UniqueConstraint("kind", "owner"),
    )

    __holding__ = Holding(
        about="Coins of one owner for one use. A purse's account is nameless: only its purse ties it to a pseudonym.",
        columns={
            "id": pseudonym("a random number"),
            "kind": plain("whose coins they are: a member's, a fund's, a partner's"),
            "owner": plain("the organisation; empty for a member's purse"),
            "floor_coins": plain("below which the balance cannot fall"),
            "balance_coins": plain("the database keeps it equal to the sum of the transfers"),
            "held_coins": plain("set aside for orders under way"),
            "opened_at": plain("when it was opened"),
        },
        at_erasure=AtErasure.keep,
        keeping=Keeping.ledger,
        export="coins",
    )

    id: Mapped[UUID] = mapped_column(AccountId, primary_key=True)
    kind: Mapped[AccountKind] = mapped_column(Enum(AccountKind, native_enum=False, create_constraint=True, name="kind"))
    owner: Mapped[UUID | None] = mapped_column(Uuid)
    floor_coins: Mapped[int | None] = mapped_column(BigInteger)
    balance_coins: Mapped[int] = mapped_column(BigInteger, default=0)
    held_coins: Mapped[int] = mapped_column(BigInteger, default=0)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)


class InsufficientCoins(Conflict):
    """The debited account would fall below its floor; ``missing_coins`` says by how much."""

    def __init__(self, missing_coins: int, *, kind: str = "account") -> None:
        super().__init__(f"The {kind} lacks {missing_coins} coins for this.")
        self.missing_coins = missing_coins


_COLUMNS = ("id", "kind", "owner", "floor_coins", "balance_coins", "held_coins", "opened_at")


def open_account(
    db: Session, *, kind: AccountKind, owner: UUID | None, floor_coins: int | None = 0, now: datetime
) -> UUID:
    """Open a new account with a random id. Raises Conflict where the owner has one of this kind."""
    account = uuid4()
    if not open_accounts(db, [account], kind=kind, owner=owner, floor_coins=floor_coins, now=now):
        raise Conflict(f"There already is a {kind} account of this owner.")
    return account


def open_accounts(
    db: Session,
    accounts: Sequence[UUID],
    *,
    kind: AccountKind,
    owner: UUID | None = None,
    floor_coins: int | None = 0,
    now: datetime,
) -> int:
    """Open accounts under ids that the caller drew; how many were opened (an owner has one of each kind)."""
    rows = [(account, kind, owner, floor_coins, 0, 0, now) for account in accounts]
    return insert_rows(db.connection(), table_of(Account), _COLUMNS, rows, on_conflict="(kind, owner) DO NOTHING")


def account_of(db: Session, *, kind: AccountKind, owner: UUID | None = None, now: datetime) -> UUID:
    """The one account of this kind and owner, opened when first asked for; no owner: the installation's own."""
    owner = owner or UUID(int=0)
    wanted = select(Account.id).where(Account.kind == kind, Account.owner == owner)
    if (known := db.scalar(wanted)) is not None:
        return known
    floor_coins = None if kind is AccountKind.outside else 0
    open_accounts(db, [uuid4()], kind=kind, owner=owner, floor_coins=floor_coins, now=now)
    return db.scalars(wanted).one()


def lock_accounts(db: Session, accounts: Collection[UUID], *, needed: Mapping[UUID, int] | None = None) -> None:
    """Keep what is said of these accounts true until this transaction ends; SQLite has one writer anyway.

    Everybody locks in one order, purses first, then what many share, then spread funds, each by id: whoever will book
    more than once in a transaction locks all accounts of it first, or two such transactions could wait for each other.
    needed: the most that will leave a fund; of a spread fund (``slots``) others may take the rest meanwhile.
    """
    if not accounts or db.get_bind().dialect.name != "postgresql":
        return
    spread = spread_among(db, accounts)
    db.execute(_LOCK, {"accounts": list(set(accounts) - set(spread))}, execution_options={OWN_ROWS: True})
    lock_spread(db, spread, needed or {})


_LOCK = text(
    "SELECT count(*) FROM (SELECT FROM ledger_account WHERE id = ANY (:accounts)"
    " ORDER BY kind <> 'purse', id FOR NO KEY UPDATE) AS locked"
).bindparams(bindparam("accounts", type_=ARRAY(Uuid())))


def balance(db: Session, account: UUID) -> int:
    """Coins on the account, held ones included. Raises NotFound."""
    return _amounts(db, account).balance_coins


def available(db: Session, account: UUID) -> int | None:
    """Coins that can leave the account now; None where it has no floor. Raises NotFound."""
    row = _amounts(db, account)
    return None if row.floor_coins is None else row.balance_coins - row.held_coins - row.floor_coins


def availables(db: Session, accounts: Collection[UUID]) -> dict[UUID, int | None]:
    """``available`` of many accounts at once; unknown accounts are absent."""
    return {
        row.id: None if row.floor_coins is None else row.balance_coins - row.held_coins - row.floor_coins
        for chunk in chunks(sorted(accounts))
        for row in db.execute(_AMOUNTS.where(Account.id.in_(chunk)))
    }


def chunks(ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Slices that fit into one query."""
    for start in range(0, len(ids), IDS_PER_QUERY):
        yield ids[start : start + IDS_PER_QUERY]


_IN_SLOTS = select(func.coalesce(func.sum(FundSlot.coins), 0)).where(FundSlot.account == Account.id)
COINS = Account.balance_coins + cast(_IN_SLOTS.correlate(Account).scalar_subquery(), BigInteger)
"""The balance of an account, also where its coins are spread."""
_AMOUNTS = select(Account.id, Account.floor_coins, COINS.label("balance_coins"), Account.held_coins)


def _amounts(db: Session, account: UUID) -> Row[UUID, int | None, int, int]:
    row = db.execute(_AMOUNTS.where(Account.id == account)).one_or_none()
    if row is None:
        raise NotFound("There is no such account.")
    return row
