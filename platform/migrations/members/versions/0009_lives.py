"""A member's life: several employers over time

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
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issued_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("seat", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("ends_on", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_invitation_seat"), ["seat"], unique=False)

    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ended_by", sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column("counts_from", sa.Date(), nullable=True))
        batch_op.create_index(
            "ix_membership_running",
            ["subject", "employer"],
            unique=True,
            sqlite_where=sa.text("ends_on IS NULL"),
            postgresql_where=sa.text("ends_on IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index("ix_membership_running")
        batch_op.drop_column("counts_from")
        batch_op.drop_column("ended_by")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_seat"))
        batch_op.drop_column("ends_on")
        batch_op.drop_column("seat")
        batch_op.drop_column("issued_on")
