"""First tables

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns
from privacy.store.append_only import append_only_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "payment",
    "programme_version",
    "release",
    "staff_consent",
)


def upgrade() -> None:
    op.create_table(
        "collective",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("holder", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("coin_value_cents", sa.Integer(), nullable=False),
        sa.Column("yearly_reward_max_cents", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.CheckConstraint("coin_value_cents > 0", name=op.f("ck_collective_coin_value_positive")),
        sa.CheckConstraint("yearly_reward_max_cents > 0", name=op.f("ck_collective_reward_max_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collective")),
    )
    with op.batch_alter_table("collective", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_collective_holder"), ["holder"], unique=False)

    op.create_table(
        "contract",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.Column("prepaid_per_head_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_contract_ends_after_start")),
        sa.CheckConstraint("heads > 0", name=op.f("ck_contract_heads_positive")),
        sa.CheckConstraint("prepaid_per_head_cents >= 0", name=op.f("ck_contract_prepaid_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract")),
    )
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_collective"), ["collective"], unique=False)
        batch_op.create_index(batch_op.f("ix_contract_employer"), ["employer"], unique=False)
        batch_op.create_index(
            "ix_contract_running",
            ["employer"],
            unique=True,
            sqlite_where=sa.text("ends_on IS NULL"),
            postgresql_where=sa.text("ends_on IS NULL"),
        )

    op.create_table(
        "employer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sector", sa.String(length=10), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employer")),
    )
    op.create_table(
        "headcount",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.CheckConstraint("heads > 0", name=op.f("ck_headcount_heads_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_headcount")),
    )
    with op.batch_alter_table("headcount", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_headcount_employer"), ["employer"], unique=False)
        batch_op.create_index("ix_headcount_unit_day", ["employer", "unit", "valid_from"], unique=True)
        batch_op.create_index(
            "ix_headcount_whole_day",
            ["employer", "valid_from"],
            unique=True,
            sqlite_where=sa.text("unit IS NULL"),
            postgresql_where=sa.text("unit IS NULL"),
        )

    op.create_table(
        "holder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=True),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_digest", name=op.f("uq_invitation_code_digest")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_employer"), ["employer"], unique=False)

    op.create_table(
        "payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_payment_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_payment_collective"), ["collective"], unique=False)

    op.create_table(
        "pool",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
    )
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pool_collective"), ["collective"], unique=False)

    op.create_table(
        "pool_employer",
        sa.Column("pool", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("pool", "employer", name=op.f("pk_pool_employer")),
    )
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pool_employer_employer"), ["employer"], unique=False)

    op.create_table(
        "programme_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("published_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_programme_version_version_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_version")),
        sa.UniqueConstraint("collective", "key", "version", name=op.f("uq_programme_version_collective_key_version")),
    )
    with op.batch_alter_table("programme_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_programme_version_collective"), ["collective"], unique=False)

    op.create_table(
        "release",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("statistic", sa.String(length=20), nullable=False),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("noise", sa.String(length=12), nullable=False),
        sa.Column("publishable", sa.Boolean(), nullable=False),
        sa.Column("published_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("publishable AND noise = 'opendp'", name=op.f("ck_release_publishable_only")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release")),
        sa.UniqueConstraint(
            "audience_kind",
            "audience",
            "statistic",
            "window",
            name=op.f("uq_release_audience_kind_audience_statistic_window"),
        ),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_digest", sa.LargeBinary(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("sealed_name", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=True),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.CheckConstraint("(role = 'insurer') = (holder IS NOT NULL)", name=op.f("ck_staff_holder_fits_role")),
        sa.CheckConstraint(
            "(role IN ('hr', 'payroll')) = (employer IS NOT NULL)", name=op.f("ck_staff_employer_fits_role")
        ),
        sa.CheckConstraint("role IN ('hr', 'insurer', 'payroll', 'operator')", name=op.f("ck_staff_role_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("login_digest", name=op.f("uq_staff_login_digest")),
    )
    op.create_table(
        "staff_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("body", sa.String(length=20), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_consent")),
        sa.UniqueConstraint("employer", "body", "held_on", name=op.f("uq_staff_consent_employer_body_held_on")),
    )
    with op.batch_alter_table("staff_consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_consent_employer"), ["employer"], unique=False)

    op.create_table(
        "staff_session",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_staff_session")),
    )
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_session_account"), ["account"], unique=False)

    op.create_table(
        "unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
    )
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unit_employer"), ["employer"], unique=False)

    op.create_table(
        "shared_code",
        sa.Column("invitation", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["invitation"], ["invitation.id"], name=op.f("fk_shared_code_invitation")),
        sa.PrimaryKeyConstraint("invitation", name=op.f("pk_shared_code")),
    )
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("shared_code")
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_employer"))

    op.drop_table("unit")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_session_account"))

    op.drop_table("staff_session")
    with op.batch_alter_table("staff_consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_consent_employer"))

    op.drop_table("staff_consent")
    op.drop_table("staff")
    op.drop_table("release")
    with op.batch_alter_table("programme_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_programme_version_collective"))

    op.drop_table("programme_version")
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_employer_employer"))

    op.drop_table("pool_employer")
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_collective"))

    op.drop_table("pool")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_collective"))

    op.drop_table("payment")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_employer"))

    op.drop_table("invitation")
    op.drop_table("holder")
    with op.batch_alter_table("headcount", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_headcount_whole_day", sqlite_where=sa.text("unit IS NULL"), postgresql_where=sa.text("unit IS NULL")
        )
        batch_op.drop_index("ix_headcount_unit_day")
        batch_op.drop_index(batch_op.f("ix_headcount_employer"))

    op.drop_table("headcount")
    op.drop_table("employer")
    with op.batch_alter_table("contract", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_contract_running", sqlite_where=sa.text("ends_on IS NULL"), postgresql_where=sa.text("ends_on IS NULL")
        )
        batch_op.drop_index(batch_op.f("ix_contract_employer"))
        batch_op.drop_index(batch_op.f("ix_contract_collective"))

    op.drop_table("contract")
    with op.batch_alter_table("collective", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_collective_holder"))

    op.drop_table("collective")
