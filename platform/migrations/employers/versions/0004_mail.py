"""Mail on its way

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ON_ITS_WAY = "(state IN ('waiting', 'sending'))"


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'done', 'failed', 'expired', 'unknown')",
            name=op.f("ck_mail_state_known"),
        ),
        sa.CheckConstraint(f"{ON_ITS_WAY} = (sealed IS NOT NULL)", name=op.f("ck_mail_sealed_while_on_its_way")),
        sa.CheckConstraint(f"{ON_ITS_WAY} = (due_at IS NOT NULL)", name=op.f("ck_mail_due_while_on_its_way")),
        sa.CheckConstraint(f"{ON_ITS_WAY} = (expires_at IS NOT NULL)", name=op.f("ck_mail_expires_while_on_its_way")),
        sa.CheckConstraint(f"{ON_ITS_WAY} = (finished_on IS NULL)", name=op.f("ck_mail_finished_when_gone")),
        sa.CheckConstraint(
            "(state = 'sending') = (claimed_until IS NOT NULL)", name=op.f("ck_mail_claimed_while_sending")
        ),
        sa.CheckConstraint("(state = 'sending') = (owner IS NOT NULL)", name=op.f("ck_mail_owned_while_sending")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    with op.batch_alter_table("mail", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mail_state_due_at"), ["state", "due_at"], unique=False)

    op.create_table(
        "stopped_mail",
        sa.Column("address_digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("address_digest", "kind", name=op.f("pk_stopped_mail")),
    )


def downgrade() -> None:
    op.drop_table("stopped_mail")
    op.drop_table("mail")
