"""Terms of collectives' money, and what comes back at their end

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fund_term",
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("split", sa.String(length=120), nullable=False),
        sa.Column("back_percent", sa.Integer(), nullable=False),
        sa.CheckConstraint("closes_on > ends_on", name=op.f("ck_fund_term_closes_after_end")),
        sa.CheckConstraint("back_percent BETWEEN 0 AND 100", name=op.f("ck_fund_term_back_percent")),
        sa.PrimaryKeyConstraint("collective", name=op.f("pk_fund_term")),
    )
    op.create_table(
        "fund_statement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("back_coins", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.CheckConstraint("back_coins >= 0", name=op.f("ck_fund_statement_back")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_statement")),
        sa.UniqueConstraint(
            "collective", "payer", "payer_id", name=op.f("uq_fund_statement_collective_payer_payer_id")
        ),
    )
    op.create_index(op.f("ix_fund_statement_collective"), "fund_statement", ["collective"], unique=False)


def downgrade() -> None:
    op.drop_table("fund_statement")
    op.drop_table("fund_term")
