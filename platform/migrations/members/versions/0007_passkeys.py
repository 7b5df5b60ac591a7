"""Passkeys

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "member_passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("credential_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_passkey")),
        sa.UniqueConstraint("credential_digest", name=op.f("uq_member_passkey_credential_digest")),
    )
    with op.batch_alter_table("member_passkey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_passkey_account"), ["account"], unique=False)

    op.create_table(
        "member_passkey_challenge",
        sa.Column("challenge_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("challenge_digest", name=op.f("pk_member_passkey_challenge")),
    )


def downgrade() -> None:
    op.drop_table("member_passkey_challenge")
    op.drop_table("member_passkey")
