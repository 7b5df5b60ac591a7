"""Funds with caps, a shop with labels, refunds and partners

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from privacy.store.append_only import append_only_ddl
from privacy.store.columns import AccountId, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _payers()
    _shelf()
    _orders()
    _partners()


def _shelf() -> None:
    with op.batch_alter_table("shop_item", schema=None) as batch_op:
        for column in _ITEM_COLUMNS:
            batch_op.add_column(column())
        batch_op.drop_constraint(op.f("ck_shop_item_kind"), type_="check")
        batch_op.drop_constraint(op.f("ck_shop_item_stock_kind"), type_="check")
        batch_op.alter_column(
            "kind", existing_type=sa.String(length=8), type_=sa.String(length=9), existing_nullable=False
        )
        for name, condition in _ITEM_CHECKS.items():
            batch_op.create_check_constraint(op.f(f"ck_shop_item_{name}"), condition)
    with op.batch_alter_table("shop_item", schema=None) as batch_op:
        batch_op.alter_column("refund_days", server_default=None)
        batch_op.alter_column("shown_percent", server_default=None)
    op.create_table(
        "quality_label",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=20), nullable=False),
        sa.Column("grade", sa.String(length=8), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.CheckConstraint("expires_on >= issued_on", name=op.f("ck_quality_label_dates")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_label")),
    )
    op.create_index(op.f("ix_quality_label_item_expires_on"), "quality_label", ["item", "expires_on"], unique=False)


_ITEM_COLUMNS = (
    lambda: sa.Column("partner", sa.Uuid(), nullable=True),
    lambda: sa.Column("collective", sa.Uuid(), nullable=True),
    lambda: sa.Column("member_limit", sa.Integer(), nullable=True),
    lambda: sa.Column("refund_days", sa.Integer(), nullable=False, server_default="0"),
    lambda: sa.Column("target_coins", sa.BigInteger(), nullable=True),
    lambda: sa.Column("shown_percent", sa.Integer(), nullable=False, server_default="0"),
    lambda: sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
    lambda: sa.Column("withdrawn_for", sa.String(length=8), nullable=True),
)
_ITEM_CHECKS = {
    "kind": "kind IN ('voucher', 'service', 'donation', 'team_pool')",
    "stock_kind": "(kind IN ('voucher', 'service')) = (stock IS NOT NULL)",
    "target_kind": "(kind = 'team_pool') = (target_coins IS NOT NULL)",
    "target": "target_coins IS NULL OR target_coins >= price_coins",
    "member_limit": "member_limit IS NULL OR member_limit > 0",
    "refund_days": "refund_days BETWEEN 0 AND 365",
    "withdrawn": "(withdrawn_at IS NULL) = (withdrawn_for IS NULL)",
}


def _orders() -> None:
    op.create_table(
        "shop_payment",
        sa.Column("transfer", AccountId(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("purse", sa.String(length=10), nullable=False),
        sa.Column("account", AccountId(), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("coins > 0", name=op.f("ck_shop_payment_coins")),
        sa.PrimaryKeyConstraint("transfer", name=op.f("pk_shop_payment")),
    )
    op.create_index(op.f("ix_shop_payment_order_id"), "shop_payment", ["order_id"], unique=False)
    op.execute(
        "INSERT INTO shop_payment (transfer, order_id, subject, purse, account, coins)"
        " SELECT shop_order.transfer, shop_order.id, shop_order.subject, 'free', purse.account, shop_order.price_coins"
        " FROM shop_order JOIN purse ON purse.subject = shop_order.subject AND purse.kind = 'free'"
    )
    with op.batch_alter_table("shop_order", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_shop_order_transfer"), type_="unique")
        batch_op.drop_column("transfer")
        batch_op.add_column(sa.Column("price_cents", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("read_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("refunded_at", UtcDateTime(), nullable=True))
        batch_op.drop_constraint(op.f("ck_shop_order_state"), type_="check")
        batch_op.create_check_constraint(op.f("ck_shop_order_state"), "state IN ('delivered', 'donated', 'refunded')")
        batch_op.create_check_constraint(
            op.f("ck_shop_order_refunded"), "(state = 'refunded') = (refunded_at IS NOT NULL)"
        )
        batch_op.create_check_constraint(
            op.f("ck_shop_order_price_cents"), "price_cents IS NULL OR price_cents >= 0"
        )
        batch_op.create_index(op.f("ix_shop_order_item_ordered_at"), ["item", "ordered_at"], unique=False)


def _partners() -> None:
    op.create_table(
        "shop_partner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=13), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.CheckConstraint(f"kind IN ({_ACCOUNT_KINDS})", name=op.f("ck_shop_partner_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_partner")),
        sa.UniqueConstraint("name", name=op.f("uq_shop_partner_name")),
    )
    op.create_table(
        "partner_payout",
        sa.Column("payee", AccountId(), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("coins", sa.BigInteger(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=True),
        sa.Column("transfer", AccountId(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("coins >= 0", name=op.f("ck_partner_payout_coins")),
        sa.CheckConstraint("cents IS NULL OR cents >= 0", name=op.f("ck_partner_payout_cents")),
        sa.CheckConstraint("(coins > 0) = (transfer IS NOT NULL)", name=op.f("ck_partner_payout_transfer")),
        sa.PrimaryKeyConstraint("payee", "period", name=op.f("pk_partner_payout")),
    )
    dialect = op.get_bind().dialect.name
    for statement in append_only_ddl("partner_payout", dialect):
        op.execute(statement)


_ACCOUNT_KINDS = (
    "'outside', 'fund', 'purse', 'shop_clearing', 'partner', 'charity', 'expiry', 'write_off'"
)


def _payers() -> None:
    op.create_table(
        "payer_terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("collective", sa.Uuid(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("yearly_cents", sa.BigInteger(), nullable=False),
        sa.Column("cap_every", sa.String(length=5), nullable=True),
        sa.Column("cap_coins", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("weight BETWEEN 1 AND 1000", name=op.f("ck_payer_terms_weight")),
        sa.CheckConstraint("yearly_cents >= 0", name=op.f("ck_payer_terms_yearly")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_payer_terms_ends_after_start")),
        sa.CheckConstraint("(cap_every IS NULL) = (cap_coins IS NULL)", name=op.f("ck_payer_terms_cap")),
        sa.CheckConstraint("cap_coins IS NULL OR cap_coins >= 0", name=op.f("ck_payer_terms_cap_coins")),
        sa.CheckConstraint(
            "cap_every IS NULL OR cap_every IN ('month', 'year', 'total')", name=op.f("ck_payer_terms_cap_every")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_terms")),
        sa.UniqueConstraint(
            "collective", "payer", "payer_id", name=op.f("uq_payer_terms_collective_payer_payer_id")
        ),
    )
    op.create_index(op.f("ix_payer_terms_collective"), "payer_terms", ["collective"], unique=False)
    op.create_table(
        "fund_counter",
        sa.Column("fund", AccountId(), nullable=False),
        sa.Column("programme", sa.String(length=80), nullable=False),
        sa.Column("period", sa.String(length=7), nullable=False),
        sa.Column("drawn_coins", sa.BigInteger(), nullable=False),
        sa.Column("cap_coins", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("drawn_coins <= cap_coins", name=op.f("ck_fund_counter_cap")),
        sa.PrimaryKeyConstraint("fund", "programme", "period", name=op.f("pk_fund_counter")),
    )
    with op.batch_alter_table("fund", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_fund_payer"), type_="check")
        batch_op.create_check_constraint(op.f("ck_fund_payer"), f"payer IN ({_PAYERS})")


_PAYERS = "'employer', 'insurer', 'municipality', 'region', 'other'"


def downgrade() -> None:
    """Only where the shop has nothing of the kinds that came with this, and no order that two purses paid."""
    op.drop_table("partner_payout")
    op.drop_table("shop_partner")
    _orders_as_before()
    op.drop_table("quality_label")
    with op.batch_alter_table("shop_item", schema=None) as batch_op:
        for name in _ITEM_CHECKS:
            batch_op.drop_constraint(op.f(f"ck_shop_item_{name}"), type_="check")
        for column in _ITEM_COLUMNS:
            batch_op.drop_column(column().name)
        batch_op.alter_column(
            "kind", existing_type=sa.String(length=9), type_=sa.String(length=8), existing_nullable=False
        )
        batch_op.create_check_constraint(op.f("ck_shop_item_kind"), "kind IN ('voucher', 'donation')")
        batch_op.create_check_constraint(op.f("ck_shop_item_stock_kind"), "(kind = 'voucher') = (stock IS NOT NULL)")
    _payers_as_before()


def _orders_as_before() -> None:
    with op.batch_alter_table("shop_order", schema=None) as batch_op:
        batch_op.add_column(sa.Column("transfer", AccountId(), nullable=True))
        batch_op.drop_index(op.f("ix_shop_order_item_ordered_at"))
        for name in ("price_cents", "refunded", "state"):
            batch_op.drop_constraint(op.f(f"ck_shop_order_{name}"), type_="check")
        for name in ("price_cents", "read_at", "refunded_at"):
            batch_op.drop_column(name)
        batch_op.create_check_constraint(op.f("ck_shop_order_state"), "state IN ('delivered', 'donated')")
    op.execute(
        "UPDATE shop_order SET transfer ="
        " (SELECT shop_payment.transfer FROM shop_payment WHERE shop_payment.order_id = shop_order.id)"
    )
    with op.batch_alter_table("shop_order", schema=None) as batch_op:
        batch_op.alter_column("transfer", existing_type=AccountId(), nullable=False)
        batch_op.create_unique_constraint(op.f("uq_shop_order_transfer"), ["transfer"])
    op.drop_table("shop_payment")


def _payers_as_before() -> None:
    with op.batch_alter_table("fund", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_fund_payer"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_fund_payer"), "payer IN ('employer', 'insurer', 'municipality', 'other')"
        )
    op.drop_table("fund_counter")
    op.drop_table("payer_terms")
