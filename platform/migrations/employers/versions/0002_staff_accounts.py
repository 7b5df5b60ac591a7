"""Staff accounts: invitations, passkeys, sign-in by the organisation's own provider, attempts

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "ends_at", name=op.f("pk_attempt")),
    )
    op.create_index(op.f("ix_attempt_ends_at"), "attempt", ["ends_at"])
    _upgrade_accounts()
    op.create_table(
        "staff_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=True),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=True),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("made_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("first", sa.Boolean(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(role IN ('hr', 'payroll')) = (employer IS NOT NULL)", name=op.f("ck_staff_link_employer_fits_role")
        ),
        sa.CheckConstraint("(role = 'insurer') = (holder IS NOT NULL)", name=op.f("ck_staff_link_holder_fits_role")),
        sa.CheckConstraint(
            "first IS NULL OR (first AND role = 'operator')", name=op.f("ck_staff_link_first_is_operator")
        ),
        sa.CheckConstraint("role IN ('hr', 'insurer', 'payroll', 'operator')", name=op.f("ck_staff_link_role_known")),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_staff_link")),
        sa.UniqueConstraint("first", name=op.f("uq_staff_link_first")),
        sa.UniqueConstraint("id", name=op.f("uq_staff_link_id")),
    )
    with op.batch_alter_table("staff_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_link_invited_by"), ["invited_by"], unique=False)

    op.create_table(
        "staff_waiting",
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_staff_waiting")),
    )
    with op.batch_alter_table("staff_waiting", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_waiting_account"), ["account"], unique=False)

    op.create_table(
        "staff_recovery_code",
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("code_digest", name=op.f("pk_staff_recovery_code")),
    )
    with op.batch_alter_table("staff_recovery_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_recovery_code_account"), ["account"], unique=False)

    _upgrade_passkeys()
    _upgrade_providers()


def _upgrade_accounts() -> None:
    op.execute("DELETE FROM staff_session")  # everybody signs in anew: since when a session is used was not kept
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        for name in ("started_at", "seen_at"):
            batch_op.add_column(sa.Column(name, privacy.store.columns.UtcDateTime(timezone=True), nullable=False))
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sealed_address", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column("ended_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=True)
        )
        batch_op.alter_column("login_digest", existing_type=sa.LargeBinary(), nullable=True)
        batch_op.alter_column("password_hash", existing_type=sa.String(length=200), nullable=True)
        batch_op.create_check_constraint(
            batch_op.f("ck_staff_ended_is_empty"),
            "ended_at IS NULL OR (login_digest IS NULL AND password_hash IS NULL AND sealed_address IS NULL)",
        )


def _upgrade_passkeys() -> None:
    op.create_table(
        "staff_passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("credential_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_passkey")),
        sa.UniqueConstraint("credential_digest", name=op.f("uq_staff_passkey_credential_digest")),
    )
    with op.batch_alter_table("staff_passkey", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_passkey_account"), ["account"], unique=False)

    op.create_table(
        "staff_passkey_challenge",
        sa.Column("challenge_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=True),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("challenge_digest", name=op.f("pk_staff_passkey_challenge")),
    )


def _upgrade_providers() -> None:
    op.create_table(
        "staff_provider",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=300), nullable=False),
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=True),
        sa.Column("holder", sa.Uuid(), nullable=True),
        sa.Column("made_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(employer IS NULL) <> (holder IS NULL)", name=op.f("ck_staff_provider_of_one_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_provider")),
        sa.UniqueConstraint("slug", name=op.f("uq_staff_provider_slug")),
    )
    op.create_table(
        "staff_identity",
        sa.Column("identity_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("identity_digest", name=op.f("pk_staff_identity")),
    )
    with op.batch_alter_table("staff_identity", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_identity_account"), ["account"], unique=False)

    op.create_table(
        "staff_provider_round",
        sa.Column("provider", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_staff_provider_round")),
    )


def downgrade() -> None:
    for name in (
        "staff_provider_round",
        "staff_identity",
        "staff_provider",
        "staff_passkey_challenge",
        "staff_passkey",
        "staff_recovery_code",
        "staff_waiting",
        "staff_link",
        "attempt",
    ):
        op.drop_table(name)
    op.execute("DELETE FROM staff WHERE login_digest IS NULL OR password_hash IS NULL")
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_staff_ended_is_empty"), type_="check")
        batch_op.alter_column("password_hash", existing_type=sa.String(length=200), nullable=False)
        batch_op.alter_column("login_digest", existing_type=sa.LargeBinary(), nullable=False)
        batch_op.drop_column("ended_at")
        batch_op.drop_column("sealed_address")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        for name in ("seen_at", "started_at"):
            batch_op.drop_column(name)
