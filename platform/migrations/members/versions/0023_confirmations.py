"""Milestones that a third party confirms, pauses, and choices of one's own

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "confirmation_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation_batch")),
    )
    op.create_index(op.f("ix_confirmation_batch_collective"), "confirmation_batch", ["collective"], unique=False)
    op.create_table(
        "confirmation_code",
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("code_digest", name=op.f("pk_confirmation_code")),
    )
    op.create_index(op.f("ix_confirmation_code_batch"), "confirmation_code", ["batch"], unique=False)
    op.create_table(
        "confirmation",
        sa.Column("event", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("sealed_by", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_confirmation")),
    )
    op.create_index(op.f("ix_confirmation_subject"), "confirmation", ["subject"], unique=False)
    op.create_table(
        "pause",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.CheckConstraint("until_day >= from_day", name=op.f("ck_pause_ends_after_start")),
        sa.PrimaryKeyConstraint("subject", "from_day", name=op.f("pk_pause")),
    )
    op.create_table(
        "own_choice",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("value", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key", "from_day", name=op.f("pk_own_choice")),
    )


def downgrade() -> None:
    op.drop_table("own_choice")
    op.drop_table("pause")
    op.drop_table("confirmation")
    op.drop_table("confirmation_code")
    op.drop_table("confirmation_batch")
