"""Passwords, PINs, login names and session tokens, the same in both stores, which share nothing else.

Passwords and PINs: Argon2id with 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet): one lane, so that a
rush of sign-ins on two cores queues rather than thrashes. A PIN is safe only together with the limits of
``attempts.py``. Tokens: 256 random bits, stored as their SHA-256 only.
"""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Mapped, mapped_column

from privacy.errors import Forbidden, Invalid
from privacy.store.columns import UtcDateTime
from privacy.store.holding import digest, plain, pseudonym

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 256
PIN_LENGTH_MIN = 6
SESSION_LENGTH = timedelta(days=14)
IDLE_LENGTH = timedelta(days=4)
"""A session that nobody used for so long is over: a long weekend, so that most need not sign in every Monday."""
LOGIN_DIGITS = 4
LOGIN_STEM_LENGTH_MAX = 12
LOGIN_STEM = "vitaal"
"""Where a nickname has no letters to begin a login name with."""

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


def hash_secret(secret: str) -> str:
    """The stored form of a member's new password or PIN.

    A PIN has six or more digits and is none that people try first: no day of birth, since an employer knows those, and
    no pattern. Raises Invalid.
    """
    is_pin = secret.isascii() and secret.isdigit()
    if not (PIN_LENGTH_MIN if is_pin else PASSWORD_LENGTH_MIN) <= len(secret) <= PASSWORD_LENGTH_MAX:
        raise Invalid(
            f"Choose a PIN of at least {PIN_LENGTH_MIN} digits, or a password of {PASSWORD_LENGTH_MIN} to "
            f"{PASSWORD_LENGTH_MAX} characters.",
            field="password",
        )
    if is_pin and is_common_pin(secret):
        raise Invalid("Others would try this PIN first. Choose another one, and no date.", field="password")
    return _hasher.hash(secret)


_DATES = re.compile(
    r"(?:(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:\d\d|19\d\d|20\d\d))"
    r"|(?:(?:\d\d|19\d\d|20\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))"
)
_KEYPAD = ("147258369", "369258147", "159753", "753159", "258456", "789456123", "321654987", "963852741", "741852963")


def is_common_pin(pin: str) -> bool:
    """Whether somebody who guesses would try this early: a date, a step, a repetition, a mirror or a path of keys."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    repeated = any(pin == (pin[:length] * len(pin))[: len(pin)] for length in (1, 2, 3))
    return (
        len(steps) == 1
        or repeated
        or pin == pin[::-1]
        or len(set(pin)) == 2
        or any(pin in path or path in pin for path in _KEYPAD)
        or _DATES.fullmatch(pin) is not None
    )


def check_password(password: str, stored: str | None) -> None:
    """Raise WrongCredentials unless the password fits; takes as long when there is no such account."""
    try:
        _hasher.verify(stored if stored is not None else nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        stored = None
    if stored is None:
        raise WrongCredentials("The name and the password do not belong together.")


def nobodys_hash() -> str:
    """The hash of a password that nobody has: what is checked where there is no account, at the same cost."""
    return _nobodys_hash(_hasher)


@lru_cache(maxsize=2)
def _nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash(secrets.token_hex(32))


def new_login(nickname: str, draw: Callable[[int], int], *, digits: int = LOGIN_DIGITS) -> str:
    """A login name to remember: the letters that the nickname begins with, and random digits.

    draw: answers a random number from 0 up to, but not including, what it is given.
    """
    letters = unicodedata.normalize("NFKD", nickname).casefold()
    stem = "".join(each for each in letters if "a" <= each <= "z")[:LOGIN_STEM_LENGTH_MAX]
    return f"{stem if len(stem) >= 2 else LOGIN_STEM}{draw(10**digits):0{digits}d}"


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
    "started_at": plain("shown to the person: since when this browser is signed in; full hours only"),
    "seen_at": plain("ends a session that nobody uses; full hours only"),
    "expires_at": plain("the row, not the cookie, decides how long"),
}


class SessionColumns:
    """One signed-in browser; the row, not the cookie, decides how long."""

    token_digest: Mapped[bytes] = mapped_column(primary_key=True)
    account: Mapped[UUID] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
