"""Access log: who looked, and support by grant

Revision ID: 0005
Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import privacy.store.columns
from privacy.store.append_only import append_only_ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APPEND_ONLY = ("access_log", "access_round", "access_seal")


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        *_acted(),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_access_log")),
    )
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_access_log_subject"), ["subject"], unique=False)

    op.create_table(
        "access_round",
        sa.Column("up_to", sa.BigInteger(), nullable=True),
        *_acted(),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_access_round")),
    )
    op.create_table(
        "access_seal",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_access_seal")),
        sa.UniqueConstraint("digest", name=op.f("uq_access_seal_digest")),
    )
    op.create_table(
        "support_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("topic", sa.String(length=12), nullable=False),
        sa.Column("health", sa.Boolean(), nullable=False),
        sa.Column("made_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_subject", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("ends_at > made_at", name=op.f("ck_support_grant_ends_after_start")),
        sa.CheckConstraint(
            "topic IN ('account', 'imports', 'coins', 'programmes')", name=op.f("ck_support_grant_topic_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_grant")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_support_grant_code_digest")),
    )
    with op.batch_alter_table("support_grant", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_support_grant_account"), ["account"], unique=False)

    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, op.get_bind().dialect.name):
            op.execute(statement)


def _acted() -> "tuple[sa.Column[Any], ...]":
    return (
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("actor", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(length=60), nullable=True),
        sa.Column("organisation", sa.Uuid(), nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("support_grant")
    for table in reversed(APPEND_ONLY):
        op.drop_table(table)
