"""Accounts: attempts, recovery cards, private addresses and mailed codes; sessions know when they were used

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "ends_at", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_ends_at"), "attempt", ["ends_at"])
    op.create_table(
        "member_address",
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("second_step", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_member_address")),
        sa.UniqueConstraint("digest", name=op.f("uq_member_address_digest")),
    )
    op.create_table(
        "mailed_code",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.String(length=8), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("wanted IN ('sign_in', 'reset', 'address')", name=op.f("ck_mailed_code_wanted_known")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_mailed_code")),
    )
    op.create_index(op.f("ix_mailed_code_account"), "mailed_code", ["account"])
    op.create_index(op.f("ix_mailed_code_expires_at"), "mailed_code", ["expires_at"])
    op.create_table(
        "recovery_code",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_account"), "recovery_code", ["account"])
    op.execute("DELETE FROM member_session")  # everybody signs in once more: nobody knows when theirs were used
    with op.batch_alter_table("member_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("started_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False))
        batch_op.add_column(sa.Column("seen_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("member_session", schema=None) as batch_op:
        batch_op.drop_column("seen_at")
        batch_op.drop_column("started_at")
    op.drop_table("recovery_code")
    op.drop_table("mailed_code")
    op.drop_table("member_address")
    op.drop_table("attempt")
