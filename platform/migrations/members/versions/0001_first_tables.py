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
    "event",
    "import_batch",
    "ledger_seal",
    "ledger_transfer",
    "noisy_value",
    "observation",
    "reach_increment",
    "reach_mark",
    "release_budget",
    "release_cohort",
    "release_cohort_member",
    "release_outbox",
    "release_scope_year",
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
        "day_metric",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("metric", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.CheckConstraint("value >= 0", name=op.f("ck_day_metric_value")),
        sa.PrimaryKeyConstraint("subject", "day", "metric", name=op.f("pk_day_metric")),
    )
    with op.batch_alter_table("day_metric", schema=None) as batch_op:
        batch_op.create_index("ix_day_metric_day", ["day"], unique=False)

    op.create_table(
        "employer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("sector", sa.String(length=10), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employer")),
    )
    op.create_table(
        "enrolment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=60), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name=op.f("ck_enrolment_ended_after_start")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolment")),
    )
    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enrolment_collective"), ["collective"], unique=False)
        batch_op.create_index(
            "ix_enrolment_running",
            ["subject", "collective", "programme"],
            unique=True,
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_enrolment_subject"), ["subject"], unique=False)

    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("offset_s", sa.Integer(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("reference", sa.Uuid(), nullable=False),
        sa.Column("once_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("subject", "kind", "once_on", name=op.f("uq_event_subject_kind_once_on")),
        sa.UniqueConstraint("subject", "reference", name=op.f("uq_event_subject_reference")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_subject_local_day", ["subject", "local_day"], unique=False)

    op.create_table(
        "fund",
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column(
            "payer",
            sa.Enum(
                "employer", "insurer", "municipality", "other", name="payer", native_enum=False, create_constraint=True
            ),
            nullable=False,
        ),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_fund")),
        sa.UniqueConstraint("collective", "payer", "payer_id", name=op.f("uq_fund_collective_payer_payer_id")),
    )
    op.create_table(
        "goal",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.String(length=40), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.CheckConstraint("value > 0", name=op.f("ck_goal_value_positive")),
        sa.PrimaryKeyConstraint("subject", "metric", "from_day", name=op.f("pk_goal")),
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
        "import_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("received_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_batch_subject"), ["subject"], unique=False)

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
        "job_run",
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("lease_until", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job", "period", name=op.f("pk_job_run")),
    )
    op.create_table(
        "jobs_start",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("since", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs_start")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "outside",
                "fund",
                "purse",
                "shop_clearing",
                "partner",
                "charity",
                "expiry",
                "write_off",
                name="kind",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("owner", sa.Uuid(), nullable=True),
        sa.Column("floor_coins", sa.BigInteger(), nullable=True),
        sa.Column("balance_coins", sa.BigInteger(), nullable=False),
        sa.Column("held_coins", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(kind = 'outside') = (floor_coins IS NULL)", name=op.f("ck_ledger_account_floor_kind")),
        sa.CheckConstraint(
            "balance_coins BETWEEN -4000000000000000000 AND 4000000000000000000", name=op.f("ck_ledger_account_balance")
        ),
        sa.CheckConstraint(
            "floor_coins IS NULL OR balance_coins - held_coins >= floor_coins", name=op.f("ck_ledger_account_floor")
        ),
        sa.CheckConstraint("held_coins >= 0", name=op.f("ck_ledger_account_held")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("kind", "owner", name=op.f("uq_ledger_account_kind_owner")),
    )
    op.create_table(
        "ledger_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("amount_coins", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("open", "posted", "void", name="state", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("held_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_coins > 0", name=op.f("ck_ledger_hold_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_hold")),
    )
    with op.batch_alter_table("ledger_hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_hold_account_state"), ["account", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_hold_state_expires_at"), ["state", "expires_at"], unique=False)

    op.create_table(
        "ledger_seal",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("transfers", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("transfers > 0", name=op.f("ck_ledger_seal_transfers")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_ledger_seal")),
        sa.UniqueConstraint("digest", name=op.f("uq_ledger_seal_digest")),
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("debit", sa.Uuid(), nullable=False),
        sa.Column("credit", sa.Uuid(), nullable=False),
        sa.Column("amount_coins", sa.BigInteger(), nullable=False),
        sa.Column(
            "code",
            sa.Enum(
                "payment",
                "award",
                "correction",
                "spend",
                "donation",
                "refund",
                "expiry",
                "write_off",
                "payout",
                name="code",
                native_enum=False,
                create_constraint=True,
            ),
            nullable=False,
        ),
        sa.Column("cause", sa.String(length=200), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("booked_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_coins BETWEEN 1 AND 1000000000000000", name=op.f("ck_ledger_transfer_amount")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_transfer_sides")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transfer")),
    )
    with op.batch_alter_table("ledger_transfer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_transfer_credit_id"), ["credit", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_transfer_debit_id"), ["debit", "id"], unique=False)

    op.create_table(
        "member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login_digest", sa.LargeBinary(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("locale", sa.String(length=5), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member")),
        sa.UniqueConstraint("login_digest", name=op.f("uq_member_login_digest")),
    )
    op.create_table(
        "member_session",
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("expires_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name=op.f("pk_member_session")),
    )
    with op.batch_alter_table("member_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_member_session_account"), ["account"], unique=False)

    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("invitation", sa.Uuid(), nullable=False),
        sa.Column("single_use", sa.Uuid(), nullable=True),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_membership_ends_after_start")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_employer"), ["employer"], unique=False)
        batch_op.create_index("ix_membership_single_use", ["single_use"], unique=True)
        batch_op.create_index(batch_op.f("ix_membership_subject"), ["subject"], unique=False)

    op.create_table(
        "noisy_value",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("statistic", sa.String(length=20), nullable=False),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("noisy", sa.BigInteger(), nullable=False),
        sa.Column("scale_grains", sa.BigInteger(), nullable=False),
        sa.Column("sensitivity_squared", sa.BigInteger(), nullable=False),
        sa.Column("noise", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint(
            "audience_kind", "audience", "statistic", "window", "position", name=op.f("pk_noisy_value")
        ),
    )
    op.create_table(
        "observation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.String(length=32), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("record_key", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("provenance", sa.String(length=6), nullable=False),
        sa.Column("state", sa.String(length=11), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("received_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(state = 'accepted' AND reason IS NULL) OR (state = 'quarantined' AND reason IS NOT NULL)",
            name=op.f("ck_observation_state"),
        ),
        sa.CheckConstraint("provenance IN ('sensed', 'typed')", name=op.f("ck_observation_provenance")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
        sa.UniqueConstraint(
            "subject", "record_key", "content", "state", name=op.f("uq_observation_subject_record_key_content_state")
        ),
    )
    with op.batch_alter_table("observation", schema=None) as batch_op:
        batch_op.create_index("ix_observation_subject_local_day", ["subject", "local_day"], unique=False)

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
        "purse",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_purse")),
        sa.UniqueConstraint("account", name=op.f("uq_purse_account")),
    )
    op.create_table(
        "reach_increment",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.CheckConstraint("people >= 0 AND heads > 0", name=op.f("ck_reach_increment_counts_sensible")),
        sa.PrimaryKeyConstraint("audience_kind", "audience", "month", name=op.f("pk_reach_increment")),
    )
    op.create_table(
        "reach_mark",
        sa.Column("tier", sa.String(length=8), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tier", "year", "subject", name=op.f("pk_reach_mark")),
    )
    op.create_table(
        "release_budget",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("statistic", sa.String(length=20), nullable=False),
        sa.Column("window", sa.String(length=8), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("micro_rho", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("micro_rho > 0", name=op.f("ck_release_budget_charge_positive")),
        sa.PrimaryKeyConstraint("audience_kind", "audience", "statistic", "window", name=op.f("pk_release_budget")),
    )
    op.create_table(
        "release_budget_year",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("spent_micro_rho", sa.BigInteger(), nullable=False),
        sa.Column("limit_micro_rho", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "limit_micro_rho <= CASE audience_kind WHEN 'collective' THEN 20000 ELSE 250000 END",
            name=op.f("ck_release_budget_year_limit_never_raised"),
        ),
        sa.CheckConstraint("spent_micro_rho <= limit_micro_rho", name=op.f("ck_release_budget_year_within_limit")),
        sa.PrimaryKeyConstraint("audience_kind", "audience", "year", name=op.f("pk_release_budget_year")),
    )
    op.create_table(
        "release_cohort",
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("quarter", sa.String(length=7), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=False),
        sa.CheckConstraint("heads > 0", name=op.f("ck_release_cohort_heads_positive")),
        sa.PrimaryKeyConstraint("employer", "quarter", name=op.f("pk_release_cohort")),
    )
    op.create_table(
        "release_cohort_member",
        sa.Column("quarter", sa.String(length=7), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("quarter", "subject", name=op.f("pk_release_cohort_member")),
    )
    with op.batch_alter_table("release_cohort_member", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_cohort_member_employer"), ["employer"], unique=False)

    op.create_table(
        "release_outbox",
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
        sa.CheckConstraint("NOT publishable OR noise = 'opendp'", name=op.f("ck_release_outbox_publishable_noise")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_outbox")),
        sa.UniqueConstraint(
            "audience_kind",
            "audience",
            "statistic",
            "window",
            name=op.f("uq_release_outbox_audience_kind_audience_statistic_window"),
        ),
    )
    op.create_table(
        "release_scope_year",
        sa.Column("audience_kind", sa.String(length=12), nullable=False),
        sa.Column("audience", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size_class", sa.String(length=8), nullable=False),
        sa.Column("first_month", sa.String(length=7), nullable=False),
        sa.PrimaryKeyConstraint("audience_kind", "audience", "year", name=op.f("pk_release_scope_year")),
    )
    op.create_table(
        "settlement",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("fund", sa.Uuid(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("posted_coins", sa.BigInteger(), nullable=False),
        sa.Column("refused_coins", sa.BigInteger(), nullable=False),
        sa.Column("owed_coins", sa.BigInteger(), nullable=False),
        sa.Column("written_off_coins", sa.BigInteger(), nullable=False),
        sa.Column("postings", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "owed_coins + written_off_coins <= posted_coins", name=op.f("ck_settlement_overpaid_of_posted")
        ),
        sa.CheckConstraint("owed_coins >= 0 AND written_off_coins >= 0", name=op.f("ck_settlement_overpaid")),
        sa.CheckConstraint("posted_coins >= 0 AND refused_coins >= 0", name=op.f("ck_settlement_coins")),
        sa.CheckConstraint("postings >= 0", name=op.f("ck_settlement_postings")),
        sa.PrimaryKeyConstraint("subject", "programme", "rule", "period", "fund", name=op.f("pk_settlement")),
    )
    op.create_table(
        "shop_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("voucher", "donation", name="kind", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("account", sa.Uuid(), nullable=False),
        sa.Column("title_nl", sa.String(length=120), nullable=False),
        sa.Column("title_en", sa.String(length=120), nullable=False),
        sa.Column("description_nl", sa.Text(), nullable=False),
        sa.Column("description_en", sa.Text(), nullable=False),
        sa.Column("price_coins", sa.BigInteger(), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=True),
        sa.Column("on_sale_from", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("on_sale_until", privacy.store.columns.UtcDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'voucher') = (stock IS NOT NULL)", name=op.f("ck_shop_item_stock_kind")),
        sa.CheckConstraint("on_sale_until IS NULL OR on_sale_until > on_sale_from", name=op.f("ck_shop_item_on_sale")),
        sa.CheckConstraint("price_coins BETWEEN 1 AND 1000000000000000", name=op.f("ck_shop_item_price")),
        sa.CheckConstraint("stock IS NULL OR stock >= 0", name=op.f("ck_shop_item_stock")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_item")),
    )
    op.create_table(
        "shop_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("price_coins", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum("delivered", "donated", name="state", native_enum=False, create_constraint=True),
            nullable=False,
        ),
        sa.Column("ordered_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.Column("transfer", sa.Uuid(), nullable=False),
        sa.Column("sealed_code", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("price_coins > 0", name=op.f("ck_shop_order_price")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_order")),
        sa.UniqueConstraint("transfer", name=op.f("uq_shop_order_transfer")),
    )
    with op.batch_alter_table("shop_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shop_order_subject_ordered_at"), ["subject", "ordered_at"], unique=False)

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
        "voucher_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(order_id IS NULL) = (sealed IS NOT NULL)", name=op.f("ck_voucher_code_sold")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher_code")),
        sa.UniqueConstraint("item", "digest", name=op.f("uq_voucher_code_item_digest")),
        sa.UniqueConstraint("order_id", name=op.f("uq_voucher_code_order_id")),
    )
    with op.batch_alter_table("voucher_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_voucher_code_item_order_id"), ["item", "order_id"], unique=False)
    for table in APPEND_ONLY:
        for statement in append_only_ddl(table, op.get_bind().dialect.name):
            op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("voucher_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_voucher_code_item_order_id"))

    op.drop_table("voucher_code")
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_employer"))

    op.drop_table("unit")
    with op.batch_alter_table("shop_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shop_order_subject_ordered_at"))

    op.drop_table("shop_order")
    op.drop_table("shop_item")
    op.drop_table("settlement")
    op.drop_table("release_scope_year")
    op.drop_table("release_outbox")
    with op.batch_alter_table("release_cohort_member", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_release_cohort_member_employer"))

    op.drop_table("release_cohort_member")
    op.drop_table("release_cohort")
    op.drop_table("release_budget_year")
    op.drop_table("release_budget")
    op.drop_table("reach_mark")
    op.drop_table("reach_increment")
    op.drop_table("purse")
    with op.batch_alter_table("programme_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_programme_version_collective"))

    op.drop_table("programme_version")
    with op.batch_alter_table("pool_employer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_employer_employer"))

    op.drop_table("pool_employer")
    with op.batch_alter_table("pool", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pool_collective"))

    op.drop_table("pool")
    with op.batch_alter_table("observation", schema=None) as batch_op:
        batch_op.drop_index("ix_observation_subject_local_day")

    op.drop_table("observation")
    op.drop_table("noisy_value")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_membership_subject"))
        batch_op.drop_index("ix_membership_single_use")
        batch_op.drop_index(batch_op.f("ix_membership_employer"))

    op.drop_table("membership")
    with op.batch_alter_table("member_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_member_session_account"))

    op.drop_table("member_session")
    op.drop_table("member")
    with op.batch_alter_table("ledger_transfer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_transfer_debit_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_transfer_credit_id"))

    op.drop_table("ledger_transfer")
    op.drop_table("ledger_seal")
    with op.batch_alter_table("ledger_hold", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_hold_state_expires_at"))
        batch_op.drop_index(batch_op.f("ix_ledger_hold_account_state"))

    op.drop_table("ledger_hold")
    op.drop_table("ledger_account")
    op.drop_table("jobs_start")
    op.drop_table("job_run")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_employer"))

    op.drop_table("invitation")
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_batch_subject"))

    op.drop_table("import_batch")
    op.drop_table("holder")
    with op.batch_alter_table("headcount", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_headcount_whole_day", sqlite_where=sa.text("unit IS NULL"), postgresql_where=sa.text("unit IS NULL")
        )
        batch_op.drop_index("ix_headcount_unit_day")
        batch_op.drop_index(batch_op.f("ix_headcount_employer"))

    op.drop_table("headcount")
    op.drop_table("goal")
    op.drop_table("fund")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_subject_local_day")

    op.drop_table("event")
    with op.batch_alter_table("enrolment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enrolment_subject"))
        batch_op.drop_index(
            "ix_enrolment_running",
            sqlite_where=sa.text("ended_on IS NULL"),
            postgresql_where=sa.text("ended_on IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_enrolment_collective"))

    op.drop_table("enrolment")
    op.drop_table("employer")
    with op.batch_alter_table("day_metric", schema=None) as batch_op:
        batch_op.drop_index("ix_day_metric_day")

    op.drop_table("day_metric")
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
