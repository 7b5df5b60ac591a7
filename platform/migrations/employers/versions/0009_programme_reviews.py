"""Independent reviews of rewards

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programme_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("rewards", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reviewer", sa.String(length=200), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_review")),
    )
    op.create_index(op.f("ix_programme_review_collective"), "programme_review", ["collective"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_programme_review_collective"), table_name="programme_review")
    op.drop_table("programme_review")
