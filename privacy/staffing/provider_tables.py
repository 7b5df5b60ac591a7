"""What is kept of organisations' own sign-in: where it is, whom it means by whom, and trips there and back."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from privacy.one_time import OneTimeColumns
from privacy.store.columns import UtcDateTime
from privacy.store.employers import EmployersBase
from privacy.store.holding import AtErasure, Holding, Keeping, Owner, digest, plain, pseudonym, public, sealed


class StaffProvider(EmployersBase):
    """The sign-in of one organisation."""

    __tablename__ = "staff_provider"
    __table_args__ = (CheckConstraint("(employer IS NULL) <> (holder IS NULL)", name="of_one_organisation"),)
    __holding__ = Holding(
        about="The sign-in of one organisation for its own staff.",
        columns={
            "id": public("a random number"),
            "slug": public("how its staff name it at the sign-in page"),
            "issuer": public("the provider's address"),
            "client_id": public("our name at the provider"),
            "sealed_secret": sealed("our secret at the provider, under the operator's key"),
            "employer": public("of which employer"),
            "holder": public("of which contract partner"),
            "made_at": public("since when"),
        },
        keeping=Keeping.organisation,
        not_exported="About organisations alone.",
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    issuer: Mapped[str] = mapped_column(String(300))
    client_id: Mapped[str] = mapped_column(String(200))
    sealed_secret: Mapped[bytes]
    employer: Mapped[UUID | None]
    holder: Mapped[UUID | None]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class StaffIdentity(EmployersBase):
    """Whom a provider means by a subject."""

    __tablename__ = "staff_identity"
    __holding__ = Holding(
        about="By which person of the organisation's own sign-in an account is opened.",
        owner=Owner.account,
        columns={
            "identity_digest": digest("of provider, issuer and subject: finds the account; the subject is not kept"),
            "account": pseudonym("which account"),
        },
        at_erasure=AtErasure.delete,
        keeping=Keeping.organisation,
        not_exported="An account at work, which nothing links to a member.",
    )

    identity_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)


class StaffRound(OneTimeColumns, EmployersBase):
    """One trip of a browser to a provider and back."""

    __tablename__ = "staff_provider_round"
    __holding__ = Holding(
        about="One trip of a browser to the organisation's sign-in and back, within ten minutes.",
        columns={
            "token_digest": digest("SHA-256 of 256 random bits: the browser and the provider alone have them"),
            "expires_at": plain("ten minutes later; the row goes when the browser is back"),
            "provider": public("to which provider"),
            "sealed": sealed("what the answer must carry, and the one-time link in use, under the operator's key"),
        },
        keeping=Keeping.security,
        not_exported="A trip of minutes, which names nobody.",
    )

    provider: Mapped[UUID]
    sealed: Mapped[bytes]
