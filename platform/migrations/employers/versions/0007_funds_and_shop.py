"""Payers and partners

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
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


def downgrade() -> None:
    op.drop_table("payer_terms")
