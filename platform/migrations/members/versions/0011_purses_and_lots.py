"""Purses by purpose, and which lot a coin came from

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KIND = sa.Enum("free", "services", "good_cause", name="kind", native_enum=False, create_constraint=False)


def upgrade() -> None:
    """Coins that were there before pay for anything: their purses are free ones."""
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", KIND, nullable=False, server_default="free"))
        batch_op.drop_constraint("pk_purse", type_="primary")
        batch_op.create_primary_key("pk_purse", ["subject", "kind"])
        batch_op.create_check_constraint(op.f("ck_purse_kind"), "kind IN ('free', 'services', 'good_cause')")
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.alter_column("kind", server_default=None)


def downgrade() -> None:
    """Only where nobody has an earmarked purse: their coins would be nobody's."""
    with op.batch_alter_table("purse", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_purse_kind"), type_="check")
        batch_op.drop_constraint("pk_purse", type_="primary")
        batch_op.create_primary_key("pk_purse", ["subject"])
        batch_op.drop_column("kind")
