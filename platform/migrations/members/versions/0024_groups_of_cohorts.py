"""Groups of cohorts: departments or sites that are reported on by

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.append_only import append_only_ddl

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Cohorts of before say nothing of units, and have no groups frozen with them: no report by group counts them.
    op.add_column("release_cohort_member", sa.Column("unit", sa.Uuid(), nullable=True))
    op.create_table(
        "release_cohort_unit",
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.String(length=7), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.CheckConstraint("heads > 0", name=op.f("ck_release_cohort_unit_heads_positive")),
        sa.PrimaryKeyConstraint("employer", "quarter", "unit", name=op.f("pk_release_cohort_unit")),
    )
    for statement in append_only_ddl("release_cohort_unit", op.get_bind().dialect.name):
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.drop_table("release_cohort_unit")
    op.drop_column("release_cohort_member", "unit")
