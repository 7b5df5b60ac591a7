"""Roster: whom HR invites one by one

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

import privacy.store.columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.add_column(sa.Column("issued_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("seat", sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column("ends_on", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_invitation_seat"), ["seat"], unique=False)

    op.create_table(
        "roster_person",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("match_digest", sa.LargeBinary(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("has_address", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_person")),
    )
    with op.batch_alter_table("roster_person", schema=None) as batch_op:
        batch_op.create_index(
            "ix_roster_person_current",
            ["employer", "match_digest"],
            unique=True,
            sqlite_where=sa.text("ends_on IS NULL"),
            postgresql_where=sa.text("ends_on IS NULL"),
        )
        batch_op.create_index("ix_roster_person_match", ["employer", "match_digest"], unique=False)
        batch_op.create_index("ix_roster_person_place", ["employer", "place"], unique=False)

    op.create_table(
        "roster_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("employer", sa.Uuid(), nullable=False),
        sa.Column("made_at", privacy.store.columns.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_draft")),
    )
    with op.batch_alter_table("roster_draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_draft_employer"), ["employer"], unique=False)

    op.create_table(
        "roster_draft_row",
        sa.Column("draft", sa.Uuid(), nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("match_digest", sa.LargeBinary(), nullable=False),
        sa.Column("look_digest", sa.LargeBinary(), nullable=True),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("has_address", sa.Boolean(), nullable=False),
        sa.Column("unit", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["draft"], ["roster_draft.id"], name=op.f("fk_roster_draft_row_draft"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft", "row", name=op.f("pk_roster_draft_row")),
    )
    with op.batch_alter_table("roster_draft_row", schema=None) as batch_op:
        batch_op.create_index("ix_roster_draft_row_match", ["draft", "match_digest"], unique=False)

    op.create_table(
        "roster_invitation",
        sa.Column("invitation", sa.Uuid(), nullable=False),
        sa.Column("person", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation"], ["invitation.id"], name=op.f("fk_roster_invitation_invitation")
        ),
        sa.PrimaryKeyConstraint("invitation", name=op.f("pk_roster_invitation")),
    )
    with op.batch_alter_table("roster_invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_invitation_person"), ["person"], unique=False)


def downgrade() -> None:
    op.drop_table("roster_invitation")
    op.drop_table("roster_draft_row")
    op.drop_table("roster_draft")
    op.drop_table("roster_person")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_seat"))
        batch_op.drop_column("ends_on")
        batch_op.drop_column("seat")
        batch_op.drop_column("issued_on")
