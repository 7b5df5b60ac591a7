"""Statements for payroll

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wkr_statement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_wkr_statement_number_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wkr_statement")),
        sa.UniqueConstraint("employer", "year", "number", name=op.f("uq_wkr_statement_employer_year_number")),
    )
    op.create_index(op.f("ix_wkr_statement_employer"), "wkr_statement", ["employer"])


def downgrade() -> None:
    op.drop_table("wkr_statement")
