"""Lighter keys and checks on the ledger

On PostgreSQL each part of the transfers has the id alone for its key: the month follows from it. On SQLite the check of
the code asks for the commonest first, and the number of a seal is the number of its row. Takes as long as copying the
transfers or making their key anew.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

from incentives.server import PARTS
from privacy.store.append_only import drop_append_only_ddl
from privacy.store.columns import AccountId, UtcDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_TRANSFER = "amount_coins, booked_at, batch, month, id, debit, credit, group_id, code, cause"
_SEAL = "sequence, previous, digest, transfers, booked_at, upto, form"
_OLD_CODES = (
    "code IN ('payment', 'award', 'correction', 'spend', 'donation', 'refund', 'expiry', 'write_off', 'payout')"
)
_CODES = (
    "code = 'award' OR code IN"
    " ('payment', 'correction', 'spend', 'donation', 'refund', 'expiry', 'write_off', 'payout')"
)


def upgrade() -> None:
    """Every upgrade ends with the triggers that the models ask for."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(_CODES, lighter=True)
        return
    op.drop_constraint(op.f("uq_ledger_seal_digest"), "ledger_seal", type_="unique")
    op.drop_constraint(op.f("ck_ledger_transfer_code"), "ledger_transfer", type_="check")
    op.create_check_constraint(op.f("ck_ledger_transfer_code"), "ledger_transfer", _CODES)
    op.drop_constraint(op.f("pk_ledger_transfer"), "ledger_transfer", type_="primary")
    for part in _parts():
        op.execute(f'ALTER TABLE {PARTS}."{part}" ADD PRIMARY KEY (id)')


def downgrade() -> None:
    """As it was."""
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(_OLD_CODES, lighter=False)
        return
    for part in _parts():
        op.execute(f'ALTER TABLE {PARTS}."{part}" DROP CONSTRAINT "{part}_pkey"')
    op.create_primary_key(op.f("pk_ledger_transfer"), "ledger_transfer", ["id", "month"])
    op.drop_constraint(op.f("ck_ledger_transfer_code"), "ledger_transfer", type_="check")
    op.create_check_constraint(op.f("ck_ledger_transfer_code"), "ledger_transfer", _OLD_CODES)
    op.create_unique_constraint(op.f("uq_ledger_seal_digest"), "ledger_seal", ["digest"])


def _parts() -> list[str]:
    found = sa.text(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'public.ledger_transfer'::regclass"
    )
    return list(op.get_bind().execute(found).scalars())


def _rebuild(codes: str, *, lighter: bool) -> None:
    for table in ("ledger_transfer", "ledger_seal"):
        for statement in drop_append_only_ddl(table, "sqlite"):
            op.execute(statement)
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
    op.execute("DROP INDEX ix_ledger_transfer_debit")
    op.execute("DROP INDEX ix_ledger_transfer_credit")
    op.create_table(
        "ledger_transfer",
        sa.Column("amount_coins", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("id", AccountId(), nullable=False),
        sa.Column("debit", AccountId(), nullable=False),
        sa.Column("credit", AccountId(), nullable=False),
        sa.Column("group_id", AccountId(), nullable=True),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.CheckConstraint("amount_coins BETWEEN 1 AND 1000000000000000", name=op.f("ck_ledger_transfer_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_transfer_sides")),
        sa.CheckConstraint(codes, name=op.f("ck_ledger_transfer_code")),
        sa.PrimaryKeyConstraint("id", "month", name=op.f("pk_ledger_transfer")),
    )
    op.create_table(
        "ledger_seal",
        sa.Column("sequence", sa.Integer() if lighter else sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("transfers > 0", name=op.f("ck_ledger_seal_transfers")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_ledger_seal")),
        *(() if lighter else [sa.UniqueConstraint("digest", name=op.f("uq_ledger_seal_digest"))]),
    )
    for table, columns, order in (("ledger_transfer", _TRANSFER, "rowid"), ("ledger_seal", _SEAL, "sequence")):
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_before ORDER BY {order}")  # noqa: S608
        op.execute(f"DROP TABLE {table}_before")
    op.create_index(op.f("ix_ledger_transfer_debit"), "ledger_transfer", ["debit"])
    op.create_index(op.f("ix_ledger_transfer_credit"), "ledger_transfer", ["credit"])
