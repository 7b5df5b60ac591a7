"""Budgets of regions, and budgets that count one way

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LIMITS = (
    "limit_micro_rho <= CASE audience_kind WHEN 'collective' THEN 20000 WHEN 'employer' THEN 250000"
    " WHEN 'pool' THEN 250000 WHEN 'region' THEN 10000 ELSE 0 END"
)
LIMITS_BEFORE = "limit_micro_rho <= CASE audience_kind WHEN 'collective' THEN 20000 ELSE 250000 END"
WITHIN = "spent_micro_rho >= 0 AND spent_micro_rho <= limit_micro_rho"
WITHIN_BEFORE = "spent_micro_rho <= limit_micro_rho"


def upgrade() -> None:
    _checks(LIMITS, WITHIN)


def downgrade() -> None:
    _checks(LIMITS_BEFORE, WITHIN_BEFORE)


def _checks(limits: str, within: str) -> None:
    with op.batch_alter_table("release_budget_year", schema=None) as batch_op:
        for name, text in (("limit_never_raised", limits), ("within_limit", within)):
            batch_op.drop_constraint(op.f(f"ck_release_budget_year_{name}"), type_="check")
            batch_op.create_check_constraint(op.f(f"ck_release_budget_year_{name}"), text)
