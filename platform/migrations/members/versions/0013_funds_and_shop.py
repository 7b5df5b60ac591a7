"""Funds with caps, a shop with labels, refunds and partners

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.columns import AccountId

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payers()


def _payers() -> None:
    op.create_table(
        "payer_terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("yearly_cents", sa.BigInteger(), nullable=False),
        sa.Column("cap_every", sa.String(length=5), nullable=True),
        sa.Column("cap_coins", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("weight BETWEEN 1 AND 1000", name=op.f("ck_payer_terms_weight")),
        sa.CheckConstraint("yearly_cents >= 0", name=op.f("ck_payer_terms_yearly")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_payer_terms_ends_after_start")),
        sa.CheckConstraint("(cap_every IS NULL) = (cap_coins IS NULL)", name=op.f("ck_payer_terms_cap")),
        sa.CheckConstraint("cap_coins IS NULL OR cap_coins >= 0", name=op.f("ck_payer_terms_cap_coins")),
        sa.CheckConstraint(
            "cap_every IS NULL OR cap_every IN ('month', 'year', 'total')", name=op.f("ck_payer_terms_cap_every")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_terms")),
        sa.UniqueConstraint(
            "collective", "payer", "payer_id", name=op.f("uq_payer_terms_collective_payer_payer_id")
        ),
    )
    op.create_index(op.f("ix_payer_terms_collective"), "payer_terms", ["collective"], unique=False)
    op.create_table(
        "fund_counter",
        sa.Column("fund", AccountId(), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("drawn_coins", sa.BigInteger(), nullable=False),
        sa.Column("cap_coins", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("drawn_coins <= cap_coins", name=op.f("ck_fund_counter_cap")),
        sa.PrimaryKeyConstraint("fund", "programme", "period", name=op.f("pk_fund_counter")),
    )
    with op.batch_alter_table("fund", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_fund_payer"), type_="check")
        batch_op.create_check_constraint(op.f("ck_fund_payer"), f"payer IN ({_PAYERS})")


_PAYERS = "'employer', 'insurer', 'municipality', 'region', 'other'"


def downgrade() -> None:
    with op.batch_alter_table("fund", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_fund_payer"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_fund_payer"), "payer IN ('employer', 'insurer', 'municipality', 'other')"
        )
    op.drop_table("fund_counter")
    op.drop_table("payer_terms")
