"""Passwords and session tokens, the same in both stores, which share nothing else.

Passwords: Argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet): one lane, so that a rush of
sign-ins on two cores queues rather than thrashes. Tokens: 256 random bits, stored as
their SHA-256 only.
"""

import hashlib
import secrets
import unicodedata
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Mapped, mapped_column

from privacy.errors import Forbidden, Invalid
from privacy.store.columns import UtcDateTime
from privacy.store.holding import digest, plain, pseudonym

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 256
SESSION_LENGTH = timedelta(days=14)

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class WrongCredentials(Forbidden):
    """The login name and the password do not belong together: one answer for every cause."""


def hash_password(password: str) -> str:
    """The stored form of a new password. Raises Invalid where it is too short or too long."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise Invalid(
            f"Choose a password of {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters.", field="password"
        )
    return _hasher.hash(password)


def check_password(password: str, stored: str | None) -> None:
    """Raise WrongCredentials unless the password fits; takes as long when there is no such account."""
    try:
        _hasher.verify(stored if stored is not None else _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        stored = None
    if stored is None:
        raise WrongCredentials("The name and the password do not belong together.")


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex(16))


def new_token() -> str:
    """A session token for the visitor's cookie."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> bytes:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).digest()


def plain_login(login: str) -> str:
    """A login name as compared: without outer spaces, case-folded, accents in one form (NFKC).

    Raises: Invalid where it is empty or too long.
    """
    plain = unicodedata.normalize("NFKC", login).strip().casefold()
    if not 3 <= len(plain) <= 120:
        raise Invalid("A login name has 3 to 120 characters.", field="login")
    return plain


SESSION_COLUMNS = {
    "token_digest": digest("SHA-256 of 256 random bits: the browser alone has the token"),
    "account": pseudonym("who is signed in"),
    "expires_at": plain("the row, not the cookie, decides how long"),
}


class SessionColumns:
    """One signed-in browser; the row, not the cookie, decides how long."""

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
