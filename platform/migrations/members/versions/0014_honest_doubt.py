"""Records held back, appeals, and bounds on joining and inviting

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.append_only import append_only_ddl

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

APPEND_ONLY = ("counted_run", "held_step", "referral")
_TOPICS = "topic IN ('account', 'imports', 'coins', 'programmes'"


def upgrade() -> None:
    op.create_table(
        "counted_run",
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mark", sa.LargeBinary(length=16), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_counted_run")),
    )
    op.create_table(
        "held_step",
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("item", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_held_step_number_positive")),
        sa.PrimaryKeyConstraint("account", "item", "number", name=op.f("pk_held_step")),
    )
    op.create_table(
        "joined",
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("employer", "month", name=op.f("pk_joined")),
    )
    op.create_table(
        "referral_code",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_referral_code")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_referral_code_code_digest")),
    )
    op.create_table(
        "referral",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("entered_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_referral")),
    )
    op.create_index(op.f("ix_referral_code_digest"), "referral", ["code_digest"])
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, op.get_bind().dialect.name):
            op.execute(statement)
    _topics(f"{_TOPICS}, 'held')")


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM support_grant WHERE topic = 'held'"))
    _topics(f"{_TOPICS})")
    op.drop_index(op.f("ix_referral_code_digest"), table_name="referral")
    for table in (*reversed(APPEND_ONLY), "referral_code", "joined"):
        op.drop_table(table)


def _topics(known: str) -> None:
    with op.batch_alter_table("support_grant", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_support_grant_topic_known"), type_="check")
        batch_op.create_check_constraint(op.f("ck_support_grant_topic_known"), known)
