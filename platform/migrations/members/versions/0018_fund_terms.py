"""Terms of collectives' money, as copied

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
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


def downgrade() -> None:
    op.drop_table("fund_term")
