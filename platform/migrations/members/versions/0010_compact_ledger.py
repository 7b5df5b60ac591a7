"""Compact ids and months on the ledger

Ids of accounts and transfers become 16 bytes on SQLite; a transfer gets the month of its event, by which the table lies
in parts on PostgreSQL. All that was booked is carried over with the seals that close it.

Revision ID: 0010
Revises: 0009
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

from incentives.references import month_of
from incentives.server import make_first_months, make_functions
from privacy.store.append_only import append_only_ddl, drop_append_only_ddl
from privacy.store.columns import AccountId, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IDS = {
    "ledger_account": ["id"],
    "ledger_hold": ["id", "account"],
    "purse": ["account"],
    "fund": ["account"],
    "settlement": ["fund"],
    "shop_item": ["account"],
    "shop_order": ["transfer"],
}
"""Columns with ids of accounts and transfers, besides the transfers themselves."""
CODES = ("payment", "award", "correction", "spend", "donation", "refund", "expiry", "write_off", "payout")
_COLUMNS = "amount_coins, booked_at, batch, month, id, debit, credit, group_id, code, cause"


def upgrade() -> None:
    """Seals of before close one batch each, of their own number, and were made row by row."""
    for statement in drop_append_only_ddl("ledger_seal", op.get_bind().dialect.name):
        op.execute(statement)
    with op.batch_alter_table("ledger_seal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("upto", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("form", sa.SmallInteger(), nullable=True))
    op.execute("UPDATE ledger_seal SET upto = sequence, form = 1")
    with op.batch_alter_table("ledger_seal", schema=None) as batch_op:
        batch_op.alter_column("upto", nullable=False, existing_type=sa.BigInteger())
        batch_op.alter_column("form", nullable=False, existing_type=sa.SmallInteger())
    for statement in append_only_ddl("ledger_seal", op.get_bind().dialect.name):
        op.get_bind().exec_driver_sql(statement.replace("%", "%%"))
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite(op.get_bind())
    else:
        _upgrade_postgresql(op.get_bind())


def _upgrade_sqlite(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("vitaal_bytes", 1, _bytes)
    driver.create_function("vitaal_month", 1, _month)
    for trigger in _triggers(connection):  # those of the erased too: the ids of their rows change form as all do
        op.execute(f"DROP TRIGGER {trigger}")
    for table, columns in IDS.items():
        changes = ", ".join(f"{column} = vitaal_bytes({column})" for column in columns)
        op.execute(f"UPDATE {table} SET {changes}")  # noqa: S608 - our names
        with op.batch_alter_table(table, schema=None, recreate="always") as batch_op:
            for column in columns:
                batch_op.alter_column(column, existing_type=sa.Uuid(), type_=AccountId(), existing_nullable=False)
    op.execute("ALTER TABLE ledger_transfer RENAME TO ledger_transfer_before")
    op.execute("DROP INDEX ix_ledger_transfer_debit_id")
    op.execute("DROP INDEX ix_ledger_transfer_credit_id")
    _create_transfers()
    op.execute(
        f"INSERT INTO ledger_transfer ({_COLUMNS}) SELECT amount_coins, booked_at, seal, vitaal_month(id),"  # noqa: S608
        " vitaal_bytes(id), vitaal_bytes(debit), vitaal_bytes(credit), vitaal_bytes(group_id), code, cause"
        " FROM ledger_transfer_before ORDER BY seal, id"
    )
    op.execute("DROP TABLE ledger_transfer_before")
    for statement in append_only_ddl("ledger_transfer", "sqlite"):
        op.execute(statement)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _month(text: str) -> int:
    return month_of(UUID(text))


def _triggers(connection: sa.Connection) -> list[str]:
    """Triggers on what is rebuilt; every upgrade ends with those that the models ask for."""
    found = sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN :tables")
    wanted = found.bindparams(sa.bindparam("tables", expanding=True))
    return list(connection.execute(wanted, {"tables": [*IDS, "ledger_transfer"]}).scalars())


def _upgrade_postgresql(connection: sa.Connection) -> None:
    for statement in drop_append_only_ddl("ledger_transfer", "postgresql"):
        op.execute(statement)
    op.execute("ALTER TABLE ledger_transfer RENAME TO ledger_transfer_before")
    op.execute("DROP INDEX ix_ledger_transfer_debit_id")
    op.execute("DROP INDEX ix_ledger_transfer_credit_id")
    op.execute("ALTER TABLE ledger_transfer_before DROP CONSTRAINT pk_ledger_transfer")
    _create_transfers()
    make_functions(connection)
    make_first_months(connection)
    op.execute(
        f"INSERT INTO ledger_transfer ({_COLUMNS}) SELECT amount_coins, booked_at, seal,"  # noqa: S608
        " vitaal_wall.ledger_month(id), id, debit, credit, group_id, code, cause"
        " FROM ledger_transfer_before ORDER BY seal, id"
    )
    op.execute("DROP TABLE ledger_transfer_before")
    for statement in append_only_ddl("ledger_transfer", "postgresql"):
        connection.exec_driver_sql(statement.replace("%", "%%"))


def _create_transfers() -> None:
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
        sa.Column("code", sa.Enum(*CODES, name="code", native_enum=False, create_constraint=True), nullable=False),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.CheckConstraint("amount_coins BETWEEN 1 AND 1000000000000000", name=op.f("ck_ledger_transfer_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_transfer_sides")),
        sa.PrimaryKeyConstraint("id", "month", name=op.f("pk_ledger_transfer")),
        postgresql_partition_by="RANGE (month)",
    )
    op.create_index(op.f("ix_ledger_transfer_debit"), "ledger_transfer", ["debit"], unique=False)
    op.create_index(op.f("ix_ledger_transfer_credit"), "ledger_transfer", ["credit"], unique=False)


def downgrade() -> None:
    raise CommandError("What was booked since cannot be sealed anew: bring back the backup from before.")
