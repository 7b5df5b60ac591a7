"""Pools by sector, region and size

Revision ID: 0016
Revises: 0015
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = (
    lambda: sa.Column("formed_on", sa.Date(), nullable=False, server_default="2026-01-01"),
    lambda: sa.Column("sectors", sa.String(length=400), nullable=False, server_default=""),
    lambda: sa.Column("regions", sa.String(length=400), nullable=False, server_default=""),
    lambda: sa.Column("size", sa.String(length=5), nullable=False, server_default="1-24"),
    lambda: sa.Column("employers", sa.Integer(), nullable=False, server_default="0"),
    lambda: sa.Column("heads", sa.Integer(), nullable=False, server_default="0"),
)


def upgrade() -> None:
    with op.batch_alter_table("pool", schema=None) as batch_op:
        for column in COLUMNS:
            batch_op.add_column(column())
        batch_op.alter_column("collective", existing_type=sa.Uuid(), nullable=True)
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.add_column(sa.Column("year", sa.Integer(), nullable=False, server_default="0"))
    _fill()
    with op.batch_alter_table("pool", schema=None) as batch_op:
        for column in COLUMNS:
            batch_op.alter_column(column().name, server_default=None)
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.alter_column("year", server_default=None)
        batch_op.drop_index(op.f("ix_pool_employer_employer"))
        batch_op.create_index("ix_pool_employer_year", ["employer", "year"], unique=True)


def _fill() -> None:
    """Pools of before were a collective's small employers, whatever they do: of these only size and number are said."""
    pool = sa.table("pool", *map(sa.column, ("id", "heads", "employers", "year")), sa.column("formed_on", sa.Date()))
    inside = sa.table("pool_employer", *map(sa.column, ("pool", "employer", "year")))
    db = op.get_bind()
    for each in db.execute(sa.select(pool.c.id, pool.c.year)).all():
        employers = db.scalar(sa.select(sa.func.count()).select_from(inside).where(inside.c.pool == each.id))
        values = {"formed_on": date(each.year, 1, 1), "employers": employers, "heads": _heads(db, each.id)}
        db.execute(sa.update(pool).where(pool.c.id == each.id).values(values))
        db.execute(sa.update(inside).where(inside.c.pool == each.id).values(year=each.year))


def _heads(db: sa.Connection, pool: object) -> int:
    inside = sa.table("pool_employer", *map(sa.column, ("pool", "employer")))
    headcount = sa.table("headcount", *map(sa.column, ("employer", "unit", "heads")), sa.column("valid_from", sa.Date()))
    rows = db.execute(
        sa.select(headcount.c.employer, headcount.c.heads)
        .join(inside, inside.c.employer == headcount.c.employer)
        .where(inside.c.pool == pool, headcount.c.unit.is_(None))
        .order_by(headcount.c.valid_from)
    )
    return sum({each.employer: each.heads for each in rows}.values())


def downgrade() -> None:
    """Only where no pool spans collectives."""
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.drop_index("ix_pool_employer_year")
        batch_op.create_index(op.f("ix_pool_employer_employer"), ["employer"], unique=False)
        batch_op.drop_column("year")
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.alter_column("collective", existing_type=sa.Uuid(), nullable=False)
        for column in COLUMNS:
            batch_op.drop_column(column().name)
