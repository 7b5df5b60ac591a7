"""Purses by purpose, and which lot a coin came from

What left a purse before is paired with its lots as it would be today: corrections with their own fund's, the rest with
the oldest.

Revision ID: 0011
Revises: 0010
"""

from collections import defaultdict
from uuid import UUID

import sqlalchemy as sa
from alembic import op

from privacy.store.columns import AccountId, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KIND = sa.Enum("free", "services", "good_cause", name="kind", native_enum=False, create_constraint=False)


def upgrade() -> None:
    """Coins that were there before pay for anything: their purses are free ones."""
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", KIND, nullable=False, server_default="free"))
        batch_op.drop_constraint("pk_purse", type_="primary")
        batch_op.create_primary_key("pk_purse", ["subject", "kind"])
        batch_op.create_check_constraint(op.f("ck_purse_kind"), "kind IN ('free', 'services', 'good_cause')")
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.alter_column("kind", server_default=None)
    op.create_table(
        "ledger_pairing",
        sa.Column("transfer", AccountId(), nullable=False),
        sa.Column("fund", AccountId(), nullable=False),
        sa.Column("month", sa.SmallInteger(), nullable=False),
        sa.Column("account", AccountId(), nullable=False),
        sa.Column("amount_coins", sa.BigInteger(), nullable=False),
        sa.Column("refund_of", AccountId(), nullable=True),
        sa.Column("booked_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_coins <> 0 AND (amount_coins < 0) = (refund_of IS NOT NULL)",
            name=op.f("ck_ledger_pairing_amount"),
        ),
        sa.PrimaryKeyConstraint("transfer", "fund", "month", name=op.f("pk_ledger_pairing")),
    )
    for column in ("account", "refund_of"):
        op.create_index(op.f(f"ix_ledger_pairing_{column}"), "ledger_pairing", [column])
    op.create_table(
        "coin_term",
        sa.Column("fund", AccountId(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("free", "services", "good_cause", name="kind", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.CheckConstraint("months IS NULL OR months BETWEEN 1 AND 240", name=op.f("ck_coin_term_months")),
        sa.CheckConstraint(
            "ends_on IS NULL OR (kind <> 'free' AND ends_on >= since)", name=op.f("ck_coin_term_ends_on")
        ),
        sa.PrimaryKeyConstraint("fund", "kind", "since", name=op.f("pk_coin_term")),
    )
    pair_history(op.get_bind())


PURSE = sa.table("purse", sa.column("account", AccountId()))
TRANSFER = sa.table(
    "ledger_transfer",
    *(sa.column(name, AccountId()) for name in ("id", "debit", "credit")),
    *(sa.column(name, sa.BigInteger()) for name in ("amount_coins", "month")),
    sa.column("code", sa.String()),
    sa.column("booked_at", UtcDateTime()),
)
PAIRING = sa.table(
    "ledger_pairing",
    *(sa.column(name, AccountId()) for name in ("transfer", "fund", "account")),
    *(sa.column(name, sa.BigInteger()) for name in ("month", "amount_coins")),
    sa.column("booked_at", UtcDateTime()),
)
PURSES_AT_A_TIME = 500


def pair_history(connection: sa.Connection) -> None:
    """Pair every transfer that left a purse."""
    purses = sorted(connection.scalars(sa.select(PURSE.c.account)))
    for start in range(0, len(purses), PURSES_AT_A_TIME):
        chunk = purses[start : start + PURSES_AT_A_TIME]
        left: defaultdict[UUID, defaultdict[tuple[int, UUID], int]] = defaultdict(lambda: defaultdict(int))
        for row in connection.execute(sa.select(TRANSFER).where(TRANSFER.c.credit.in_(chunk))):
            month = row.month or (row.booked_at.year - 1970) * 12 + row.booked_at.month - 1
            left[row.credit][month, row.debit] += row.amount_coins
        gone = connection.execute(sa.select(TRANSFER).where(TRANSFER.c.debit.in_(chunk))).all()
        pairings: list[dict[str, object]] = []
        for row in sorted(gone, key=lambda row: (row.code != "correction", row.booked_at, row.id)):
            pairings += _paired(row, left[row.debit])
        if pairings:
            connection.execute(sa.insert(PAIRING), pairings)


def _paired(row: sa.Row[tuple[object, ...]], left: dict[tuple[int, UUID], int]) -> list[dict[str, object]]:
    missing, pairings = row.amount_coins, list[dict[str, object]]()
    for month, fund in sorted(left):
        if row.code == "correction" and fund != row.credit:
            continue
        if coins := min(left[month, fund], missing):
            left[month, fund] -= coins
            missing -= coins
            lot = {"fund": fund, "month": month, "amount_coins": coins}
            pairings.append({"transfer": row.id, "account": row.debit, "booked_at": row.booked_at, **lot})
    return pairings


def downgrade() -> None:
    """Only where nobody has an earmarked purse: their coins would be nobody's."""
    op.drop_table("coin_term")
    op.drop_table("ledger_pairing")
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_purse_kind"), type_="check")
        batch_op.drop_constraint("pk_purse", type_="primary")
        batch_op.create_primary_key("pk_purse", ["subject"])
        batch_op.drop_column("kind")
