"""Notes on published figures

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "release_note",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("statistic", sa.String(length=20), nullable=False),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("declared_by", sa.String(length=12), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('heads', 'contract', 'units', 'programme', 'software')", name=op.f("ck_release_note_kind")
        ),
        sa.CheckConstraint("declared_by IN ('employer', 'holder', 'operator')", name=op.f("ck_release_note_declared_by")),
        sa.PrimaryKeyConstraint(
            "audience_kind", "audience", "statistic", "window", "kind", name=op.f("pk_release_note")
        ),
    )


def downgrade() -> None:
    op.drop_table("release_note")
