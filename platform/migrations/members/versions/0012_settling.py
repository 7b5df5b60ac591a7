"""Settling by purse, limits and marks

What employers' funds gave this year and before is counted under the yearly limit; who is above it keeps what is booked.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LIMIT_CENTS = 240_000
"""The yearly limit of every year that an installation can have settled by now."""
OPEN = sa.text("refused_coins > 0 OR owed_coins > 0 OR over_limit_coins > 0")
KEY = ["subject", "programme", "rule", "period", "fund"]


def upgrade() -> None:
    _rebuild_settlement(add=True)
    op.create_index(
        "ix_settlement_open", "settlement", ["programme", "subject"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_table(
        "yearly_earning",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("counted_cents", sa.BigInteger(), nullable=False),
        sa.Column("limit_cents", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "counted_cents >= 0 AND counted_cents <= limit_cents", name=op.f("ck_yearly_earning_limit")
        ),
        sa.PrimaryKeyConstraint("subject", "employer", "year", name=op.f("pk_yearly_earning")),
    )
    _count()
    op.create_table(
        "settling_mark",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "collective", name=op.f("pk_settling_mark")),
    )
    op.create_index(op.f("ix_settling_mark_collective"), "settling_mark", ["collective"], unique=False)
    op.create_table(
        "settled_programme",
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=60), nullable=False),
        sa.Column("terms", sa.LargeBinary(length=32), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("collective", "programme", name=op.f("pk_settled_programme")),
    )


def _rebuild_settlement(*, add: bool) -> None:
    """The purse joins the key; SQLite knows that only as another table."""
    with op.batch_alter_table("settlement", schema=None, recreate="auto") as batch_op:
        batch_op.drop_constraint(op.f("pk_settlement"), type_="primary")
        if add:
            batch_op.add_column(sa.Column("purse_kind", sa.String(length=12), nullable=False, server_default="free"))
            batch_op.add_column(sa.Column("over_limit_coins", sa.BigInteger(), nullable=False, server_default="0"))
            batch_op.add_column(sa.Column("counted_cents", sa.BigInteger(), nullable=False, server_default="0"))
            batch_op.create_check_constraint(
                op.f("ck_settlement_purse_kind"), "purse_kind IN ('free', 'services', 'good_cause')"
            )
            batch_op.create_check_constraint(
                op.f("ck_settlement_limit"), "over_limit_coins >= 0 AND counted_cents >= 0"
            )
        else:
            batch_op.drop_constraint(op.f("ck_settlement_limit"), type_="check")
            batch_op.drop_constraint(op.f("ck_settlement_purse_kind"), type_="check")
            for name in ("counted_cents", "over_limit_coins", "purse_kind"):
                batch_op.drop_column(name)
        batch_op.create_primary_key(op.f("pk_settlement"), [*KEY, "purse_kind"] if add else KEY)
    if add:
        with op.batch_alter_table("settlement", schema=None) as batch_op:
            for name in ("purse_kind", "over_limit_coins", "counted_cents"):
                batch_op.alter_column(name, server_default=None)


def _count() -> None:
    op.execute("""
        UPDATE settlement SET counted_cents = posted_coins * (
            SELECT collective.coin_value_cents FROM fund JOIN collective ON collective.id = fund.collective
            WHERE fund.account = settlement.fund
        ) WHERE fund IN (
            SELECT fund.account FROM fund JOIN collective ON collective.id = fund.collective
            WHERE fund.payer = 'employer'
        )""")
    year = (
        "CAST(strftime('%Y', earned_on) AS INTEGER)"
        if op.get_bind().dialect.name == "sqlite"
        else "CAST(EXTRACT(year FROM earned_on) AS INTEGER)"
    )
    op.execute(f"""
        INSERT INTO yearly_earning (subject, employer, year, counted_cents, limit_cents, updated_at)
        SELECT settlement.subject, fund.payer_id, {year}, SUM(settlement.counted_cents),
            CASE WHEN SUM(settlement.counted_cents) > {LIMIT_CENTS} THEN SUM(settlement.counted_cents)
            ELSE {LIMIT_CENTS} END, MAX(settlement.updated_at)
        FROM settlement JOIN fund ON fund.account = settlement.fund
        WHERE fund.payer = 'employer' GROUP BY settlement.subject, fund.payer_id, {year}
        """)  # noqa: S608 - our own words


def downgrade() -> None:
    op.drop_table("settled_programme")
    op.drop_index(op.f("ix_settling_mark_collective"), table_name="settling_mark")
    op.drop_table("settling_mark")
    op.drop_table("yearly_earning")
    op.drop_index("ix_settlement_open", table_name="settlement")
    op.execute("DELETE FROM settlement WHERE purse_kind <> 'free'")
    _rebuild_settlement(add=False)
