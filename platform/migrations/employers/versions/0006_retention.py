"""Retention: from which day on rows are kept

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.append_only import append_only_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retention_line",
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("before_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("category", "before_day", name=op.f("pk_retention_line")),
    )
    for statement in append_only_ddl("retention_line", op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("retention_line")
