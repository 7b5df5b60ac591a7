"""Row owners: what the database itself refuses within the members' store

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from privacy.store.policies import make_functions

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """On PostgreSQL the schema that policies ask. The policies themselves follow the models: each upgrade ends with
    ``privacy.store.policies.apply_policies``, so that a new table has its policy too."""
    if op.get_bind().dialect.name == "postgresql":
        make_functions(op.get_bind())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SCHEMA vitaal_wall CASCADE")
