"""Erasure: what may leave append-only tables

The triggers that refuse rows of who was erased, and those that let the erased's rows and old ones go, follow the
models: each upgrade ends with ``privacy.store.append_only.apply_guards``.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.append_only import append_only_ddl

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPEND_ONLY = ("erased", "erasure_applied", "retention_line", "record_fingerprint")


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("erased_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased")),
    )
    op.create_table(
        "erasure_applied",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_erasure_applied")),
    )
    op.create_table(
        "record_fingerprint",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("record_key", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "record_key", "content", name=op.f("pk_record_fingerprint")),
    )
    op.create_table(
        "retention_line",
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("before_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("category", "before_day", name=op.f("pk_retention_line")),
    )
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    """Triggers of other tables that ask these go first."""
    bind = op.get_bind()
    for table in sa.inspect(bind).get_table_names():
        for name in ("not_of_erased", "not_to_erased", "may_go"):
            on = f" ON {table}" if bind.dialect.name == "postgresql" else ""
            op.execute(f"DROP TRIGGER IF EXISTS {table}_{name}{on}")
    for table in reversed(APPEND_ONLY):
        op.drop_table(table)
