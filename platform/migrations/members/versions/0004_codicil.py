"""Codicil: choices per purpose

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns
from privacy.store.append_only import append_only_ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "codicil_decision",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("text_version", sa.Integer(), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("decided_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number > 0 AND text_version > 0", name=op.f("ck_codicil_decision_numbers_from_one")),
        sa.PrimaryKeyConstraint("subject", "purpose", "number", name=op.f("pk_codicil_decision")),
    )
    for statement in append_only_ddl("codicil_decision", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("codicil_decision")
