"""What each audience may be told, staff's consent to it, and regions

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.columns import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audience_policy",
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("published_at", UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_audience_policy_version_from_one")),
        sa.PrimaryKeyConstraint("collective", "version", name=op.f("pk_audience_policy")),
    )
    op.create_index(op.f("ix_audience_policy_digest"), "audience_policy", ["digest"], unique=False)
    op.create_table(
        "policy_consent",
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("body", sa.String(length=20), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("employer", "policy", name=op.f("pk_policy_consent")),
    )
    op.create_table(
        "region",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("name", name=op.f("uq_region_name")),
    )
    op.create_index(op.f("ix_region_holder"), "region", ["holder"], unique=False)
    op.create_table(
        "region_employer",
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("region", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("employer", "year", name=op.f("pk_region_employer")),
    )
    op.create_index(op.f("ix_region_employer_region"), "region_employer", ["region"], unique=False)


def downgrade() -> None:
    for table in ("region_employer", "region", "policy_consent", "audience_policy"):
        op.drop_table(table)
