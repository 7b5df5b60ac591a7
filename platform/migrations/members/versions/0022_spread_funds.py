"""Spread funds

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.columns import AccountId

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fund_slot",
        sa.Column("account", AccountId(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("coins >= 0", name=op.f("ck_fund_slot_coins")),
        sa.CheckConstraint("slot BETWEEN 0 AND 63", name=op.f("ck_fund_slot_slot")),
        sa.PrimaryKeyConstraint("account", "slot", name=op.f("pk_fund_slot")),
    )


def downgrade() -> None:
    """What is spread goes back to its account."""
    op.execute(
        "UPDATE ledger_account SET balance_coins = balance_coins"
        " + (SELECT coalesce(sum(coins), 0) FROM fund_slot WHERE fund_slot.account = ledger_account.id)"
    )
    op.drop_table("fund_slot")
