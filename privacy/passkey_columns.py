"""The shape of passkeys and of questions to devices, the same in both stores, which share nothing else."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from privacy.store.columns import UtcDateTime
from privacy.store.holding import Holding, Keeping, digest, plain, pseudonym, sealed


class PasskeyColumns:
    """One passkey of one account."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)
    credential_digest: Mapped[bytes] = mapped_column(unique=True)
    sealed: Mapped[bytes]


class ChallengeColumns:
    """A question that an authenticator is to answer, once."""

    challenge_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID | None]
    """Whose new passkey it is for; None for signing in."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


PASSKEY_COLUMNS = {
    "id": pseudonym("by which its owner removes it"),
    "account": pseudonym("whose it is: tells how many passkeys an account has"),
    "credential_digest": digest("finds the passkey that a device offers"),
    "sealed": sealed("the device's credential id, public key and counter, the passkey's name, first and last day"),
}
CHALLENGE_HOLDING = Holding(
    about="A question that a device is to answer with a passkey, within five minutes.",
    columns={
        "challenge_digest": digest("SHA-256 of 512 random bits"),
        "account": pseudonym("whose new passkey it is for; empty for signing in"),
        "expires_at": plain("when it can be answered no more; it is deleted when answered"),
    },
    keeping=Keeping.security,
    not_exported="A question of minutes, which says nothing.",
)
